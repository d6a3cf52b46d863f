"""Private files in an S3 bucket. Imported only where S3_BUCKET is set: boto3 is large."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import IO, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from django.utils.http import content_disposition_header
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError

from library.storage import CHUNK_BYTES, StoredObject

CLIENT = Config(
    # boto3 would wait five times sixty seconds for a bucket that answers nothing, and a visitor's request with it.
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 2},
    # boto3 would send a checksum with every upload and ask for one with every download, in headers that many other
    # stores refuse. The checksums of our own files stand in their rows.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    # Left to itself boto3 signs addresses of downloads in a way that newer regions refuse.
    signature_version="s3v4",
)
# How long a presigned address works: enough for the redirect to be followed, too short to be passed around.
DOWNLOAD_SECONDS = 300


@contextmanager
def _told_as_os_error(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, HTTPError) as error:
        if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            raise FileNotFoundError(f"{name} is not stored.") from error
        raise OSError(f"{name} could not be {what}: {error}") from error


class PrivateS3Storage(S3Storage):
    """Raises OSError where the bucket refuses or is away, as the disk does: callers know one family of errors.

    Like files on the disk, objects have no address of their own: whoever may have one gets it from a view.
    """

    client_config: Config

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.client_config = self.client_config.merge(CLIENT)

    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        raise ValueError("Stored files are private: a view hands them out, not an address of their own.")

    def download_url(self, name: str, *, file_name: str, content_type: str) -> str | None:
        """A URL of the bucket with which anyone can fetch the object for DOWNLOAD_SECONDS."""
        return super().url(
            name,
            parameters={
                "ResponseContentDisposition": content_disposition_header(True, file_name),
                "ResponseContentType": content_type,
            },
            expire=DOWNLOAD_SECONDS,
        )

    def stream(self, name: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As PrivateFileSystemStorage.stream."""
        part = {} if start == 0 and length is None else {"Range": f"bytes={start}-{_end(start, length)}"}
        if length == 0:
            return iter(())
        with _told_as_os_error(name, "read"):
            body = self.bucket.Object(self._normalize_name(name)).get(**part)["Body"]
        return _chunks_of(name, body)

    def stored_objects(self) -> Iterator[StoredObject]:
        """As PrivateFileSystemStorage.stored_objects."""
        prefix = f"{self.location.strip('/')}/" if self.location.strip("/") else ""
        with _told_as_os_error("The bucket", "listed"):
            for found in self.bucket.objects.filter(Prefix=prefix):
                yield StoredObject(found.key.removeprefix(prefix), found.size, found.last_modified)

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

    def get_modified_time(self, name: str) -> datetime:
        with _told_as_os_error(name, "found"):
            return super().get_modified_time(name)


def _end(start: int, length: int | None) -> str:
    """The last byte as the header Range names it; empty for the end of the object."""
    return "" if length is None else str(start + length - 1)


def _chunks_of(name: str, body: Any) -> Iterator[bytes]:
    with _told_as_os_error(name, "read"), closing(body):
        yield from body.iter_chunks(CHUNK_BYTES)
