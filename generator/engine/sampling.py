"""Drawing events: seeded uniforms, temperature and top-p, within what the rules of a piece allow.

Rows are pieces. No row's result depends on another row, and nothing here keeps random state of its own.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generator.engine.errors import EngineError

_BLOCK = 1024
_INFINITE = np.float32(np.inf)


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


def draw(
    logits: NDArray[np.floating],
    allowed: NDArray[np.bool_],
    *,
    temperature: NDArray[np.float64],
    top_p: NDArray[np.float64],
    uniforms: NDArray[np.float64],
    shaped: Sequence[tuple[int, int]],
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
    weights = np.where(allowed, logits, -_INFINITE)
    highest = weights.max(axis=1)
    if not all(map(math.isfinite, highest.tolist())):
        raise EngineError("The network's answer is no distribution over events.")
    weights -= highest[:, None]
    if tuple(shaped) == ((0, weights.shape[1]),):
        # All classes are shaped together: nothing has to be drawn before.
        weights /= temperature.astype(np.float32)[:, None]
        np.exp(weights, out=weights)
        rows = zip(weights, top_p.tolist(), uniforms.tolist(), strict=True)
        return np.array([_in_nucleus(*row) for row in rows], np.int64)
    np.exp(weights, out=weights)
    drawn = np.empty(len(weights), np.int64)
    cumulative = weights.cumsum(axis=1)
    settings = zip(uniforms.tolist(), temperature.tolist(), top_p.tolist(), strict=True)
    for row, (uniform, heat, kept) in enumerate(settings):
        sums = cumulative[row]
        target = uniform * float(sums[-1])
        index = _first_above(sums, target)
        # The range that was hit keeps its probability; where in it the target lies is settled by what shapes it.
        for first, end in shaped:
            if first <= index < end:
                before = float(sums[first - 1]) if first else 0.0
                share = (target - before) / (float(sums[end - 1]) - before)
                inside = weights[row, first:end]
                if heat != 1.0:
                    inside = (inside / inside.max()) ** np.float32(1.0 / heat)
                index = first + _in_nucleus(inside, kept, share)
                break
        drawn[row] = index
    return drawn


def _in_nucleus(weights: NDArray[np.float32], top_p: float, share: float) -> int:
    """The class at this share of the nucleus' probability; `weights` are unnormalised probabilities.

    Classes as likely as the last one in are in, so that no order among equals matters.
    """
    if top_p < 1.0:
        falling = np.sort(weights)[::-1]
        sums = falling.cumsum()
        # The first that the more likely ones before it already outweigh is out.
        last = min(int(sums.searchsorted(np.float32(top_p) * sums[-1])), len(sums) - 1)
        weights = weights * (weights >= falling[last])
    sums = weights.cumsum()
    return _first_above(sums, share * float(sums[-1]))


def _first_above(sums: NDArray[np.float32], target: float) -> int:
    """Index of the first sum above the target: a class that has some probability."""
    index = int(sums.searchsorted(np.float32(target), "right"))
    # Rounding may take a uniform close to 1 past the last class that has any.
    return index if index < len(sums) else int(sums.searchsorted(sums[-1]))
