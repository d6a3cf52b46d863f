"""The composer over networks that a test decides: on time, by the rules, the same alone and in company."""

import io
from collections.abc import Iterator
from typing import Any

import mido
import pytest

from generator.engine.composer import Composer, Listener
from generator.engine.controls import ComposeRequest
from generator.engine.critic import check_piece
from generator.engine.encodings import performance
from generator.engine.errors import BundleError, ComposingStopped, ControlError, EngineError
from generator.engine.manifest import Encoding
from generator.engine.midi import inspect
from generator.engine.music import Note, in_order
from tests.engine.fakes import FakeRuntime, always, bundle, pianist
from tests.music import notes_of_midi


def request(seconds: float = 20.0, seed: int = 1, ensemble: str = "grand-piano", **more: Any) -> ComposeRequest:
    return ComposeRequest(seconds, seed, ensemble, **more)


@pytest.fixture
def composer() -> Composer:
    return Composer(bundle(), runtime=pianist())


@pytest.fixture
def eager(composer: Composer) -> Composer:
    """A composer that tells of every bit of settled music."""
    composer.chunk_wall_seconds = 0.0
    return composer


class TestPieces:
    @pytest.mark.parametrize("seconds", [15.0, 37.5])
    @pytest.mark.parametrize("ensemble", ["grand-piano", "pipe-organ", "harpsichord"])
    def test_a_piece_has_the_asked_length_and_keeps_the_rules(
        self, composer: Composer, seconds: float, ensemble: str
    ) -> None:
        piece = composer.compose(request(seconds, ensemble=ensemble))
        facts = check_piece(piece.notes, seconds).facts
        chosen = composer.bundle.manifest.ensemble(ensemble)
        assert chosen is not None
        assert seconds - 1.0 <= piece.length_seconds == facts.end_seconds <= seconds
        assert piece.voices == chosen.voices
        assert facts.longest_note_seconds <= chosen.max_note_seconds + 1e-9
        assert facts.longest_silence_seconds <= 3.0 + 1e-9
        assert facts.overlapping_notes == 0
        pitches = {note.pitch for note in piece.notes}
        assert pitches <= set(range(chosen.lowest_pitch, chosen.highest_pitch + 1))
        assert piece.notes[0].start_seconds <= 0.5

    def test_the_last_notes_are_held_and_released_together_with_the_piece(self, composer: Composer) -> None:
        piece = composer.compose(request())
        last_onset = max(note.start_seconds for note in piece.notes)
        assert last_onset <= 19.5
        assert any(note.end_seconds >= 19.4 for note in piece.notes)

    def test_the_midi_file_holds_the_notes_and_says_where_they_come_from(self, composer: Composer) -> None:
        piece = composer.compose(request(ensemble="strings", seed=42))
        data = piece.to_midi_bytes(title="A piece")
        facts = inspect(data)
        assert (facts.midi_type, facts.stuck_notes, facts.overlapping_notes) == (1, 0, 0)
        assert [(t.name, t.program, t.notes) for t in facts.tracks] == [
            ("A piece", None, 0),
            ("Strings", 48, len(piece.notes)),
        ]
        said = " ".join(facts.texts)
        assert "recurrent neural network" in said
        assert "piano-test, sha256 abababababababab" in said
        assert "Seed: 42." in said
        assert [(n.pitch, n.velocity) for n in notes_of_midi(data)] == [(n.pitch, n.velocity) for n in piece.notes]
        assert [n.start_seconds for n in notes_of_midi(data)] == pytest.approx([n.start_seconds for n in piece.notes])

    def test_nothing_in_the_file_stands_outside_the_piece(self, composer: Composer) -> None:
        data = composer.compose(request()).to_midi_bytes()
        assert data == composer.compose(request()).to_midi_bytes()
        assert 19.0 <= mido.MidiFile(file=io.BytesIO(data)).length <= 20.1


class TestSeeds:
    def test_the_same_seed_gives_the_same_bytes(self) -> None:
        first, second = (Composer(bundle(), runtime=pianist()).compose(request(seed=7)) for _ in range(2))
        assert first == second
        assert first.to_midi_bytes("x") == second.to_midi_bytes("x")

    def test_another_seed_take_or_attempt_gives_another_piece(self, composer: Composer) -> None:
        requests = [request(), request(seed=2), request(take=1), request(attempt=1)]
        pieces = [tuple(composer.compose(wish).notes) for wish in requests]
        assert len(set(pieces)) == 4

    def test_pieces_in_one_batch_are_those_composed_alone(self, composer: Composer) -> None:
        requests = [
            request(15.0, 1),
            request(23.0, 2, "pipe-organ"),
            request(15.0, 3, temperature=1.4),
            request(18.0, 4, top_p=0.5),
            request(15.0, 1, take=1),
        ]
        together = composer.compose_many(requests)
        assert together == [composer.compose(alone) for alone in requests]

    def test_a_piece_that_is_over_leaves_the_batch(self) -> None:
        runtime = pianist()
        Composer(bundle(), runtime=runtime).compose_many([request(15.0), request(40.0), request(15.0)])
        assert (runtime.batches[0], runtime.batches[-1]) == (3, 1)

    def test_no_requests_make_no_pieces(self, composer: Composer) -> None:
        assert composer.compose_many([]) == []


