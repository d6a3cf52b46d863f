"""Drawing events: seeded uniforms, temperature, top-p, and which events the rules of a piece allow.

Rows are pieces. No row's result depends on another row, and nothing here keeps random state of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings.performance import (
    MAX_SHIFT_STEPS,
    NOTE_OFF,
    NOTE_ON,
    NUM_CLASSES,
    NUM_PITCHES,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    PianoState,
)
from generator.engine.errors import EngineError

_BLOCK = 1024
_NEVER = 1 << 40


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
    cumulative = np.exp(masked - highest).cumsum(axis=1)
    targets = uniforms * cumulative[:, -1]
    drawn = np.empty(len(masked), np.int64)
    settings = zip(targets.tolist(), temperature.tolist(), top_p.tolist(), strict=True)
    for row, (target, heat, kept) in enumerate(settings):
        sums = cumulative[row]
        index = _first_above(sums, target)
        # The range that was hit keeps its probability; where in it the target lies is settled by what shapes it.
        for first, end in shaped:
            if first <= index < end:
                before = sums[first - 1] if first else 0.0
                share = (target - before) / (sums[end - 1] - before)
                shaped_sums = _nucleus(masked[row, first:end], heat, kept).cumsum()
                index = first + _first_above(shaped_sums, share * shaped_sums[-1])
                break
        drawn[row] = index
    return drawn


def _first_above(sums: NDArray[np.float64], target: float) -> int:
    """Index of the first sum above the target: a class that has some probability."""
    index = int(sums.searchsorted(target, "right"))
    # Rounding may take a uniform close to 1 past the last class that has any.
    return index if index < len(sums) else int(sums.searchsorted(sums[-1]))


def _nucleus(masked: NDArray[np.float64], temperature: float, top_p: float) -> NDArray[np.float64]:
    """Unnormalised probabilities, float64 [n], after temperature, zero outside the nucleus; something is allowed.

    Classes as likely as the last one in are in, so that no order among equals matters.
    """
    probabilities = np.exp((masked - masked.max()) / temperature)
    if top_p >= 1.0:
        return probabilities
    falling = np.sort(probabilities)[::-1]
    cumulative = falling.cumsum()
    # The first that the more likely ones before it already outweigh is out.
    size = int((cumulative - falling < top_p * cumulative[-1]).sum())
    return np.where(probabilities >= falling[size - 1], probabilities, 0.0)


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
        self.state = PianoState(len(rules))
        self._rows = [_Row(rule) for rule in rules]

    @property
    def done(self) -> NDArray[np.bool_]:
        return np.array([row.is_done for row in self._rows], bool)

    @property
    def seconds_left(self) -> NDArray[np.float32]:
        """float32 [B], how much of the asked length is to come."""
        return np.array([(row.end - row.now) / STEPS_PER_SECOND for row in self._rows], np.float32)

    def allowed(self) -> NDArray[np.bool_]:
        """bool [B, 388]; every row that is not done allows at least one event."""
        allowed = np.zeros((len(self._rows), NUM_CLASSES), bool)
        for row, columns in zip(self._rows, allowed, strict=True):
            row.allow(columns)
        return allowed

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        """Apply one event a row, int64 [B]: one that was allowed."""
        self.state.advance(class_indices)
        for row, event in zip(self._rows, class_indices.tolist(), strict=True):
            row.advance(event)

    def velocity_bin(self, row: int) -> int:
        """The velocity in force, 0–31."""
        return self._rows[row].velocity_bin

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Forget all other rows; those kept are numbered anew in this order."""
        state = PianoState(len(rows))
        state.steps, state.onset_steps = self.state.steps[rows], self.state.onset_steps[rows]
        self.state = state
        self._rows = [self._rows[row] for row in rows.tolist()]


