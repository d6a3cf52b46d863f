"""Samples events: seeded uniforms, temperature and top-p, within the rules of a piece.

Rows are pieces and independent of each other, and nothing here keeps random state.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generator.engine.errors import EngineError

_BLOCK = 1024
_INFINITE = np.float32(np.inf)


class Uniforms:
    """One number in [0, 1) per event, derived only from (seed, take, attempt).

    They are generated in blocks, outside the event loop; the block size does not affect them.
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
    """One class index per row, by inverting the cumulative distribution.

    Args:
        logits: float [B, C].
        allowed: bool [B, C], at least one per row.
        temperature: float64 [B], divides the logits within each range of `shaped`; above 0.
        top_p: float64 [B]; within each range of `shaped`, only the smallest set of most likely allowed classes that
            makes up this share of the range is sampled (nucleus sampling, Holtzman et al. 2020). 1 keeps all.
        uniforms: float64 [B], in [0, 1).
        shaped: ranges of classes; each keeps its total probability.

    Returns:
        int64 [B].

    Raises:
        EngineError: a logit is not finite, or a row allows nothing.
    """
    weights = np.where(allowed, logits, -_INFINITE)
    highest = weights.max(axis=1)
    if not all(map(math.isfinite, highest.tolist())):
        raise EngineError("The network's answer is no distribution over events.")
    weights -= highest[:, None]
    if tuple(shaped) == ((0, weights.shape[1]),):
        # All classes are shaped together, so no range has to be chosen first.
        weights /= temperature.astype(np.float32)[:, None]
        np.exp(weights, out=weights)
        return _in_nucleus(weights, top_p.tolist(), uniforms.tolist())
    np.exp(weights, out=weights)
    cumulative = weights.cumsum(axis=1)
    # The chosen range keeps its probability; the shaping decides where in it the target falls.
    drawn = np.empty(len(weights), np.int64)
    hit: list[int] = []
    firsts: list[int] = []
    shares: list[float] = []
    inside = np.zeros((len(weights), max((end - first for first, end in shaped), default=0)), np.float32)
    for row, uniform in enumerate(uniforms.tolist()):
        sums = cumulative[row]
        target = uniform * float(sums[-1])
        drawn[row] = index = _first_above(sums, target)
        for first, end in shaped:
            if first <= index < end:
                before = float(sums[first - 1]) if first else 0.0
                shares.append((target - before) / (float(sums[end - 1]) - before))
                inside[len(hit), : end - first] = weights[row, first:end]
                firsts.append(first)
                hit.append(row)
    if hit:
        inside, heat = inside[: len(hit)], temperature[hit]
        if (heat != 1.0).any():
            inside = (inside / inside.max(axis=1)[:, None]) ** (1.0 / heat).astype(np.float32)[:, None]
        drawn[hit] = _in_nucleus(inside, top_p[hit].tolist(), shares) + np.array(firsts)
    return drawn


def _in_nucleus(weights: NDArray[np.float32], top_p: list[float], shares: list[float]) -> NDArray[np.int64]:
    """The class of each row at this share of the nucleus's probability; `weights` are unnormalised probabilities.

    Classes as likely as the last included one are included too, so that ties need no order.
    """
    if min(top_p) < 1.0:
        falling = np.sort(weights, axis=1)[:, ::-1]
        sums = falling.cumsum(axis=1)
        least = np.zeros((len(weights), 1), np.float32)
        for row, kept in enumerate(top_p):
            if kept < 1.0:
                # The first class already outweighed by the more likely ones before it is excluded.
                last = int(sums[row].searchsorted(np.float32(kept) * sums[row, -1]))
                least[row, 0] = falling[row, min(last, falling.shape[1] - 1)]
        weights = weights * (weights >= least)
    sums = weights.cumsum(axis=1)
    found = [_first_above(row, share * float(row[-1])) for row, share in zip(sums, shares, strict=True)]
    return np.array(found, np.int64)


def _first_above(sums: NDArray[np.float32], target: float) -> int:
    """Index of the first sum above the target: a class with non-zero probability."""
    index = int(sums.searchsorted(np.float32(target), "right"))
    # Rounding can push a uniform close to 1 past the last class with non-zero probability.
    return index if index < len(sums) else int(sums.searchsorted(sums[-1]))