class TestListening:
    def test_every_note_is_told_once(self, eager: Composer) -> None:
        chunks: list[list[Note]] = []
        piece = eager.compose(request(30.0), on_notes=chunks.append)
        assert len(chunks) > 10
        assert in_order(note for chunk in chunks for note in chunk) == piece.notes

    def test_what_is_settled_was_told_before(self, eager: Composer) -> None:
        told: list[Note] = []
        settled: list[tuple[float, int]] = []
        piece = eager.compose(
            request(30.0),
            on_notes=told.extend,
            on_progress=lambda seconds: settled.append((seconds, len(told))),
        )
        seconds = [second for second, _ in settled]
        assert seconds == sorted(seconds)
        assert seconds[-1] == 30.0
        for second, count in settled:
            assert {n for n in piece.notes if n.start_seconds < second} <= set(told[:count])

    def test_the_first_notes_are_told_as_soon_as_a_second_is_settled(self, composer: Composer) -> None:
        composer.chunk_wall_seconds = 3600.0
        settled: list[float] = []
        composer.compose(request(30.0), on_progress=settled.append)
        assert 1.0 <= settled[0] < settled[1] == 30.0
        assert len(settled) == 2

    def test_stopping_leaves_at_the_next_chunk(self, eager: Composer) -> None:
        answers = iter([False, False, True])
        told: list[float] = []
        with pytest.raises(ComposingStopped):
            eager.compose(request(60.0), on_progress=told.append, should_stop=lambda: next(answers))
        assert len(told) == 3

    def test_stopping_one_piece_leaves_the_others_alone(self, eager: Composer) -> None:
        def stop_later() -> Iterator[bool]:
            yield False
            while True:
                yield True

        answers = stop_later()
        requests = [request(20.0, 1), request(20.0, 2)]
        first, second = eager.compose_many(requests, [Listener(should_stop=lambda: next(answers)), Listener()])
        assert first is None
        assert second == eager.compose(requests[1])

    def test_an_error_of_a_listener_reaches_the_caller(self, eager: Composer) -> None:
        def fail(notes: list[Note]) -> None:
            raise ConnectionError

        with pytest.raises(ConnectionError):
            eager.compose(request(), on_notes=fail)


class TestOddNetworks:
    @pytest.mark.parametrize(
        "runtime",
        [
            always(60),
            always(performance.NOTE_OFF + 60),
            always(performance.TIME_SHIFT),
            always(performance.TIME_SHIFT + 99),
            always(performance.VELOCITY, 60),
            always(60, performance.TIME_SHIFT + 99),
        ],
    )
    def test_any_network_makes_a_piece_that_ends_on_time(self, runtime: FakeRuntime) -> None:
        piece = Composer(bundle(), runtime=runtime).compose(request(15.0))
        assert 14.0 <= piece.length_seconds <= 15.0
        assert inspect(piece.to_midi_bytes()).stuck_notes == 0

    def test_a_network_that_gives_no_numbers_is_an_engine_error(self) -> None:
        runtime = FakeRuntime(lambda index, features, step: float("nan") * features[:388].repeat(2)[:388])
        with pytest.raises(EngineError, match="no distribution"):
            Composer(bundle(), runtime=runtime).compose(request())

    def test_the_network_is_told_the_start_and_how_much_is_left(self) -> None:
        heard: list[tuple[int, float]] = []
        taste = pianist()

        def listen(index, features, step):
            countdown = features[performance.COUNTDOWN_FEATURE : performance.DENSITY_FEATURE]
            heard.append((index, float(countdown @ range(len(countdown)))))
            return taste.logits_of(index, features, step)

        Composer(bundle(), runtime=FakeRuntime(listen)).compose(request(15.0))
        assert heard[0][0] == performance.START
        assert all(index < performance.NUM_CLASSES for index, _ in heard[1:])
        left = [position for _, position in heard]
        assert left == sorted(left, reverse=True)
        assert left[0] > left[-1] >= 0


class TestRefusals:
    @pytest.mark.parametrize(
        "wish",
        [
            request(ensemble="kazoo"),
            request(0.0),
            request(float("nan")),
            request(temperature=0.0),
            request(top_p=0.0),
            request(seed=-1),
            request(seed=2**63),
        ],
    )
    def test_what_cannot_be_composed_is_a_control_error(self, composer: Composer, wish: ComposeRequest) -> None:
        with pytest.raises(ControlError, match="Expected"):
            composer.compose(wish)

    def test_another_encoding_is_refused(self) -> None:
        with pytest.raises(BundleError, match="got drums of 512"):
            Composer(bundle(encoding=Encoding("drums", 100, 32, 512)), runtime=pianist())

    def test_another_width_of_features_is_refused(self) -> None:
        runtime = pianist()
        runtime.num_features = 7
        with pytest.raises(BundleError, match="got 7 and 388"):
            Composer(bundle(), runtime=runtime)

    def test_an_unknown_runtime_is_refused(self) -> None:
        with pytest.raises(EngineError, match="Expected a runtime"):
            Composer(bundle(), runtime="quantum")
