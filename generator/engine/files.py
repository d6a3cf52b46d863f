"""Files that are either complete or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file written beside `path`, flushed to disk and renamed at the end: a reader, a full disk or a killed process
    never leaves half a file under its name.

    Raises:
        OSError: the folder is missing, not writable or full; nothing is left behind.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """`whole_file` for data already in memory."""
    with whole_file(path) as file:
        file.write(data)
