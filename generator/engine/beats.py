"""Bars and tempo of somebody's MIDI file, for genres that play on a grid.

Light: the web process announces with it how long a piece will be, and the worker composes with the same numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from generator.engine.controls import QUARTERS_PER_BAR, seconds_per_bar
from generator.engine.errors import MidiError, PrimerError
from generator.engine.manifest import Manifest
from generator.engine.midi_inspect import MICROSECONDS_PER_MINUTE
from generator.engine.midi_lines import MidiLines, read_lines

# Time signatures with bars of four beats → quarters a beat.
BEATS = {(4, 4): 1.0, (2, 2): 1.0, (8, 8): 1.0, (1, 1): 1.0, (8, 4): 1.0, (12, 8): 1.5}
# The grid of bands and drummers (`encodings.band`, which needs numpy).
_STEPS_PER_QUARTER = 12
_STEPS_PER_BAR = QUARTERS_PER_BAR * _STEPS_PER_QUARTER
# Onsets up to half a step ahead of a bar line are played on it.
_HALF_STEP = 0.5 / _STEPS_PER_QUARTER
# Nothing begins behind the first beat of a closing bar.
CLOSING_STEPS = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bars of four beats: from `first` up to `end`, in the file's quarters; the last one's end is infinite.

    Attributes:
        beat: quarters that a beat lasts: 1, or 1.5 in 12/8, which is four beats of triplets.
    """

    first: float
    end: float
    beat: float = 1.0


def four_beat_stretches(signatures: Sequence[tuple[float, int, int]], last: float) -> list[Stretch]:
    """The stretches of a file that are in 4/4, or can be read so: 2/2, 8/4, 12/8.

    Args:
        signatures: (quarter, numerator, denominator) of each time signature; none before the first means 4/4.
        last: where the last note begins; what starts later is no stretch.
    """
    stretches: list[Stretch] = []
    changes: list[tuple[float, float]] = [(0.0, 1.0)]
    for quarter, numerator, denominator in sorted(signatures):
        beat = BEATS.get((numerator, denominator), 0.0)
        if quarter <= changes[-1][0]:
            changes[-1] = (changes[-1][0], beat)
        # The same signature again says nothing; another one begins a bar where it stands.
        elif changes[-1][1] != beat:
            changes.append((quarter, beat))
    for index, (first, beat) in enumerate(changes):
        end = changes[index + 1][0] if index + 1 < len(changes) else math.inf
        if not beat or first > last:
            continue
        if end < math.inf:
            bar = QUARTERS_PER_BAR * beat
            end = first + math.floor((end - first) / bar + 1e-3) * bar
        if end > first:
            stretches.append(Stretch(first, end, beat))
    return stretches


def quarters_of_meters(midi: MidiLines) -> list[tuple[float, int, int]]:
    """The time signatures with their places in quarters."""
    return [(tick / midi.ticks_per_quarter, over, under) for tick, over, under in midi.meters]


def tempo_of_stretch(midi: MidiLines, stretch: Stretch, last: float, manifest: Manifest) -> tuple[float, float]:
    """The tempo at which a genre plays a stretch whose last note begins at `last` (in quarters), and how many of its
    quarters make one of the file's.

    Raises:
        PrimerError: no count of the file's beats is a tempo that the genre plays.
    """
    end = max(stretch.first + stretch.beat, last)
    ticks = [round(quarter * midi.ticks_per_quarter) for quarter in (stretch.first, end)]
    tempo = midi.tempos.qpm_between(ticks[0], max(ticks[0] + 1, ticks[1])) / stretch.beat
    control = manifest.controls.qpm
    factor = _octave(tempo, control.min, control.max) if control else 1.0
    return _plain(tempo * factor), factor


@dataclass(frozen=True, slots=True)
class FileBars:
    """What a piece that starts from a file on a grid takes over.

    Attributes:
        qpm: the tempo.
        continued_seconds: where the new music begins in a result that goes on after all of it; a closing chord on the
            first beat of a bar of its own makes room.
    """

    qpm: float
    continued_seconds: float


def bars_of_file(midi: bytes, manifest: Manifest) -> FileBars | None:
    """None where the genre has no grid, or where nothing can start from the file, of which others say why."""
    if not manifest.encoding.steps_per_quarter:
        return None
    try:
        lines = read_lines(midi)
        starts = sorted(note.start / lines.ticks_per_quarter for line in lines.lines for note in line.notes)
        for stretch in reversed(four_beat_stretches(quarters_of_meters(lines), starts[-1])) if starts else ():
            low, high = stretch.first - _HALF_STEP, stretch.end - _HALF_STEP
            inside = [start for start in starts if low <= start < high]
            if not inside:
                continue
            qpm, factor = tempo_of_stretch(lines, stretch, inside[-1], manifest)
            scale = factor / stretch.beat * _STEPS_PER_QUARTER
            steps = [math.floor((start - stretch.first) * scale + 0.5) for start in inside]
            return FileBars(qpm, bars_before_close(steps) * seconds_per_bar(qpm))
    except (MidiError, PrimerError):
        pass
    return None


def bars_before_close(steps: Sequence[int]) -> int:
    """How many bars hold music that begins at these steps, without a last one that holds a closing chord alone."""
    first = min(steps) // _STEPS_PER_BAR
    last = max(steps) // _STEPS_PER_BAR
    behind = max(steps) % _STEPS_PER_BAR
    return last - first + (0 if last > first and behind < CLOSING_STEPS else 1)


def _plain(qpm: float) -> float:
    """The tempo that was meant, where whole microseconds could not say it."""
    meant = round(qpm, 2)
    return meant if round(MICROSECONDS_PER_MINUTE / meant) == round(MICROSECONDS_PER_MINUTE / qpm) else qpm


def _octave(qpm: float, low: float, high: float) -> float:
    """The power of two that brings a tempo between two bounds: the same music counted in halves or in eighths.

    Raises:
        PrimerError: no such count fits.
    """
    factor = 1.0
    while qpm * factor < low - 1e-6 and factor < 16:
        factor *= 2
    while qpm * factor > high + 1e-6 and factor > 1 / 16:
        factor /= 2
    if not low - 1e-6 <= qpm * factor <= high + 1e-6:
        raise PrimerError(f"Expected a tempo of {low:g} to {high:g} BPM in the MIDI file; got {qpm:.0f}.")
    return factor
