"""The `band` encoding: there and back, its grammar, and the two ways to the same features."""

import numpy as np
import pytest

from generator.engine.encodings.band import (
    DURATIONS,
    NUM_DURATIONS,
    PARTS,
    STEPS_PER_BAR,
    BandControls,
    BandNotes,
    BandSpec,
    BandState,
    countdown_bin,
    decode,
    encode,
)
from generator.engine.encodings.band_arrays import band_features, steps_after

SPECS = [
    BandSpec(PARTS, velocity_bins=8),
    BandSpec(("drums",), velocity_bins=16, offset_bins=8),
    BandSpec(("drums", "bass", "lead"), velocity_bins=8, offset_bins=4),
]


def random_notes(spec: BandSpec, seed: int, count: int = 400, bars: int = 20) -> BandNotes:
    rng = np.random.default_rng(seed)
    places = np.unique(rng.integers(0, STEPS_PER_BAR * bars, count) * 1000 + rng.integers(0, spec.num_notes, count))
    starts, classes = places // 1000, places % 1000
    count = len(starts)
    durations = np.array(DURATIONS)[rng.integers(0, NUM_DURATIONS, count)]
    return BandNotes(starts, durations, classes, rng.integers(1, 128, count), rng.uniform(-0.5, 0.5, count))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: "-".join(spec.parts))
@pytest.mark.parametrize("seed", range(3))
def test_notes_come_back_as_they_went_in(spec: BandSpec, seed: int) -> None:
    notes = random_notes(spec, seed)
    events = encode(notes, spec)
    found = decode(events, spec)
    assert found.starts.tolist() == notes.starts.tolist()
    assert found.classes.tolist() == notes.classes.tolist()
    pitched = spec.note_parts[notes.classes] > 0
    assert found.durations[pitched].tolist() == notes.durations[pitched].tolist()
    assert np.abs(found.velocities - notes.velocities).max() <= 127 / spec.velocity_bins
    if spec.offset_bins:
        assert np.abs(found.offsets - notes.offsets).max() <= 0.5 / spec.offset_bins + 1e-9
    else:
        assert not found.offsets.any()
    assert encode(found, spec).tolist() == events.tolist()


def test_what_does_not_change_is_not_said_again() -> None:
    spec = SPECS[0]
    bass = spec.part_starts["bass"] + 12
    notes = BandNotes(
        np.array([0, 6, 12, 108]), np.array([6, 6, 12, 12]), np.full(4, bass), np.full(4, 100), np.zeros(4)
    )
    events = encode(notes, spec)
    loud = spec.velocity + int(spec.velocity_bin(np.array([100]))[0])
    eighth, quarter = (spec.duration + DURATIONS.index(steps) for steps in (6, 12))
    note = spec.note + bass
    assert events.tolist() == [note, eighth, loud, 5, note, 5, note, quarter, 47, 47, note]
    assert steps_after(events, spec).tolist() == [0, 0, 0, 6, 6, 12, 12, 12, 60, 108, 108]


def test_a_hat_keeps_its_own_loudness_beside_the_snare() -> None:
    spec = SPECS[1]
    hat, snare = 5, 1
    notes = BandNotes(
        np.array([0, 0, 6, 12, 12]),
        np.ones(5, np.int64),
        np.array([snare, hat, hat, snare, hat]),
        np.array([120, 40, 40, 120, 40]),
        np.zeros(5),
    )
    events = encode(notes, spec).tolist()
    assert sum(event >= spec.velocity for event in events) == 4, "one VELOCITY and one OFFSET for each of the two"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: "-".join(spec.parts))
def test_training_and_composing_read_the_same_features(spec: BandSpec) -> None:
    events = [spec.start, *encode(random_notes(spec, 7), spec).tolist()]
    controls = BandControls(qpm=97.0, mode=1, feel=0, density=3, style=2, parts=spec.parts)
    compiled = band_features(np.array(events), 0, spec, controls)
    state = BandState(spec, controls)
    for event, row in zip(events, compiled, strict=True):
        state.advance(event)
        np.testing.assert_allclose(state.features, row, atol=1e-6)
    late = band_features(np.array(events), len(events) // 2, spec, controls)
    assert np.array_equal(late, compiled[len(events) // 2 :])


def test_the_place_a_bar_ago_is_seen() -> None:
    spec = SPECS[0]
    state = BandState(spec, BandControls())
    kick = spec.note
    for event in (spec.start, kick, spec.velocity, 47):
        state.advance(event)
    assert state.features[spec.layout.lookbacks[1]] == 1.0
    assert state.features[spec.layout.lookbacks[2]] == 0.0
    state.advance(kick)
    assert state.features[spec.layout.lookbacks[0]] == 1.0
    state.advance(11)
    assert state.features[spec.layout.lookbacks[1]] == 0.0


def test_the_countdown_ends_in_the_last_bar() -> None:
    spec = SPECS[1]
    state = BandState(spec, BandControls(num_steps=2 * STEPS_PER_BAR))
    first = spec.layout.countdown
    assert state.features[first + 1] == 1.0
    for event in (spec.start, spec.note, spec.velocity, spec.offset, 47):
        state.advance(event)
    assert state.features[first : first + 2].tolist() == [1.0, 0.0]
    assert [countdown_bin(bars) for bars in (0, 16, 17, 23, 24, 1000)] == [0, 16, 17, 17, 18, 22]
