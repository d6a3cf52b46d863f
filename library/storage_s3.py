"""Private files in an S3 bucket. Imported only where S3_BUCKET is set: boto3 is large."""

from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage


class PrivateS3Storage(S3Storage):
    """Raises OSError where the bucket refuses or is away, as the disk does: callers know one family of errors."""

    def _save(self, name: str, content: File | IO[Any]) -> str:
        try:
            return super()._save(name, content)
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"{name} could not be stored: {error}") from error
