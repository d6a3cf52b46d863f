"""Private files on the local disk, whole or not at all."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a storage can tell about a file without reading it."""

    name: str
    size_bytes: int
    modified_at: datetime


@deconstructible(path="library.storage.PrivateFileSystemStorage")
class PrivateFileSystemStorage(FileSystemStorage):
    """Keeps files that no web server hands out. Saving under a name that exists replaces the file at once.

    A file is written beside its place as `.part`, flushed to the disk and renamed: a reader, a full disk or a killed
    process never leaves half of it under its name. Jobs rely on replacing: one that is tried again writes the same
    name again, and the same `.part`, so nothing is left over either.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_overwrite=True, **options)

    def url(self, name: str | None) -> str:
        raise ValueError("Stored files are private: a view hands them out, not an address of their own.")

    def download_url(self, name: str, *, file_name: str, content_type: str) -> str | None:
        """An address at which the file can be fetched without us for a while; there is none for a file on our disk."""
        return None

    def stream(self, name: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` on, all or `length` of them, in chunks. Raises OSError, before the first chunk where
        it can be known then."""
        stream = open(self.path(name), "rb")  # noqa: SIM115  closed by the generator
        stream.seek(start)
        return _chunks_of(stream, length)

    def stored_objects(self) -> Iterator[StoredObject]:
        """Everything that is stored, in no order; files that are still being written among it."""
        root = Path(self.location)
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                try:
                    facts = path.stat()
                except FileNotFoundError:
                    continue
                modified_at = datetime.fromtimestamp(facts.st_mtime, UTC)
                yield StoredObject(path.relative_to(root).as_posix(), facts.st_size, modified_at)

    def delete(self, name: str) -> None:
        super().delete(name)
        self._part(name).unlink(missing_ok=True)

    def _part(self, name: str) -> Path:
        return Path(f"{self.path(name)}.part")

    def _save(self, name: str, content: File | IO[Any]) -> str:
        path, part = Path(self.path(name)), self._part(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = content if isinstance(content, File) else File(content)
        try:
            # Whatever the process: pieces are private, on this machine too.
            with open(part, "wb", opener=_for_us_alone) as stream:
                for chunk in file.chunks():
                    stream.write(chunk.encode() if isinstance(chunk, str) else chunk)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return name


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _chunks_of(stream: IO[bytes], length: int | None) -> Iterator[bytes]:
    with stream:
        while length is None or length > 0:
            chunk = stream.read(CHUNK_BYTES if length is None else min(CHUNK_BYTES, length))
            if not chunk:
                return
            if length is not None:
                length -= len(chunk)
            yield chunk
