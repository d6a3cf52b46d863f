"""Private files on the local disk, whole or not at all."""

import os
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible


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
            with part.open("wb") as stream:
                for chunk in file.chunks():
                    stream.write(chunk.encode() if isinstance(chunk, str) else chunk)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return name
