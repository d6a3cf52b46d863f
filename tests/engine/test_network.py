"""The network: every cell steps as it reads whole windows, and learns with dense gradients."""

from dataclasses import replace

import numpy as np
import pytest

from generator.engine.encodings import performance
from generator.engine.errors import BundleError
from generator.engine.network import (
    CELLS,
    NetworkConfig,
    build_network,
    load_weights,
    scan,
    step_model,
    weights_of,
)

SMALL = NetworkConfig(layers=2, units=16)


def random_inputs(config: NetworkConfig, batch: int, time: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "class_indices": rng.integers(0, config.num_classes + 1, (batch, time)).astype(np.int32),
        "features": rng.random((batch, time, config.num_features), np.float32).round(1),
        "state": rng.standard_normal((batch, config.state_size)).astype(np.float32) * 0.1,
    }


@pytest.mark.parametrize(
    ("cell", "residual"),
    [(cell, residual) for cell in CELLS for residual in (True, False) if residual or cell != "mingru"],
)
def test_stepping_event_by_event_equals_reading_a_window(cell: str, residual: bool) -> None:
    config = replace(SMALL, cell=cell, residual=residual)
    network = build_network(config)
    inputs = random_inputs(config, 3, 7)
    logits, last_state = network(inputs)
    step, state = step_model(network, config), inputs["state"]
    for t in range(7):
        stepped, state = step(inputs["class_indices"][:, t], inputs["features"][:, t], state)
        assert np.allclose(np.asarray(stepped), np.asarray(logits)[:, t], atol=1e-5)
    assert np.asarray(state).shape == (3, config.state_size)
    assert np.allclose(np.asarray(state), np.asarray(last_state), atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_later_events_do_not_change_earlier_logits(cell: str) -> None:
    config = replace(SMALL, cell=cell)
    network = build_network(config)
    inputs = random_inputs(config, 1, 6)
    before = np.asarray(network(inputs)[0])
    inputs["class_indices"][:, 4:] = 0
    inputs["features"][:, 4:] = 0
    after = np.asarray(network(inputs)[0])
    assert np.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not np.allclose(before[:, 4:], after[:, 4:], atol=1e-3)


@pytest.mark.parametrize("time", [1, 2, 5, 64, 100])
def test_the_parallel_scan_is_the_recurrence(time: int) -> None:
    rng = np.random.default_rng(time)
    decay = rng.random((2, time, 3)).astype(np.float32)
    drive = rng.standard_normal((2, time, 3)).astype(np.float32)
    hidden = initial = rng.standard_normal((2, 3)).astype(np.float32)
    expected = []
    for t in range(time):
        hidden = decay[:, t] * hidden + drive[:, t]
        expected.append(hidden)
    assert np.allclose(np.asarray(scan(decay, drive, initial)), np.stack(expected, 1), atol=1e-5)


def test_a_plain_rnn_is_equation_1_of_the_paper() -> None:
    """h_t = φ(W x_t + U h_{t−1}) with φ = tanh."""
    config = NetworkConfig(cell="rnn", layers=1, units=16, residual=False, uses_features=False)
    network = build_network(config)
    weights = weights_of(network)
    inputs = random_inputs(config, 1, 1)
    x = weights["embedding"][inputs["class_indices"][0, 0]]
    cell = {name.split("/")[-1]: value for name, value in weights.items() if name.startswith("cell_0/")}
    expected = np.tanh(x @ cell["kernel"] + inputs["state"][0] @ cell["recurrent_kernel"] + cell["bias"])
    assert np.allclose(np.asarray(network(inputs)[1])[0], expected, atol=1e-5)


def test_the_keyboard_biases_favour_what_the_grammar_allows() -> None:
    config = SMALL
    network = build_network(config)
    inputs = random_inputs(config, 1, 1)
    inputs["features"][:] = 0
    silent = np.asarray(network(inputs)[0])[0, 0]
    network.feature_kernel.assign(np.zeros(network.feature_kernel.shape, np.float32))
    inputs["features"][0, 0, 60] = 1
    sounding = np.asarray(network(inputs)[0])[0, 0]
    assert sounding[60] - silent[60] == pytest.approx(-2, abs=1e-4)
    assert sounding[performance.NOTE_OFF + 60] - silent[performance.NOTE_OFF + 60] == pytest.approx(4, abs=1e-4)
    assert sounding[61] == pytest.approx(silent[61], abs=1e-4)


def test_repeated_events_in_a_batch_add_up_in_the_embeddings_gradient() -> None:
    """Keras' Adam on TensorFlow does not sum the repeated rows of a sparse gradient; ours is dense."""
    import keras
    import tensorflow as tf

    config = SMALL
    network = build_network(config)
    inputs = random_inputs(config, 2, 8)
    inputs["class_indices"][:] = 5
    with tf.GradientTape() as tape:
        logits, _ = network(inputs, training=True)
        loss = keras.ops.mean(keras.ops.logsumexp(logits, -1) - logits[..., 7])
    gradient = tape.gradient(loss, network.embedding.value)
    assert isinstance(gradient, tf.Tensor)
    shifted = weights_of(network)["embedding"].copy()
    losses = []
    for epsilon in (-1e-2, 1e-2):
        changed = shifted.copy()
        changed[5, 3] += epsilon
        network.embedding.assign(changed)
        logits, _ = network(inputs)
        losses.append(float(keras.ops.mean(keras.ops.logsumexp(logits, -1) - logits[..., 7])))
    assert float(gradient[5, 3]) == pytest.approx((losses[1] - losses[0]) / 2e-2, rel=0.05, abs=1e-4)


def test_weights_go_from_one_network_to_another_by_name() -> None:
    config = SMALL
    first, second = build_network(config, seed=1), build_network(config, seed=2)
    inputs = random_inputs(config, 1, 3)
    assert not np.allclose(np.asarray(first(inputs)[0]), np.asarray(second(inputs)[0]))
    load_weights(second, weights_of(first))
    assert np.allclose(np.asarray(first(inputs)[0]), np.asarray(second(inputs)[0]))


def test_weights_of_another_shape_or_name_are_refused() -> None:
    network = build_network(SMALL)
    with pytest.raises(BundleError, match="Expected shape"):
        load_weights(network, weights_of(build_network(NetworkConfig(layers=2, units=32))))
    with pytest.raises(BundleError, match="missing"):
        load_weights(network, weights_of(build_network(NetworkConfig(layers=1, units=16))))


@pytest.mark.parametrize("wrong", [{"cell": "transformer"}, {"layers": 0}, {"units": 100_000}])
def test_impossible_shapes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="Expected"):
        NetworkConfig(**wrong)  # type: ignore[arg-type]