class _Row:
    """The grammar of one piece. Plain numbers: most batches are of one row, where an array costs more than it saves.

    Attributes:
        end, now: steps.
        velocity_bin: in force; −1 before the first VELOCITY.
        is_done: the piece is over.
    """

    def __init__(self, rules: PieceRules) -> None:
        self.now = 0
        self.velocity_bin = -1
        self.is_done = False
        self.end = _steps(rules.length_seconds)
        self._max_note = _steps(rules.max_note_seconds)
        # Where notes are short, the last one begins late enough to be held.
        self._last_onset_by = self.end - min(_LAST_ONSET, _RELEASE + self._max_note)
        self._max_silence = _steps(rules.max_silence_seconds)
        self._max_gap = _steps(rules.max_gap_seconds)
        self._max_start = _steps(rules.max_start_seconds)
        self._in_range = (rules.lowest_pitch <= _PITCHES) & (rules.highest_pitch >= _PITCHES)
        self._num_pitches = int(self._in_range.sum())
        # Pitches that may begin, and those that sound: pitch → step of its onset, the oldest first.
        self._free = self._in_range.copy()
        self._sounding: dict[int, int] = {}
        self._after_velocity = False
        self._after_onset = False
        self._after_part_shift = False
        self._silent_since = 0
        self._last_onset = -1
        self._notes = 0
        self._closed = False

    def allow(self, allowed: NDArray[np.bool_]) -> None:
        """Set what may come next in `allowed`, bool [388], all False before."""
        now, sounding = self.now, self._sounding
        oldest = next(iter(sounding.values()), _NEVER)
        if now - oldest >= self._max_note:
            # Ends before anything else happens.
            allowed[[NOTE_OFF + pitch for pitch, onset in sounding.items() if now - onset >= self._max_note]] = True
            return

        cap = min(oldest + self._max_note, self.end) - now
        if not self._closed:
            cap = min(cap, self._must_begin_by() - now)
        within_budget = self._notes < _NOTES_AT_ONCE + _NOTES_PER_SECOND * now // STEPS_PER_SECOND
        may_begin = not self._closed and (within_budget or cap <= 0) and len(sounding) < self._num_pitches

        if may_begin:
            if self.velocity_bin >= 0:
                allowed[NOTE_ON:NOTE_OFF] = self._free
            if not self._after_velocity:
                allowed[VELOCITY:] = True
                if self.velocity_bin >= 0:
                    allowed[VELOCITY + self.velocity_bin] = False
        if self._after_velocity:
            return
        if sounding and not self._after_onset and (not self._closed or now >= self.end - _RELEASE):
            allowed[[NOTE_OFF + pitch for pitch in sounding]] = True
        if cap > 0 and not (self._after_part_shift and may_begin):
            allowed[TIME_SHIFT : TIME_SHIFT + min(cap, MAX_SHIFT_STEPS)] = True

    def advance(self, event: int) -> None:
        """Apply one event that was allowed."""
        self._after_velocity = event >= VELOCITY
        if event < NOTE_OFF:
            self._sounding[event] = self._last_onset = self.now
            self._free[event] = False
            self._notes += 1
            self._after_onset = True
            self._after_part_shift = False
        elif event < TIME_SHIFT:
            pitch = event - NOTE_OFF
            del self._sounding[pitch]
            self._free[pitch] = self._in_range[pitch]
            self._silent_since = self.now
            self._after_part_shift = False
        elif event < VELOCITY:
            self.now += event - TIME_SHIFT + 1
            self._after_onset = False
            self._after_part_shift = event < VELOCITY - 1
            self._closed = self._closed or self._closes()
        else:
            self.velocity_bin = event - VELOCITY
            self._after_part_shift = False
        self.is_done = self._closed and (self.now >= self.end or not self._sounding)

    def _must_begin_by(self) -> int:
        """The step by which a note begins, unless the piece has closed."""
        if self._last_onset < 0:
            latest = self._max_start
        else:
            latest = self._last_onset + self._max_gap
            if not self._sounding:
                latest = min(latest, self._silent_since + self._max_silence)
        return latest if self._can_hold() else min(latest, self._last_onset_by)

    def _can_hold(self) -> bool:
        """Whether a note sounds that may go on until the last release."""
        newest = next(reversed(self._sounding.values()), -_NEVER)
        return newest + self._max_note >= self.end - _RELEASE

    def _closes(self) -> bool:
        """Whether, after a wait, no note begins any more."""
        left = self.end - self.now
        since_onset = self.now - self._last_onset
        pause = left <= _CLOSING and since_onset >= _PAUSE
        last_call = (left <= _LAST_CALL and since_onset >= _CHORD) or left <= _RELEASE
        return (pause or last_call) and self._can_hold()


def _steps(seconds: float) -> int:
    return round(seconds * STEPS_PER_SECOND)
