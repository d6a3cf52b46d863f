"""Which events of the `band` encoding may come next in a piece: order, instruments, gaps and the ending.

Every piece that follows these rules is playable by its instruments, keeps time and ends properly: its last bar contains
one hit on the first beat, played by everyone and left to ring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings.band import (
    DURATIONS,
    MAX_ADVANCE,
    MAX_NOTES_AT_ONCE,
    NUM_DURATIONS,
    PARTS,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    BandSpec,
    BandState,
)
from generator.engine.encodings.drum_sounds import DRUM_SOUNDS, NUM_DRUM_SOUNDS

_AT_ONCE = [MAX_NOTES_AT_ONCE[part] for part in PARTS]
_LONGEST_WAIT = MAX_ADVANCE - 1
# Number of durations that do not exceed this many steps.
_UP_TO = [sum(duration <= steps for duration in DURATIONS) for steps in range(DURATIONS[-1] + 1)]
_LAST_HIT = 3 * STEPS_PER_QUARTER

# A drummer's last hit: the sound that starts it, and sounds that may join.
_HITS = {"kick", "crash", "second crash"}
_WITH_HITS = _HITS | {"snare", "splash", "china", "ride", "open hi-hat", "low tom"}
_IS_HIT = np.array([sound.name in _HITS for sound in DRUM_SOUNDS])
IS_LAST_DRUM = np.array([sound.name in _WITH_HITS for sound in DRUM_SOUNDS])

# Positions in a beat where notes may start, by feel: straight sixteenths, and triplets with the sixteenth upbeat.
STRAIGHT_PLACES = (0, 3, 6, 9)
SWING_PLACES = (0, 4, 8)


@dataclass(frozen=True)
class BandRules:
    """The constraints of one piece; steps count from the start of its primer.

    Attributes:
        begin_step: bar line where the new music starts.
        num_bars: of the new music, at least 2.
        playable: bool [N], note classes of the instruments that play.
        closing: bool [N], those of the last hit.
        places: positions in a beat where notes may start; empty for all twelve.
        max_gap: steps until the next note at the latest, at least a beat.
        max_start: steps until the first note at the latest.
        max_duration: steps; no note is longer.
        first_note: note class that starts the new music, −1 for any.
    """

    begin_step: int
    num_bars: int
    playable: NDArray[np.bool_]
    closing: NDArray[np.bool_]
    places: tuple[int, ...] = ()
    max_gap: int = STEPS_PER_BAR
    max_start: int = STEPS_PER_QUARTER
    max_duration: int = DURATIONS[-1]
    first_note: int = -1

    @property
    def final_step(self) -> int:
        """The first beat of the last bar."""
        return self.begin_step + (self.num_bars - 1) * STEPS_PER_BAR


class BandGrammar:
    """The rules applied to one piece. Plain numbers wherever an array would cost more than it saves.

    Attributes:
        state: what the events so far describe.
        is_done: the last hit is complete; sounding notes ring until their end.
    """

    def __init__(self, spec: BandSpec, rules: BandRules, state: BandState, primer: Sequence[int] = ()) -> None:
        """`primer` events come first, whatever the rules; they lead to the step where the new music starts."""
        self.spec, self.rules, self.state = spec, rules, state
        self.is_done = False
        self._primer = list(reversed(primer))
        self._final_step = rules.final_step
        self._part_of = spec.note_parts.tolist()
        self._line_of = spec.note_lines.tolist()
        starts = [spec.part_starts[part] for part in spec.parts]
        self._slices = {
            PARTS.index(part): (first, end)
            for part, first, end in zip(spec.parts, starts, [*starts[1:], spec.num_notes], strict=True)
        }
        in_a_beat = np.isin(np.arange(STEPS_PER_QUARTER), rules.places or range(STEPS_PER_QUARTER))
        steps = np.arange(1, MAX_ADVANCE + 1)
        self._landings = [in_a_beat[(phase + steps) % STEPS_PER_QUARTER] for phase in range(STEPS_PER_QUARTER)]
        last = min(STEPS_PER_BAR, rules.max_duration)
        self._last_durations = (min(_UP_TO[min(_LAST_HIT, last)] - 1, _UP_TO[last] - 1), _UP_TO[last])
        # Parts that have played join the last hit.
        self._played = [False] * len(PARTS)
        self._counts = [0] * len(PARTS)
        self._here = 0
        self._may_pass = True
        self._last_onset = -1
        # 0 before a note, then how far it has been described: 1 started, 2 duration, 3 velocity, 4 offset.
        self._stage = 0
        self._line = -1

    @property
    def in_primer(self) -> bool:
        """Whether the next event comes from the primer."""
        return bool(self._primer)

    @property
    def at_last_hit(self) -> bool:
        return self.state.step == self._final_step

    def allow(self, allowed: NDArray[np.bool_]) -> None:
        """Set the events that may come next in `allowed`, bool [C], initially all False."""
        if self._primer:
            allowed[self._primer[-1]] = True
            return
        if self._stage and not self._allow_description(allowed):
            return
        step, rules = self.state.step, self.rules
        notes = allowed[self.spec.note : self.spec.duration]
        first = self.state.last_class + 1
        if step == self._final_step:
            self._allow_last_hit(allowed, notes, first)
            return
        notes[first:] = rules.playable[first:]
        self._leave_out_full_parts(notes)
        if rules.first_note >= 0 and step == rules.begin_step and first <= rules.first_note:
            # The first note's part starts with it, and the clock does not advance before.
            part_begins, _ = self._slices[self._part_of[rules.first_note]]
            notes[part_begins:] = False
            notes[rules.first_note] = True
            return
        if self._here or self._may_pass:
            due = self._last_onset + rules.max_gap if self._last_onset >= 0 else rules.begin_step + rules.max_start
            furthest = min(MAX_ADVANCE, self._final_step - step, due - step)
            if furthest > 0:
                allowed[:furthest] = self._landings[step % STEPS_PER_QUARTER][:furthest]

    def advance(self, event: int) -> None:
        """Apply an allowed event."""
        spec, state = self.spec, self.state
        if event < spec.note:
            self.is_done = state.step == self._final_step
            self._stage = self._here = 0
            self._counts = [0] * len(PARTS)
            self._may_pass = event == _LONGEST_WAIT
        elif event < spec.duration:
            part = self._part_of[event - spec.note]
            self._line = self._line_of[event - spec.note]
            self._counts[part] += 1
            self._played[part] = True
            self._here += 1
            self._last_onset = state.step
            self._stage = 1
        else:
            self._stage = 2 if event < spec.velocity else 3 if event < spec.offset else 4
        state.advance(event)
        if self._primer:
            self._primer.pop()
            if not self._primer:
                self._may_pass = True
                # Whatever the primer did, the new music may wait as long as any other.
                self._last_onset = max(self._last_onset, state.step - STEPS_PER_QUARTER)

    def _allow_description(self, allowed: NDArray[np.bool_]) -> bool:
        """Which attributes of the last note may follow; False if one must."""
        spec, state, line, stage = self.spec, self.state, self._line, self._stage
        if stage == 1 and line >= NUM_DRUM_SOUNDS:
            first, end = self._durations()
            now = state.durations[line]
            allowed[spec.duration + first : spec.duration + end] = True
            if not first <= now < end:
                return False
            allowed[spec.duration + now] = False
        if stage <= 2:
            now = state.velocities[line]
            allowed[spec.velocity : spec.offset] = True
            if now < 0:
                return False
            allowed[spec.velocity + now] = False
        if stage <= 3 and spec.offset_bins:
            now = state.offsets[line]
            allowed[spec.offset : spec.num_classes] = True
            if now < 0:
                return False
            allowed[spec.offset + now] = False
        return True

    def _durations(self) -> tuple[int, int]:
        """Range of indices of the allowed durations here: first, and last plus one."""
        left = self._final_step - self.state.step
        if left == 0:
            return self._last_durations
        return 0, min(NUM_DURATIONS, _UP_TO[min(left, self.rules.max_duration, DURATIONS[-1])])

    def _allow_last_hit(self, allowed: NDArray[np.bool_], notes: NDArray[np.bool_], first: int) -> None:
        notes[first:] = self.rules.closing[first:]
        self._leave_out_full_parts(notes)
        is_complete = self._here > 0
        for part, (begins, end) in self._slices.items():
            if self._counts[part]:
                continue
            if part == 0 and first < NUM_DRUM_SOUNDS:
                notes[first:NUM_DRUM_SOUNDS] &= _IS_HIT[first:]
            if self._played[part] and notes[begins:end].any():
                # Classes ascend: a note beyond this part's would skip it.
                notes[end:] = False
                is_complete = False
                break
        allowed[_LONGEST_WAIT] = is_complete

    def _leave_out_full_parts(self, notes: NDArray[np.bool_]) -> None:
        for part, (begins, end) in self._slices.items():
            if self._counts[part] >= _AT_ONCE[part]:
                notes[begins:end] = False
