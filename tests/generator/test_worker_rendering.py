"""Sound files in a real worker process: composing never waits for them, and a kill loses none."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from generator.engine.midi import write_midi
from generator.engine.music import Note
from generator.models import Generation
from generator.services import generation_create, genre_model_import
from library.models import Rendering
from library.services import rendering_cancel, rendering_request
from tests import factories
from tests.music import GRAND_PIANO
from tests.waiting import wait_until
from tests.workers import WorkerProcess

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]

StartWorker = Callable[..., WorkerProcess]


def ask_for_sound(seconds: float) -> Rendering:
    chords = [Note(pitch, 80, start, start + 1.0) for start in range(int(seconds)) for pitch in (48, 55, 64, 72)]
    piece = factories.make_piece(
        midi=write_midi(chords, [GRAND_PIANO]), length_seconds=seconds, notes_count=len(chords)
    )
    return rendering_request(piece=piece, audio_format="ogg", owner=factories.guest())


def is_now(row: Rendering | Generation, status: str) -> Callable[[], bool]:
    def look() -> bool:
        row.refresh_from_db()
        return row.status == status

    return look


def test_a_piece_is_composed_while_a_sound_file_is_made(start_worker: StartWorker, bundle_path: Path) -> None:
    genre_model_import(path=bundle_path, activate=True)
    worker = start_worker(SYNTHESIZER="tinysoundfont")
    # As long as a sound file may be: it takes the worker ten times as long as the piece.
    rendering = ask_for_sound(1190.0)
    wait_until(is_now(rendering, "running"), what=f"the sound file is begun\n{worker.log_text()}")

    generation = generation_create(
        owner=factories.guest(), genre_slug="piano", params={"length_seconds": 15.0}, form_token=None, seed=5
    )
    wait_until(is_now(generation, "succeeded"), what=f"the piece is composed\n{worker.log_text()}")

    rendering.refresh_from_db()
    assert rendering.status == "running"
    rendering_cancel(rendering=rendering)
    wait_until(is_now(rendering, "cancelled"), what=f"the sound file is given up\n{worker.log_text()}")


def test_a_sound_file_that_a_killed_worker_was_making_is_made_by_another(start_worker: StartWorker) -> None:
    first = start_worker(SYNTHESIZER="tinysoundfont")
    rendering = ask_for_sound(60.0)
    wait_until(is_now(rendering, "running"), what=f"the sound file is begun\n{first.log_text()}")
    first.kill()
    # As if it were long ago.
    Rendering.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))

    second = start_worker(SYNTHESIZER="tinysoundfont")
    wait_until(is_now(rendering, "succeeded"), what=f"the sound file is made\n{second.log_text()}")
    assert rendering.attempts == 2
