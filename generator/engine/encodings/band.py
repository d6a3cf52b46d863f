"""The `band` encoding for bands and drummers on a metric grid: class indices and the state its events describe.

The clock counts steps of a twelfth of a quarter (sixteenths are 3 steps, triplets 4, swung eighths 8 and 4) in 4/4 bars
of 48. A piece is a sequence of events:

=======================  =====================================================================================
event                    meaning
=======================  =====================================================================================
ADVANCE steps            advances the clock by 1 – 48 steps; after fewer than 48 a note starts
NOTE part, pitch         a note starts here; at one position note classes ascend
DURATION                 of the new note and the following notes of its part
VELOCITY bin             of the new note and the following notes of its line
OFFSET bin               how early or late the new note and the following notes of its line are played
=======================  =====================================================================================

A *line* is a pitched part or one drum sound, so a closed hi-hat keeps its own loudness and timing. DURATION, VELOCITY
and OFFSET follow a NOTE, in this order, if they differ from the line's previous note, and always after its first one.
Pieces are transposed to C major or A minor. `BandSpec` defines the layout of class indices; `BandState` is what a
network reads besides the events.
"""

import bisect
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings.drum_sounds import NUM_DRUM_SOUNDS
from generator.engine.errors import BundleError
from generator.engine.phrases import PHRASE_BARS

if TYPE_CHECKING:
    from generator.engine.manifest import Encoding

STEPS_PER_QUARTER = 12
QUARTERS_PER_BAR = 4
STEPS_PER_BAR = STEPS_PER_QUARTER * QUARTERS_PER_BAR
MAX_ADVANCE = STEPS_PER_BAR

DRUMS = "drums"
PARTS = (DRUMS, "bass", "rhythm", "keys", "lead")
# Lowest and highest pitch, inclusive, of the pitched parts, before transposition.
PITCH_RANGES = {"bass": (24, 67), "rhythm": (36, 95), "keys": (28, 103), "lead": (40, 103)}
MAX_NOTES_AT_ONCE = {DRUMS: 5, "bass": 1, "rhythm": 6, "keys": 6, "lead": 2}

# fmt: off
DURATIONS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18, 20, 21, 24, 27, 30, 33, 36, 42, 48, 54, 60, 72, 84,
             96, 120, 144, 192)
# fmt: on
NUM_DURATIONS = len(DURATIONS)
# Index of the nearest duration on a logarithmic scale, by steps.
DURATION_BINS = np.array(
    [0] + [int(np.argmin(np.abs(np.log(DURATIONS) - math.log(steps)))) for steps in range(1, DURATIONS[-1] + 1)],
    np.int64,
)

MAX_STYLES = 20
NUM_DENSITY_BINS = 8
# Upper bounds, in notes per quarter over the next two bars, of all density bins but the last.
DENSITY_BOUNDS = (1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 11.0)
DENSITY_WINDOW = 2 * STEPS_PER_BAR

LOOKBACK_BARS = (1, 2, 4, 8)
NUM_GAPS = 25
"""The next onset after the place so many bars ago: 1 – 24 steps later, or later than that."""

COUNTDOWN_BOUNDS = (24, 32, 48, 64, 96)
NUM_EXACT_BARS = 17
NUM_COUNTDOWN_FEATURES = NUM_EXACT_BARS + len(COUNTDOWN_BOUNDS) + 1
NUM_ELAPSED_FEATURES = 8
NUM_TEMPO_FEATURES = 8
_SLOWEST, _FASTEST = math.log2(50.0), math.log2(220.0)

MAX_PHRASE_BARS = 8
"""A network is told a bar's place among so many."""

NEVER = -(1 << 20)
"""Step of an onset that has not been."""


