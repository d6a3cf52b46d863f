"""Composing bands over networks that a test decides: any logits at all make pieces that keep the rules."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.engine.bundles import Bundle
from generator.engine.composer import Composer, Composition, Listener
from generator.engine.controls import compose_request
from generator.engine.encodings import band_session
from generator.engine.encodings.band import (
    DURATIONS,
    MAX_NOTES_AT_ONCE,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    band_spec,
    spec_of,
)
from generator.engine.errors import BundleError
from generator.engine.keys import MODES, Key, parse_key
from generator.engine.manifest import Encoding, Manifest
from generator.engine.midi import inspect
from generator.engine.music import PARTS, Note, in_order
from generator.engine.phrases import closing_bars, drum_bars
from generator.engine.primers import Primer
from tests.engine.fakes import BandRuntime, drummers_bundle, rock_bundle
from tests.manifests import band_manifest


def compose(bundle: Bundle | None = None, runtime: Any = None, *, seed: int = 1, **chosen: Any) -> Composition:
    bundle = bundle or rock_bundle()
    composer = Composer(bundle, runtime=runtime or BandRuntime(bundle.manifest))
    return composer.compose(compose_request(bundle.manifest, seed=seed, **({"bars": 8} | chosen)))


class ShyRuntime(BandRuntime):
    """Steady playing by everybody but one part, which the network all but leaves out."""

    def __init__(self, manifest: Manifest, part: str) -> None:
        super().__init__(manifest, sharpness=0.5)
        spec = band_spec(manifest.encoding.parts, manifest.encoding.velocity_bins, manifest.encoding.offset_bins)
        self._taste[:, spec.note : spec.duration][:, spec.note_parts == PARTS.index(part)] -= 6.0


class RepeatingRuntime(BandRuntime):
    """Drumming that would be the same bar for ever: what stood at each place a bar ago is all that is wanted there."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest, sharpness=0.5, deaf=True)
        self._spec = spec_of(manifest.encoding)

    def step(self, class_indices: Any, features: Any, state: Any) -> Any:
        logits, state = super().step(class_indices, features, state)
        spec, layout = self._spec, self._spec.layout
        stood = features[:, layout.lookbacks[1] : layout.lookbacks[1] + spec.num_notes]
        logits[:, spec.note : spec.duration] += 3.0 * stood
        # Eighths, all of them.
        logits[:, : spec.note] -= 20.0
        logits[:, 5] += 20.0
        return logits, state


def part_of(piece: Composition, note: Note) -> str:
    return piece.voices[note.voice].part


def steps_of(piece: Composition, note: Note) -> float:
    assert piece.qpm is not None
    return note.start_seconds * piece.qpm / 60 * STEPS_PER_QUARTER


def check_rules(piece: Composition, bars: int) -> None:
    """What holds for every piece of a band, whatever the network."""
    assert piece.qpm is not None
    bar = 240.0 / piece.qpm
    step = bar / STEPS_PER_BAR
    last = max(note.start_seconds for note in piece.notes)
    assert last == pytest.approx((bars - 1) * bar, abs=0.51 * step)
    assert (bars - 1) * bar + 0.5 < piece.length_seconds <= bars * bar + 1e-6
    starts = sorted({note.start_seconds for note in piece.notes})
    assert starts[0] <= 0.5 + step
    # Sounding notes aside, nobody waits longer than this for a new one.
    assert np.diff(starts).max(initial=0.0) <= max(2.5, bar / 4) + step
    lines: dict[tuple[int, int], list[Note]] = {}
    at_once: Counter[tuple[str, int]] = Counter()
    for note in piece.notes:
        assert 0 <= note.pitch <= 127 and 1 <= note.velocity <= 127
        assert note.start_seconds < note.end_seconds
        lines.setdefault((note.voice, note.pitch), []).append(note)
        at_once[part_of(piece, note), round(steps_of(piece, note))] += 1
    for line in lines.values():
        for before, after in itertools.pairwise(line):
            assert before.end_seconds <= after.start_seconds + 1e-9
    assert all(count <= MAX_NOTES_AT_ONCE[part] for (part, _), count in at_once.items())
    facts = inspect(piece.to_midi_bytes())
    assert (facts.stuck_notes, facts.overlapping_notes) == (0, 0)
    assert facts.qpm == pytest.approx(piece.qpm, rel=1e-5)


