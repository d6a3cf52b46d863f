"""Places where a worker under test stops and waits to be killed, or until it may go on.

KILL_POINT names the place and KILL_FILE a file that is made when the worker has come there; it goes on once there is
another file, whose name ends in `.go`. Nothing of this is in the
site's own code: the functions are wrapped here, in the worker process of a test.
"""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig

BEFORE_CLAIM = "before the claim"
BETWEEN_CHUNKS = "between two chunks"
WRITING_FILE = "half of the file is written"
FILE_WRITTEN = "the file is written, the row is not"
ROW_WRITTEN = "the row is written, the transaction is open"
STORED = "everything is stored"
ALL = (BEFORE_CLAIM, BETWEEN_CHUNKS, WRITING_FILE, FILE_WRITTEN, ROW_WRITTEN, STORED)
EXPORT_BEGUN = "an export is half collected"
EXPORT_WRITTEN = "an export's file is written, the row is not"
ALL_OF_EXPORTS = (EXPORT_BEGUN, EXPORT_WRITTEN)


def stop_here() -> None:
    reached = os.environ["KILL_FILE"]
    Path(reached).touch()
    pause = threading.Event()
    while not Path(f"{reached}.go").exists():
        pause.wait(0.05)


def _stop_before(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        stop_here()
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def _stop_after(owner: Any, name: str, when: Callable[..., bool] = lambda *args: True) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if when(*args):
            stop_here()
        return result

    setattr(owner, name, wrapped)


def _stop_half_way_through_writing() -> None:
    from django.conf import settings
    from django.core.files.base import ContentFile

    if settings.S3_BUCKET:
        # What is sent to a bucket is there when all of it has come, and not before.
        from library.storage_s3 import PrivateS3Storage

        _stop_before(PrivateS3Storage, "_save")
        return

    def chunks(file: ContentFile, chunk_size: int | None = None) -> Iterator[bytes]:
        data = file.read()
        yield data[: len(data) // 2]
        stop_here()

    vars_of_class: Any = ContentFile
    vars_of_class.chunks = chunks


class KillPointsConfig(AppConfig):
    name = "tests"
    label = "kill_points"

    def ready(self) -> None:
        from accounts import exports
        from generator.live_notes import LiveNotes
        from generator.services import jobs
        from generator.services.drafts import Draft

        match os.environ.get("KILL_POINT"):
            case None:
                return
            case "before the claim":
                _stop_before(jobs, "generation_claim")
            case "between two chunks":
                _stop_after(LiveNotes, "_write", when=lambda notes: notes._next_index > 0)
            case "half of the file is written":
                _stop_half_way_through_writing()
            case "the file is written, the row is not":
                _stop_after(Draft, "write_file")
            case "the row is written, the transaction is open":
                _stop_after(Draft, "store")
            case "everything is stored":
                _stop_after(jobs, "_compose_and_store")
            case "an export is half collected":
                _stop_before(exports, "_account")
            case "an export's file is written, the row is not":
                _stop_before(exports, "_ready")
            case unknown:
                raise ValueError(f"There is no kill point {unknown!r}.")
