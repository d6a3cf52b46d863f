"""The baselines a genre's network must beat: a 3-gram model with back-off, and Magenta's plain LSTM.

Both read the same class indices of the same files as the network, and nothing else: no features, no controls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.errors import TrainingError
from generator.engine.network import NetworkConfig

ORDER = 3


@dataclass(frozen=True, slots=True)
class _Table:
    """Counts of one order, n-grams as sorted integers.

    Attributes:
        keys: int64 [n-grams], context · classes + event; counts: float64 [n-grams].
        contexts: int64 [contexts], sorted; totals: float64, the counts after each; kinds: float64, how many different
            events came after each.
        discount: taken off every count and given to the shorter context.
    """

    keys: NDArray[np.int64]
    counts: NDArray[np.float64]
    contexts: NDArray[np.int64]
    totals: NDArray[np.float64]
    kinds: NDArray[np.float64]
    discount: float

    @classmethod
    def of(cls, keys: NDArray[np.int64], counts: NDArray[np.integer], size: int) -> "_Table":
        contexts, first = np.unique(keys // size, return_index=True)
        totals = np.add.reduceat(counts.astype(np.float64), first) if len(keys) else np.zeros(0)
        kinds = np.diff(first, append=len(keys)).astype(np.float64)
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        # Ney, Essen and Kneser 1994. Without n-grams seen once and twice it cannot be estimated.
        discount = once / (once + 2 * twice) if once and twice else 0.5
        return cls(keys, counts.astype(np.float64), contexts, totals, kinds, discount)

    def probabilities(
        self, contexts: NDArray[np.int64], events: NDArray[np.int64], size: int, shorter: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """p(event | context) for each pair; `shorter` is p(event | context without its oldest event)."""
        counts = _found(self.keys, self.counts, contexts * size + events)
        totals = _found(self.contexts, self.totals, contexts)
        kinds = _found(self.contexts, self.kinds, contexts)
        given_away = np.where(totals > 0, self.discount * kinds / np.maximum(totals, 1.0), 1.0)
        kept = np.maximum(counts - self.discount, 0.0) / np.maximum(totals, 1.0)
        return kept + given_away * shorter


def _found(keys: NDArray[np.int64], values: NDArray[np.float64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values for the given keys, 0 for missing ones."""
    if not len(keys):
        return np.zeros(len(wanted))
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0.0)