class TestAnyNetwork:
    @settings(deadline=None, max_examples=12)
    @given(
        seed=st.integers(0, 2**32),
        sharpness=st.sampled_from([0.5, 3.0, 12.0]),
        qpm=st.sampled_from([60, 73.3, 90]),
        bars=st.sampled_from([6, 7]),
        feel=st.sampled_from(["", "straight", "swing"]),
        density=st.sampled_from(["", "sparse", "dense"]),
        mode=st.sampled_from(["", *MODES]),
        off=st.sets(st.sampled_from(PARTS), max_size=4),
    )
    def test_a_band_keeps_the_rules(
        self, seed: int, sharpness: float, qpm: float, bars: int, feel: str, density: str, mode: str, off: set[str]
    ) -> None:
        bundle = rock_bundle()
        key = Key(seed % 12, mode).name if mode else ""
        runtime = BandRuntime(bundle.manifest, seed, sharpness=sharpness)
        wish = {"qpm": qpm, "bars": bars, "feel": feel, "density": density, "key": key, "voices_off": sorted(off)}
        piece = compose(bundle, runtime, seed=seed, **wish)
        check_rules(piece, bars)
        assert not {part_of(piece, note) for note in piece.notes} & off
        places = {"": range(12), "straight": (0, 3, 6, 9), "swing": (0, 4, 8)}[feel]
        assert {round(steps_of(piece, note)) % STEPS_PER_QUARTER for note in piece.notes} <= set(places)
        pitched = [note for note in piece.notes if part_of(piece, note) != "drums"]
        if key and pitched:
            inside = sum(note.pitch % 12 in parse_key(key).pitch_classes for note in pitched)
            assert inside >= 0.95 * len(pitched)
            assert piece.key == key

    @settings(deadline=None, max_examples=6)
    @given(seed=st.integers(0, 2**32), sharpness=st.sampled_from([0.5, 3.0, 12.0]), qpm=st.sampled_from([70, 110, 180]))
    def test_a_drummer_keeps_the_rules_and_the_human_timing(self, seed: int, sharpness: float, qpm: float) -> None:
        bundle = drummers_bundle()
        piece = compose(bundle, BandRuntime(bundle.manifest, seed, sharpness=sharpness), seed=seed, qpm=qpm, bars=12)
        check_rules(piece, 12)
        assert piece.key is None
        struck = [note for note in piece.notes if steps_of(piece, note) < 11 * STEPS_PER_BAR - 1]
        assert all(note.length_seconds <= 0.25 + 1e-9 for note in struck)
        offsets = {round(steps_of(piece, note) % 1.0, 4) for note in struck}
        assert offsets <= {(n + 0.5) / 8 for n in range(8)} | {0.0}
        assert len(offsets) > 1


class TestEnding:
    @pytest.mark.parametrize("key", ["", "C major", "F# minor", "D dorian", "Ab lydian"])
    @pytest.mark.parametrize("seed", range(2))
    def test_everybody_who_played_ends_with_one_ringing_hit_on_the_tonic(self, seed: int, key: str) -> None:
        piece = compose(seed=seed, key=key, qpm=120, bars=12)
        final = [note for note in piece.notes if note.start_seconds == 22.0]
        assert {note.voice for note in final} == {note.voice for note in piece.notes}
        assert all(note.length_seconds >= 1.5 for note in final)
        assert max(note.start_seconds for note in piece.notes) == 22.0
        assert piece.key is not None
        triad = parse_key(piece.key).tonic_triad
        assert {note.pitch % 12 for note in final if part_of(piece, note) != "drums"} <= triad
        assert {36, 49, 57} & {note.pitch for note in final if part_of(piece, note) == "drums"}

    def test_a_drummer_ends_with_a_kick_or_a_crash_that_rings(self) -> None:
        piece = compose(drummers_bundle(), qpm=120)
        final = [note for note in piece.notes if note.start_seconds > 13.9]
        assert {36, 49, 57} & {note.pitch for note in final}
        assert piece.length_seconds == 16.0

    @pytest.mark.parametrize(("seconds", "qpm", "bars"), [(60, 120, 30), (61.1, 120, 31), (20, 60, 5), (17, 66, 5)])
    def test_a_length_in_seconds_is_the_nearest_number_of_bars(self, seconds: float, qpm: float, bars: int) -> None:
        check_rules(compose(length_seconds=seconds, qpm=qpm, bars=None), bars)


