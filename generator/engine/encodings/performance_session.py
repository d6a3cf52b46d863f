"""Composing in the `performance` encoding: a pianist's clock of 10 ms, one voice."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generator.engine.controls import ComposeRequest
from generator.engine.encodings.performance import (
    DENSITY_BOUNDS,
    NOTE_OFF,
    NOTE_ON,
    NUM_CLASSES,
    STEPS_PER_SECOND,
    TIME_SHIFT,
    VELOCITY,
    NoteArrays,
    encode,
    velocity_of_bin,
)
from generator.engine.encodings.performance_grammar import PerformanceGrammar, PieceRules
from generator.engine.keys import Key, parse_key
from generator.engine.manifest import Ensemble, Manifest
from generator.engine.music import Note, without_overlaps
from generator.engine.primers import Primer

# Notes per second that each density bin represents: the centre of its bounds.
_MIDDLES = (0.6, *(math.sqrt(low * high) for low, high in itertools.pairwise(DENSITY_BOUNDS)), 24.0)
# Recent density decays over this many steps.
_MEMORY_STEPS = 400.0
_NOTE_PUSH = 1.0
_WAIT_PUSH = 0.4
_MAX_ERROR = 1.5
# How much longer than a tenth of a second a gap is, in octaves.
_WAITS = np.log2(np.arange(1, VELOCITY - TIME_SHIFT + 1) / 10.0).astype(np.float32)
# A pitch outside the requested key: unlikely, and impossible once this share has been reached.
_OUTSIDE = -4.0
_FORBIDDEN = -40.0
_ONE_IN = 33


class PerformanceSession:
    """See `generator.engine.encodings.registry.Session`."""

    def __init__(self, requests: Sequence[ComposeRequest], ensembles: Sequence[Ensemble], manifest: Manifest) -> None:
        self.rows = [
            PerformanceRow(request, ensemble, manifest) for request, ensemble in zip(requests, ensembles, strict=True)
        ]
        self._grammar = PerformanceGrammar([row.rules for row in self.rows])
        self._density = self._densities()

    def features(self) -> NDArray[np.float32]:
        return self._grammar.state.features(self._grammar.seconds_left, self._density)

    def allowed(self) -> NDArray[np.bool_]:
        return self._grammar.allowed()

    def biases(self) -> NDArray[np.float32] | None:
        if not any(row.leans for row in self.rows):
            return None
        biases = np.zeros((len(self.rows), NUM_CLASSES), np.float32)
        for row, columns in zip(self.rows, biases, strict=True):
            if row.leans:
                row.lean(columns)
        return biases

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        grammar = self._grammar
        grammar.advance(class_indices)
        steps, over = grammar.state.steps.tolist(), grammar.done.tolist()
        for index, (row, event) in enumerate(zip(self.rows, class_indices.tolist(), strict=True)):
            row.advance(event, steps[index], grammar.velocity_bin(index), over[index])

    def keep(self, rows: NDArray[np.intp]) -> None:
        self._grammar.keep(rows)
        self.rows = [self.rows[row] for row in rows.tolist()]
        self._density = self._densities()

    def _densities(self) -> NDArray[np.float32] | None:
        """The density conditioning in notes per second, NaN for any; None if there is none."""
        densities = np.array([row.density or np.nan for row in self.rows], np.float32)
        return None if np.isnan(densities).all() else densities


class PerformanceRow:
    """See `generator.engine.encodings.registry.PieceRow`.

    Attributes:
        rules: the piece's constraints.
        density: requested notes per second, 0 for any.
        leans: whether there are logit biases.
    """

    qpm: float | None = None

    def __init__(self, request: ComposeRequest, ensemble: Ensemble, manifest: Manifest) -> None:
        self.notes: list[Note] = []
        self.moved = self.is_done = False
        key = parse_key(request.key) if request.key else None
        self.key = key.name if key else ""
        primer = primer_events(request.primer) if request.primer else ()
        self.rules = PieceRules(
            request.length_seconds,
            ensemble.lowest_pitch,
            ensemble.highest_pitch,
            ensemble.max_note_seconds,
            primer=primer,
            first_pitch=-1 if request.starting_note is None else request.starting_note,
            closing_pitch_classes=key.tonic_triad if key else frozenset(),
        )
        control = manifest.controls.density
        choice = control.choice(request.density) if control else None
        self.density = _MIDDLES[min(choice.value, len(_MIDDLES) - 1)] if choice else 0.0
        # Recent notes per second; initially the target.
        self._rate = self.density
        self.leans = bool(key) or self.density > 0.0
        self._soft, self._hard, self._outside = _outside_of(key)
        self._notes = self._outside_notes = 0
        self._begin = sum(event - TIME_SHIFT + 1 for event in primer if TIME_SHIFT <= event < VELOCITY)
        self._events_of_primer = len(primer)
        self._step = 0
        # Pitch → onset step and velocity of sounding notes, in order of onset.
        self._sounding: dict[int, tuple[int, int]] = {}

    @property
    def settled_seconds(self) -> float:
        # Notes are ordered by onset, so the first sounding note bounds what is settled.
        step = next(iter(self._sounding.values()))[0] if self._sounding else self._step
        return (step - self._begin) / STEPS_PER_SECOND

    def lean(self, biases: NDArray[np.float32]) -> None:
        """Add the logit biases of key and density to `biases`, float32 [388]."""
        if self.key:
            may_leave = (self._outside_notes + 1) * _ONE_IN <= self._notes
            biases[NOTE_ON:NOTE_OFF] = self._soft if may_leave else self._hard
        if self.density:
            error = math.log((self._rate + 0.2) / (self.density + 0.2))
            error = min(max(error, -_MAX_ERROR), _MAX_ERROR)
            # A VELOCITY comes directly before a note.
            biases[NOTE_ON:NOTE_OFF] -= np.float32(_NOTE_PUSH * error)
            biases[VELOCITY:] -= np.float32(_NOTE_PUSH * error)
            biases[TIME_SHIFT:VELOCITY] += np.float32(_WAIT_PUSH * error) * _WAITS

    def advance(self, event: int, step: int, velocity_bin: int, is_over: bool) -> None:
        """One event, after which the clock stands at `step`."""
        waited = step - self._step
        self._step = step
        if waited:
            self._rate *= math.exp(-waited / _MEMORY_STEPS)
        if event < NOTE_OFF:
            self._rate += STEPS_PER_SECOND / _MEMORY_STEPS
        if self._events_of_primer:
            self._events_of_primer -= 1
            return
        self.moved = TIME_SHIFT <= event < VELOCITY
        if event < NOTE_OFF:
            self._sounding[event] = (step, velocity_of_bin(velocity_bin))
            self._notes += 1
            self._outside_notes += self._outside[event]
        elif event < TIME_SHIFT:
            self._end(event - NOTE_OFF)
        if is_over:
            for pitch in list(self._sounding):
                self._end(pitch)
            self.is_done = True

    def _end(self, pitch: int) -> None:
        start, velocity = self._sounding.pop(pitch)
        self.notes.append(
            Note(
                pitch, velocity, (start - self._begin) / STEPS_PER_SECOND, (self._step - self._begin) / STEPS_PER_SECOND
            )
        )


def primer_events(primer: Primer) -> tuple[int, ...]:
    """Class indices of the primer's notes and the time up to its length; nothing sounds at the end."""
    end = primer.length_seconds
    notes = [note for note in without_overlaps(primer.notes) if round(note.start_seconds * 100) < round(end * 100)]
    arrays = NoteArrays(
        np.array([note.start_seconds for note in notes], np.float64),
        np.array([min(note.end_seconds, end) for note in notes], np.float64),
        np.array([note.pitch for note in notes], np.uint8),
        np.array([note.velocity for note in notes], np.uint8),
    )
    events: list[int] = []
    sounding: set[int] = set()
    step = 0
    for event in encode(arrays.sorted()).tolist():
        if event < NOTE_OFF:
            if event in sounding:
                continue
            sounding.add(event)
        elif event < TIME_SHIFT:
            # Two notes of one pitch can be so close that they merge.
            if event - NOTE_OFF not in sounding:
                continue
            sounding.remove(event - NOTE_OFF)
        elif event < VELOCITY:
            step += event - TIME_SHIFT + 1
        events.append(event)
    full, rest = divmod(max(0, round(end * STEPS_PER_SECOND) - step), VELOCITY - TIME_SHIFT)
    return (*events, *[VELOCITY - 1] * full, *([TIME_SHIFT + rest - 1] if rest else []))


def _outside_of(key: Key | None) -> tuple[NDArray[np.float32], NDArray[np.float32], list[bool]]:
    """Soft and hard logit biases for each pitch, and whether it is outside the key."""
    outside = np.zeros(NOTE_OFF, bool)
    if key is not None:
        outside = ~np.isin(np.arange(NOTE_OFF) % 12, sorted(key.pitch_classes))
    soft, hard = (np.where(outside, value, 0.0).astype(np.float32) for value in (_OUTSIDE, _FORBIDDEN))
    return soft, hard, outside.tolist()
