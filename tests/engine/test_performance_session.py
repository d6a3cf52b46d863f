"""The piano's musical controls over networks that a test decides."""

from typing import Any

import numpy as np
import pytest

from generator.engine.composer import Composer, Composition
from generator.engine.controls import compose_request
from generator.engine.encodings import performance
from generator.engine.encodings.performance_session import primer_events
from generator.engine.keys import MODES, Key, parse_key
from generator.engine.manifest import Controls
from generator.engine.music import Note, in_order
from generator.engine.primers import Primer
from tests.engine.fakes import FakeRuntime, bundle, pianist
from tests.manifests import band_manifest


def piano_controls() -> Controls:
    """A piano's bounds with the controls of a band that a piano can have."""
    own, more = bundle().manifest.controls, band_manifest().controls
    return Controls(own.length, own.temperature, own.top_p, key=more.key, density=more.density, start=more.start)


def compose(runtime: FakeRuntime | None = None, *, seed: int = 1, **chosen: Any) -> Composition:
    offered = bundle(controls=piano_controls())
    composer = Composer(offered, runtime=runtime or pianist())
    return composer.compose(compose_request(offered.manifest, seed=seed, **({"length_seconds": 16} | chosen)))


class TestKey:
    @pytest.mark.parametrize("mode", MODES)
    def test_the_notes_are_in_the_scale_and_the_last_chord_stands_on_the_tonic_triad(self, mode: str) -> None:
        for tonic in (0, 5, 11):
            key = Key(tonic, mode)
            piece = compose(seed=tonic, key=key.name)
            inside = sum(note.pitch % 12 in key.pitch_classes for note in piece.notes)
            assert inside >= 0.95 * len(piece.notes)
            last = max(note.start_seconds for note in piece.notes)
            chord = [note for note in piece.notes if note.start_seconds >= last - 0.06]
            assert min(note.pitch for note in chord) % 12 in key.tonic_triad
            # Before the last release, which takes one note after the other.
            sounding = [note for note in piece.notes if note.end_seconds >= 16.0 - 0.6 - 1e-9]
            assert min(note.pitch for note in sounding) % 12 in key.tonic_triad
            assert piece.key == key.name

    def test_no_key_is_no_key(self) -> None:
        assert compose().key is None


class TestDensity:
    def test_the_network_hears_the_level(self) -> None:
        heard: list[np.ndarray] = []
        taste = pianist()

        def listen(index, features, step):
            heard.append(features[performance.DENSITY_FEATURE :].copy())
            return taste.logits_of(index, features, step)

        compose(FakeRuntime(listen), density="medium")
        assert all(row.tolist() == [0, 0, 0, 1, 0, 0, 0, 0] for row in heard)
        heard.clear()
        compose(FakeRuntime(listen))
        assert not np.any(heard)

    def test_levels_come_in_their_order(self) -> None:
        for seed in range(3):
            counts = [len(compose(seed=seed, density=level).notes) for level in ("sparse", "medium", "dense")]
            # This network is deaf to what it hears: all of it is leaning.
            assert counts[0] < counts[1] < counts[2] > 1.5 * counts[0]


def test_the_last_note_rings_and_nothing_begins_after_it() -> None:
    for seed in range(5):
        piece = compose(seed=seed, length_seconds=15)
        last = max(note.start_seconds for note in piece.notes)
        assert last <= piece.length_seconds - 0.5
        assert max(note.length_seconds for note in piece.notes if note.start_seconds >= last - 0.06) >= 0.5


@pytest.mark.parametrize("pitch", [21, 60, 108])
def test_a_starting_note_is_the_first_and_the_lowest_of_its_chord(pitch: int) -> None:
    piece = compose(starting_note=pitch)
    assert piece.notes[0].pitch == pitch
    assert len({note.pitch for note in piece.notes}) > 5


class TestPrimer:
    NOTES = tuple(Note(60 + i, 80, i * 0.5, i * 0.5 + 0.4) for i in range(8))
    PRIMER = Primer(notes=NOTES, length_seconds=4.0, key="A minor")

    def test_the_network_hears_it_first_and_the_countdown_goes_on_to_the_end(self) -> None:
        heard: list[int] = []
        left: list[float] = []
        taste = pianist()

        def listen(index, features, step):
            heard.append(index)
            countdown = features[performance.COUNTDOWN_FEATURE : performance.DENSITY_FEATURE]
            left.append(float(countdown @ range(len(countdown))))
            return taste.logits_of(index, features, step)

        piece = compose(FakeRuntime(listen), primer=self.PRIMER)
        assert heard[0] == performance.START
        primer = list(primer_events(self.PRIMER))
        assert heard[1 : 1 + len(primer)] == primer
        assert [event for event in primer if event < performance.NOTE_OFF] == [note.pitch for note in self.NOTES]
        assert left == sorted(left, reverse=True)
        assert 15.0 <= piece.length_seconds <= 16.0
        assert piece.notes[0].start_seconds <= 0.5
        assert piece.key == "A minor"

    def test_what_is_kept_stands_before_the_new_music(self) -> None:
        kept, alone = (compose(primer=self.PRIMER, keep_primer=keep) for keep in (True, False))
        assert tuple(kept.notes[:8]) == self.NOTES
        assert [note.pitch for note in kept.notes[8:]] == [note.pitch for note in alone.notes]
        assert kept.notes[8].start_seconds == pytest.approx(alone.notes[0].start_seconds + 4.0)
        assert kept.length_seconds == pytest.approx(alone.length_seconds + 4.0)

    def test_pieces_with_and_without_primers_share_a_batch(self) -> None:
        piano = bundle(controls=piano_controls())
        composer = Composer(piano, runtime=pianist())
        requests = [
            compose_request(piano.manifest, seed=5, length_seconds=16, **more)
            for more in ({}, {"primer": self.PRIMER}, {"density": "dense"})
        ]
        assert composer.compose_many(requests) == [composer.compose(request) for request in requests]

    def test_overlaps_long_notes_and_late_ones_make_events_that_fit_together(self) -> None:
        odd = [Note(60, 80, 0.0, 9.0), Note(60, 70, 1.0, 1.001), Note(60, 70, 1.002, 3.0), Note(70, 1, 3.999, 8.0)]
        events = primer_events(Primer(notes=tuple(in_order(odd)), length_seconds=4.0))
        sounding: set[int] = set()
        steps = 0
        for event in events:
            if event < performance.NOTE_OFF:
                assert event not in sounding
                sounding.add(event)
            elif event < performance.TIME_SHIFT:
                sounding.remove(event - performance.NOTE_OFF)
            elif event < performance.VELOCITY:
                steps += event - performance.TIME_SHIFT + 1
        assert not sounding
        assert steps in (400, 401)

    def test_an_empty_primer_is_none(self) -> None:
        assert 15.0 <= compose(primer=Primer(notes=(), length_seconds=0.0)).length_seconds <= 16.0


def test_a_key_is_spelt_as_it_was_asked_for() -> None:
    assert compose(key="Db").key == "Db major"
    assert parse_key("Db") == parse_key("C#")
