"""Compiled loops over whole pieces of a band, for training: the network's features.

Only training imports this module (numba). `BandState` defines the features; a test checks that both agree.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from generator.engine.encodings.band import (
    AGES,
    DURATIONS,
    LOOKBACK_BARS,
    NEVER,
    NUM_GAPS,
    PARTS,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    BandControls,
    BandSpec,
)
from generator.engine.encodings.drum_sounds import NUM_DRUM_SOUNDS

_DURATIONS = np.array(DURATIONS, np.int64)
_AGE_TABLE = np.array(AGES, np.float32)
_LOOKBACKS = np.array(LOOKBACK_BARS, np.int64)


@njit(cache=True)
def _run(  # type: ignore[no-untyped-def]
    events, first, sizes, places, note_lines, note_pitches, durations_of, age_of, lookback_bars, features
):
    """Apply `events` in order from the start of a piece; write the network's features after each from `first` on.

    `sizes`: note, duration, velocity, offset and the end of the classes; velocity and offset bins.
    `places`: first columns of step, beat, bar, sounding, bass, last_pitch, last_duration, age, loudness, placing, then
    the lookbacks and the gaps. `features` float32 [len(events) − first, features].
    """
    note, duration, velocity, offset, end, velocity_bins, offset_bins = sizes
    step_at, beat_at, bar_at, sounding_at, bass_at, pitch_at, length_at, age_at, loud_at, placing_at = places[:10]
    num_lookbacks = len(lookback_bars)
    now_at = places[10]
    lookbacks_at = places[11 : 11 + num_lookbacks]
    gaps_at = places[11 + num_lookbacks :]
    num_lines = NUM_DRUM_SOUNDS + (len(PARTS) - 1 if duration < velocity else 0)

    total = 1
    for event in events:
        if event < note:
            total += event + 1
    # Linked lists of the notes that started at each step.
    begun = np.full(total + 1, -1, np.int64)
    earlier = np.full(len(events), -1, np.int64)
    classes = np.zeros(len(events), np.int64)
    count = 0

    onsets = np.full(num_lines, NEVER, np.int64)
    ends = np.full((num_lines, 128), -1, np.int64)
    sounding = np.zeros(128, np.int64)
    durations = np.full(num_lines, 0, np.int64)
    pitched = np.zeros(num_lines, np.float32)
    lengths = np.zeros(num_lines, np.float32)
    loudness = np.zeros(num_lines, np.float32)
    placing = np.zeros(num_lines, np.float32)
    bass = -1
    step = 0
    line = 0
    pitch = 0

    for t in range(len(events)):
        event = events[t]
        if event < note:
            step += event + 1
            for ln in range(NUM_DRUM_SOUNDS, num_lines):
                for p in range(128):
                    if ends[ln, p] >= 0 and ends[ln, p] <= step:
                        ends[ln, p] = -1
                        sounding[p] -= 1
        elif event < duration:
            index = event - note
            line = note_lines[index]
            pitch = note_pitches[index]
            onsets[line] = step
            classes[count] = index
            earlier[count] = begun[step]
            begun[step] = count
            count += 1
            if line >= NUM_DRUM_SOUNDS:
                pitched[line] = (pitch - 60) / 24
                if line == NUM_DRUM_SOUNDS:
                    bass = pitch % 12
                if ends[line, pitch] < 0:
                    sounding[pitch] += 1
                ends[line, pitch] = step + durations_of[durations[line]]
        elif event < velocity:
            durations[line] = event - duration
            lengths[line] = (event - duration + 1) / len(durations_of)
            ends[line, pitch] = step + durations_of[event - duration]
        elif event < offset:
            loudness[line] = (event - velocity + 1) / velocity_bins
        elif event < end:
            placing[line] = (event - offset + 1) / offset_bins
        if t < first:
            continue
        row = features[t - first]
        in_bar = step % STEPS_PER_BAR
        bar = step // STEPS_PER_BAR
        row[step_at + in_bar % STEPS_PER_QUARTER] = 1.0
        row[beat_at + in_bar // STEPS_PER_QUARTER] = 1.0
        row[bar_at + bar % 8] = 1.0
        if bar % 16 >= 8:
            row[bar_at + 8] = 1.0
        for ln in range(num_lines):
            row[age_at + ln] = age_of[min(step - onsets[ln], len(age_of) - 1)]
            row[loud_at + ln] = loudness[ln]
        if offset_bins:
            for ln in range(num_lines):
                row[placing_at + ln] = placing[ln]
        if num_lines > NUM_DRUM_SOUNDS:
            for p in range(128):
                if sounding[p] > 0:
                    row[sounding_at + p] = 1.0
            if bass >= 0:
                row[bass_at + bass] = 1.0
            for part in range(num_lines - NUM_DRUM_SOUNDS):
                row[pitch_at + part] = pitched[NUM_DRUM_SOUNDS + part]
                row[length_at + part] = lengths[NUM_DRUM_SOUNDS + part]
        at = begun[step]
        while at >= 0:
            row[now_at + classes[at]] = 1.0
            at = earlier[at]
        for place in range(num_lookbacks):
            then = step - lookback_bars[place] * STEPS_PER_BAR
            if then >= 0:
                at = begun[then]
                while at >= 0:
                    row[lookbacks_at[place] + classes[at]] = 1.0
                    at = earlier[at]
            gap = NUM_GAPS
            for d in range(1, NUM_GAPS):
                if then + d >= 0 and then + d <= step and begun[then + d] >= 0:
                    gap = d
                    break
            row[gaps_at[place] + gap - 1] = 1.0


def band_features(
    events: NDArray[np.integer], first: int, spec: BandSpec, controls: BandControls
) -> NDArray[np.float32]:
    """The network's features after each event from index `first` on; earlier events are replayed from the start.

    Args:
        events: int [n] from the beginning of a piece; START may be the first.
        first: index of the first event to return features for.
        spec: the layout.
        controls: known for the whole piece; the caller adds the countdown, as its piece may start elsewhere.

    Returns:
        float32 [n − first, features].
    """
    layout = spec.layout
    features = np.empty((len(events) - first, layout.size), np.float32)
    features[:] = controls.features(spec)
    sizes = np.array(
        [spec.note, spec.duration, spec.velocity, spec.offset, spec.num_classes, spec.velocity_bins, spec.offset_bins]
    )
    places = np.array(
        [
            *(layout.step, layout.beat, layout.bar, layout.sounding, layout.bass),
            *(layout.last_pitch, layout.last_duration, layout.age, layout.loudness, layout.placing),
            *layout.lookbacks,
            *layout.gaps,
        ]
    )
    _run(
        events.astype(np.int64),
        first,
        sizes,
        places,
        spec.note_lines,
        spec.note_pitches,
        _DURATIONS,
        _AGE_TABLE,
        _LOOKBACKS,
        features,
    )
    return features


def steps_after(events: NDArray[np.integer], spec: BandSpec) -> NDArray[np.int64]:
    """The clock after each event, int64 [n]."""
    return np.cumsum(np.where(events < spec.note, events.astype(np.int64) + 1, 0))
