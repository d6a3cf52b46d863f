"""Performance RNN's 388 events and the keyboard they describe.

A performance is a sequence of events on a clock of 10 ms steps (Oore, Simon et al. 2018, "This Time with Feeling";
note_seq's ``PerformanceOneHotEncoding`` with 32 velocity bins has the same class indices):

====================  ==============  =========================================
event                 class indices   meaning
====================  ==============  =========================================
NOTE_ON pitch         0 – 127         the pitch starts with the velocity in force
NOTE_OFF pitch        128 – 255       the pitch ends
TIME_SHIFT steps      256 – 355       advances the clock by 1 – 100 steps
VELOCITY bin          356 – 387       velocity of the notes that follow, 32 bins
====================  ==============  =========================================

``START`` (388) is the network's input before the first event and is never sampled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS_PER_SECOND = 100
NUM_PITCHES = 128
MAX_SHIFT_STEPS = 100
NUM_VELOCITY_BINS = 32
VELOCITY_BIN_SIZE = 4

NOTE_ON = 0
NOTE_OFF = NOTE_ON + NUM_PITCHES
TIME_SHIFT = NOTE_OFF + NUM_PITCHES
VELOCITY = TIME_SHIFT + MAX_SHIFT_STEPS
NUM_CLASSES = VELOCITY + NUM_VELOCITY_BINS
START = NUM_CLASSES

NUM_COUNTDOWN_FEATURES = 16
NUM_DENSITY_FEATURES = 8
# After the keyboard's 2 × 128 features: how much of the piece is left, and the requested density.
COUNTDOWN_FEATURE = 2 * NUM_PITCHES
DENSITY_FEATURE = COUNTDOWN_FEATURE + NUM_COUNTDOWN_FEATURES
NUM_FEATURES = DENSITY_FEATURE + NUM_DENSITY_FEATURES

MAX_COUNTDOWN_SECONDS = 300.0
_LONGEST_COUNTDOWN = np.log1p(MAX_COUNTDOWN_SECONDS)
_COUNTDOWN_CENTRES = np.arange(NUM_COUNTDOWN_FEATURES)
# Upper bounds, in notes per second, of all density bins but the last.
DENSITY_BOUNDS = (1.0, 2.0, 4.0, 6.0, 9.0, 13.0, 19.0)


@dataclass(frozen=True, slots=True)
class NoteArrays:
    """The notes of one performance, in order of (start, pitch).

    Attributes:
        start_seconds, end_seconds: float64 [notes].
        pitches, velocities: uint8 [notes], 0 – 127 and 1 – 127.
    """

    start_seconds: NDArray[np.float64]
    end_seconds: NDArray[np.float64]
    pitches: NDArray[np.uint8]
    velocities: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pitches)

    def sorted(self) -> "NoteArrays":
        return self.take(np.lexsort((self.pitches, self.start_seconds)))

    def take(self, index: NDArray[np.intp] | slice) -> "NoteArrays":
        return NoteArrays(
            self.start_seconds[index], self.end_seconds[index], self.pitches[index], self.velocities[index]
        )

    def transformed(self, *, transpose: int = 0, stretch: float = 1.0) -> "NoteArrays":
        """The same notes, `transpose` semitones higher and `stretch` times as long; pitches outside 0 – 127 are
        dropped."""
        pitches = self.pitches.astype(np.int16) + transpose
        kept = (pitches >= 0) & (pitches < NUM_PITCHES)
        return NoteArrays(
            self.start_seconds[kept] * stretch,
            self.end_seconds[kept] * stretch,
            pitches[kept].astype(np.uint8),
            self.velocities[kept],
        )


def quantize(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest steps, halves rounded up, like note_seq's ``quantize_to_step``."""
    return (seconds * STEPS_PER_SECOND + 0.5).astype(np.int64)


def encode(notes: NoteArrays) -> NDArray[np.uint16]:
    """Class indices of a performance; `notes` must be in order of (start, pitch).

    Equal to note_seq's ``Performance`` and ``PerformanceOneHotEncoding`` over the sequence quantized to 100 steps per
    second. Returns uint16 [events].
    """
    count = len(notes)
    if count == 0:
        return np.zeros(0, np.uint16)
    starts = quantize(notes.start_seconds)
    ends = quantize(notes.end_seconds)
    ends = np.where(ends == starts, ends + 1, ends)
    index = np.arange(count)
    steps = np.concatenate([starts, ends])
    owner = np.concatenate([index, index])
    is_offset = np.repeat([False, True], count)
    order = np.lexsort((is_offset, owner, steps))
    steps, owner, is_offset = steps[order], owner[order], is_offset[order]

    gaps = np.diff(steps, prepend=0)
    num_shifts = (gaps + MAX_SHIFT_STEPS - 1) // MAX_SHIFT_STEPS
    bins = (notes.velocities[owner].astype(np.int64) - 1) // VELOCITY_BIN_SIZE
    onset_bins = bins[~is_offset]
    has_velocity = np.zeros(2 * count, bool)
    has_velocity[~is_offset] = np.diff(onset_bins, prepend=-1) != 0

    lengths = num_shifts + has_velocity + 1
    ends_at = np.cumsum(lengths)
    events = np.full(ends_at[-1], TIME_SHIFT + MAX_SHIFT_STEPS - 1, np.uint16)
    shifted = gaps > 0
    last_shift = (ends_at - lengths + num_shifts - 1)[shifted]
    events[last_shift] = TIME_SHIFT + (gaps[shifted] - 1) % MAX_SHIFT_STEPS
    events[(ends_at - 2)[has_velocity]] = VELOCITY + bins[has_velocity]
    events[ends_at - 1] = notes.pitches[owner] + np.where(is_offset, NOTE_OFF, NOTE_ON)
    return events


