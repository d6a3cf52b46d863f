"""A primer as events of the `band` encoding."""

from collections.abc import Sequence

import numpy as np

from generator.engine.arranging import MINOR, estimate_key
from generator.engine.encodings.band import (
    DRUMS,
    MAX_ADVANCE,
    PITCH_RANGES,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    BandNotes,
    BandSpec,
    encode,
)
from generator.engine.encodings.drum_sounds import GM_MAP
from generator.engine.keys import Key, parse_key
from generator.engine.manifest import Ensemble
from generator.engine.music import Note
from generator.engine.primers import Primer


def primer_key(primer: Primer, ensemble: Ensemble) -> Key | None:
    """The primer's key, estimated if it names none; None if it has no pitched notes."""
    if primer.key:
        return parse_key(primer.key)
    pitched = [note for note in primer.notes if not ensemble.voices[note.voice].is_drum]
    if not pitched:
        return None
    weights = np.bincount([note.pitch % 12 for note in pitched], [note.length_seconds for note in pitched], 12)
    tonic, mode, _ = estimate_key(weights.astype(np.float64))
    return Key(tonic, "minor" if mode == MINOR else "major")


def primer_events(
    primer: Primer, ensemble: Ensemble, parts: Sequence[str], qpm: float, spec: BandSpec
) -> tuple[int, list[int]]:
    """The step where the new music starts, a bar line, and the class indices that lead there.

    Notes of inactive parts are dropped; the others are transposed from the primer's key to C major or A minor.
    """
    step_seconds = 60.0 / (primer.qpm or qpm) / STEPS_PER_QUARTER
    bars = max(1, -(-round(primer.length_seconds / step_seconds) // STEPS_PER_BAR)) if primer.notes else 0
    end = bars * STEPS_PER_BAR
    key = primer_key(primer, ensemble)
    down = key.transposition if key else 0
    # (step, class) → duration, velocity, offset; the later of two such notes wins.
    rows: dict[tuple[int, int], tuple[int, int, float]] = {}
    for note in primer.notes:
        part = ensemble.voices[note.voice].part
        index = _note_class(note, part, down, spec) if part in parts else None
        at = note.start_seconds / step_seconds
        step = int(at + 0.5)
        if index is not None and step < end:
            duration = max(1, min(round(note.length_seconds / step_seconds), end - step))
            rows[step, index] = (1 if part == DRUMS else duration, note.velocity, at - step)
    order = sorted(rows)
    notes = BandNotes(
        starts=np.array([step for step, _ in order], np.int64),
        durations=np.array([rows[one][0] for one in order], np.int64),
        classes=np.array([index for _, index in order], np.int64),
        velocities=np.array([rows[one][1] for one in order], np.int64),
        offsets=np.array([rows[one][2] for one in order], np.float64),
    )
    events = encode(notes, spec).tolist()
    left = end - (order[-1][0] if order else 0)
    full, rest = divmod(left, MAX_ADVANCE)
    return end, events + [MAX_ADVANCE - 1] * full + ([rest - 1] if rest else [])


def _note_class(note: Note, part: str, down: int, spec: BandSpec) -> int | None:
    """Note class, or None for a drum that no kit of ours has."""
    if part == DRUMS:
        return GM_MAP.get(note.pitch)
    low, high = PITCH_RANGES[part]
    pitch = note.pitch - down
    if pitch < low:
        pitch = low + (pitch - low) % 12
    if pitch > high:
        pitch = high - (high - pitch) % 12
    return spec.part_starts[part] + pitch - low
