"""Which events of the `performance` encoding may come next: order, instrument, gaps, silence and the ending.

Rows are pieces; no row depends on another.
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

_NEVER = 1 << 40

# Temperature and top-p shape which pitch starts, which one ends, and how loud. The kind of event and the length of time
# shifts keep the network's own probabilities: cutting off the rare long time shifts doubled the density, with notes a
# third as long (measured: 13 notes per second became 23).
SHAPED = ((NOTE_ON, NOTE_OFF), (NOTE_OFF, TIME_SHIFT), (VELOCITY, NUM_CLASSES))


@dataclass(frozen=True)
class PieceRules:
    """The constraints of one piece.

    Attributes:
        length_seconds: as requested; the last note ends within the second before it.
        lowest_pitch, highest_pitch: inclusive.
        max_note_seconds: longer notes are ended.
        max_silence_seconds: the longest silence.
        max_gap_seconds: the longest time between onsets, even if notes still sound.
        max_start_seconds: the latest onset of the first note.
        primer: class indices that come first, whatever the other rules; they do not count towards `length_seconds`.
        first_pitch: of the first note after the primer; −1 for any.
        closing_pitch_classes: the only ones in the last chord; empty for any.
    """

    length_seconds: float
    lowest_pitch: int = 21
    highest_pitch: int = 108
    max_note_seconds: float = 15.0
    max_silence_seconds: float = 3.0
    max_gap_seconds: float = 5.0
    max_start_seconds: float = 0.5
    primer: tuple[int, ...] = ()
    first_pitch: int = -1
    closing_pitch_classes: frozenset[int] = frozenset()


# How a piece ends. The last notes are those sounding when no new note may start: after a pause of the network's own in
# the closing seconds, or at the latest `_LAST_CALL` before the end. They are held and released in the last `_RELEASE`
# steps, none before it has rung for `_RING`. If the most recent note no longer sounds, another one starts by
# `_LAST_ONSET` before the end. If the last chord is prescribed, everything else falls silent `_FINALE` before the end.
_CLOSING = 4 * STEPS_PER_SECOND
_LAST_CALL = 150
_LAST_ONSET = 120
_RELEASE = 60
_RING = 50
_FINALE = 250
_PAUSE = 30
# A chord's notes may start a few steps apart; it is not cut between them.
_CHORD = 8
# Onsets within this many steps are heard as one.
_TOGETHER = 6

# No network may trap the composer in an endless instant: this many simultaneous notes, and notes per second, are
# enough.
_NOTES_AT_ONCE = 24
_NOTES_PER_SECOND = 40

_PITCHES = np.arange(NUM_PITCHES)


class PerformanceGrammar:
    """Which of the 388 events may come next, and what sounds after those so far.

    As in every encoded performance: no NOTE_OFF of a silent pitch, no NOTE_ON of a sounding one; at one instant all
    note-offs come before all note-ons; a VELOCITY only if it changes and directly before a NOTE_ON; no TIME_SHIFT
    after one that was not full. `PieceRules` adds the rest.

    Attributes:
        state: the keyboard, one row per piece.
        done: bool [B], whether the piece is over; sounding notes end now.
    """

    def __init__(self, rules: Sequence[PieceRules]) -> None:
        self.state = PianoState(len(rules))
        self._rows = [_Row(rule) for rule in rules]

    @property
    def done(self) -> NDArray[np.bool_]:
        return np.array([row.is_done for row in self._rows], bool)

    @property
    def seconds_left(self) -> NDArray[np.float32]:
        """float32 [B], how much of the requested length is left."""
        return np.array([(row.end - row.now) / STEPS_PER_SECOND for row in self._rows], np.float32)

    def allowed(self) -> NDArray[np.bool_]:
        """bool [B, 388]; every row that is not done allows at least one event."""
        allowed = np.zeros((len(self._rows), NUM_CLASSES), bool)
        for row, columns in zip(self._rows, allowed, strict=True):
            row.allow(columns)
        return allowed

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        """Apply one allowed event per row, int64 [B]."""
        self.state.advance(class_indices)
        for row, event in zip(self._rows, class_indices.tolist(), strict=True):
            row.advance(event)

    def velocity_bin(self, row: int) -> int:
        """The current velocity bin, 0–31."""
        return self._rows[row].velocity_bin

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Keep only these rows, renumbered in this order."""
        state = PianoState(len(rows))
        state.steps, state.onset_steps = self.state.steps[rows], self.state.onset_steps[rows]
        self.state = state
        self._rows = [self._rows[row] for row in rows.tolist()]


