"""Private files on the local disk, whole or not at all."""

import os
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible


@deconstructible(path="library.storage.PrivateFileSystemStorage")
class PrivateFileSystemStorage(FileSystemStorage):
    """Keeps files that no web server hands out. Saving under a name that exists replaces the file at once.

    A file is written beside its place as `.part`, flushed to the disk and renamed: a reader, a full disk or a killed
    process never leaves half of it. Jobs rely on replacing: one that is tried again writes the same name again.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_overwrite=True, **options)

    def url(self, name: str | None) -> str:
        raise ValueError("Stored files are private: a view hands them out, not an address of their own.")

    def _save(self, name: str, content: File | IO[Any]) -> str:
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        part = f"{path}.{os.getpid()}.part"
        try:
            with open(part, "wb") as stream:
                for chunk in File(content).chunks() if not isinstance(content, File) else content.chunks():
                    stream.write(chunk if isinstance(chunk, bytes) else chunk.encode())
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, path)
        except BaseException:
            if os.path.exists(part):
                os.unlink(part)
            raise
        return name
