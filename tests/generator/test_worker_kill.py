"""kill -9 of a worker at every place of a job, then a new worker: done once, one piece, nothing left running.

Real processes, the real broker, a database and files on the disk.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from generator.engine.music import rows_of_notes
from generator.models import Generation, NoteChunk, Take, WorkerBeat
from generator.services import generation_create, genre_model_import
from library.models import Piece
from tests import factories, kill_points
from tests.music import notes_of_midi
from tests.stored import stored_names
from tests.waiting import wait_until
from tests.workers import WorkerProcess

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def piano(start_worker: StartWorker, bundle_path: Path) -> None:
    genre_model_import(path=bundle_path, activate=True)


def ask_for_a_piece(seed: int = 5, seconds: float = 60, takes: int = 1) -> Generation:
    return generation_create(
        owner=factories.guest(),
        genre_slug="piano",
        params={"length_seconds": seconds},
        form_token=None,
        seed=seed,
        takes=takes,
    )


def stored_files() -> list[str]:
    return [name.rpartition("/")[2] for name in stored_names("pieces")]


def finished(generation: Generation) -> bool:
    generation.refresh_from_db()
    return generation.is_finished


@pytest.mark.parametrize("kill_point", kill_points.ALL)
def test_a_killed_worker_loses_nothing(piano: None, start_worker: StartWorker, kill_point: str) -> None:
    files_before = stored_files()
    first = start_worker(kill_point=kill_point)
    generation = ask_for_a_piece()
    first.wait_until_stopped_at_kill_point()
    first.kill()

    second = start_worker()
    wait_until(lambda: finished(generation), what=f"the piece is done\n{second.log_text()}")

    assert generation.status == Generation.Status.SUCCEEDED, second.log_text()
    assert generation.attempts == (1 if kill_point in (kill_points.BEFORE_CLAIM, kill_points.STORED) else 2)
    piece = Piece.objects.get()
    assert generation.piece == piece
    assert Take.objects.count() == 1
    assert set(stored_files()) - set(files_before) == {f"{piece.pk}.mid"}
    assert not Generation.objects.unfinished().exists()
    with piece.midi.open("rb") as stream:
        notes = notes_of_midi(stream.read())
    assert len(notes) == piece.notes_count
    # What the page has drawn is the piece: no note twice and none missing, although two workers wrote them.
    drawn = [row for chunk in NoteChunk.objects.order_by("index") for row in chunk.notes]
    assert sorted(row[:3] for row in drawn) == sorted(row[:3] for row in rows_of_notes(notes))


@pytest.mark.parametrize("kill_point", [kill_points.FILE_WRITTEN, kill_points.ROW_WRITTEN])
def test_a_worker_killed_between_two_takes_leaves_none_half_done(
    piano: None, start_worker: StartWorker, kill_point: str
) -> None:
    files_before = stored_files()
    first = start_worker(kill_point=kill_point)
    generation = ask_for_a_piece(seconds=15, takes=3)
    first.wait_until_stopped_at_kill_point()
    first.kill()
    assert not Piece.objects.exists()
    assert not Take.objects.exists()

    second = start_worker()
    wait_until(lambda: finished(generation), what=f"the takes are done\n{second.log_text()}")
    assert generation.status == Generation.Status.SUCCEEDED, second.log_text()
    takes = list(generation.takes.all())
    assert sorted(take.index for take in takes) == [0, 1, 2]
    assert [take.rank for take in takes] == [1, 2, 3]
    pieces = Piece.objects.filter(is_draft=True)
    assert {take.piece for take in takes} == set(pieces)
    assert set(stored_files()) - set(files_before) == {f"{piece.pk}.mid" for piece in pieces}


def test_a_worker_that_dies_in_every_attempt_ends_in_a_sentence(piano: None, start_worker: StartWorker) -> None:
    files_before = stored_files()
    generation = ask_for_a_piece()
    for _ in range(settings.GENERATION_MAX_ATTEMPTS):
        # Every attempt comes here, however many of its notes an earlier one has written already.
        worker = start_worker(kill_point=kill_points.WRITING_FILE)
        worker.wait_until_stopped_at_kill_point()
        worker.kill()
    start_worker()
    wait_until(lambda: finished(generation), what="the job is given up")
    assert generation.status == Generation.Status.FAILED
    assert generation.error_message.endswith(".")
    assert not Piece.objects.exists()
    assert stored_files() == files_before, "not even half a file is left"


def test_a_worker_that_ends_in_peace_says_goodbye(piano: None, start_worker: StartWorker) -> None:
    worker = start_worker()
    worker.stop()
    assert worker.process.returncode == 0
    assert not WorkerBeat.objects.exists()


def test_a_worker_follows_the_active_model(piano: None, start_worker: StartWorker, tmp_path: Path) -> None:
    from tests.tiny_bundle import other_tiny_bundle

    worker = start_worker()
    first = ask_for_a_piece(seconds=15)
    wait_until(lambda: finished(first), what="the first piece is done")
    other, _ = genre_model_import(path=other_tiny_bundle(tmp_path), activate=True)
    wait_until(lambda: f"Loaded {other.name}" in worker.log_text(), what="the worker has loaded the other model")
    second = ask_for_a_piece(seconds=15)
    wait_until(lambda: finished(second), what="the second piece is done")
    assert first.piece is not None
    assert second.piece is not None
    assert (first.piece.bundle_name, second.piece.bundle_name) == ("piano-tiny", "piano-tiny-2")
    assert second.piece.bundle_sha256 == other.sha256
