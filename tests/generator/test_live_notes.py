"""What a running job writes for the page, and when."""

from typing import Any

import pytest

from generator.engine.music import rows_of_notes
from generator.live_notes import LiveNotes, Stop
from generator.models import Generation, NoteChunk
from generator.services import generation_claim
from tests import factories
from tests.music import notes

pytestmark = pytest.mark.django_db


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def generation(db: None) -> Generation:
    claimed = generation_claim(pk=factories.make_generation().pk, worker_id="a")
    assert claimed is not None
    return claimed


@pytest.fixture
def live_notes(generation: Generation, clock: Clock) -> LiveNotes:
    live_notes = LiveNotes(generation, clock=clock)
    live_notes.start("a" * 64)
    return live_notes


def written() -> list[list[Any]]:
    return [chunk.notes for chunk in NoteChunk.objects.order_by("index")]


def test_the_first_notes_are_written_at_once(live_notes: LiveNotes) -> None:
    live_notes.on_notes(notes((60, 100, 0.0, 0.5)))
    assert written() == [[[60, 100, 0, 500, 0]]]


def test_later_notes_are_written_twice_a_second_at_most(live_notes: LiveNotes, clock: Clock) -> None:
    live_notes.on_notes(notes((60, 100, 0.0, 0.5)))
    for pitch in range(61, 81):
        clock.seconds += 0.1
        live_notes.on_notes(notes((pitch, 100, 1.0, 1.5)))
        live_notes.should_stop()
    chunks = written()
    assert len(chunks) == 1 + 4, "two seconds, two writes a second"
    assert [len(chunk) for chunk in chunks] == [1, 5, 5, 5, 5]


def test_progress_and_heartbeat_are_written_without_notes(
    live_notes: LiveNotes, clock: Clock, generation: Generation
) -> None:
    before = Generation.objects.get().heartbeat_at
    live_notes.on_progress(4.5)
    clock.seconds += 0.5
    assert live_notes.should_stop() is False
    row = Generation.objects.get()
    assert row.seconds_composed == 4.5
    assert row.heartbeat_at is not None
    assert before is not None
    assert row.heartbeat_at > before


def test_a_second_attempt_writes_only_what_is_missing(
    live_notes: LiveNotes, generation: Generation, clock: Clock
) -> None:
    heard = notes((60, 100, 0.0, 0.5), (62, 90, 0.5, 0.9))
    live_notes.on_notes(heard)
    again = LiveNotes(generation, clock=clock)
    again.start("a" * 64)
    # In other chunks and in another order: where chunks end depends on the computer's speed.
    again.on_notes([heard[1]])
    again.on_notes([*notes((64, 80, 0.9, 1.2)), heard[0]])
    assert written() == [rows_of_notes(heard), [[64, 80, 900, 1200, 0]]]


def test_a_note_that_is_there_twice_is_written_twice(
    live_notes: LiveNotes, generation: Generation, clock: Clock
) -> None:
    twin = notes((60, 100, 0.0, 0.5))
    live_notes.on_notes(twin)
    again = LiveNotes(generation, clock=clock)
    again.start("a" * 64)
    again.on_notes([*twin, *twin])
    assert [len(chunk) for chunk in written()] == [1, 1]


def test_another_model_starts_over(live_notes: LiveNotes, generation: Generation, clock: Clock) -> None:
    live_notes.on_notes(notes((60, 100, 0.0, 0.5)))
    Generation.objects.update(seconds_composed=5)
    generation.refresh_from_db()
    again = LiveNotes(generation, clock=clock)
    again.start("b" * 64)
    assert written() == []
    assert Generation.objects.get().bundle_sha256 == "b" * 64
    assert Generation.objects.get().seconds_composed == 0, "no page may play what is not written again yet"


def test_progress_never_goes_back(generation: Generation, clock: Clock) -> None:
    Generation.objects.update(seconds_composed=9)
    generation.refresh_from_db()
    again = LiveNotes(generation, clock=clock)
    again.start("a" * 64)
    again.on_progress(2)
    clock.seconds += 1
    again.should_stop()
    assert Generation.objects.get().seconds_composed == 9


def test_it_stops_when_the_claim_is_lost(live_notes: LiveNotes, clock: Clock) -> None:
    Generation.objects.update(worker_id="another")
    live_notes.on_notes(notes((60, 100, 0.0, 0.5)))
    assert live_notes.should_stop() is True
    assert live_notes.stop is Stop.LOST
    assert written() == []


def test_it_stops_at_the_deadline(live_notes: LiveNotes, clock: Clock, settings: Any) -> None:
    clock.seconds += settings.GENERATION_DEADLINE_SECONDS + 1
    assert live_notes.should_stop() is True
    assert live_notes.stop is Stop.DEADLINE
