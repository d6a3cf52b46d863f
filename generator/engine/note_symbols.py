"""Notes as symbols that do not change when music is transposed, shifted or slightly retimed.

A voice becomes a line of elements, with one symbol for each pair of neighbours:

* in free time (piano), elements are the notes in order of onset, chords from low to high; a symbol is the interval in
  semitones and a class of the time between the onsets;
* on a grid, elements are the notes in the same order; a symbol is the interval and the time in sixteenths or triplets;
* for drums, an element is the set of drum classes hit at one sixteenth; a symbol is a set, the time, and the next set.
  Drummers place hits so freely that a finer grid would separate performances of the same beat.

A run of n symbols therefore spans n + 1 elements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.music import Note, Voice

if TYPE_CHECKING:
    from generator.engine.encodings.performance import NoteArrays

Symbols = NDArray[np.uint32]
# Integers or seconds, one per note.
Column = NDArray[Any]

STEPS_PER_QUARTER = 12
# Onsets within this many hundredths of a second of a chord's first are simultaneous.
CHORD_HUNDREDTHS = 4
# Upper bounds of the rhythm classes, in hundredths of a second; the last class is longer.
FREE_GAPS = np.array([18, 50, 125])
MAX_INTERVAL = 48
_DRUMS = 1 << 31
_GRID_RHYTHMS = 64

# Steps → class: the nearest sixteenth or triplet eighth, up to a bar; then "longer".
_ON_GRID = np.array(
    [min((abs(gap - near), near) for near in range(49) if not near % 3 or not near % 4)[1] for gap in range(49)]
)
_LONGER = 49
_SIXTEENTH = 3

# Pitches of the General MIDI and Groove drum maps → nine classes of a kit, and one for all others.
DRUM_CLASSES: tuple[tuple[int, ...], ...] = (
    (35, 36),
    (37, 38, 39, 40),
    (22, 42, 44),
    (26, 46),
    (41, 43, 58),
    (45, 47),
    (48, 50),
    (49, 52, 55, 57),
    (51, 53, 59),
)
CLASS_OF_PITCH = np.full(128, len(DRUM_CLASSES))
for _number, _pitches in enumerate(DRUM_CLASSES):
    CLASS_OF_PITCH[list(_pitches)] = _number


@dataclass(frozen=True, slots=True)
class Line:
    """One voice.

    Attributes:
        symbols: uint32 [elements − 1].
        starts, ends: float64 [elements], in seconds or steps, whatever it was made from.
        counts: int64 [elements], notes of each element.
    """

    symbols: Symbols
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    counts: NDArray[np.int64]


def free_line(start_seconds: Column, end_seconds: Column, pitches: Column) -> Line:
    """A voice in free time; notes in any order."""
    hundredths = np.rint(np.asarray(start_seconds, np.float64) * 100).astype(np.int64)
    order = np.argsort(hundredths, kind="stable")
    chords = _chords(hundredths[order])
    # From low to high within a chord.
    order = order[np.lexsort((np.asarray(pitches)[order], chords))]
    begins = hundredths[order][np.searchsorted(chords, chords)] if len(chords) else hundredths
    gaps = np.diff(begins)
    rhythm = np.where(np.diff(chords) == 0, 0, 1 + np.searchsorted(FREE_GAPS, gaps, "right"))
    return _line(_intervals(np.asarray(pitches)[order]) * 8 + rhythm, order, start_seconds, end_seconds)


def grid_line(starts: Column, durations: Column, pitches: Column) -> Line:
    """A pitched voice on the grid, in steps; notes in any order."""
    starts = np.asarray(starts, np.int64)
    order = np.lexsort((pitches, starts))
    symbols = _intervals(np.asarray(pitches)[order]) * _GRID_RHYTHMS + _grid_rhythm(starts[order])
    return _line(symbols, order, starts, starts + durations)


def drum_line(starts: Column, durations: Column, pitches: Column) -> Line:
    """Drums on the grid, in steps, with pitches of a drum map; notes in any order."""
    starts = np.rint(np.asarray(starts) / _SIXTEENTH).astype(np.int64) * _SIXTEENTH
    places, element, counts = np.unique(starts, return_inverse=True, return_counts=True)
    sets = np.zeros(len(places), np.int64)
    np.bitwise_or.at(sets, element, 1 << CLASS_OF_PITCH[np.asarray(pitches, np.int64)])
    ends = np.zeros(len(places), np.int64)
    np.maximum.at(ends, element, starts + durations)
    bits = len(DRUM_CLASSES) + 1
    symbols = ((sets[:-1] << bits | sets[1:]) * _GRID_RHYTHMS + _grid_rhythm(places)) | _DRUMS
    return Line(symbols.astype(np.uint32), places.astype(np.float64), ends.astype(np.float64), counts)


def lines_of_performance(notes: "NoteArrays") -> list[Line]:
    return [free_line(notes.start_seconds, notes.end_seconds, notes.pitches)]


def lines_of_notes(
    notes: Sequence[Note], voices: Sequence[Voice], qpm: float | None = None, *, stretch: float = 1.0
) -> list[Line]:
    """A line for each active voice, times in seconds.

    Args:
        voices: what `Note.voice` counts; notes of voices beyond them are pitched.
        qpm: of the grid that the notes stand on; None is free time, for pitched voices. Drums without one are read at
            120 quarters a minute.
        stretch: in free time, the symbols are those of the notes slowed down by this factor.
    """
    rows = np.array([(n.pitch, n.voice, n.start_seconds, n.end_seconds) for n in notes], np.float64).reshape(-1, 4)
    lines = []
    for voice in np.unique(rows[:, 1]).astype(int).tolist():
        pitches, _, starts, ends = rows[rows[:, 1] == voice].T
        pitches = pitches.astype(np.int64)
        is_drum = voice < len(voices) and voices[voice].is_drum
        if qpm is None and not is_drum:
            line = free_line(starts * stretch, ends * stretch, pitches)
            lines.append(Line(line.symbols, line.starts / stretch, line.ends / stretch, line.counts))
            continue
        seconds = 60.0 / (qpm or 120.0) / STEPS_PER_QUARTER
        steps = np.rint(starts / seconds).astype(np.int64)
        line = (drum_line if is_drum else grid_line)(steps, np.rint(ends / seconds).astype(np.int64) - steps, pitches)
        lines.append(Line(line.symbols, line.starts * seconds, line.ends * seconds, line.counts))
    return lines


def _line(symbols: Column, order: Column, starts: Column, ends: Column) -> Line:
    return Line(
        symbols.astype(np.uint32),
        np.asarray(starts, np.float64)[order],
        np.asarray(ends, np.float64)[order],
        np.ones(len(order), np.int64),
    )


def _intervals(pitches: Column) -> Column:
    return np.clip(np.diff(pitches.astype(np.int64)), -MAX_INTERVAL, MAX_INTERVAL) + MAX_INTERVAL


def _grid_rhythm(starts: Column) -> Column:
    gaps = np.diff(starts)
    return np.where(gaps > 48, _LONGER, _ON_GRID[np.minimum(gaps, 48)])


def _chords(hundredths: Column) -> Column:
    """The chord number of each onset, in ascending order."""
    # A chord starts at the first onset, and at each one beyond the reach of the previous chord's first.
    reach = np.searchsorted(hundredths, hundredths + CHORD_HUNDREDTHS, "right").tolist()
    numbers = np.zeros(len(hundredths), np.int64)
    first = 0
    while first < len(reach):
        numbers[first] = 1
        first = reach[first]
    return np.cumsum(numbers)
