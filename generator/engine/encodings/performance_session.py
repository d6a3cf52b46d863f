"""Composing in the `performance` encoding: a pianist's clock of 10 ms, one voice."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generator.engine.controls import ComposeRequest
from generator.engine.encodings.performance import NOTE_OFF, STEPS_PER_SECOND, TIME_SHIFT, VELOCITY, velocity_of_bin
from generator.engine.manifest import Ensemble, Manifest
from generator.engine.music import Note
from generator.engine.sampling import PerformanceGrammar, PieceRules


class PerformanceSession:
    """See `generator.engine.encodings.registry.Session`."""

    def __init__(self, requests: Sequence[ComposeRequest], ensembles: Sequence[Ensemble], manifest: Manifest) -> None:
        rules = [
            PieceRules(request.length_seconds, ensemble.lowest_pitch, ensemble.highest_pitch, ensemble.max_note_seconds)
            for request, ensemble in zip(requests, ensembles, strict=True)
        ]
        self._grammar = PerformanceGrammar(rules)
        self.rows = [PerformanceRow(request) for request in requests]

    def features(self) -> NDArray[np.float32]:
        return self._grammar.state.features(self._grammar.seconds_left)

    def allowed(self) -> NDArray[np.bool_]:
        return self._grammar.allowed()

    def biases(self) -> NDArray[np.float32] | None:
        return None

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        grammar = self._grammar
        grammar.advance(class_indices)
        steps, over = grammar.state.steps.tolist(), grammar.done.tolist()
        for index, (row, event) in enumerate(zip(self.rows, class_indices.tolist(), strict=True)):
            row.advance(event, steps[index], grammar.velocity_bin(index), over[index])

    def keep(self, rows: NDArray[np.intp]) -> None:
        self._grammar.keep(rows)
        self.rows = [self.rows[row] for row in rows.tolist()]


class PerformanceRow:
    """See `generator.engine.encodings.registry.PieceRow`."""

    qpm: float | None = None

    def __init__(self, request: ComposeRequest) -> None:
        self.notes: list[Note] = []
        self.moved = self.is_done = False
        self.key = request.key
        self._step = 0
        # Pitch → step and velocity of what sounds, in the order in which it began.
        self._sounding: dict[int, tuple[int, int]] = {}

    @property
    def settled_seconds(self) -> float:
        # Notes are in the order of their beginnings, so the first of those sounding bounds what is settled.
        step = next(iter(self._sounding.values()))[0] if self._sounding else self._step
        return step / STEPS_PER_SECOND

    def advance(self, event: int, step: int, velocity_bin: int, is_over: bool) -> None:
        """One event, after which the clock stands at `step`."""
        self.moved = TIME_SHIFT <= event < VELOCITY
        self._step = step
        if event < NOTE_OFF:
            self._sounding[event] = (step, velocity_of_bin(velocity_bin))
        elif event < TIME_SHIFT:
            self._end(event - NOTE_OFF)
        if is_over:
            for pitch in list(self._sounding):
                self._end(pitch)
            self.is_done = True

    def _end(self, pitch: int) -> None:
        start, velocity = self._sounding.pop(pitch)
        self.notes.append(Note(pitch, velocity, start / STEPS_PER_SECOND, self._step / STEPS_PER_SECOND))