class _Row:
    """The grammar of one piece. Plain numbers: most batches have one row, where an array costs more than it saves.

    Attributes:
        begin, end, now: steps: of the new music, and the clock.
        velocity_bin: in force; −1 before the first VELOCITY.
        is_done: the piece is over.
    """

    def __init__(self, rules: PieceRules) -> None:
        self.now = 0
        self.velocity_bin = -1
        self.is_done = False
        self._primer = list(reversed(rules.primer))
        self.begin = sum(event - TIME_SHIFT + 1 for event in rules.primer if TIME_SHIFT <= event < VELOCITY)
        self.end = self.begin + _steps(rules.length_seconds)
        self._max_note = _steps(rules.max_note_seconds)
        # If notes are short, the last one starts late enough to be held.
        self._last_onset_by = self.end - min(_LAST_ONSET, _RELEASE + self._max_note)
        self._max_silence = _steps(rules.max_silence_seconds)
        self._max_gap = _steps(rules.max_gap_seconds)
        self._max_start = _steps(rules.max_start_seconds)
        self._first_pitch = rules.first_pitch
        self._closing_classes = rules.closing_pitch_classes
        self._closing_pitches = np.isin(_PITCHES % 12, sorted(rules.closing_pitch_classes))
        self._in_range = (rules.lowest_pitch <= _PITCHES) & (rules.highest_pitch >= _PITCHES)
        self._num_pitches = int(self._in_range.sum())
        # Pitches that may start, and sounding ones: pitch → step of its onset, oldest first.
        self._free = self._in_range.copy()
        self._sounding: dict[int, int] = {}
        self._after_velocity = False
        self._after_onset = False
        self._after_part_shift = False
        self._silent_since = 0
        self._last_onset = -1
        # Onset and pitches of the most recent notes that form one chord.
        self._last_chord: list[tuple[int, int]] = []
        self._notes = 0
        self._closed = False

    def allow(self, allowed: NDArray[np.bool_]) -> None:
        """Set the events that may come next in `allowed`, bool [388], initially all False."""
        if self._primer:
            allowed[self._primer[-1]] = True
            return
        now, sounding = self.now, self._sounding
        oldest = next(iter(sounding.values()), _NEVER)
        if now - oldest >= self._max_note:
            # Note-offs before anything else.
            allowed[[NOTE_OFF + pitch for pitch, onset in sounding.items() if now - onset >= self._max_note]] = True
            return

        in_finale = self._is_finale()
        if in_finale and not self._closed and (foreign := [p for p in sounding if not self._closing_pitches[p]]):
            allowed[[NOTE_OFF + pitch for pitch in foreign]] = True
            return
        cap = min(oldest + self._max_note, self.end) - now
        if not self._closed:
            cap = min(cap, self._must_begin_by() - now)
        within_budget = self._notes < _NOTES_AT_ONCE + _NOTES_PER_SECOND * now // STEPS_PER_SECOND
        may_begin = not self._closed and (within_budget or cap <= 0) and len(sounding) < self._num_pitches
        free: NDArray[np.bool_] = self._free
        if in_finale:
            free = free & self._closing_pitches
            may_begin = may_begin and bool(free.any())
        elif self._first_pitch >= 0:
            if self._last_onset < 0:
                free = np.equal(_PITCHES, self._first_pitch)
            elif self._after_onset:
                # The first note is the lowest of its chord, otherwise it would not be heard as the first.
                free = free & (self._first_pitch < _PITCHES)
                may_begin = may_begin and bool(free.any())
            else:
                self._first_pitch = -1

        if may_begin:
            if self.velocity_bin >= 0:
                allowed[NOTE_ON:NOTE_OFF] = free
            if not self._after_velocity:
                allowed[VELOCITY:] = True
                if self.velocity_bin >= 0:
                    allowed[VELOCITY + self.velocity_bin] = False
        if self._after_velocity:
            return
        if sounding and not self._after_onset:
            if not self._closed:
                allowed[[NOTE_OFF + pitch for pitch in sounding]] = True
            elif now >= self.end - _RELEASE:
                allowed[[NOTE_OFF + pitch for pitch, onset in sounding.items() if now - onset >= _RING]] = True
        if cap > 0 and not (self._after_part_shift and may_begin):
            allowed[TIME_SHIFT : TIME_SHIFT + min(cap, MAX_SHIFT_STEPS)] = True

    def advance(self, event: int) -> None:
        """Apply an allowed event."""
        self._after_velocity = event >= VELOCITY
        if event < NOTE_OFF:
            self._last_chord = [note for note in self._last_chord if self.now - note[0] <= _TOGETHER]
            self._last_chord.append((self.now, event))
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
        if self._primer:
            self._primer.pop()
            self._closed = False
            if not self._primer:
                self._begin_anew()
            return
        self.is_done = self._closed and (self.now >= self.end or not self._sounding)

    def _begin_anew(self) -> None:
        """After the primer: nothing sounds, and the new music may start in any way."""
        self._after_onset = self._after_velocity = self._after_part_shift = False
        self._silent_since = self.now
        self._last_onset = -1

    def _must_begin_by(self) -> int:
        """The step by which a note must start, unless the piece has closed."""
        if self._last_onset < 0:
            latest = self.begin + self._max_start
        else:
            latest = self._last_onset + self._max_gap
            if not self._sounding:
                latest = min(latest, self._silent_since + (_PAUSE if self._is_finale() else self._max_silence))
        return latest if self._can_hold() else min(latest, self._last_onset_by)

    def _can_hold(self) -> bool:
        """Whether the most recent note still sounds and may be held until the final release, in a valid last chord."""
        newest = next(reversed(self._sounding.values()), -_NEVER)
        if newest < self._last_onset or newest + self._max_note < self.end - _RELEASE:
            return False
        if not self._closing_classes:
            return True
        lowest = min(pitch for _, pitch in self._last_chord)
        return {lowest % 12, min(self._sounding) % 12} <= self._closing_classes

    def _is_finale(self) -> bool:
        """Whether only the last chord may sound now."""
        return bool(self._closing_classes) and self.now >= self.end - _FINALE

    def _closes(self) -> bool:
        """Whether no note may start after a time shift."""
        left = self.end - self.now
        since_onset = self.now - self._last_onset
        pause = left <= _CLOSING and since_onset >= _PAUSE
        last_call = (left <= _LAST_CALL and since_onset >= _CHORD) or left <= _RELEASE
        return (pause or last_call) and self._can_hold()


def _steps(seconds: float) -> int:
    return round(seconds * STEPS_PER_SECOND)