class TestControls:
    def test_the_network_hears_what_was_asked_for(self) -> None:
        bundle = rock_bundle()
        layout = spec_of(bundle.manifest.encoding).layout
        runtime = BandRuntime(bundle.manifest)
        compose(
            bundle,
            runtime,
            key="E minor",
            feel="swing",
            density="dense",
            style="punk",
            voices_off=["keys", "lead"],
        )
        for heard in (runtime.heard[0], runtime.heard[-1]):
            assert heard[layout.mode : layout.mode + 2].tolist() == [0, 1]
            assert heard[layout.feel : layout.feel + 2].tolist() == [0, 1]
            # "Dense" is bin 5 of a whole band; three of the five have fewer notes.
            assert heard[layout.density : layout.density + 8].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
            assert heard[layout.style : layout.style + 2].tolist() == [0, 1]
            assert heard[layout.parts : layout.parts + 5].tolist() == [1, 1, 1, 0, 0]
        countdowns = [int(row[layout.countdown : layout.elapsed].argmax()) for row in runtime.heard]
        assert countdowns == sorted(countdowns, reverse=True)
        assert (countdowns[0], countdowns[-1]) == (7, 0)

    def test_a_band_that_nobody_told_anything_has_a_density_of_its_own(self) -> None:
        bundle = rock_bundle()
        layout = spec_of(bundle.manifest.encoding).layout
        densities = set()
        for seed in range(8):
            runtime = BandRuntime(bundle.manifest)
            compose(bundle, runtime, seed=seed)
            heard = runtime.heard[0]
            assert not heard[layout.feel : layout.feel + 2].any()
            assert not heard[layout.style : layout.parts].any()
            assert heard[layout.parts : layout.parts + 5].all()
            assert heard[layout.density : layout.style].sum() == 1.0
            densities.add(int(heard[layout.density : layout.style].argmax()))
        assert len(densities) > 1

    def test_a_drummer_that_nobody_told_anything_has_a_style_of_the_seed(self) -> None:
        bundle = drummers_bundle()
        layout = spec_of(bundle.manifest.encoding).layout
        offered = bundle.manifest.controls.style
        assert offered is not None
        styles = set()
        for seed in range(12):
            runtime = BandRuntime(bundle.manifest)
            compose(bundle, runtime, seed=seed)
            heard = runtime.heard[0]
            assert not heard[layout.feel : layout.style].any()
            assert heard[layout.style : layout.parts].sum() == 1.0
            styles.add(int(heard[layout.style : layout.parts].argmax()))
        assert len(styles) > 1 and styles <= {choice.value for choice in offered.choices}

    def test_a_drummer_fills_about_as_many_phrases_as_people_do_whatever_the_network(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bundle = drummers_bundle()

        def filled() -> float:
            """Of the bars that close a phrase."""
            counts = []
            for seed in range(6):
                piece = compose(bundle, RepeatingRuntime(bundle.manifest), seed=seed, bars=33)
                counts.append(closing_bars(drum_bars(piece.notes, piece.qpm or 120.0, drum_voices={0})))
            return sum(new for new, _ in counts) / sum(closing for _, closing in counts)

        found = filled()
        monkeypatch.setattr(band_session, "FILL_SHARE", 0.0)
        never = filled()
        monkeypatch.setattr(band_session, "FILL_SHARE", 1.0)
        always = filled()
        assert never < 0.2 < found < 0.6 < always

    def test_another_tempo_moves_the_same_notes(self) -> None:
        slow, fast = (compose(qpm=qpm, bars=12, runtime=BandRuntime(band_manifest(), deaf=True)) for qpm in (100, 125))
        assert [round(n.start_seconds * 100, 6) for n in slow.notes] == [
            round(n.start_seconds * 125, 6) for n in fast.notes
        ]

    def test_the_key_is_drawn_from_the_seed_and_shared_by_takes(self) -> None:
        keys = [compose(seed=seed, bars=8).key for seed in range(8)]
        assert len(set(keys)) > 3
        assert compose(seed=3, take=2).key == keys[3]

    def test_density_levels_come_in_their_order(self) -> None:
        counts = [len(compose(seed=5, bars=24, density=level).notes) for level in ("sparse", "medium", "dense")]
        assert counts == sorted(counts)
        assert counts[2] > 1.5 * counts[0]

    @pytest.mark.parametrize(("off", "lead"), [((), "lead"), (("lead",), "keys")])
    def test_a_starting_note_is_the_first_of_the_leading_voice(self, off: tuple[str, ...], lead: str) -> None:
        for seed in range(2):
            piece = compose(seed=seed, starting_note=66, voices_off=off)
            first = next(note for note in piece.notes if part_of(piece, note) == lead)
            assert (first.pitch, first.start_seconds) == (66, 0.0)
            assert piece.key is not None and 6 in parse_key(piece.key).pitch_classes

    def test_a_voice_that_is_off_leaves_its_place_among_the_others(self) -> None:
        piece = compose(voices_off=["drums", "lead"], bars=16)
        assert {note.voice for note in piece.notes} == {1, 2, 3}

    @pytest.mark.parametrize("shy", ["drums", "bass", "rhythm", "keys", "lead"])
    def test_a_part_that_the_network_would_leave_out_is_heard(self, shy: str) -> None:
        bundle = rock_bundle()
        runtime = ShyRuntime(bundle.manifest, shy)
        piece = compose(bundle, runtime, bars=30, qpm=120, density="medium")
        mine = [note for note in piece.notes if part_of(piece, note) == shy]
        bars = sorted({int(steps_of(piece, note) + 0.01) // STEPS_PER_BAR for note in mine})
        assert max(np.diff([0, *bars, 29])) <= 13
        assert len(mine) < 0.5 * len(piece.notes)
        # Who was not asked for is not drawn in.
        alone = compose(bundle, runtime, bars=12, voices_off=[shy])
        assert shy not in {part_of(alone, note) for note in alone.notes}

    def test_an_ensemble_without_a_part_never_plays_it(self) -> None:
        piece = compose(ensemble="trio", bars=16)
        assert {part_of(piece, note) for note in piece.notes} == {"drums", "bass", "rhythm"}


class TestBatches:
    def test_pieces_in_one_batch_are_those_composed_alone(self) -> None:
        bundle = rock_bundle()
        composer = Composer(bundle, runtime=BandRuntime(bundle.manifest))
        wishes: list[dict[str, Any]] = [
            {"bars": 8},
            {"bars": 12, "key": "D minor", "density": "dense"},
            {"bars": 9, "feel": "swing", "ensemble": "trio"},
            {"bars": 8, "take": 1},
            {"bars": 8, "style": "punk", "density": "sparse"},
        ]
        requests = [compose_request(bundle.manifest, seed=4, **wish) for wish in wishes]
        together = composer.compose_many(requests)
        assert together == [composer.compose(request) for request in requests]
        assert len({tuple(piece.notes) for piece in together if piece}) == 5

    def test_what_is_settled_was_told_before_and_every_note_once(self) -> None:
        for bundle in (rock_bundle(), drummers_bundle()):
            composer = Composer(bundle, runtime=BandRuntime(bundle.manifest))
            composer.chunk_wall_seconds = 0.0
            told: list[Note] = []
            settled: list[tuple[float, int]] = []

            def mark(seconds: float, told: list[Note] = told, settled: list[tuple[float, int]] = settled) -> None:
                settled.append((seconds, len(told)))

            request = compose_request(bundle.manifest, seed=2, bars=16)
            (piece,) = composer.compose_many([request], [Listener(told.extend, mark)])
            assert piece is not None and in_order(told) == piece.notes
            assert len(settled) > 10
            for second, count in settled:
                assert {n for n in piece.notes if n.start_seconds < second} <= set(told[:count])


def primer_of_two_bars(qpm: float | None = 100.0, key: str | None = "D major") -> Primer:
    """A scale in D on the lead, a drum on each beat, two bars."""
    beat = 60.0 / (qpm or 120.0)
    scale = [62, 64, 66, 67, 69, 71, 73, 74]
    notes = [Note(pitch, 90, i * beat, (i + 1) * beat, 4) for i, pitch in enumerate(scale)]
    notes += [Note(36, 100, i * beat, i * beat + 0.1, 0) for i in range(8)]
    return Primer(notes=tuple(in_order(notes)), length_seconds=8 * beat, qpm=qpm, key=key)


class TestPrimer:
    def test_the_network_hears_the_primer_in_its_own_frame_first(self) -> None:
        bundle = rock_bundle()
        spec = spec_of(bundle.manifest.encoding)
        runtime = BandRuntime(bundle.manifest)
        piece = compose(bundle, runtime, primer=primer_of_two_bars(), bars=8)
        classes = [event - spec.note for event in runtime.events if spec.note <= event < spec.duration]
        pitches = [int(spec.note_pitches[c]) for c in classes if spec.note_parts[c] == 4][:8]
        assert pitches == [60, 62, 64, 65, 67, 69, 71, 72]
        assert (piece.qpm, piece.key, piece.kept_seconds) == (100.0, "D major", 0.0)
        check_rules(piece, 8)

    def test_a_primer_that_is_kept_begins_the_piece(self) -> None:
        primer = primer_of_two_bars()
        told: list[Note] = []
        bundle = rock_bundle()
        composer = Composer(bundle, runtime=BandRuntime(bundle.manifest))
        wish: dict[str, Any] = {"seed": 1, "bars": 8, "primer": primer}
        (kept,) = composer.compose_many(
            [compose_request(bundle.manifest, **wish, keep_primer=True)], [Listener(told.extend)]
        )
        alone = composer.compose(compose_request(bundle.manifest, **wish))
        assert kept is not None
        assert kept.kept_seconds == pytest.approx(4.8)
        assert kept.notes[: len(primer.notes)] == list(primer.notes) == told[: len(primer.notes)]
        assert in_order(told) == kept.notes
        assert [n.pitch for n in kept.notes[len(primer.notes) :]] == [n.pitch for n in alone.notes]
        assert kept.length_seconds == pytest.approx(alone.length_seconds + 4.8)

    def test_at_another_tempo_the_kept_notes_keep_their_places_in_the_bar(self) -> None:
        piece = compose(primer=primer_of_two_bars(), keep_primer=True, qpm=200, bars=13)
        assert piece.kept_seconds == pytest.approx(2.4)
        assert [round(steps_of(piece, note)) for note in piece.notes if note.voice == 4][:4] == [0, 12, 24, 36]

    def test_without_a_key_of_its_own_it_is_estimated(self) -> None:
        assert compose(primer=primer_of_two_bars(key=None)).key == "D major"

    def test_voices_that_are_off_are_left_out_of_the_primer_as_well(self) -> None:
        piece = compose(primer=primer_of_two_bars(), keep_primer=True, voices_off=["lead"])
        assert 4 not in {note.voice for note in piece.notes}

    def test_an_empty_primer_is_none(self) -> None:
        piece = compose(primer=Primer(notes=(), length_seconds=0.0), keep_primer=True)
        check_rules(piece, 8)


class TestRefusals:
    def test_a_band_of_another_shape_is_refused(self) -> None:
        manifest = band_manifest(encoding=Encoding("band", 0, 8, 999, steps_per_quarter=12, parts=PARTS))
        with pytest.raises(
            BundleError, match="Expected an encoding band of 357 classes in the bundle; got band of 999"
        ):
            Composer(Bundle(manifest, b"", "ab" * 32, {}), runtime=BandRuntime(rock_bundle().manifest))


def test_the_longest_duration_is_four_bars() -> None:
    """What bounds how long a listener waits for notes to settle."""
    assert DURATIONS[-1] == 4 * STEPS_PER_BAR
