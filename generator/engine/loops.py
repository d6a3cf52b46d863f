"""Exact repetition: the longest stretch in which a pattern follows itself, and how much of a piece comes again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.music import Note

Numbers = NDArray[np.int64]

# Onsets within so many seconds of a chord's first are one chord.
CHORD_SECONDS = 0.04
# Patterns of more notes or bars are not looked for.
MAX_PERIOD_NOTES = 256
MAX_PERIOD_BARS = 16
# A shorter stretch of notes is no loop.
MIN_LOOP_NOTES = 16


@dataclass(frozen=True, slots=True)
class Loop:
    """A stretch [first, last] of elements, both inclusive, in which each equals the one `period` before; empty where
    `period` is 0. It holds the pattern at least twice.
    """

    first: int = 0
    last: int = -1
    period: int = 0

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def longest_loop(values: Numbers, max_period: int, *, min_length: int = 2) -> Loop:
    """The longest loop of a sequence; of equally long ones that of the shortest period.

    Args:
        values: int64 [n]; equal numbers are equal elements.
        max_period: the longest pattern.
        min_length: shorter loops do not count.
    """
    best = Loop()
    for period in range(1, min(max_period, len(values) // 2) + 1):
        same = values[period:] == values[:-period]
        # Only what is longer than the best so far matters.
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
    """Begin (inclusive) and end (exclusive) of each run of True."""
    changes = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)


def in_chords(starts: NDArray[np.float64], pitches: Numbers) -> Numbers:
    """The order of the notes by chords and, within one, from low to high, so that small unevenness hides nothing.

    Args:
        starts: float64 [n] seconds, rising.
    """
    chords = np.concatenate([[0], np.cumsum(np.diff(starts) > CHORD_SECONDS)]) if len(starts) else np.zeros(0, int)
    return np.lexsort((pitches, chords))


def bar_hashes(starts: NDArray[np.float64], lines: Numbers, seconds_per_bar: float, num_bars: int) -> Numbers:
    """A number for each bar, equal where the same notes begin at the same sixteenths or triplets of it.

    Args:
        starts: float64 [n] seconds.
        lines: int64 [n], what is played: a number for each pair of voice and pitch.
        seconds_per_bar: of four quarters.
        num_bars: of the piece; later notes are left out.
    """
    steps = np.rint(starts / seconds_per_bar * 48).astype(np.int64)
    inside = (steps >= 0) & (steps < 48 * num_bars)
    keys = ((lines[inside] * 48 + steps[inside] % 48).astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    keys ^= keys >> np.uint64(32)
    found = np.zeros(num_bars, np.uint64)
    # A sum does not depend on the order in which notes of a bar come.
    np.add.at(found, steps[inside] // 48, keys)
    return found.view(np.int64)


def loop_seconds(notes: list[Note], qpm: float | None = None) -> float:
    """How long the longest exact loop of a piece lasts, in seconds.

    With a tempo loops are of whole bars; empty bars are no loop. In free time they are of at least 16 notes whose
    pitches come again in the same order, whatever their rhythm.
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
    """The longest loop in bars of four quarters, empty bars left out."""
    seconds_per_bar = 240.0 / qpm
    num_bars = int(np.ceil(starts.max(initial=0.0) / seconds_per_bar + 1e-6))
    bars = bar_hashes(starts, lines, seconds_per_bar, num_bars)
    silent = bars == 0
    # Each empty bar differs from all others.
    bars[silent] = -1 - np.arange(np.count_nonzero(silent))
    return longest_loop(bars, MAX_PERIOD_BARS)


def repeated_share(values: Numbers, gram: int) -> float:
    """Of all n-grams of a sequence the part that came before in it, 0 to 1."""
    count = len(values) - gram + 1
    if count < 2:
        return 0.0
    hashed = np.zeros(count, np.uint64)
    mixed = (values.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(31)
    for place in range(gram):
        hashed = hashed * np.uint64(6364136223846793005) + mixed[place : place + count]
    return 1.0 - len(np.unique(hashed)) / count