@dataclass(frozen=True)
class BandSpec:
    """The layout of one model's class indices and features.

    Attributes:
        parts: the parts the model plays, in the order of `PARTS`.
        velocity_bins: of equal width over 1 – 127.
        offset_bins: parts of a step from half a step early to half a step late; 0 where notes stand on the grid.
    """

    parts: tuple[str, ...] = PARTS
    velocity_bins: int = 8
    offset_bins: int = 0

    @cached_property
    def note_parts(self) -> NDArray[np.int64]:
        """int64 [N], index into `PARTS` of each note class."""
        return np.array([PARTS.index(part) for part, _ in self._notes()], np.int64)

    @cached_property
    def note_pitches(self) -> NDArray[np.int64]:
        """int64 [N], pitch of each note class; for drums the index of the sound."""
        return np.array([pitch for _, pitch in self._notes()], np.int64)

    @cached_property
    def note_lines(self) -> NDArray[np.int64]:
        """int64 [N]: drum sounds are lines 0 – 23, the pitched parts 24 – 27."""
        drums = self.note_parts == 0
        return np.where(drums, self.note_pitches, NUM_DRUM_SOUNDS + self.note_parts - 1)

    @cached_property
    def class_table(self) -> NDArray[np.int64]:
        """int64 [parts of `PARTS`, 128 pitches]: the note class, or −1 where there is none."""
        table = np.full((len(PARTS), 128), -1, np.int64)
        table[self.note_parts, self.note_pitches] = np.arange(self.num_notes)
        return table

    @cached_property
    def part_starts(self) -> dict[str, int]:
        """First note class, counted from NOTE, of each part."""
        names = [part for part, _ in self._notes()]
        return {part: names.index(part) for part in self.parts}

    def _notes(self) -> list[tuple[str, int]]:
        notes: list[tuple[str, int]] = []
        for part in self.parts:
            low, high = (0, NUM_DRUM_SOUNDS - 1) if part == DRUMS else PITCH_RANGES[part]
            notes += [(part, pitch) for pitch in range(low, high + 1)]
        return notes

    # Class indices.
    advance = 0
    note = MAX_ADVANCE

    @cached_property
    def num_notes(self) -> int:
        return len(self.note_parts)

    @cached_property
    def has_pitches(self) -> bool:
        return any(part != DRUMS for part in self.parts)

    @cached_property
    def duration(self) -> int:
        return self.note + self.num_notes

    @cached_property
    def velocity(self) -> int:
        return self.duration + (NUM_DURATIONS if self.has_pitches else 0)

    @cached_property
    def offset(self) -> int:
        return self.velocity + self.velocity_bins

    @cached_property
    def num_classes(self) -> int:
        return self.offset + self.offset_bins

    @property
    def start(self) -> int:
        """The network's input before the first event; never sampled."""
        return self.num_classes

    @property
    def shaped(self) -> tuple[tuple[int, int], ...]:
        """The scope of temperature and top-p: all events at once. If one unlikely ADVANCE were sampled, the notes at
        that position a bar ago would no longer help, and the groove would be lost."""
        return ((0, self.num_classes),)

    # Features.
    @cached_property
    def layout(self) -> "Layout":
        return Layout(self)

    @property
    def num_features(self) -> int:
        return self.layout.size

    @cached_property
    def shortcuts(self) -> str:
        """For `NetworkConfig.shortcuts`: notes that started at this position some bars ago can repeat themselves."""
        layout = self.layout
        notes = [f"{self.note}:{self.num_notes}:{first}" for first in layout.lookbacks]
        gaps = [f"{self.advance}:{NUM_GAPS - 1}:{first}" for first in layout.gaps]
        return ",".join(notes + gaps)

    @property
    def closing(self) -> tuple[int, ...]:
        """Features that are set in bars closing a phrase of a solo drummer; none for a band."""
        if len(self.parts) > 1:
            return ()
        return tuple(self.layout.bar + bar for bar in range(PHRASE_BARS - 1, MAX_PHRASE_BARS, PHRASE_BARS))

    def velocity_bin(self, velocities: NDArray[np.integer]) -> NDArray[np.int64]:
        return (velocities.astype(np.int64) - 1) * self.velocity_bins // 127

    def velocity_of_bin(self, velocity_bin: int) -> int:
        """Velocity at the centre of a bin."""
        return min(127, round((velocity_bin + 0.5) * 127 / self.velocity_bins) + 1)

    def offset_of_bin(self, offset_bin: int) -> float:
        """Steps, −0.5 – 0.5, at the centre of a bin; 0 for a model on the grid."""
        return (offset_bin + 0.5) / self.offset_bins - 0.5 if self.offset_bins else 0.0


