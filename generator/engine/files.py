"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write beside the place of `path`, flushed to the disk and renamed at the end: a reader, a full disk or
    a killed process never leaves half of it under its name.

    Raises:
        OSError: the folder is not there, cannot be written or is full; nothing is left behind.
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
    """`whole_file` for what is in memory already."""
    with whole_file(path) as file:
        file.write(data)