class NGramModel:
    """Interpolated Kneser–Ney smoothing of 3-grams of events (Kneser and Ney 1995; Chen and Goodman 1999, §4.1.6).

    p(c | a b) subtracts a fixed discount from the count of every seen 3-gram and gives that mass to p(c | b), which
    counts the distinct events before b c instead of occurrences; it backs off to p(c), and that to 1 / classes. The
    probabilities of all events in any context sum to 1. A piece starts after two START events.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        # One extra class for START, as in the networks' input.
        self._size = num_classes + 1
        self._counts: tuple[NDArray[np.int64], NDArray[np.int64]] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._orders: tuple[_Table, ...] = ()

    def fit(self, pieces: Iterable[NDArray[np.integer]], *, batch_events: int = 8_000_000) -> "NGramModel":
        """Count the pieces' events; memory grows with the number of distinct 3-grams, not with the music."""
        waiting: list[NDArray[np.int64]] = []
        held = 0
        for events in pieces:
            waiting.append(self._keys(events))
            held += len(events)
            if held >= batch_events:
                self._count(np.concatenate(waiting))
                waiting, held = [], 0
        self._count(np.concatenate([*waiting, np.zeros(0, np.int64)]))
        if not len(self._counts[0]):
            raise TrainingError("Expected events to count; there are none.")
        self._build()
        return self

    def _keys(self, events: NDArray[np.integer]) -> NDArray[np.int64]:
        padded = np.concatenate([np.full(ORDER - 1, self.num_classes), events]).astype(np.int64)
        return (padded[:-2] * self._size + padded[1:-1]) * self._size + padded[2:]

    def _count(self, keys: NDArray[np.int64]) -> None:
        fresh, counts = np.unique(keys, return_counts=True)
        merged, owner = np.unique(np.concatenate([self._counts[0], fresh]), return_inverse=True)
        both = np.concatenate([self._counts[1], counts])
        self._counts = merged, np.bincount(owner, weights=both, minlength=len(merged)).astype(np.int64)

    def _build(self) -> None:
        size = self._size
        keys, counts = self._counts
        pairs, pair_counts = np.unique(keys % size**2, return_counts=True)
        events, event_counts = np.unique(pairs % size, return_counts=True)
        self._orders = (
            _Table.of(keys, counts, size),
            _Table.of(pairs, pair_counts, size),
            _Table.of(events, event_counts, size),
        )

    def probabilities(
        self, before: NDArray[np.integer], last: NDArray[np.integer], events: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """p(event | before, last), float64 [n], for three int arrays of [n]."""
        size = self._size
        before, last, events = (np.asarray(a, np.int64) for a in (before, last, events))
        third, second, first = self._orders
        found = np.full(len(events), 1.0 / self.num_classes)
        found = first.probabilities(np.zeros(len(events), np.int64), events, size, found)
        found = second.probabilities(last, events, size, found)
        return third.probabilities(before * size + last, events, size, found)

    def nats(self, events: NDArray[np.integer]) -> NDArray[np.float64]:
        """−ln p of each event of a piece given the previous ones."""
        keys = self._keys(events)
        size = self._size
        return -np.log(self.probabilities(keys // size**2, keys // size % size, keys % size))


class PlainLstm:
    """A plain stack of LSTM layers on events only, in numpy: a checkpoint's network behind the runtime interface.

    Gates are in the order of Keras (i, f, c, o); biases hold the forget gate's.
    """

    name = "numpy"

    def __init__(self, config: NetworkConfig, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """
        Raises:
            TrainingError: the network is not one that `magenta_lstm` builds.
        """
        if config.cell != "lstm" or config.residual or config.uses_features:
            raise TrainingError(f"Expected a plain LSTM that reads events alone; got {config.as_dict()}.")
        self.num_classes = config.num_classes
        self.num_features = config.num_features
        self.state_size = config.state_size
        self._units = config.units
        self._embedding = weights["embedding"]
        cells = [_lstm_arrays(weights, i) for i in range(config.layers)]
        # One matrix product per layer: inputs stacked above the hidden state.
        self._layers = [(np.concatenate([kernel, recurrent]), bias) for kernel, recurrent, bias in cells]
        self._output = weights["output_kernel"], weights["output_bias"]

    def step(
        self, class_indices: NDArray[np.int32], features: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """One event per row; features are ignored."""
        x = self._embedding[class_indices]
        parts = np.split(state, state.shape[1] // self._units, axis=1)
        fresh = []
        for layer, (kernel, bias) in enumerate(self._layers):
            hidden, memory = parts[2 * layer], parts[2 * layer + 1]
            i, f, c, o = np.split(np.concatenate([x, hidden], axis=1) @ kernel + bias, 4, axis=1)
            memory = _sigmoid(f) * memory + _sigmoid(i) * np.tanh(c)
            x = _sigmoid(o) * np.tanh(memory)
            fresh += [x, memory]
        kernel, bias = self._output
        return x @ kernel + bias, np.concatenate(fresh, axis=1)


def _lstm_arrays(weights: Mapping[str, Any], layer: int) -> list[NDArray[np.float32]]:
    """Kernel, recurrent kernel and bias of a layer, however Keras nests their names."""
    found = []
    for name in ("kernel", "recurrent_kernel", "bias"):
        matches = [key for key in weights if key.startswith(f"cell_{layer}/") and key.split("/")[-1] == name]
        if len(matches) != 1:
            raise TrainingError(f"Expected one {name} of cell_{layer} in the checkpoint; got {len(matches)}.")
        found.append(np.asarray(weights[matches[0]], np.float32))
    return found


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    # tanh cannot overflow.
    return 0.5 * np.tanh(0.5 * x) + 0.5


def magenta_lstm(*, drums: bool, num_classes: int, num_features: int) -> NetworkConfig:
    """Magenta's configurations as shapes: 3×512 of performance_with_dynamics; for drums 3×256 of drum_kit."""
    return NetworkConfig(
        cell="lstm",
        layers=3,
        units=256 if drums else 512,
        residual=False,
        uses_features=False,
        num_classes=num_classes,
        num_features=num_features,
    )
