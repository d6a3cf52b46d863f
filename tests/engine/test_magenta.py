"""Magenta's bundles become ours: the same network, event for event."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from generator.engine import magenta
from generator.engine.bundles import dequantise, quantise, read_bundle
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.errors import BundleError
from generator.engine.network import build_network, load_weights, step_model
from generator.engine.runtimes.tensorflow import keras_on_tensorflow

UNITS = 400
CLASSES = 388
Variables = dict[str, NDArray[np.float32]]


def variables(layers: int = 2, units: int = UNITS, *, spelling: tuple[str, str] = ("kernel", "bias")) -> Variables:
    rng = np.random.default_rng(7)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0.0, 0.1, shape).astype(np.float32)

    found = {"fully_connected/weights": drawn(units, CLASSES), "fully_connected/biases": drawn(CLASSES)}
    for layer in range(layers):
        inputs = CLASSES if layer == 0 else units
        prefix = f"rnn/multi_rnn_cell/cell_{layer}/basic_lstm_cell/"
        found[prefix + spelling[0]] = drawn(inputs + units, 4 * units)
        found[prefix + spelling[1]] = drawn(4 * units)
    return found


def magentas_logits(found: Variables, events: list[int], layers: int = 2) -> NDArray[np.float64]:
    """Written from the definition of BasicLSTMCell, with a forget bias of 1: the logits after the last event."""

    def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 / (1.0 + np.exp(-x))

    cells, outputs = np.zeros((layers, UNITS)), np.zeros((layers, UNITS))
    for event in events:
        x = np.eye(CLASSES)[event]
        for layer in range(layers):
            prefix = f"rnn/multi_rnn_cell/cell_{layer}/basic_lstm_cell/"
            z = np.concatenate([x, outputs[layer]]) @ found[prefix + "kernel"] + found[prefix + "bias"]
            i, j, f, o = np.split(z, 4)
            cells[layer] = cells[layer] * sigmoid(f + 1.0) + sigmoid(i) * np.tanh(j)
            x = outputs[layer] = np.tanh(cells[layer]) * sigmoid(o)
    return np.asarray(x @ found["fully_connected/weights"] + found["fully_connected/biases"])


def write_mag(path: Path, found: Variables, *, kind: str = magenta.GENERATOR, checkpoints: int = 1) -> Path:
    """As Magenta writes it: a checkpoint of TensorFlow's first format inside a message."""
    import tensorflow as tf
    from note_seq.protobuf import generator_pb2

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        kept = [tf.compat.v1.Variable(value, name=name) for name, value in found.items()]
        kept.append(tf.compat.v1.Variable(12, name="global_step"))
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(kept, write_version=1)
        saved = saver.save(session, str(path.with_suffix(".ckpt")), write_meta_graph=False, write_state=False)
    bundle = generator_pb2.GeneratorBundle()
    bundle.generator_details.id = kind
    bundle.bundle_details.description = "Trained on my own recordings."
    for _ in range(checkpoints):
        bundle.checkpoint_file.append(Path(saved).read_bytes())
    path.write_bytes(bundle.SerializeToString())
    return path


def test_it_is_the_same_network() -> None:
    keras_on_tensorflow()
    found = variables()
    config, weights = magenta.converted(found)
    network = build_network(config)
    load_weights(network, weights)
    step = step_model(network, config)
    state = np.zeros((1, config.state_size), np.float32)
    for event in (events := [355, 370, 60, 300, 188, 12]):
        logits, state = step(np.array([event]), np.zeros((1, config.num_features), np.float32), state)
    assert np.abs(np.asarray(logits)[0] - magentas_logits(found, events)).max() < 1e-4


def test_a_piece_begins_as_magentas_does() -> None:
    """With a second of silence, so START is that event."""
    _, weights = magenta.converted(variables())
    assert np.array_equal(weights["embedding"][388], weights["embedding"][355])


def test_it_becomes_a_bundle_that_composes(tmp_path: Path) -> None:
    source = write_mag(tmp_path / "My Piano.mag", variables(layers=1, spelling=("weights", "biases")))
    output = tmp_path / "my.bundle"
    assert magenta.main([str(source), str(output), "--genre", "chopin", "--genre-name", "Chopin"]) == 0
    bundle = read_bundle(output)
    manifest = bundle.manifest
    assert (manifest.name, manifest.genre, manifest.genre_name) == ("chopin-my-piano", "chopin", "Chopin")
    assert manifest.controls.density is None
    assert manifest.card.data[0]["name"] == "Trained on my own recordings."
    assert not manifest.card.commercial_use
    composition = Composer(bundle, runtime="litert").compose(compose_request(manifest, seed=3, length_seconds=15.0))
    assert composition is not None
    assert composition.notes
    assert abs(composition.length_seconds - 15.0) < 1.0


def test_int8_keeps_one_hot_rows() -> None:
    """The rows of the embedding are all that tells events apart; they must come back as they were."""
    _, weights = magenta.converted(variables())
    assert np.array_equal(dequantise(quantise(weights))["embedding"], weights["embedding"])


@pytest.mark.parametrize(
    ("kind", "checkpoints", "sentence"),
    [
        ("attention_rnn", 1, "Only Magenta's performance_with_dynamics can be read; this is 'attention_rnn'."),
        ("", 1, "names no generator"),
        (magenta.GENERATOR, 2, "has no checkpoint"),
    ],
)
def test_other_bundles_are_refused(tmp_path: Path, kind: str, checkpoints: int, sentence: str) -> None:
    path = write_mag(tmp_path / "x.mag", variables(layers=1), kind=kind, checkpoints=checkpoints)
    with pytest.raises(BundleError, match=sentence):
        magenta.read_mag(path)


@pytest.mark.parametrize("data", [b"", b"MThd no bundle at all", b"\x0a\x02\x0a\xff", bytes(1000)])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.mag"
    path.write_bytes(data)
    with pytest.raises(BundleError, match="not a Magenta bundle"):
        magenta.read_mag(path)


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    from note_seq.protobuf import generator_pb2

    path = write_mag(tmp_path / "x.mag", variables(layers=1))
    bundle = generator_pb2.GeneratorBundle.FromString(path.read_bytes())
    bundle.checkpoint_file[0] = bundle.checkpoint_file[0][: len(bundle.checkpoint_file[0]) // 2]
    path.write_bytes(bundle.SerializeToString())
    with pytest.raises(BundleError, match="cannot be read"):
        magenta.read_mag(path)


class TestShapes:
    def test_a_missing_variable(self) -> None:
        found = variables()
        del found["rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias"]
        with pytest.raises(BundleError, match="Expected the variables"):
            magenta.converted(found)

    def test_a_missing_layer(self) -> None:
        found = {name.replace("cell_1/", "cell_2/"): value for name, value in variables().items()}
        with pytest.raises(BundleError, match="Expected the variables"):
            magenta.converted(found)

    def test_an_input_of_another_encoding(self) -> None:
        """`performance_with_dynamics_compact` carries the same name and reads one number for each event."""
        found = variables()
        name = "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel"
        found[name] = found[name][CLASSES - 1 :]
        with pytest.raises(BundleError, match=r"layer 0; got \(401, 1600\)"):
            magenta.converted(found)

    def test_too_narrow(self) -> None:
        with pytest.raises(BundleError, match="at least 388 units; got 64"):
            magenta.converted(variables(units=64))

    def test_numbers_that_are_not_finite(self) -> None:
        found = variables()
        found["fully_connected/biases"][3] = np.nan
        with pytest.raises(BundleError, match="not finite"):
            magenta.converted(found)
