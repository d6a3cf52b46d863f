"""Private files in an S3 bucket. Imported only where S3_BUCKET is set: boto3 is large."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage

# boto3 would wait five times sixty seconds for a bucket that answers nothing, and a visitor's request with it.
PATIENCE = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 2})


@contextmanager
def _told_as_os_error(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OSError(f"{name} could not be {what}: {error}") from error


class PrivateS3Storage(S3Storage):
    """Raises OSError where the bucket refuses or is away, as the disk does: callers know one family of errors.

    Like files on the disk, objects have no address of their own: whoever may have one gets it from a view.
    """

    client_config: Config

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.client_config = self.client_config.merge(PATIENCE)

    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        raise ValueError("Stored files are private: a view hands them out, not an address of their own.")

    def _save(self, name: str, content: File | IO[Any]) -> str:
        with _told_as_os_error(name, "stored"):
            return super()._save(name, content)

    def _open(self, name: str, mode: str = "rb") -> File:
        with _told_as_os_error(name, "read"):
            opened = super()._open(name, mode)
            if "r" in mode:
                # Fetched at once: later, the first read would raise whatever boto3 does.
                _ = opened.file
            return opened

    def delete(self, name: str) -> None:
        with _told_as_os_error(name, "removed"):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _told_as_os_error(name, "found"):
            return super().exists(name)
