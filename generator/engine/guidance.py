"""Guidance: a network hears one of its inputs more than it learnt to.

Beside each piece that was told a style runs its shadow: the same events, the style withheld. The difference between
what the two expect next is what the style makes of it, and is applied more than once (classifier-free guidance, Ho and
Salimans 2022, with logits in the place of scores).
"""

import numpy as np
from numpy.typing import NDArray

from generator.engine.runtimes import Runtime

# How often the difference is applied; 1 is the network left alone. A classifier of people's drumming names the style of
# 100 composed pieces with this share of its accuracy on people: 0.56 at 3, 0.65 at 3.4, 0.73 at 3.6. With more, more
# bars differ from the one before than people's do.
STYLE_WEIGHT = 3.6


class GuidedSteps:
    """The steps of one batch. Only rows that were told something to be guided by pay for a shadow."""

    def __init__(self, runtime: Runtime, columns: tuple[int, int], rows: int, weight: float = STYLE_WEIGHT) -> None:
        """
        Args:
            columns: of the features, the first and the one after the last, to be guided by; equal for none.
            rows: of the batch.
        """
        self._runtime, self._columns, self._weight = runtime, columns, np.float32(weight)
        # The pieces' states, and those of their shadows, where they have one.
        self._state, self._shadow = (np.zeros((rows, runtime.state_size), np.float32) for _ in range(2))

    def logits(self, events: NDArray[np.int32], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """One event for each row: int32 [B] and float32 [B, features] to float32 [B, C]."""
        first, end = self._columns
        told = np.flatnonzero(features[:, first:end].any(axis=1))
        if not len(told):
            logits, self._state = self._runtime.step(events, features, self._state)
            return logits
        withheld = features[told]
        withheld[:, first:end] = 0.0
        both, states = self._runtime.step(
            np.concatenate([events, events[told]]),
            np.concatenate([features, withheld]),
            np.concatenate([self._state, self._shadow[told]]),
        )
        rows = len(events)
        self._state, self._shadow[told] = states[:rows], states[rows:]
        logits, plain = np.array(both[:rows]), both[rows:]
        logits[told] = plain + self._weight * (logits[told] - plain)
        return logits

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Forget all other rows; those kept are numbered anew in this order."""
        self._state, self._shadow = self._state[rows], self._shadow[rows]
