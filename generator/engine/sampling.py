"""Drawing events: seeded uniforms, temperature, top-p, and which events the rules of a piece allow.

Rows are pieces. No row's result depends on another row, and nothing here keeps random state of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings.performance import (
    MAX_SHIFT_STEPS,
    NOTE_OFF,
    NOTE_ON,
    NUM_CLASSES,
    NUM_PITCHES,
    NUM_VELOCITY_BINS,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    PianoState,
)
from generator.engine.errors import EngineError

_BLOCK = 1024
_NEVER = np.int64(1) << 40


class Uniforms:
    """One number in [0, 1) an event, from nothing but (seed, take, attempt).

    They are drawn in blocks, outside the loop over events; the block's size changes none of them.
    """

    def __init__(self, seed: int, take: int = 0, attempt: int = 0) -> None:
        self._random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, take, attempt])))
        self._block: list[float] = []

    def next(self) -> float:
        if not self._block:
            self._block = self._random.random(_BLOCK)[::-1].tolist()
        return self._block.pop()


# What temperature and top-p shape: which pitch begins, which one ends, how loud. What kind of event comes, and how long
# the music waits, is drawn as the network says: cutting the rare long waits off made pieces of twice the density, with
# notes a third as long (measured; 13 notes a second became 23).
SHAPED = ((NOTE_ON, NOTE_OFF), (NOTE_OFF, TIME_SHIFT), (VELOCITY, NUM_CLASSES))


def draw(
    logits: NDArray[np.floating],
    allowed: NDArray[np.bool_],
    *,
    temperature: NDArray[np.float64],
    top_p: NDArray[np.float64],
    uniforms: NDArray[np.float64],
    shaped: Sequence[tuple[int, int]] = SHAPED,
) -> NDArray[np.int64]:
    """One class index a row, by inverting the distribution's cumulative sum.

    Args:
        logits: float [B, C].
        allowed: bool [B, C], at least one a row.
        temperature: float64 [B], divides the logits within each range of `shaped`; above 0.
        top_p: float64 [B]; within each range of `shaped` only the smallest set of likeliest allowed classes is drawn
            from that holds this share of the range (Holtzman et al. 2020, nucleus sampling). 1 keeps all.
        uniforms: float64 [B], in [0, 1).
        shaped: ranges of classes, each keeping its own probability as a whole.

    Returns:
        int64 [B].

    Raises:
        EngineError: a logit is no number, or a row allows nothing.
    """
    masked = np.where(allowed, logits.astype(np.float64), -np.inf)
    highest = masked.max(axis=1, keepdims=True)
    if not np.isfinite(highest).all():
        raise EngineError("The network's answer is no distribution over events.")
    probabilities = np.exp(masked - highest)
    for first, end in shaped:
        mass = probabilities[:, first:end].sum(axis=1, keepdims=True)
        if not mass.any():
            continue
        inside = _nucleus(masked[:, first:end], temperature, top_p)
        total = inside.sum(axis=1, keepdims=True)
        probabilities[:, first:end] = inside * (mass / np.where(total > 0, total, 1.0))
    cumulative = np.cumsum(probabilities, axis=1)
    index = (cumulative <= (uniforms * cumulative[:, -1])[:, None]).sum(axis=1)
    # Rounding may take a uniform close to 1 past the last class that has any probability.
    last = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1] > 0, axis=1)
    return np.minimum(index, last)


def _nucleus(
    masked: NDArray[np.float64], temperature: NDArray[np.float64], top_p: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Unnormalised probabilities after temperature, zero outside the nucleus; all zero where nothing is allowed.

    Classes as likely as the last one in are in, so that no order among equals matters.
    """
    highest = masked.max(axis=1, keepdims=True)
    probabilities = np.exp((masked - np.where(np.isfinite(highest), highest, 0.0)) / temperature[:, None])
    falling = np.sort(probabilities, axis=1)[:, ::-1]
    cumulative = falling.cumsum(axis=1)
    size = (cumulative - falling < top_p[:, None] * cumulative[:, -1:]).sum(axis=1)
    least = falling[np.arange(len(falling)), np.maximum(size - 1, 0)]
    return np.where(probabilities >= least[:, None], probabilities, 0.0)