@lru_cache(maxsize=16)
def band_spec(parts: tuple[str, ...], velocity_bins: int, offset_bins: int) -> BandSpec:
    """The spec, cached because of its tables."""
    return BandSpec(parts, velocity_bins, offset_bins)


def spec_of(encoding: "Encoding") -> BandSpec:
    """The layout that a bundle gives its classes and features.

    Raises:
        BundleError: the encoding's numbers are inconsistent.
    """
    spec = band_spec(encoding.parts, encoding.velocity_bins, encoding.offset_bins)
    if encoding.num_classes != spec.num_classes:
        raise BundleError(
            f"Expected an encoding band of {spec.num_classes} classes in the bundle; got band of "
            f"{encoding.num_classes}."
        )
    return spec


class Layout:
    """Where each group of features starts; `size` is the total width.

    Clock, countdown, controls, then the notes so far. An unknown control is all zeros.
    """

    def __init__(self, spec: BandSpec) -> None:
        self._next = 0
        take = self._take
        self.step, self.beat, self.bar = take(STEPS_PER_QUARTER), take(QUARTERS_PER_BAR), take(MAX_PHRASE_BARS + 1)
        self.countdown, self.elapsed = take(NUM_COUNTDOWN_FEATURES), take(NUM_ELAPSED_FEATURES)
        self.tempo, self.mode, self.feel = take(NUM_TEMPO_FEATURES), take(2), take(2)
        self.density, self.style, self.parts = take(NUM_DENSITY_BINS), take(MAX_STYLES), take(len(PARTS))
        pitched = len(PARTS) - 1 if spec.has_pitches else 0
        lines = NUM_DRUM_SOUNDS + pitched
        self.num_lines = lines
        self.sounding = take(128 if pitched else 0)
        self.bass = take(12 if pitched else 0)
        self.last_pitch, self.last_duration = take(pitched), take(pitched)
        self.age, self.loudness = take(lines), take(lines)
        self.placing = take(lines if spec.offset_bins else 0)
        # Notes started at this position so far, and 1, 2, 4, 8 bars ago.
        self.lookbacks = [take(spec.num_notes) for _ in range(1 + len(LOOKBACK_BARS))]
        self.gaps = [take(NUM_GAPS) for _ in LOOKBACK_BARS]
        self.size = self._next

    def _take(self, size: int) -> int:
        first, self._next = self._next, self._next + size
        return first


@dataclass(frozen=True, slots=True)
class BandNotes:
    """Notes on the grid in order of (start, note class).

    Attributes:
        starts, durations: int64 [notes], steps.
        classes: int64 [notes], from 0; `BandSpec.note_parts` and `note_pitches` say what they are.
        velocities: int64 [notes], 1 – 127.
        offsets: float64 [notes], steps, −0.5 up to 0.5.
    """

    starts: NDArray[np.int64]
    durations: NDArray[np.int64]
    classes: NDArray[np.int64]
    velocities: NDArray[np.int64]
    offsets: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, index: NDArray[np.intp] | slice) -> "BandNotes":
        return BandNotes(
            self.starts[index], self.durations[index], self.classes[index], self.velocities[index], self.offsets[index]
        )


