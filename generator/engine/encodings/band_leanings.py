"""What leans on a band's network without forbidding it anything: the key, the density, the ending.

Each leaning is added to the logits. Those that must hold for a share of a piece watch what was played so far.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings.band import MAX_ADVANCE, STEPS_PER_BAR, STEPS_PER_QUARTER, BandState
from generator.engine.encodings.band_grammar import BandGrammar

if TYPE_CHECKING:
    from generator.engine.encodings.band_session import BandPlan

# A note outside the key that was asked for: unlikely, and out of the question where one in so many already is.
_OUTSIDE = -4.0
_FORBIDDEN = -40.0
_ONE_IN = 33
_CLOSING_ROOT = 2.0

_MEMORY_STEPS = 2.0 * STEPS_PER_BAR
_MEMORY_QUARTERS = _MEMORY_STEPS / STEPS_PER_QUARTER
_DECAY = [math.exp(-steps / _MEMORY_STEPS) for steps in range(MAX_ADVANCE + 1)]
_NOTE_PUSH = 2.0
_WAIT_PUSH = 1.5
_MAX_ERROR = 1.5
# A density that nobody asked for is held less tightly.
_UNASKED = 0.6
# How much longer than a straight sixteenth a wait is, in octaves.
_WAITS = np.log2(np.arange(1, MAX_ADVANCE + 1) / 3.0).astype(np.float32)


class BandLeanings:
    """Of one piece.

    Attributes:
        is_active: whether there is anything to add at all.
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
        # Notes a quarter lately, forgotten over two bars, and in all, with two bars as aimed at in front of them.
        self._rate = self._aim
        self._notes = self._aim * _MEMORY_QUARTERS
        self._steps = _MEMORY_STEPS
        self._is_last_hit_near = plan.key is not None

    @property
    def is_active(self) -> bool:
        return self._has_key or self._aim > 0.0 or (self._is_last_hit_near and self._grammar.at_last_hit)

    def lean(self, biases: NDArray[np.float32]) -> None:
        """Add to `biases`, float32 [C]."""
        spec = self._spec
        notes = biases[spec.note : spec.duration]
        if self._grammar.at_last_hit:
            notes += self._closing
            return
        if self._has_key:
            may_leave = (self._outside_notes + 1) * _ONE_IN <= self._pitched_notes
            notes += self._soft if may_leave else self._hard
        if self._aim:
            in_all = self._notes * STEPS_PER_QUARTER / self._steps
            error = math.log((self._rate + 0.1) * (in_all + 0.1) / (self._aim + 0.1) ** 2)
            error = min(max(error, -_MAX_ERROR), _MAX_ERROR)
            notes -= np.float32(self._note_push * error)
            biases[: spec.note] += np.float32(self._wait_push * error) * _WAITS

    def follow(self, event: int) -> None:
        """Take one event into account, before the state does."""
        spec = self._spec
        if event < spec.note:
            self._rate *= _DECAY[event + 1]
            self._steps += event + 1
        elif event < spec.duration:
            self._rate += 1.0 / _MEMORY_QUARTERS
            self._notes += 1.0
            index = event - spec.note
            if self._is_pitched[index] and not self._grammar.in_primer:
                self._pitched_notes += 1
                self._outside_notes += self._is_outside[index]
