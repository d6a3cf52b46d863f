"""Stand-ins for a trained network: a runtime whose logits a test decides, and bundles small enough to write at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from generator.engine.bundles import Bundle
from generator.engine.encodings import performance
from generator.engine.ensembles import PIANO_CONTROLS, PIANO_DEFAULTS, PIANO_ENSEMBLES
from generator.engine.manifest import Card, Encoding, Manifest

STATE_SIZE = 4

MANIFEST = Manifest(
    name="piano-test",
    genre="piano",
    genre_name="Piano",
    encoding=Encoding(
        "performance", performance.STEPS_PER_SECOND, performance.NUM_VELOCITY_BINS, performance.NUM_CLASSES
    ),
    network={"cell": "mingru", "layers": 1, "units": 16},
    controls=PIANO_CONTROLS,
    ensembles=PIANO_ENSEMBLES,
    defaults=PIANO_DEFAULTS,
    card=Card(data=({"name": "None", "licence": "None"},), licences="Nothing was learnt.", commercial_use=True),
)


def bundle(**changes: Any) -> Bundle:
    """A bundle without weights; `changes` replace fields of its manifest."""
    return Bundle(replace(MANIFEST, **changes), b"", "ab" * 32, {})


class FakeRuntime:
    """Logits from a function of each row alone: ``(class_index, features, count of steps so far) → float [388]``."""

    name = "fake"
    num_classes = performance.NUM_CLASSES
    num_features = performance.NUM_FEATURES
    state_size = STATE_SIZE

    def __init__(self, logits_of: Callable[[int, np.ndarray, int], np.ndarray]) -> None:
        self.logits_of = logits_of
        self.batches: list[int] = []

    def step(self, class_indices, features, state):
        assert (class_indices.dtype, features.dtype, state.dtype) == (np.int32, np.float32, np.float32)
        assert features.shape == (len(class_indices), self.num_features)
        assert state.shape == (len(class_indices), self.state_size)
        self.batches.append(len(class_indices))
        logits = [
            self.logits_of(int(index), row, int(memory[0]))
            for index, row, memory in zip(class_indices, features, state, strict=True)
        ]
        return np.array(logits, np.float32).reshape(-1, self.num_classes), state + np.float32(1)


def pianist(seed: int = 0, *, sharpness: float = 1.0) -> FakeRuntime:
    """Something like a performance: short waits, about as many ends as beginnings, and a taste of its own."""
    taste = np.random.default_rng(seed).normal(0, sharpness, (performance.NUM_CLASSES + 1, performance.NUM_CLASSES))
    taste[:, performance.TIME_SHIFT : performance.VELOCITY] += 3.0 - 0.03 * np.arange(performance.MAX_SHIFT_STEPS)
    taste[:, performance.NOTE_OFF : performance.TIME_SHIFT] += 3.0
    return FakeRuntime(lambda index, features, step: taste[index])


def always(*class_indices: int) -> FakeRuntime:
    """A network that wants nothing but these events."""
    logits = np.full(performance.NUM_CLASSES, -30.0)
    logits[list(class_indices)] = 0.0
    return FakeRuntime(lambda index, features, step: logits)
