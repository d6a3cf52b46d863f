"""Stand-ins for a trained network: a runtime whose logits a test decides, and bundles small enough to write at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from generator.engine.bundles import Bundle
from generator.engine.encodings import performance
from generator.engine.encodings.registry import encoding_of
from generator.engine.ensembles import PIANO_CONTROLS, PIANO_DEFAULTS, PIANO_ENSEMBLES
from generator.engine.manifest import Card, Encoding, Ensemble, Manifest
from generator.engine.music import Voice
from tests.manifests import band_manifest

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


def rock_bundle() -> Bundle:
    """A band that offers every control there is; no weights."""
    return Bundle(band_manifest(), b"", "ab" * 32, {})


def drummers_bundle() -> Bundle:
    """Drums alone, with the timing of a human."""
    manifest = band_manifest("drums-test")
    kit = Ensemble("kit", "Kit", (Voice("Kit", 0, is_drum=True, part="drums"),))
    return Bundle(
        replace(
            manifest,
            encoding=Encoding("band", 0, 16, 96, steps_per_quarter=12, offset_bins=8, parts=("drums",)),
            controls=replace(manifest.controls, key=None),
            ensembles=(kit,),
            defaults=replace(manifest.defaults, ensemble="kit"),
        ),
        b"",
        "ab" * 32,
        {},
    )


class BandRuntime:
    """A band's network with a taste of its own: logits by the last event, and a little by the features.

    Attributes:
        events, heard: class index and features of the first row at each step.
    """

    name = "fake"
    state_size = STATE_SIZE

    def __init__(self, manifest: Manifest, seed: int = 0, *, sharpness: float = 1.0, deaf: bool = False) -> None:
        encoding = encoding_of(manifest)
        self.num_classes, self.num_features = encoding.num_classes, encoding.num_features
        random = np.random.default_rng(seed)
        taste = random.normal(0, sharpness, (self.num_classes + 1, self.num_classes))
        # Short waits, and some of them.
        taste[:, :48] += 2.0 - 0.05 * np.arange(48)
        self._taste = taste.astype(np.float32)
        # A few of the features are enough to make what is heard matter.
        self._heeded = random.integers(0, self.num_features, 0 if deaf else 24)
        self._ears = random.normal(0, 0.3, (len(self._heeded), self.num_classes)).astype(np.float32)
        self.events: list[int] = []
        self.heard: list[np.ndarray] = []

    def step(self, class_indices, features, state):
        assert (class_indices.dtype, features.dtype, state.dtype) == (np.int32, np.float32, np.float32)
        assert features.shape == (len(class_indices), self.num_features)
        self.events.append(int(class_indices[0]))
        self.heard.append(features[0].copy())
        # Row by row, so that no row's sum depends on the batch.
        logits = [
            self._taste[i] + row[self._heeded] @ self._ears for i, row in zip(class_indices, features, strict=True)
        ]
        return np.array(logits, np.float32).reshape(-1, self.num_classes), state
