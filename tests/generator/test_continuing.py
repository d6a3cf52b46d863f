"""Music that really starts from something: composed by a worker's code, with a small network."""

from typing import Any

import pytest

from generator.engine.midi import write_midi
from generator.models import Generation, GenreModel, NoteChunk
from generator.services import generation_compose, generation_create
from generator.services.primers import MAX_PRIMER_BYTES
from library.models import Piece
from tests import factories
from tests.generator.conftest import Outbox
from tests.music import GRAND_PIANO, notes_of_midi, scale

pytestmark = pytest.mark.django_db

MIDI = write_midi(scale(48), [GRAND_PIANO], title="Mine")


@pytest.fixture(autouse=True)
def model(piano: GenreModel, outbox: Outbox) -> GenreModel:
    return piano


def composed(**wish: Any) -> Generation:
    made = generation_create(owner=factories.guest(), genre_slug="piano", form_token=None, seed=4, **wish)
    generation_compose(pk=made.pk, worker_id="worker-1")
    made.refresh_from_db()
    assert made.status == Generation.Status.SUCCEEDED, made.error_message
    return made


def piece_of(generation: Generation) -> Piece:
    assert generation.piece is not None
    return generation.piece


def heard(piece: Piece) -> list[tuple[int, int, float]]:
    with piece.midi.open("rb") as stream:
        return [(note.pitch, note.velocity, round(note.start_seconds, 1)) for note in notes_of_midi(stream.read())]


def test_a_continued_piece_is_the_old_one_and_then_the_new_one() -> None:
    source = piece_of(composed(params={"length_seconds": 15}))
    generation = composed(params={"length_seconds": 20}, source=source, kind="continue")
    piece = piece_of(generation)
    assert (piece.kind, piece.source_piece) == (Piece.Kind.CONTINUE, source)
    # The new music does not wait for the last chord of the old one to die away.
    assert source.length_seconds + 15 < piece.length_seconds <= source.length_seconds + 20.5
    old = [note[:2] for note in heard(source)]
    assert [note[:2] for note in heard(piece)][: len(old) - 12] == old[: len(old) - 12]
    assert (source.facts["was_given_music"], piece.facts["was_given_music"]) == (False, True)
    assert piece.title == f"{source.title}, continued"
    assert piece.params["length_seconds"] == 20
    assert generation.seconds_composed == generation.total_seconds
    assert 0 <= generation.total_seconds - piece.length_seconds <= 1, "what the page said to expect"
    drawn = [row for chunk in NoteChunk.objects.filter(generation=generation) for row in chunk.notes]
    assert len(drawn) == piece.notes_count, "the page draws what was kept too"


def test_a_file_is_kept_or_left_out() -> None:
    kept = piece_of(composed(params={"length_seconds": 20}, primer=MIDI, keep_primer=True))
    left_out = piece_of(composed(params={"length_seconds": 20}, primer=MIDI, keep_primer=False))
    for piece in (kept, left_out):
        assert 19 <= piece.length_seconds <= 20.01, "the length is that of the result"
    first = [pitch for pitch, _, _ in heard(kept)][:8]
    assert first == list(range(first[0], first[0] + 8)), "it begins with the scale of the file"
    without = [pitch for pitch, _, _ in heard(left_out)][:8]
    assert without != list(range(without[0], without[0] + 8))


def test_all_takes_start_from_the_same() -> None:
    source = piece_of(composed(params={"length_seconds": 15}))
    generation = composed(params={"length_seconds": 15}, source=source, kind="vary", takes=2)
    first, second = (heard(take.piece) for take in generation.takes.order_by("index") if take.piece)
    beginning = [note[:2] for note in heard(source) if note[2] < 3]
    assert beginning
    for notes in (first, second):
        assert [note[:2] for note in notes[: len(beginning)]] == beginning
    assert first != second
    assert {take.piece.kind for take in generation.takes.all() if take.piece} == {Piece.Kind.VARY}


def test_a_source_that_was_removed_meanwhile_is_no_obstacle() -> None:
    source = piece_of(composed(params={"length_seconds": 15}))
    made = generation_create(
        owner=factories.guest(), form_token=None, params={}, source=source, kind="continue", seed=4
    )
    source.delete()
    generation_compose(pk=made.pk, worker_id="worker-1")
    made.refresh_from_db()
    assert made.status == Generation.Status.SUCCEEDED, made.error_message
    assert piece_of(made).source_piece is None


def test_what_only_the_worker_finds_fails_with_its_sentence() -> None:
    made = generation_create(
        owner=factories.guest(), genre_slug="piano", form_token=None, params={"length_seconds": 20}, primer=MIDI
    )
    made.primer.storage.save(str(made.primer.name), made.primer.storage.open(str(made.primer.name)))
    with made.primer.storage.open(str(made.primer.name), "wb") as stream:
        stream.write(MIDI[:60] + b"x" * (MAX_PRIMER_BYTES + 10))
    generation_compose(pk=made.pk, worker_id="worker-1")
    made.refresh_from_db()
    assert (made.status, made.error_code) == ("failed", "primer")
    assert made.error_message.endswith(".")
    assert not Piece.objects.exists()
