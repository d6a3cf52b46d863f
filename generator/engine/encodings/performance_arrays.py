"""Compiled loops over whole performances, for training: the sustain pedal and the network's features.

Only training imports this module (numba). `PianoState` defines the features; a test checks that both agree.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from generator.engine.encodings.performance import (
    NOTE_OFF,
    NUM_PITCHES,
    TIME_SHIFT,
    VELOCITY,
)

_PEDAL_DOWN, _PEDAL_UP, _NOTE_ON, _NOTE_OFF = range(4)


@njit(cache=True)
def _sustain(times, kinds, owners, pitches, starts, ends, kept):  # type: ignore[no-untyped-def]
    """note_seq's ``apply_sustain_control_changes`` for one instrument, in place on `ends` and `kept`."""
    active = np.empty(len(starts), np.int64)
    num_active = 0
    pedal = False
    now = 0.0
    for event in range(len(times)):
        now = times[event]
        owner = owners[event]
        kind = kinds[event]
        if kind == 0:
            pedal = True
        elif kind == 1:
            pedal = False
            left = 0
            for i in range(num_active):
                note = active[i]
                if ends[note] < now:
                    ends[note] = now
                else:
                    active[left] = note
                    left += 1
            num_active = left
        elif kind == 2:
            if pedal:
                left = 0
                for i in range(num_active):
                    note = active[i]
                    if pitches[note] == pitches[owner]:
                        ends[note] = now
                        if starts[note] == now:
                            kept[note] = False
                    else:
                        active[left] = note
                        left += 1
                num_active = left
            active[num_active] = owner
            num_active += 1
        elif not pedal:
            left = 0
            for i in range(num_active):
                if active[i] != owner:
                    active[left] = active[i]
                    left += 1
            num_active = left
    for i in range(num_active):
        ends[active[i]] = now


def apply_sustain(
    start_seconds: NDArray[np.float64],
    end_seconds: NDArray[np.float64],
    pitches: NDArray[np.uint8],
    pedal_seconds: NDArray[np.float64],
    pedal_values: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Extend the notes of one instrument by its sustain pedal (controller 64; down from 64 up).

    Returns:
        The new end times, float64 [notes], and which notes are kept, bool [notes] (of two notes of one pitch that
        start together under the pedal, one goes).
    """
    count = len(pitches)
    index = np.arange(count)
    times = np.concatenate([pedal_seconds, start_seconds, end_seconds])
    kinds = np.concatenate(
        [
            np.where(pedal_values >= 64, _PEDAL_DOWN, _PEDAL_UP),
            np.full(count, _NOTE_ON),
            np.full(count, _NOTE_OFF),
        ]
    )
    owners = np.concatenate([np.full(len(pedal_values), -1), index, index])
    order = np.lexsort((kinds, times))
    ends = end_seconds.copy()
    kept = np.ones(count, bool)
    _sustain(times[order], kinds[order], owners[order], pitches, start_seconds, ends, kept)
    return ends, kept


@njit(cache=True)
def _apply(event, onset_steps, step):  # type: ignore[no-untyped-def]
    if event < NOTE_OFF:
        onset_steps[event] = step
    elif event < TIME_SHIFT:
        onset_steps[event - NOTE_OFF] = -1
    elif event < VELOCITY:
        step += event - TIME_SHIFT + 1
    return step


@njit(cache=True)
def advance(events, onset_steps, step):  # type: ignore[no-untyped-def]
    """Apply `events` to one keyboard, `onset_steps` int64 [128] in place; returns the new clock."""
    for event in events:
        step = _apply(event, onset_steps, step)
    return step


@njit(cache=True)
def piano_features(events, onset_steps, step, features):  # type: ignore[no-untyped-def]
    """Apply `events` one by one and write the keyboard after each to `features` float32 [events, 280].

    `onset_steps` int64 [128] is changed in place; returns the new clock. Columns of the controls are left alone.
    """
    for t in range(len(events)):
        step = _apply(events[t], onset_steps, step)
        for pitch in range(NUM_PITCHES):
            if onset_steps[pitch] >= 0:
                features[t, pitch] = 1.0
                features[t, NUM_PITCHES + pitch] = 0.5 * np.log1p((step - onset_steps[pitch]) / 10.0)
            else:
                features[t, pitch] = 0.0
                features[t, NUM_PITCHES + pitch] = 0.0
    return step
