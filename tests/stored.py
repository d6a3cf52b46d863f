"""What lies in the storage of a test run, be it a folder or a bucket."""

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile

# Where a test is about files on a disk and nothing else.
on_disk_alone = pytest.mark.skipif(bool(settings.S3_BUCKET), reason="it is about the disk; stored files are in S3")
# And where it is about a bucket: these run beside PostgreSQL (tests/services/on_production.py).
in_bucket_alone = pytest.mark.skipif(not settings.S3_BUCKET, reason="it is about S3; stored files are on the disk")


def stored_names(folder: str) -> list[str]:
    """The whole names of what lies below a folder, in order."""
    found = default_storage.stored_objects()  # type: ignore[attr-defined]
    return sorted(one.name for one in found if one.name.startswith(f"{folder}/"))


def empty_stored(folder: str) -> None:
    for name in stored_names(folder):
        default_storage.delete(name)


def is_stored(file: FieldFile) -> bool:
    return default_storage.exists(str(file.name))