def encode(notes: BandNotes, spec: BandSpec) -> NDArray[np.uint16]:
    """Class indices, uint16 [events], of notes in order of (start, class) without duplicates."""
    count = len(notes)
    if count == 0:
        return np.zeros(0, np.uint16)
    lines = spec.note_lines[notes.classes]
    pitched = lines >= NUM_DRUM_SOUNDS
    durations = DURATION_BINS[np.minimum(notes.durations, DURATIONS[-1])]
    velocities = spec.velocity_bin(notes.velocities)
    has_duration = pitched & _changes(durations, lines)
    has_velocity = _changes(velocities, lines)
    gaps = np.diff(notes.starts, prepend=0)
    num_advances = (gaps + MAX_ADVANCE - 1) // MAX_ADVANCE
    lengths = num_advances + 1 + has_duration + has_velocity
    offsets = np.zeros(count, np.int64)
    has_offset = np.zeros(count, bool)
    if spec.offset_bins:
        offsets = np.clip(((notes.offsets + 0.5) * spec.offset_bins).astype(np.int64), 0, spec.offset_bins - 1)
        has_offset = _changes(offsets, lines)
        lengths = lengths + has_offset
    ends = np.cumsum(lengths)
    begins = ends - lengths
    events = np.full(ends[-1], MAX_ADVANCE - 1, np.uint16)
    moved = gaps > 0
    events[(begins + num_advances - 1)[moved]] = (gaps[moved] - 1) % MAX_ADVANCE
    at = begins + num_advances
    events[at] = spec.note + notes.classes
    at = at + has_duration
    events[at[has_duration]] = spec.duration + durations[has_duration]
    at = at + has_velocity
    events[at[has_velocity]] = spec.velocity + velocities[has_velocity]
    at = at + has_offset
    events[at[has_offset]] = spec.offset + offsets[has_offset]
    return events


