"""Guidance: amplifies the effect of one of a network's inputs.

Each piece with a style has a shadow: the same events without the style. The difference between their logits is the
effect of the style, and is multiplied by a weight (classifier-free guidance, Ho and Salimans 2022, with logits instead
of scores).
"""

import numpy as np
from numpy.typing import NDArray

from generator.engine.runtimes import Runtime

# Guidance weight; 1 is the network alone. A classifier of human drumming recognises the style of 100 composed pieces
# with this share of its accuracy on human ones: 0.56 at 3, 0.65 at 3.4, 0.73 at 3.6.
STYLE_WEIGHT = 3.8


class GuidedSteps:
    """The steps of one batch. Only rows with a guided input cost a second step."""

    def __init__(
        self,
        runtime: Runtime,
        columns: tuple[int, int],
        rows: int,
        weight: float = STYLE_WEIGHT,
    ) -> None:
        """
        Args:
            columns: the guided feature columns, first and last plus one; equal for none. They are constant within a
                piece.
            rows: batch size.
        """
        self._runtime, self._columns, self._weight = runtime, columns, np.float32(weight)
        self._rows = rows
        # Rows with a shadow, known from the first features; the states of all pieces, then of the shadows.
        self._told: NDArray[np.intp] | None = None
        self._states = np.zeros((rows, runtime.state_size), np.float32)

    def logits(self, events: NDArray[np.int32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """One event per row: int32 [B] and float32 [B, features] to float32 [B, C]."""
        first, end = self._columns
        if self._told is None:
            self._told = np.flatnonzero(features[:, first:end].any(axis=1))
            self._states = np.concatenate([self._states, self._states[self._told]])
        told, rows = self._told, self._rows
        if not len(told):
            logits, self._states = self._runtime.step(events, features, self._states)
            return logits
        every = len(told) == rows
        events = np.concatenate([events, events if every else events[told]])
        features = np.concatenate([features, features if every else features[told]])
        features[rows:, first:end] = 0.0
        both, self._states = self._runtime.step(events, features, self._states)
        plain = both[rows:]
        if every:
            return plain + self._weight * (both[:rows] - plain)
        logits = both[:rows].copy()
        logits[told] = plain + self._weight * (logits[told] - plain)
        return logits

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Keep only these rows, renumbered in this order."""
        states, shadows = self._states[rows], self._states[self._rows :]
        if self._told is not None:
            place = {row: shadow for shadow, row in enumerate(self._told.tolist())}
            kept = [(new, place[row]) for new, row in enumerate(rows.tolist()) if row in place]
            self._told = np.array([new for new, _ in kept], np.intp)
            states = np.concatenate([states, shadows[[shadow for _, shadow in kept]]])
        self._states, self._rows = states, len(rows)