def decode(events: NDArray[np.integer]) -> NoteArrays:
    """The notes described by class indices; a note still sounding at the end stops there.

    A NOTE_OFF of a silent pitch means nothing; a NOTE_ON of a sounding pitch ends the note before it. Without a
    VELOCITY the velocity is that of the middle bin. A note's velocity is the middle of its bin.
    """
    sounding: dict[int, tuple[int, int]] = {}
    notes: list[tuple[int, int, int, int]] = []
    step = 0
    velocity_bin = NUM_VELOCITY_BINS // 2

    def end(pitch: int) -> None:
        start, velocity = sounding.pop(pitch)
        if step > start:
            notes.append((start, step, pitch, velocity))

    for event in events.tolist():
        if event < NOTE_OFF:
            if event in sounding:
                end(event)
            sounding[event] = (step, velocity_of_bin(velocity_bin))
        elif event < TIME_SHIFT:
            if event - NOTE_OFF in sounding:
                end(event - NOTE_OFF)
        elif event < VELOCITY:
            step += event - TIME_SHIFT + 1
        elif event < NUM_CLASSES:
            velocity_bin = event - VELOCITY
    for pitch in sorted(sounding):
        end(pitch)
    table = np.array(sorted(notes, key=lambda note: (note[0], note[2])), np.int64).reshape(-1, 4)
    return NoteArrays(
        table[:, 0] / STEPS_PER_SECOND,
        table[:, 1] / STEPS_PER_SECOND,
        table[:, 2].astype(np.uint8),
        table[:, 3].astype(np.uint8),
    )


def velocity_of_bin(velocity_bin: int) -> int:
    """Velocity at the centre of a bin (0 – 31), which minimises the error."""
    return 1 + velocity_bin * VELOCITY_BIN_SIZE + VELOCITY_BIN_SIZE // 2


def countdown_features(seconds_left: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the piece is left, on a logarithmic scale of sixteen overlapping triangles.

    Args:
        seconds_left: float32 [n]; negative counts as none left. Unknown is all zeros, not this function's output.

    Returns:
        float32 [n, 16], each row summing to 1.
    """
    # Not np.clip, whose overhead equals all the rest for a single row.
    bounded = np.minimum(np.maximum(seconds_left, 0.0), MAX_COUNTDOWN_SECONDS)
    position = (np.log1p(bounded) / _LONGEST_COUNTDOWN)[:, None] * (NUM_COUNTDOWN_FEATURES - 1)
    return np.maximum(0.0, 1.0 - np.abs(position - _COUNTDOWN_CENTRES)).astype(np.float32)


def density_features(notes_per_second: NDArray[np.float32]) -> NDArray[np.float32]:
    """One-hot density bins, float32 [n, 8], of onsets per second, float32 [n]. Unknown is all zeros."""
    return np.eye(NUM_DENSITY_FEATURES, dtype=np.float32)[np.searchsorted(DENSITY_BOUNDS, notes_per_second, "right")]


class PianoState:
    """The sounding notes and their ages after the events so far, one row per piece.

    Attributes:
        steps: int64 [rows], the clock.
        onset_steps: int64 [rows, 128], when the sounding note of a pitch began; −1 where it is silent.
    """

    def __init__(self, rows: int) -> None:
        self.steps = np.zeros(rows, np.int64)
        self.onset_steps = np.full((rows, NUM_PITCHES), -1, np.int64)

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """bool [rows, 128]."""
        return self.onset_steps >= 0

    def advance(self, class_indices: NDArray[np.integer]) -> None:
        """Apply one event to each row; `class_indices` int [rows]. START and VELOCITY change nothing."""
        # Row by row: there are few rows, and an event changes one number.
        for row, event in enumerate(class_indices.tolist()):
            if event < NOTE_OFF:
                self.onset_steps[row, event] = self.steps[row]
            elif event < TIME_SHIFT:
                self.onset_steps[row, event - NOTE_OFF] = -1
            elif event < VELOCITY:
                self.steps[row] += event - TIME_SHIFT + 1

    def features(
        self, seconds_left: NDArray[np.float32] | None = None, density: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The network's input besides the event: float32 [rows, 280].

        128 flags "this pitch sounds", 128 ages (0.5 · log(1 + steps / 10) where it sounds), then the countdown and
        the density, zeros where they are None. A NaN in either means unknown for that row.
        """
        features = np.zeros((len(self.steps), NUM_FEATURES), np.float32)
        sounding = self.sounding
        features[:, :NUM_PITCHES] = sounding
        ages = np.where(sounding, self.steps[:, None] - self.onset_steps, 0)
        features[:, NUM_PITCHES:COUNTDOWN_FEATURE] = 0.5 * np.log1p(ages / 10)
        for values, encoder, column in (
            (seconds_left, countdown_features, COUNTDOWN_FEATURE),
            (density, density_features, DENSITY_FEATURE),
        ):
            if values is not None:
                known = ~np.isnan(values)
                rows = slice(None) if known.all() else known
                encoded = encoder(np.asarray(values, np.float32)[rows])
                features[rows, column : column + encoded.shape[1]] = encoded
        return features
