"""Exact repetition: the longest passage in which a pattern repeats immediately, and how much of a piece recurs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.music import Note

Numbers = NDArray[np.int64]

# Onsets within this many seconds of a chord's first are one chord.
CHORD_SECONDS = 0.04
# Longer patterns, in notes or bars, are not considered.
MAX_PERIOD_NOTES = 256
MAX_PERIOD_BARS = 16
# A shorter passage is not a loop.
MIN_LOOP_NOTES = 16


@dataclass(frozen=True, slots=True)
class Loop:
    """A passage [first, last] of elements, both inclusive, in which each equals the one `period` before; empty if
    `period` is 0. It contains the pattern at least twice."""

    first: int = 0
    last: int = -1
    period: int = 0

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def longest_loop(values: Numbers, max_period: int, *, min_length: int = 2) -> Loop:
    """The longest loop of a sequence; among equally long ones, the one with the shortest period.

    Args:
        values: int64 [n]; equal numbers are equal elements.
        max_period: the longest pattern.
        min_length: shorter loops do not count.
    """
    best = Loop()
    for period in range(1, min(max_period, len(values) // 2) + 1):
        same = values[period:] == values[:-period]
        # Only loops longer than the best so far matter.
        if np.count_nonzero(same) < max(period, best.length + 1 - period, min_length - period):
            continue
        begins, ends = runs(same)
        lengths = ends - begins
        at = int(lengths.argmax())
        length = int(lengths[at])
        if length >= period and length + period > max(best.length, min_length - 1):
            best = Loop(int(begins[at]), int(ends[at]) + period - 1, period)
    return best


def runs(flags: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Start (inclusive) and end (exclusive) of each run of True."""
    changes = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)


def in_chords(starts: NDArray[np.float64], pitches: Numbers) -> Numbers:
    """The order of the notes by chord and, within one, from low to high, so that slight unevenness hides nothing.

    Args:
        starts: float64 [n] seconds, rising.
    """
    chords = np.concatenate([[0], np.cumsum(np.diff(starts) > CHORD_SECONDS)]) if len(starts) else np.zeros(0, int)
    return np.lexsort((pitches, chords))


def bar_hashes(starts: NDArray[np.float64], lines: Numbers, seconds_per_bar: float, num_bars: int) -> Numbers:
    """A number for each bar, equal if the same notes start at the same sixteenths or triplets.

    Args:
        starts: float64 [n] seconds.
        lines: int64 [n], what is played: a number for each pair of voice and pitch.
        seconds_per_bar: of four quarters.
        num_bars: of the piece; later notes are ignored.
    """
    steps = np.rint(starts / seconds_per_bar * 48).astype(np.int64)
    inside = (steps >= 0) & (steps < 48 * num_bars)
    keys = ((lines[inside] * 48 + steps[inside] % 48).astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    keys ^= keys >> np.uint64(32)
    found = np.zeros(num_bars, np.uint64)
    # A sum does not depend on the order of a bar's notes.
    np.add.at(found, steps[inside] // 48, keys)
    return found.view(np.int64)


def loop_seconds(notes: list[Note], qpm: float | None = None) -> float:
    """The duration of a piece's longest exact loop, in seconds.

    With a tempo, loops consist of whole bars; empty bars are not a loop. In free time they have at least 16 notes whose
    pitches repeat in the same order, in any rhythm.
    """
    ordered = sorted(notes, key=lambda note: note.start_seconds)
    starts = np.array([note.start_seconds for note in ordered], np.float64)
    pitches = np.array([note.pitch for note in ordered], np.int64)
    if qpm is None:
        return free_loop_seconds(starts, pitches)
    return bar_loop(starts, pitches + 128 * np.array([note.voice for note in ordered], np.int64), qpm).length * (
        240.0 / qpm
    )


def free_loop_seconds(starts: NDArray[np.float64], pitches: Numbers) -> float:
    """`loop_seconds` in free time, of notes in the order of beginning."""
    order = in_chords(starts, pitches)
    loop = longest_loop(pitches[order], MAX_PERIOD_NOTES, min_length=MIN_LOOP_NOTES)
    return float(np.ptp(starts[order][loop.first : loop.last + 1])) if loop.period else 0.0


def bar_loop(starts: NDArray[np.float64], lines: Numbers, qpm: float) -> Loop:
    """The longest loop in bars of four quarters, ignoring empty bars."""
    seconds_per_bar = 240.0 / qpm
    num_bars = int(np.ceil(starts.max(initial=0.0) / seconds_per_bar + 1e-6))
    bars = bar_hashes(starts, lines, seconds_per_bar, num_bars)
    silent = bars == 0
    # Each empty bar differs from all others.
    bars[silent] = -1 - np.arange(np.count_nonzero(silent))
    return longest_loop(bars, MAX_PERIOD_BARS)


def repeated_share(values: Numbers, gram: int) -> float:
    """The share of a sequence's n-grams that occurred earlier in it, 0 to 1."""
    count = len(values) - gram + 1
    if count < 2:
        return 0.0
    hashed = np.zeros(count, np.uint64)
    mixed = (values.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(31)
    for place in range(gram):
        hashed = hashed * np.uint64(6364136223846793005) + mixed[place : place + count]
    return 1.0 - len(np.unique(hashed)) / count