@dataclass(frozen=True)
class PieceRules:
    """What one piece must keep to.

    Attributes:
        length_seconds: asked for; the last note ends in the second before.
        lowest_pitch, highest_pitch: inclusive.
        max_note_seconds: longer notes are ended.
        max_silence_seconds: a note begins before nothing has sounded for longer.
        max_gap_seconds: a note begins at least this often, whatever still sounds.
        max_start_seconds: the first note begins no later.
    """

    length_seconds: float
    lowest_pitch: int = 21
    highest_pitch: int = 108
    max_note_seconds: float = 15.0
    max_silence_seconds: float = 3.0
    max_gap_seconds: float = 5.0
    max_start_seconds: float = 0.5


# How a piece ends. The last notes are those that sound when nothing new begins any more: after a pause of the
# network's own in the closing seconds, or at the latest `_LAST_CALL` before the end. They are held, and released in
# the last `_RELEASE` steps. Where nothing sounds that could be held, a note begins by `_LAST_ONSET` before the end.
_CLOSING = 4 * STEPS_PER_SECOND
_LAST_CALL = 150
_LAST_ONSET = 120
_RELEASE = 60
_PAUSE = 30
# A chord's notes may begin a few steps apart: it is not cut between them.
_CHORD = 8

# No network may lock the composer into an endless instant: this many notes at once, and a second, are enough.
_NOTES_AT_ONCE = 24
_NOTES_PER_SECOND = 40

_SHIFTS = np.arange(1, MAX_SHIFT_STEPS + 1)
_BINS = np.arange(NUM_VELOCITY_BINS)
_PITCHES = np.arange(NUM_PITCHES)


