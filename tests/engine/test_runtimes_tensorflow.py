"""The TensorFlow runtime on the CPU: a float32 step's numbers, rows of their own, nothing compiled in the middle.

TensorFlow runs in a process of its own and stays out of the other tests; what it found is asserted here.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.tiny_bundle import ROOT, tiny_bundle

FIND = """
import json, sys
from dataclasses import replace
import numpy as np
from generator.engine.bundles import read_bundle
from generator.engine.composer import Composer
from generator.engine.controls import ComposeRequest
from generator.engine.errors import BundleError
from generator.engine.dataset import event_segments
from generator.engine.evaluation import held_out
from generator.engine.likelihood import nats
from generator.engine.network import NetworkConfig, build_network, load_weights, step_model, weights_of
from generator.engine.runtimes import open_runtime
from generator.engine.runtimes.litert import LiteRtRuntime
from generator.engine.runtimes.tensorflow import TensorFlowRuntime

random = np.random.default_rng(5)


def inputs(runtime, rows, steps=8):
    return [
        (
            random.integers(0, runtime.num_classes, rows).astype(np.int32),
            (random.random((rows, runtime.num_features)) < 0.1).astype(np.float32),
        )
        for _ in range(steps)
    ]


def logits(step, steps, state_size):
    state, found = np.zeros((len(steps[0][0]), state_size), np.float32), []
    for class_indices, features in steps:
        answer, state = step(class_indices, features, state)
        found.append(np.asarray(answer))
    return np.array(found)


def furthest(a, b):
    return float(np.abs(a - b).max())


def only(steps, rows):
    return [(class_indices[rows], features[rows]) for class_indices, features in steps]


found = {"from_float32": {}}
for cell in ("mingru", "lstm"):
    config = NetworkConfig(cell=cell, layers=2, units=32)
    network = build_network(config, seed=1)
    runtime = TensorFlowRuntime(config, weights_of(network))
    steps = inputs(runtime, 3)
    found["from_float32"][cell] = furthest(
        logits(runtime.step, steps, config.state_size), logits(step_model(network, config), steps, config.state_size)
    )

tiny = read_bundle(sys.argv[1])
runtime = open_runtime("tensorflow", tiny, warm=True)
found["warmed"] = runtime.compiled_sizes
steps = inputs(runtime, 70)
together = logits(runtime.step, steps, runtime.state_size)
found["shape"], found["finite"] = list(together.shape), bool(np.isfinite(together).all())
found["alone"] = max(
    furthest(logits(runtime.step, only(steps, slice(row, row + 1)), runtime.state_size)[:, 0], together[:, row])
    for row in (0, 63, 64, 69)
)
five = only(steps, slice(0, 5))
others = [(np.append(c, [7] * 9).astype(np.int32), np.append(f, np.ones_like(f[:1]).repeat(9, 0), 0)) for c, f in five]
found["beside_others"] = furthest(
    logits(runtime.step, five, runtime.state_size), logits(runtime.step, others, runtime.state_size)[:, :5]
)
found["after"] = runtime.compiled_sizes

composer = Composer(tiny, runtime="tensorflow")
request = ComposeRequest(15.0, 1, "grand-piano")
piece = composer.compose(request)
found["piece"] = [piece.runtime, len(piece.notes), piece.length_seconds, piece.to_midi_bytes()[:4].decode()]
found["composed_sizes"] = composer.runtime.compiled_sizes


def refusal(make):
    try:
        make()
    except BundleError as error:
        return error.message


shape = NetworkConfig(**tiny.manifest.network)
found["unfit"] = refusal(lambda: TensorFlowRuntime(shape, {**tiny.weights, "output_bias": np.zeros(3, np.float32)}))
unknown = replace(tiny, manifest=replace(tiny.manifest, network={**tiny.manifest.network, "heads": 8}))
found["unknown"] = refusal(lambda: open_runtime("tensorflow", unknown))

# What the shipped piano plays, read again by both runtimes and by Keras in one float32 pass over the whole window.
shipped = read_bundle("generator/bundles/piano.bundle")


class Recording(LiteRtRuntime):
    events = []

    def step(self, class_indices, features, state):
        self.events.append(class_indices)
        return super().step(class_indices, features, state)


litert = Recording(shipped.step_function)
Composer(shipped, runtime=litert).compose_many([ComposeRequest(30.0, seed, "grand-piano") for seed in range(4)])
# The first is START; when a piece is over its row is gone.
drawn = np.array([events for events in litert.events if len(events) == 4][1:129]).T.astype(np.uint16)
segments = [list(event_segments(row)) for row in drawn]
config = NetworkConfig(**shipped.manifest.network)
tensorflow = TensorFlowRuntime.of_bundle(shipped)
found["windows"] = [int(n) for n in drawn.shape]
found["loss"] = {
    runtime.name: held_out(runtime, [iter(one) for one in segments]).nats_per_event for runtime in (litert, tensorflow)
}
network = build_network(config)
load_weights(network, shipped.weights)
whole, _ = network(
    {
        "class_indices": np.array([one[0].inputs for one in segments], np.int32),
        "features": np.array([one[0].features for one in segments]),
        "state": np.zeros((len(segments), config.state_size), np.float32),
    }
)
found["loss"]["float32"] = float(nats(np.asarray(whole), drawn.astype(np.int64)).mean())
stepwise = logits(
    tensorflow.step,
    [
        (np.array([one[0].inputs[t] for one in segments], np.int32), np.array([one[0].features[t] for one in segments]))
        for t in range(drawn.shape[1])
    ],
    config.state_size,
)
found["from_float32"]["shipped"] = furthest(stepwise.swapaxes(0, 1), np.asarray(whole))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", FIND, str(tiny_bundle())],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("network", ["mingru", "lstm", "shipped"])
def test_logits_are_those_of_a_float32_step(found: dict[str, Any], network: str) -> None:
    assert found["from_float32"][network] < 1e-3


def test_held_out_loss_is_that_of_the_float32_network(found: dict[str, Any]) -> None:
    assert found["windows"][0] * found["windows"][1] > 200
    assert found["loss"]["tensorflow"] == pytest.approx(found["loss"]["float32"], abs=1e-3)
    # LiteRT plays the same weights and rounds what flows into them.
    assert found["loss"]["litert"] == pytest.approx(found["loss"]["float32"], abs=0.05)


def test_a_row_answers_the_same_alone_and_in_any_batch(found: dict[str, Any]) -> None:
    assert found["shape"][1] == 70
    assert found["finite"]
    assert found["alone"] < 1e-5


def test_neither_padding_nor_other_rows_are_seen(found: dict[str, Any]) -> None:
    assert found["beside_others"] == 0.0


def test_nothing_is_compiled_once_it_is_warm(found: dict[str, Any]) -> None:
    assert found["warmed"] == found["after"] == [1, 4, 16, 64]


def test_without_warming_up_only_what_is_played_is_compiled(found: dict[str, Any]) -> None:
    assert found["composed_sizes"] == [1]


def test_the_composer_plays_it_and_names_it(found: dict[str, Any]) -> None:
    runtime, notes, length_seconds, first_bytes = found["piece"]
    assert (runtime, first_bytes) == ("tensorflow", "MThd")
    assert notes > 0
    assert 14.0 <= length_seconds <= 15.0


def test_weights_that_do_not_fit_are_refused(found: dict[str, Any]) -> None:
    assert "output_bias" in found["unfit"]
    assert "does not support" in found["unknown"]
