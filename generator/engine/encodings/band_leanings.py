"""Logit biases for a band's network: key, density, overdue parts and the ending.

They forbid nothing outright. Biases with a target for the whole piece track what has been played so far.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings.band import DRUMS, MAX_ADVANCE, PARTS, STEPS_PER_BAR, STEPS_PER_QUARTER, BandState
from generator.engine.encodings.band_grammar import BandGrammar

if TYPE_CHECKING:
    from generator.engine.encodings.band_session import BandPlan

# A note outside the requested key: unlikely, and impossible once this share has been reached.
_OUTSIDE = -4.0
_FORBIDDEN = -40.0
_ONE_IN = 33
_CLOSING_ROOT = 2.0

_MEMORY_STEPS = 2.0 * STEPS_PER_BAR
_MEMORY_QUARTERS = _MEMORY_STEPS / STEPS_PER_QUARTER
_DECAY = [math.exp(-steps / _MEMORY_STEPS) for steps in range(MAX_ADVANCE + 1)]
# In a bar that closes a phrase, the bias on notes that were at this position a bar ago: without a fill, and with one.
REPEAT, REPEAT_IN_FILL = 3.0, -3.0
# Share of these bars that a drummer fills. 0.45 of all of them then differ from the bar before at human styles and
# tempos, 0.34 with all styles equally frequent (human: 0.40; without fills 0.29 and 0.17).
FILL_SHARE = 0.25
_NOTE_PUSH = 2.0
_WAIT_PUSH = 1.5
_MAX_ERROR = 1.5
# A density that nobody requested is enforced less strictly.
_UNASKED = 0.6
# How much longer than a straight sixteenth a gap is, in octaves.
WAITS = np.log2(np.arange(1, MAX_ADVANCE + 1) / 3.0).astype(np.float32)
# Bars that a part of a band may be silent. After that its bias grows with each silent bar, and fades over two bars once
# it plays, because the network then continues from what it played. Drums matter most: human drummers pause for 0.5 s at
# the median, and a network trained on few songs would go on without them.
_PATIENCE = {DRUMS: 1, "bass": 4, "rhythm": 4, "keys": 4, "lead": 8}
_PULL_A_BAR = {DRUMS: 4.0, "bass": 1.0, "rhythm": 1.0, "keys": 1.0, "lead": 1.0}
_MOST_PULL = {DRUMS: 10.0, "bass": 6.0, "rhythm": 6.0, "keys": 6.0, "lead": 6.0}


class BandLeanings:
    """The logit biases of one piece.

    Attributes:
        is_active: whether `lean` adds any bias.
        has_pushes: whether `pushes` can be non-zero.
    """

    def __init__(self, plan: "BandPlan", state: BandState, grammar: BandGrammar) -> None:
        self._spec, self._state, self._grammar = plan.spec, state, grammar
        self._has_key = bool(plan.request.key)
        self._outside = plan.outside_scale
        self._soft = np.where(self._outside, np.float32(_OUTSIDE), np.float32(0.0))
        self._hard = np.where(self._outside, np.float32(_FORBIDDEN), np.float32(0.0))
        self._closing = np.where(plan.roots, np.float32(_CLOSING_ROOT), np.float32(0.0))
        self._is_outside = self._outside.tolist()
        self._is_pitched = (plan.spec.note_parts > 0).tolist()
        self._pitched_notes = self._outside_notes = 0
        self._aim = plan.notes_a_quarter
        push = 1.0 if plan.request.density else _UNASKED
        self._note_push, self._wait_push = push * _NOTE_PUSH, push * _WAIT_PUSH
        # Notes per quarter recently (decaying over two bars) and overall, both starting with two bars at the target.
        self._rate = self._aim
        self._notes = self._aim * _MEMORY_QUARTERS
        self._steps = _MEMORY_STEPS
        self._is_last_hit_near = plan.key is not None
        # For each requested part, if there are others: its note classes, the step of its last note, and its bias.
        due = plan.parts if len(plan.parts) > 1 else ()
        self._due = {PARTS.index(part): _PATIENCE[part] * STEPS_PER_BAR for part in due}
        self._pull_a_bar = {PARTS.index(part): (_PULL_A_BAR[part], _MOST_PULL[part]) for part in due}
        self.has_pushes = self._aim > 0.0 or bool(due)
        self._part_of = plan.spec.note_parts.tolist()
        self._played_at = dict.fromkeys(self._due, 0)
        self._pull = dict.fromkeys(self._due, 0.0)

    @property
    def is_active(self) -> bool:
        return self._has_key or (self._is_last_hit_near and self._grammar.at_last_hit)

    def lean(self, notes: NDArray[np.float32]) -> None:
        """Add the biases of key and ending to `notes`, float32 [N]."""
        if self._grammar.at_last_hit:
            notes += self._closing
            return
        if self._has_key:
            may_leave = (self._outside_notes + 1) * _ONE_IN <= self._pitched_notes
            notes += self._soft if may_leave else self._hard

    def pushes(self) -> list[float]:
        """Biases of density and overdue parts: for the notes of each of `PARTS`, and for each gap per octave (`WAITS`)
        that it is longer than a sixteenth."""
        if self._grammar.at_last_hit:
            return [0.0] * (len(PARTS) + 1)
        push = wait = 0.0
        if self._aim:
            in_all = self._notes * STEPS_PER_QUARTER / self._steps
            error = math.log((self._rate + 0.1) * (in_all + 0.1) / (self._aim + 0.1) ** 2)
            error = min(max(error, -_MAX_ERROR), _MAX_ERROR)
            push, wait = -self._note_push * error, self._wait_push * error
        pulls = [push] * len(PARTS)
        for part, pull in self._pull.items():
            pulls[part] += pull
        return [*pulls, wait]

    def follow(self, event: int) -> None:
        """Take an event into account, before the state does."""
        spec = self._spec
        if event < spec.note:
            self._rate *= _DECAY[event + 1]
            self._steps += event + 1
            self._draw_in(event + 1)
        elif event < spec.duration:
            part = self._part_of[event - spec.note]
            if part in self._due:
                self._played_at[part] = self._state.step
            self._rate += 1.0 / _MEMORY_QUARTERS
            self._notes += 1.0
            index = event - spec.note
            if self._is_pitched[index] and not self._grammar.in_primer:
                self._pitched_notes += 1
                self._outside_notes += self._is_outside[index]

    def _draw_in(self, steps: int) -> None:
        now = self._state.step + steps
        for part, patience in self._due.items():
            if now - self._played_at[part] > patience:
                a_bar, most = self._pull_a_bar[part]
                self._pull[part] = min(self._pull[part] + a_bar * steps / STEPS_PER_BAR, most)
            elif self._pull[part]:
                left = self._pull[part] * _DECAY[steps]
                self._pull[part] = left if left > 0.05 else 0.0
