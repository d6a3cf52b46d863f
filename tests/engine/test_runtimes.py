"""The LiteRT step function: the bundle's own numbers, a row the same in any batch, refused when it does not fit."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from generator.engine.bundles import Bundle, read_bundle
from generator.engine.composer import Composer
from generator.engine.controls import ComposeRequest
from generator.engine.errors import BundleError
from generator.engine.runtimes import MAX_BATCH, open_runtime
from generator.engine.runtimes.litert import LiteRtRuntime
from tests.tiny_bundle import ROOT, TINY, tiny_bundle


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(tiny_bundle())


@pytest.fixture
def runtime(bundle: Bundle) -> LiteRtRuntime:
    return LiteRtRuntime(bundle.step_function)


def inputs(runtime: LiteRtRuntime, rows: int, steps: int = 12) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(3)
    return [
        (
            random.integers(0, runtime.num_classes, rows).astype(np.int32),
            # As features are: most of them zero, in the first step all of them.
            (random.random((rows, runtime.num_features)) * (random.random((rows, 1)) < step / 3)).astype(np.float32),
        )
        for step in range(steps)
    ]


def logits(runtime: LiteRtRuntime, steps: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """float32 [steps, rows, classes], the state carried along."""
    state = np.zeros((len(steps[0][0]), runtime.state_size), np.float32)
    found = []
    for class_indices, features in steps:
        answer, state = runtime.step(class_indices, features, state)
        found.append(answer)
    return np.array(found)


class TestLiteRt:
    def test_sizes_are_those_of_the_network(self, runtime: LiteRtRuntime) -> None:
        assert (runtime.num_classes, runtime.num_features) == (TINY.num_classes, TINY.num_features)
        assert runtime.state_size == TINY.state_size

    @pytest.mark.parametrize("rows", [1, 2, 4, 5, MAX_BATCH, MAX_BATCH + 3])
    def test_a_row_is_the_same_bit_for_bit_alone_and_in_any_batch(self, runtime: LiteRtRuntime, rows: int) -> None:
        steps = inputs(runtime, rows)
        together = logits(runtime, steps)
        assert np.isfinite(together).all()
        for row in {0, rows // 2, rows - 1}:
            alone = logits(runtime, [(c[row : row + 1], f[row : row + 1]) for c, f in steps])
            assert (alone[:, 0] == together[:, row]).all()

    def test_a_second_interpreter_gives_the_same_numbers(self, bundle: Bundle, runtime: LiteRtRuntime) -> None:
        steps = inputs(runtime, 3)
        again = LiteRtRuntime(bundle.step_function)
        for _ in range(5):
            assert (logits(runtime, steps) == logits(again, steps)).all()

    def test_the_state_is_remembered(self, runtime: LiteRtRuntime) -> None:
        class_indices, features = np.array([60], np.int32), np.zeros((1, runtime.num_features), np.float32)
        answers = logits(runtime, [(class_indices, features)] * 3)
        assert all((a != b).any() for a, b in pairwise(answers))

    def test_pieces_of_one_batch_are_those_composed_alone(self, bundle: Bundle) -> None:
        composer = Composer(bundle)
        requests = [ComposeRequest(15.0, 1, "grand-piano"), ComposeRequest(17.0, 2, "strings", temperature=0.9)]
        assert composer.compose_many(requests) == [composer.compose(request) for request in requests]

    @pytest.mark.parametrize("damage", [b"", b"nothing", bytes(4) + b"TFL3", bytes(4) + b"TFL3" + bytes(1000)])
    def test_bytes_that_are_no_step_function_are_refused(self, damage: bytes) -> None:
        with pytest.raises(BundleError, match="step function"):
            LiteRtRuntime(damage)

    def test_a_truncated_step_function_is_refused(self, bundle: Bundle) -> None:
        with pytest.raises(BundleError, match="step function"):
            LiteRtRuntime(bundle.step_function[: len(bundle.step_function) // 2])

    def test_auto_without_a_gpu(self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        assert open_runtime("auto", bundle).name == open_runtime("litert", bundle).name == "litert"


EXPORT = """
import json, os, sys
os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
from dataclasses import replace
from pathlib import Path
import numpy as np
from generator.engine.bundles import read_bundle
from generator.engine.errors import BundleError
from generator.engine.network import NetworkConfig, build_network, load_weights, step_model, weights_of
from generator.engine.runtimes.export import build_step_function, export_bundle
from generator.engine.runtimes.litert import LiteRtRuntime
from tests.engine.fakes import MANIFEST

config = NetworkConfig(cell=sys.argv[2], layers=2, units=32)
path = Path(sys.argv[1])
export_bundle(path, replace(MANIFEST, network=config.as_dict()), weights_of(build_network(config, seed=1)))
bundle = read_bundle(path)
shipped = LiteRtRuntime(bundle.step_function)
rebuilt = LiteRtRuntime(build_step_function(config, bundle.weights))
network = build_network(config, seed=99)
load_weights(network, bundle.weights)
in_keras = step_model(network, config)
random = np.random.default_rng(1)
states = [np.zeros((4, config.state_size), np.float32) for _ in range(3)]
found = {"rebuilt": 0.0, "keras": 0.0, "missing": []}
for _ in range(20):
    events = random.integers(0, config.num_classes + 1, 4).astype(np.int32)
    features = (random.random((4, config.num_features)) < 0.1).astype(np.float32)
    a, states[0] = shipped.step(events, features, states[0])
    b, states[1] = rebuilt.step(events, features, states[1])
    c, states[2] = in_keras(events, features, states[2])
    found["rebuilt"] = max(found["rebuilt"], float(np.abs(a - b).max()))
    found["keras"] = max(found["keras"], float(np.abs(a - np.asarray(c)).max()))
for name, array in bundle.stored_weights.items():
    if array.dtype == np.int8:
        if array.tobytes() not in bundle.step_function and array.T.tobytes() not in bundle.step_function:
            found["missing"].append(name)
try:
    build_step_function(config, {**bundle.weights, "output_bias": np.zeros(3, np.float32)})
except BundleError as error:
    found["refused"] = error.message
print(json.dumps(found))
"""


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
def test_an_exported_bundle_plays_the_weights_that_it_stores(tmp_path: Path, cell: str) -> None:
    """In a process of its own: TensorFlow stays out of the other tests."""
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, str(tmp_path / "a.bundle"), cell],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["rebuilt"] == 0.0
    assert found["missing"] == []
    # Keras multiplies in float32; LiteRT quantises what flows in to 8 bits.
    assert found["keras"] < 0.1
    assert "output_bias" in found["refused"]


LIGHT = """
import sys
from generator.engine import bundles, controls, ensembles, errors, manifest, midi, music
heavy = {"tensorflow", "keras", "note_seq", "pretty_midi", "librosa", "numba", "safetensors", "numpy", "django"}
print(sorted(heavy & set(sys.modules)))
"""

COMPOSING = """
import sys
from generator.engine.bundles import read_bundle
from generator.engine.composer import Composer, ComposeRequest
piece = Composer(read_bundle(sys.argv[1])).compose(ComposeRequest(15.0, 1, "grand-piano"))
piece.to_midi_bytes()
print(sorted({"tensorflow", "keras", "note_seq", "librosa", "numba", "scipy", "django"} & set(sys.modules)))
"""


@pytest.mark.parametrize("code", [LIGHT, COMPOSING], ids=["web", "composing"])
def test_nothing_heavy_is_imported(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(tiny_bundle()))],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
