"""A job from claim to piece, and everything that can go wrong between."""

import errno
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from generator.composers import composers
from generator.engine.composer import Composer
from generator.engine.errors import BundleError, PrimerError
from generator.live_notes import LiveNotes
from generator.models import Generation, GenreModel, NoteChunk
from generator.services import generation_cancel, generation_claim, generation_compose, jobs
from generator.services.drafts import Draft
from library import services as pieces
from library.models import Piece
from tests import factories
from tests.music import notes_of_midi
from tests.stored import empty_stored, on_disk_alone, stored_names

pytestmark = pytest.mark.django_db

WORKER = "worker-1"


@pytest.fixture
def generation(piano: GenreModel) -> Generation:
    return factories.make_generation(genre=piano.genre, seed=3)


@pytest.fixture(autouse=True)
def empty_media() -> Iterator[None]:
    yield
    in_the_way = Path(settings.MEDIA_ROOT) / "pieces"
    if in_the_way.is_file():
        in_the_way.unlink()
    empty_stored("pieces")


def stored_files() -> list[str]:
    return stored_names("pieces")


def compose(generation: Generation) -> Generation:
    generation_compose(pk=generation.pk, worker_id=WORKER)
    generation.refresh_from_db()
    return generation


def test_a_job_is_claimed_once(generation: Generation) -> None:
    claimed = generation_claim(pk=generation.pk, worker_id="a")
    assert claimed is not None
    assert (claimed.status, claimed.worker_id, claimed.attempts) == ("running", "a", 1)
    assert claimed.started_at
    assert claimed.heartbeat_at
    assert generation_claim(pk=generation.pk, worker_id="b") is None


def test_a_finished_job_is_not_claimed(piano: GenreModel) -> None:
    for status in ("running", "succeeded", "failed", "cancelled"):
        generation = factories.make_generation(genre=piano.genre, status=status)
        assert generation_claim(pk=generation.pk, worker_id="a") is None


def test_composing_ends_with_a_stored_piece(generation: Generation) -> None:
    compose(generation)
    assert generation.status == Generation.Status.SUCCEEDED
    assert generation.seconds_composed == generation.length_seconds == 15
    assert generation.finished_at
    piece = generation.piece
    assert piece is not None
    assert (piece.guest_key, piece.owner) == ("guest-alice", None)
    assert piece.expires_at is not None
    assert 6.9 < (piece.expires_at - timezone.now()).total_seconds() / 86400 <= 7
    assert (piece.genre, piece.genre_name, piece.ensemble) == ("piano", "Piano", "grand-piano")
    assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+: [A-Z][a-z]+", piece.title), "a piano piece without a key"
    assert piece.search_text == "".join(f" {word}" for word in piece.title.lower().replace(":", "").split())
    assert (piece.style, piece.metre, piece.bars) == ("", "", None)
    assert piece.seed == 3
    assert piece.runtime == generation.runtime == "litert"
    assert piece.bundle_sha256 == generation.bundle_sha256 == composers.for_generation(generation).sha256
    midi = piece.midi.open("rb").read()
    assert piece.size_bytes == len(midi)
    assert piece.file_sha256 == hashlib.sha256(midi).hexdigest()
    assert 0 < len(piece.roll) <= piece.notes_count
    assert len(notes_of_midi(midi)) == piece.notes_count > 0
    drawn = [row for chunk in NoteChunk.objects.filter(generation=generation) for row in chunk.notes]
    assert len(drawn) == piece.notes_count


def test_the_same_seed_gives_the_same_file(piano: GenreModel) -> None:
    twins = [compose(factories.make_generation(genre=piano.genre, seed=11)) for _ in range(2)]
    first, second = (twin.piece.midi.open("rb").read() for twin in twins if twin.piece)
    assert first == second


def test_a_members_piece_is_a_draft_for_a_month(piano: GenreModel, alice: Any) -> None:
    generation = compose(factories.make_generation(factories.member(alice), genre=piano.genre))
    piece = generation.piece
    assert piece is not None and piece.expires_at is not None
    assert (piece.owner, piece.is_draft) == (alice, True)
    assert 29.9 < (piece.expires_at - timezone.now()).total_seconds() / 86400 <= 30


