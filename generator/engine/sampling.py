"""Drawing events: seeded uniforms, temperature and top-p, within what the rules of a piece allow.

Rows are pieces. No row's result depends on another row, and nothing here keeps random state of its own.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generator.engine.errors import EngineError

_BLOCK = 1024


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