class PerformanceGrammar:
    """Which of the 388 events of a performance may come next, and what sounds after those that came.

    As in every performance that was ever encoded: no NOTE_OFF of a silent pitch, no NOTE_ON of a sounding one, at one
    instant first all ends and then all beginnings, a VELOCITY only where it changes and right before a NOTE_ON, no
    TIME_SHIFT after one that was not full. Beyond that the `PieceRules`.

    Attributes:
        state: the keyboard, one row a piece.
        done: bool [B], whether the piece is over; what still sounds ends now.
    """

    def __init__(self, rules: Sequence[PieceRules]) -> None:
        rows = len(rules)
        self.state = PianoState(rows)
        self.done = np.zeros(rows, bool)
        self._end = _steps(rule.length_seconds for rule in rules)
        self._max_note = _steps(rule.max_note_seconds for rule in rules)
        # Where notes are short, the last one begins late enough to be held.
        self._last_onset_by = self._end - np.minimum(_LAST_ONSET, _RELEASE + self._max_note)
        self._max_silence = _steps(rule.max_silence_seconds for rule in rules)
        self._max_gap = _steps(rule.max_gap_seconds for rule in rules)
        self._max_start = _steps(rule.max_start_seconds for rule in rules)
        self._in_range = np.stack(
            [(rule.lowest_pitch <= _PITCHES) & (rule.highest_pitch >= _PITCHES) for rule in rules]
        ).reshape(rows, NUM_PITCHES)
        self._velocity_bin = np.full(rows, -1, np.int64)
        self._after_velocity = np.zeros(rows, bool)
        self._after_onset = np.zeros(rows, bool)
        self._after_part_shift = np.zeros(rows, bool)
        self._silent_since = np.zeros(rows, np.int64)
        self._last_onset = np.full(rows, -1, np.int64)
        self._notes = np.zeros(rows, np.int64)
        self._closed = np.zeros(rows, bool)

    @property
    def seconds_left(self) -> NDArray[np.float32]:
        """float32 [B], how much of the asked length is to come."""
        return ((self._end - self.state.steps) / STEPS_PER_SECOND).astype(np.float32)

    def allowed(self) -> NDArray[np.bool_]:
        """bool [B, 388]; every row that is not done allows at least one event."""
        now, onsets = self.state.steps, self.state.onset_steps
        sounding = onsets >= 0
        some_sound = sounding.any(axis=1)
        free = self._in_range & ~sounding
        oldest = np.where(sounding, onsets, _NEVER).min(axis=1)
        before_first = self._last_onset < 0

        cap = np.minimum(np.minimum(oldest + self._max_note, self._end) - now, MAX_SHIFT_STEPS)
        must_begin_by = np.where(before_first, self._max_start, self._last_onset + self._max_gap)
        must_begin_by = np.where(
            some_sound | before_first, must_begin_by, np.minimum(must_begin_by, self._silent_since + self._max_silence)
        )
        must_begin_by = np.where(self._can_hold(), must_begin_by, np.minimum(must_begin_by, self._last_onset_by))
        cap = np.where(self._closed, cap, np.minimum(cap, must_begin_by - now))

        within_budget = self._notes < _NOTES_AT_ONCE + _NOTES_PER_SECOND * now // STEPS_PER_SECOND
        may_begin = ~self._closed & (within_budget | (cap <= 0)) & free.any(axis=1)
        may_end = ~self._after_onset & ~self._after_velocity & (~self._closed | (now >= self._end - _RELEASE))
        may_wait = ~self._after_velocity & ~(self._after_part_shift & may_begin)

        allowed = np.empty((len(now), NUM_CLASSES), bool)
        allowed[:, NOTE_ON:NOTE_OFF] = free & (may_begin & (self._velocity_bin >= 0))[:, None]
        allowed[:, NOTE_OFF:TIME_SHIFT] = sounding & may_end[:, None]
        allowed[:, TIME_SHIFT:VELOCITY] = (cap[:, None] >= _SHIFTS) & may_wait[:, None]
        allowed[:, VELOCITY:] = (may_begin & ~self._after_velocity)[:, None] & (self._velocity_bin[:, None] != _BINS)

        expired = sounding & (now[:, None] - onsets >= self._max_note[:, None])
        for row in np.flatnonzero(expired.any(axis=1)):
            allowed[row] = False
            allowed[row, NOTE_OFF:TIME_SHIFT] = expired[row]
        return allowed

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        """Apply one event a row, int64 [B]."""
        self.state.advance(class_indices)
        now = self.state.steps
        begins = class_indices < NOTE_OFF
        ends = (class_indices >= NOTE_OFF) & (class_indices < TIME_SHIFT)
        waits = (class_indices >= TIME_SHIFT) & (class_indices < VELOCITY)
        self._after_velocity = class_indices >= VELOCITY
        self._velocity_bin = np.where(self._after_velocity, class_indices - VELOCITY, self._velocity_bin)
        self._last_onset = np.where(begins, now, self._last_onset)
        self._notes += begins
        self._after_onset = (self._after_onset | begins) & ~waits
        self._after_part_shift = waits & (class_indices < VELOCITY - 1)
        self._silent_since = np.where(ends, now, self._silent_since)
        if (waits & (now >= self._end - _CLOSING)).any():
            self._close(waits)
        self.done = self._closed & ((now >= self._end) | ~self.state.sounding.any(axis=1))

    def velocity_bin(self, row: int) -> int:
        """The velocity in force, 0–31."""
        return int(self._velocity_bin[row])

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Forget all other rows; those kept are numbered anew in this order."""
        state = PianoState(len(rows))
        state.steps, state.onset_steps = self.state.steps[rows], self.state.onset_steps[rows]
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[rows])
        self.state = state

    def _can_hold(self) -> NDArray[np.bool_]:
        """Whether a note sounds that may go on until the last release."""
        onsets = self.state.onset_steps
        lasts = onsets + self._max_note[:, None] >= (self._end - _RELEASE)[:, None]
        return np.asarray(((onsets >= 0) & lasts).any(axis=1))

    def _close(self, waits: NDArray[np.bool_]) -> None:
        left = self._end - self.state.steps
        since_onset = self.state.steps - self._last_onset
        pause = (left <= _CLOSING) & (since_onset >= _PAUSE)
        last_call = (left <= _LAST_CALL) & (since_onset >= _CHORD) | (left <= _RELEASE)
        self._closed |= waits & (pause | last_call) & self._can_hold()


def _steps(seconds: Iterable[float]) -> NDArray[np.int64]:
    return np.array([round(value * STEPS_PER_SECOND) for value in seconds], np.int64)
