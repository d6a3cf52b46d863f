"""Do rows and stored files agree? Finds rows whose file is gone and files that no row names, and mends both.

A file is stored before its row and removed after it, so what crashes and outages leave is files too many. A row without
its file comes from a restored backup or a hand in the bucket. Of every app's models each FileField is looked at.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

from library.models import Piece, Rendering
from library.storage import StoredObject

logger = logging.getLogger(__name__)

# What is younger may be in the middle of being stored: the file is there, its row is not yet.
LEFT_ALONE = timedelta(hours=1)
# The first folders of the names that the site gives; what lies elsewhere in the bucket is not ours to remove.
OUR_FOLDERS = {"pieces", "renderings", "primers", "bundles", "uploads", "exports"}
# Where so many files are gone at once, storage and database are not of one site, or the bucket is a wrong one.
MANY_ROWS, MANY_SHARE = 20, 0.1


class TooMuchMissing(Exception):
    """So many rows lack their file that mending would do more harm than good."""


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A row whose file is not in storage."""

    model: type[models.Model]
    field_name: str
    pk: Any
    name: str

    def __str__(self) -> str:
        return f"{self.model._meta.label} {self.pk}: {self.name} is gone"

    @property
    def cure(self) -> str:
        """What mending does with it; empty where a person has to."""
        if self.model is Piece:
            return "moved to the trash"
        if self.model is Rendering:
            return "forgotten; it is rendered again on request"
        return "emptied" if self.model._meta.get_field(self.field_name).blank else ""  # type: ignore[union-attr]


@dataclass
class Size:
    """The files of one folder."""

    files: int = 0
    bytes: int = 0


@dataclass
class Report:
    """What does not agree. `rows` and `objects` are how many were looked at, `sizes` what lies in each folder."""

    rows: int = 0
    objects: int = 0
    missing: list[MissingFile] = field(default_factory=list)
    unnamed: list[StoredObject] = field(default_factory=list)
    sizes: defaultdict[str, Size] = field(default_factory=lambda: defaultdict(Size))
    foreign: Counter[str] = field(default_factory=Counter)  # files in folders that are not ours, by folder

    @property
    def is_clean(self) -> bool:
        return not self.missing and not self.unnamed


def check(*, now: datetime | None = None) -> Report:
    """Compares all rows with all files. Raises OSError when the storage cannot be listed.

    The files are listed before the rows are read: what is stored meanwhile has a young row, what is removed meanwhile
    has none, and neither is taken for a fault.
    """
    oldest_left_alone = (now or timezone.now()) - LEFT_ALONE
    report = Report()
    objects: dict[str, StoredObject] = {}
    for found in default_storage.stored_objects():  # type: ignore[attr-defined]
        report.objects += 1
        folder = found.name.partition("/")[0]
        report.sizes[folder].files += 1
        report.sizes[folder].bytes += found.size_bytes
        if folder in OUR_FOLDERS:
            objects[found.name] = found
        else:
            report.foreign[folder] += 1
    for row, created_at in _rows_with_files():
        report.rows += 1
        if objects.pop(row.name, None) is None and (created_at is None or created_at < oldest_left_alone):
            report.missing.append(row)
    report.unnamed = [found for found in objects.values() if found.modified_at < oldest_left_alone]
    # A file that several rows name was taken out with the first of them.
    report.missing = [row for row in report.missing if not default_storage.exists(row.name)]
    return report


def mend(report: Report, *, everything: bool = False) -> int:
    """Removes files that no row names and deals with rows without a file; returns how many of both.

    Each is looked at again right before. Raises OSError when the storage goes away meanwhile, and TooMuchMissing where
    many rows lack their file, unless `everything` says that this is true.
    """
    if not everything and len(report.missing) > max(MANY_ROWS, MANY_SHARE * report.rows):
        raise TooMuchMissing(
            f"{len(report.missing)} of {report.rows} rows have no file. Is this the right bucket or folder?"
        )
    mended = 0
    for names in _batches([found.name for found in report.unnamed], 500):
        named = _named_among(names)
        for name in names:
            if name not in named and not _is_young(name):
                default_storage.delete(name)
                logger.info("Removed %s, which no row refers to.", name)
                mended += 1
    for row in report.missing:
        if row.cure and not default_storage.exists(row.name) and _mend_row(row):
            logger.info("%s: %s.", row, row.cure)
            mended += 1
    return mended


def _mend_row(row: MissingFile) -> int:
    # The row as it was found: not if it has a file by now, or another.
    rows = row.model._default_manager.filter(pk=row.pk, **{row.field_name: row.name})
    if _has_field(row.model, "finished_at"):
        # A job that is not finished says itself that its file is gone.
        rows = rows.exclude(finished_at=None)
    if row.model is Piece:
        # Its owner sees what is lost, and has it back where the file returns in time from a backup.
        return rows.filter(trashed_at=None).update(trashed_at=timezone.now())
    if row.model is Rendering:
        return rows.delete()[0]
    return rows.update(**{row.field_name: ""})


def _file_fields() -> Iterator[tuple[type[models.Model], models.FileField]]:
    for model in apps.get_models():
        for one in model._meta.concrete_fields:
            if isinstance(one, models.FileField) and one.storage == default_storage:
                yield model, one


def _rows_with_files() -> Iterator[tuple[MissingFile, datetime | None]]:
    """Each row that names a file, and when it was made where it says so. What is in the trash was dealt with."""
    for model, one in _file_fields():
        rows = model._default_manager.exclude(**{one.name: ""})
        if model is Piece:
            rows = rows.filter(trashed_at=None)
        times = [name for name in ("created_at", "finished_at") if _has_field(model, name)]
        for pk, name, *at in rows.values_list("pk", one.name, *times).iterator(chunk_size=2000):
            yield MissingFile(model, one.name, pk, name), max((time for time in at if time), default=None)


def _has_field(model: type[models.Model], name: str) -> bool:
    return any(one.name == name for one in model._meta.concrete_fields)


def _named_among(names: Sequence[str]) -> set[str]:
    named: set[str] = set()
    for model, one in _file_fields():
        named.update(model._default_manager.filter(**{f"{one.name}__in": names}).values_list(one.name, flat=True))
    return named


def _is_young(name: str) -> bool:
    """Whether it was stored again since it was listed, as a job that is tried again does."""
    try:
        return default_storage.get_modified_time(name) > timezone.now() - LEFT_ALONE
    except FileNotFoundError:
        return True


def _batches(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