def _changes(values: NDArray[np.int64], lines: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a value differs from that of the line's previous note, bool [notes]."""
    order = np.argsort(lines, kind="stable")
    ordered_lines, ordered = lines[order], values[order]
    changed = np.ones(len(values), bool)
    changed[1:] = (ordered[1:] != ordered[:-1]) | (ordered_lines[1:] != ordered_lines[:-1])
    found = np.empty(len(values), bool)
    found[order] = changed
    return found


def decode(events: NDArray[np.integer], spec: BandSpec) -> BandNotes:
    """The notes described by class indices; a line without VELOCITY or DURATION plays mezzo-forte quarters."""
    step = 0
    durations = [STEPS_PER_QUARTER] * (NUM_DRUM_SOUNDS + len(PARTS))
    velocities = [spec.velocity_of_bin(spec.velocity_bins // 2)] * len(durations)
    offsets = [0.0] * len(durations)
    rows: list[list[float]] = []
    line = 0
    for event in events.tolist():
        if event < spec.note:
            step += event + 1
        elif event < spec.duration:
            index = event - spec.note
            line = int(spec.note_lines[index])
            rows.append([step, durations[line], index, velocities[line], offsets[line]])
        elif not rows:
            continue
        elif event < spec.velocity:
            rows[-1][1] = durations[line] = DURATIONS[event - spec.duration]
        elif event < spec.offset:
            rows[-1][3] = velocities[line] = spec.velocity_of_bin(event - spec.velocity)
        elif event < spec.num_classes:
            rows[-1][4] = offsets[line] = spec.offset_of_bin(event - spec.offset)
    table = np.array(rows, np.float64).reshape(-1, 5)
    whole = table[:, :4].astype(np.int64)
    lengths = np.where(spec.note_parts[whole[:, 2]] == 0, 1, whole[:, 1]) if len(whole) else whole[:, 1]
    return BandNotes(whole[:, 0], lengths, whole[:, 2], whole[:, 3], table[:, 4])


def triangles(positions: NDArray[np.float64], count: int) -> NDArray[np.float32]:
    """Numbers 0 – 1, [n], encoded as `count` overlapping triangles each, float32 [n, count]; a row sums to 1."""
    at = np.clip(positions, 0.0, 1.0) * (count - 1)
    return np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(count))).astype(np.float32)


def tempo_features(qpm: float) -> NDArray[np.float32]:
    return triangles(np.array([(math.log2(qpm) - _SLOWEST) / (_FASTEST - _SLOWEST)]), NUM_TEMPO_FEATURES)[0]


def countdown_bin(bars_left: int) -> int:
    """Whole bars remaining after this one, in one of 23 bins."""
    if bars_left < NUM_EXACT_BARS:
        return max(0, bars_left)
    return NUM_EXACT_BARS + int(np.searchsorted(COUNTDOWN_BOUNDS, bars_left, "right"))


@dataclass(frozen=True, slots=True)
class BandControls:
    """The conditioning of a piece; None, −1 and empty mean unknown.

    Attributes:
        num_steps: length; enables the countdown.
        qpm: tempo.
        mode: 0 major, 1 minor. feel: 0 straight, 1 swing.
        density: bin of `DENSITY_BOUNDS`. style: index of the model's styles.
        parts: names of the active parts.
    """

    num_steps: int | None = None
    qpm: float | None = None
    mode: int = -1
    feel: int = -1
    density: int = -1
    style: int = -1
    parts: tuple[str, ...] = ()

    def features(self, spec: BandSpec) -> NDArray[np.float32]:
        """float32 [features] that stay constant throughout the piece."""
        layout = spec.layout
        row = np.zeros(layout.size, np.float32)
        if self.qpm is not None:
            row[layout.tempo : layout.tempo + NUM_TEMPO_FEATURES] = tempo_features(self.qpm)
        for first, value in (
            (layout.mode, self.mode),
            (layout.feel, self.feel),
            (layout.density, self.density),
            (layout.style, self.style),
        ):
            if value >= 0:
                row[first + value] = 1.0
        for part in self.parts:
            row[layout.parts + PARTS.index(part)] = 1.0
        return row


class BandState:
    """The network's input besides the event: one piece, updated event by event.

    Attributes:
        step: the clock.
        last_class: note class of the last NOTE at this position, −1 before one.
        durations, velocities, offsets: lists by line, the values of the line's next note unless an event changes
            them: index into `DURATIONS`, bins; −1 before the first.
        features: float32 [features]; a view that changes with the next event.
    """

    def __init__(self, spec: BandSpec, controls: BandControls) -> None:
        self.spec, self.controls = spec, controls
        layout = self._layout = spec.layout
        lines = layout.num_lines
        self.step = 0
        self.last_class = -1
        self.durations, self.velocities, self.offsets = [-1] * lines, [-1] * lines, [-1] * lines
        self._lines = spec.note_lines.tolist()
        self._pitches = spec.note_pitches.tolist()
        self._line = -1
        self._pitch = -1
        # Line → step of its last onset, for lines that have played.
        self._onsets: dict[int, int] = {}
        self._part_of_line = [0] * NUM_DRUM_SOUNDS + list(range(1, len(PARTS)))
        # Positions where notes started, ascending; position → note classes; sounding notes: (line, pitch) → end step.
        self._positions: list[int] = []
        self._classes: dict[int, list[int]] = {}
        self._ends: dict[tuple[int, int], int] = {}
        self._sounding = [0] * 128
        self.features = controls.features(spec)
        self.features[layout.age : layout.age + lines] = AGES[-1]
        # How much of the piece is over, by step.
        num_steps = controls.num_steps or 1
        self._elapsed = triangles(np.arange(num_steps + 1) / num_steps, NUM_ELAPSED_FEATURES)
        self._lit: list[int] = []
        self._moved()

    @property
    def sounding(self) -> dict[tuple[int, int], int]:
        """(line, pitch) → end step of the pitched notes sounding now."""
        return self._ends

    def advance(self, event: int) -> None:
        """Apply one event; START changes nothing."""
        spec = self.spec
        if event < spec.note:
            self.step += event + 1
            self.last_class = self._line = -1
            self._moved()
        elif event < spec.duration:
            self._begin(event - spec.note)
        elif event < spec.velocity:
            self._set_duration(event - spec.duration)
        elif event < spec.offset:
            self.velocities[self._line] = event - spec.velocity
            self.features[self._layout.loudness + self._line] = (event - spec.velocity + 1) / spec.velocity_bins
        elif event < spec.num_classes:
            self.offsets[self._line] = event - spec.offset
            self.features[self._layout.placing + self._line] = (event - spec.offset + 1) / spec.offset_bins

    def _begin(self, index: int) -> None:
        layout, features = self._layout, self.features
        self.last_class = index
        line, pitch = self._lines[index], self._pitches[index]
        self._line, self._pitch = line, pitch
        self._onsets[line] = self.step
        features[layout.age + line] = 0.0
        if self.step not in self._classes:
            self._positions.append(self.step)
            self._classes[self.step] = []
        self._classes[self.step].append(index)
        features[layout.lookbacks[0] + index] = 1.0
        if line >= NUM_DRUM_SOUNDS:
            part = line - NUM_DRUM_SOUNDS
            features[layout.last_pitch + part] = (pitch - 60) / 24
            if part == 0:
                features[layout.bass : layout.bass + 12] = 0.0
                features[layout.bass + pitch % 12] = 1.0
            if (line, pitch) not in self._ends:
                self._sounding[pitch] += 1
                features[layout.sounding + pitch] = 1.0
            self._ends[(line, pitch)] = self.step + DURATIONS[max(0, self.durations[line])]

    def _set_duration(self, index: int) -> None:
        part = self._line - NUM_DRUM_SOUNDS
        self.durations[self._line] = index
        self.features[self._layout.last_duration + part] = (index + 1) / NUM_DURATIONS
        self._ends[(self._line, self._pitch)] = self.step + DURATIONS[index]

    def _moved(self) -> None:
        """Everything that depends on the clock."""
        layout, features, step = self._layout, self.features, self.step
        for column in self._lit:
            features[column] = 0.0
        bar, in_bar = divmod(step, STEPS_PER_BAR)
        beat, in_beat = divmod(in_bar, STEPS_PER_QUARTER)
        lit = [layout.step + in_beat, layout.beat + beat, layout.bar + bar % MAX_PHRASE_BARS]
        if bar // MAX_PHRASE_BARS % 2:
            lit.append(layout.bar + MAX_PHRASE_BARS)
        if self.controls.num_steps is not None:
            left = (self.controls.num_steps - 1 - step) // STEPS_PER_BAR
            lit.append(layout.countdown + countdown_bin(left))
            first = layout.elapsed
            features[first : first + NUM_ELAPSED_FEATURES] = self._elapsed[min(step, self.controls.num_steps)]
        positions = self._positions
        for place, bars in enumerate(LOOKBACK_BARS):
            then = step - bars * STEPS_PER_BAR
            first = layout.lookbacks[1 + place]
            lit += [first + index for index in self._classes.get(then, ())]
            after = bisect.bisect_right(positions, then)
            gap = positions[after] - then if after < len(positions) else NUM_GAPS
            lit.append(layout.gaps[place] + min(gap, NUM_GAPS) - 1)
        for column in lit:
            features[column] = 1.0
        # At the next position, notes that started at this one are no longer new.
        first = layout.lookbacks[0]
        features[first : first + self.spec.num_notes] = 0.0
        self._lit = lit
        if self._ends:
            for key in [key for key, end in self._ends.items() if end <= step]:
                del self._ends[key]
                self._sounding[key[1]] -= 1
                if not self._sounding[key[1]]:
                    features[layout.sounding + key[1]] = 0.0
        first = layout.age
        for line, onset in self._onsets.items():
            features[first + line] = AGES[min(step - onset, _LONGEST_AGE)]


_LONGEST_AGE = 8 * STEPS_PER_BAR
AGES = [0.25 * math.log1p(steps) for steps in range(_LONGEST_AGE + 1)]
"""How long ago a line last began a note, by steps; eight bars and never are the same."""