def test_a_second_delivery_does_nothing(generation: Generation) -> None:
    compose(generation)
    compose(generation)
    assert generation.attempts == 1
    assert Piece.objects.count() == 1


def test_a_queued_job_is_cancelled_at_once(generation: Generation) -> None:
    generation_cancel(generation=generation)
    assert generation.status == Generation.Status.CANCELLED
    assert generation.finished_at
    compose(generation)
    assert generation.status == Generation.Status.CANCELLED
    assert not Piece.objects.exists()


def test_a_running_job_is_cancelled_between_two_chunks(generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel_then_write(live_notes: LiveNotes) -> None:
        generation_cancel(generation=Generation.objects.get(pk=generation.pk))
        write(live_notes)

    write = LiveNotes._write
    monkeypatch.setattr(LiveNotes, "_write", cancel_then_write)
    compose(generation)
    assert generation.status == Generation.Status.CANCELLED
    assert not Piece.objects.exists()
    assert stored_files() == []


def test_a_finished_job_cannot_be_cancelled(generation: Generation) -> None:
    compose(generation)
    generation_cancel(generation=generation)
    assert generation.status == Generation.Status.SUCCEEDED


def test_a_job_that_takes_too_long_is_given_up(generation: Generation, settings: Any) -> None:
    settings.GENERATION_DEADLINE_SECONDS = -1
    compose(generation)
    assert (generation.status, generation.error_code) == ("failed", "deadline")
    assert generation.error_message.endswith(".")


def test_what_the_engine_says_reaches_the_user(generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise BundleError("The bundle is damaged.")

    monkeypatch.setattr(Composer, "compose_many", refuse)
    compose(generation)
    assert (generation.status, generation.error_code) == ("failed", "engine")
    assert generation.error_message == "The bundle is damaged."


def test_an_unforeseen_error_is_logged_with_the_job_and_told_in_a_sentence(
    generation: Generation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from accounts.logs import JobFilter

    def break_down(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("secret detail")

    caplog.handler.addFilter(JobFilter())
    monkeypatch.setattr(Composer, "compose_many", break_down)
    compose(generation)
    assert (generation.status, generation.error_code) == ("failed", "internal")
    assert "secret" not in generation.error_message
    record = next(record for record in caplog.records if record.exc_info)
    assert vars(record)["job"] == str(generation.pk)


def test_without_a_model_the_job_says_what_to_run(db: None) -> None:
    generation = compose(factories.make_generation(genre=factories.make_genre(with_model=False)))
    assert (generation.status, generation.error_code) == ("failed", "no_model")
    assert "import_genre_model" in generation.error_message


def test_a_stored_bundle_that_is_damaged_fails_with_a_sentence(piano: GenreModel) -> None:
    data = piano.bundle.open("rb").read()
    (Path(settings.BUNDLE_CACHE_DIR) / f"{piano.sha256}.bundle").unlink(missing_ok=True)
    composers._loaded.clear()
    default_storage.save(str(piano.bundle.name), ContentFile(data[:-1] + b"x"))
    generation = compose(factories.make_generation(genre=piano.genre))
    default_storage.save(str(piano.bundle.name), ContentFile(data))
    assert (generation.status, generation.error_code) == ("failed", "engine")
    assert "damaged" in generation.error_message


def test_a_stored_bundle_that_is_gone_fails_with_a_sentence(piano: GenreModel) -> None:
    (Path(settings.BUNDLE_CACHE_DIR) / f"{piano.sha256}.bundle").unlink(missing_ok=True)
    composers._loaded.clear()
    default_storage.delete(str(piano.bundle.name))
    generation = compose(factories.make_generation(genre=piano.genre))
    assert (generation.status, generation.error_code) == ("failed", "engine")
    assert generation.error_message == "The stored bundle of piano-tiny is missing. Import it again."


def test_a_full_disk_is_waited_out(generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", disk_full)
        compose(generation)
    assert (generation.status, generation.attempts, generation.worker_id) == ("queued", 1, "")
    assert generation.deliver_after > timezone.now()
    assert stored_files() == []
    compose(generation)
    assert (generation.status, generation.attempts) == ("succeeded", 2)
    assert Piece.objects.count() == 1


@on_disk_alone
def test_a_media_folder_that_cannot_be_written_fails_after_three_tries(generation: Generation) -> None:
    pieces_folder = Path(settings.MEDIA_ROOT) / "pieces"
    shutil.rmtree(pieces_folder, ignore_errors=True)  # the emptied one of another test
    pieces_folder.write_text("a file where the folder should be")
    for attempt in (1, 2):
        compose(generation)
        assert (generation.status, generation.attempts) == ("queued", attempt)
    compose(generation)
    assert (generation.status, generation.error_code) == ("failed", "storage")
    assert "could not be saved" in generation.error_message
    assert not Piece.objects.exists()
    # The notes that were heard stay as long as those of any other job.
    assert NoteChunk.objects.filter(generation=generation).exists()


@pytest.mark.parametrize(
    ("where", "error", "kind", "said"),
    [
        ("write", OSError(errno.ENOSPC, "full"), "disk_full", "free some space"),
        ("write", OSError(errno.EACCES, "denied"), "storage", "could not be saved"),
        ("write", OperationalError("locked"), "database", "database did not respond"),
        ("compose", OperationalError("gone"), "database", "database did not respond"),
        ("compose", InterfaceError("connection already closed"), "database", "database did not respond"),
        ("compose", OSError(errno.EIO, "broken disk"), "system", "a problem with its files"),
        ("load", OSError(errno.EIO, "no answer"), "model", "model of this genre could not be read"),
        ("primer", OSError(errno.EIO, "no answer"), "primer", "file that the piece starts from"),
    ],
)
def test_each_error_that_may_pass_is_told_as_what_it_is(
    generation: Generation, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception, kind: str, said: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    owner, name = {
        "write": (Draft, "write_file"),
        "compose": (jobs, "compose_takes"),
        "load": (composers, "load"),
        "primer": (jobs, "primer_load"),
    }[where]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, fail)
        for _ in range(2):
            assert compose(generation).status == Generation.Status.QUEUED
        compose(generation)
    assert (generation.status, generation.error_code) == ("failed", kind)
    assert said in generation.error_message
    assert ("could not be saved" in generation.error_message) == (kind in ("storage", "disk_full"))


def test_what_is_wrong_with_a_primer_is_told(generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise PrimerError("The file holds drums alone, and piano has none.")

    monkeypatch.setattr(jobs, "primer_load", refuse)
    compose(generation)
    assert (generation.status, generation.error_code) == ("failed", "primer")
    assert generation.error_message == "The file holds drums alone, and piano has none."


def test_a_worker_that_was_taken_for_dead_stores_nothing(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_the_claim(*, piece_id: Any, midi: bytes) -> str:
        name = write(piece_id=piece_id, midi=midi)
        Generation.objects.filter(pk=generation.pk).update(worker_id="another", attempts=2)
        return name

    write = pieces.piece_file_write
    monkeypatch.setattr(pieces, "piece_file_write", lose_the_claim)
    compose(generation)
    assert (generation.status, generation.worker_id) == ("running", "another")
    assert not Piece.objects.exists()
    assert len(stored_files()) == 1, "the other worker will write the same file and make its row"


def test_a_job_that_was_removed_while_it_ran_leaves_no_file(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove_the_job(*, piece_id: Any, midi: bytes) -> str:
        name = write(piece_id=piece_id, midi=midi)
        Generation.objects.all().delete()
        return name

    write = pieces.piece_file_write
    monkeypatch.setattr(pieces, "piece_file_write", remove_the_job)
    generation_compose(pk=generation.pk, worker_id=WORKER)
    assert not Piece.objects.exists()
    assert stored_files() == []
