"""Rows and files that do not agree are found, and mended on request."""

import os
import time
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from generator.models import Generation
from library import consistency
from library.models import Piece, Rendering
from library.storage import PrivateFileSystemStorage, StoredObject
from tests import factories

pytestmark = pytest.mark.django_db

TWO_HOURS_AGO = timezone.now() - timedelta(hours=2)


# What was stored hours ago, in a bucket, which lets nobody set such a time.
AGED: set[str] = set()


@pytest.fixture(autouse=True)
def empty_storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of its own, or a prefix in the bucket: other tests leave files behind."""
    storage: Any = default_storage._wrapped  # type: ignore[attr-defined]
    if not settings.S3_BUCKET:
        monkeypatch.setattr(default_storage, "_wrapped", PrivateFileSystemStorage(location=str(tmp_path)))
        return
    AGED.clear()
    objects, modified_at = storage.stored_objects, storage.get_modified_time
    monkeypatch.setattr(storage, "location", f"consistency/{tmp_path.name}")
    monkeypatch.setattr(storage, "stored_objects", lambda: map(aged, objects()))
    monkeypatch.setattr(
        storage, "get_modified_time", lambda name: aged(StoredObject(name, 0, modified_at(name))).modified_at
    )


def aged(found: StoredObject) -> StoredObject:
    return replace(found, modified_at=TWO_HOURS_AGO) if found.name in AGED else found


def old_piece(**fields: Any) -> Piece:
    piece = factories.make_piece(created_at=TWO_HOURS_AGO, **fields)
    age(str(piece.midi.name))
    return piece


def age(name: str) -> None:
    if settings.S3_BUCKET:
        AGED.add(name)
        return
    then = time.time() - 7200
    os.utime(default_storage.path(name), (then, then))


def store(name: str, *, is_old: bool = True) -> str:
    default_storage.save(name, ContentFile(b"music"))
    AGED.discard(name)
    if is_old:
        age(name)
    return name


def check_library(*arguments: str) -> tuple[str, str]:
    """What the command prints, and the sentence with which it ends where something is wrong."""
    output = StringIO()
    try:
        call_command("check_library", *arguments, stdout=output)
    except CommandError as error:
        return output.getvalue(), str(error)
    return output.getvalue(), ""


def test_a_library_that_agrees(alice: Any) -> None:
    old_piece()
    assert check_library() == ("Checked 1 rows and 1 files.\n", "")
    assert check_library("--mend") == ("Checked 1 rows and 1 files.\nMended 0 of 0.\n", "")


def test_how_much_lies_where_is_said_on_request() -> None:
    for name in ("renderings/a.wav", "renderings/b.mp3", "letters/private.txt"):
        store(name, is_old=False)
    assert check_library("--sizes")[0].splitlines()[-2:] == [
        "letters: 1 files, 0.0 MB, 0.0 kB each",
        "renderings: 2 files, 0.0 MB, 0.0 kB each",
    ]


def test_a_piece_without_its_file_goes_to_the_trash() -> None:
    lost, sound = old_piece(), old_piece()
    default_storage.delete(str(lost.midi.name))
    said, sentence = check_library()
    assert f"library.Piece {lost.pk}: {lost.midi.name} is gone\n" in said
    assert str(sound.pk) not in said
    assert sentence.startswith("1 rows without a file, 0 files")
    lost.refresh_from_db()
    assert lost.trashed_at is None, "listing changes nothing"

    said, sentence = check_library("--mend", "--dry-run")
    assert "→ moved to the trash" in said
    lost.refresh_from_db()
    assert lost.trashed_at is None

    assert check_library("--mend")[1] == ""
    lost.refresh_from_db()
    sound.refresh_from_db()
    assert lost.trashed_at is not None
    assert sound.trashed_at is None
    assert check_library()[1] == "", "what is in the trash was dealt with"


def test_files_that_no_row_names_are_removed_but_young_and_foreign_ones_stay() -> None:
    kept = str(old_piece().midi.name)
    lost = [store("pieces/ab/lost.mid"), store("renderings/lost.mp3"), store("pieces/ab/half.mid.part")]
    young = store("pieces/ab/young.mid", is_old=False)
    foreign = store("letters/private.txt")
    said, sentence = check_library("--mend")
    assert all(f"{name}: no row refers to it" in said for name in lost)
    assert "letters: 1 files that do not belong to the site; left alone" in said
    assert sentence == ""
    left = {found.name for found in default_storage.stored_objects()}  # type: ignore[attr-defined]
    assert left == {kept, young, foreign}


def test_a_piece_that_is_being_stored_is_left_alone() -> None:
    """Object before row: the young file has no row yet, and a young row may be newer than the list of files."""
    piece = factories.make_piece()
    default_storage.delete(str(piece.midi.name))
    assert check_library() == ("Checked 1 rows and 0 files.\n", "")


def test_a_file_that_is_stored_again_while_the_check_runs_stays() -> None:
    name = store("pieces/ab/again.mid")
    report = consistency.check()
    assert [found.name for found in report.unnamed] == [name]
    store(name, is_old=False)
    assert consistency.mend(report) == 0
    assert default_storage.exists(name)


def test_a_row_that_got_its_file_back_stays() -> None:
    piece = old_piece()
    name = str(piece.midi.name)
    default_storage.delete(name)
    report = consistency.check()
    store(name)
    assert consistency.mend(report) == 0
    piece.refresh_from_db()
    assert piece.trashed_at is None


def test_what_can_be_made_again_is_forgotten_and_what_cannot_is_only_named() -> None:
    piece = old_piece()
    Rendering.objects.create(
        piece=piece,
        format="mp3",
        status="succeeded",
        file="renderings/gone.mp3",
        created_at=TWO_HOURS_AGO,
        finished_at=TWO_HOURS_AGO,
    )
    done, waits = (
        factories.make_generation(primer=f"primers/{name}.mid", created_at=TWO_HOURS_AGO, finished_at=finished_at)
        for name, finished_at in (("done", TWO_HOURS_AGO), ("waits", None))
    )
    model = factories.make_genre_model(bundle="bundles/piano/gone.bundle", created_at=TWO_HOURS_AGO)
    said, sentence = check_library("--mend")
    assert f"{model.pk}: bundles/piano/gone.bundle is gone → needs manual repair" in said
    assert sentence.startswith("2 rows without a file")
    assert not Rendering.objects.exists()
    primers = dict(Generation.objects.values_list("pk", "primer"))
    assert primers == {done.pk: "", waits.pk: "primers/waits.mid"}


def test_a_wrong_bucket_does_not_empty_the_library() -> None:
    for _ in range(consistency.MANY_ROWS + 1):
        piece = old_piece()
        default_storage.delete(str(piece.midi.name))
    _, sentence = check_library("--mend")
    assert "Is this the right bucket or folder?" in sentence
    assert not Piece.objects.exclude(trashed_at=None).exists()
    assert check_library("--mend", "--everything")[1] == ""
    assert not Piece.objects.filter(trashed_at=None).exists()


def test_a_storage_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(PrivateFileSystemStorage):
        def stored_objects(self) -> NoReturn:
            raise OSError("no answer")

    monkeypatch.setattr(default_storage, "_wrapped", Away())
    assert check_library("--mend")[1] == "The storage is not responding: no answer. Try again later."
