"""Converts a `.mag` bundle of Magenta's Performance RNN (``performance_with_dynamics``) to one of ours.

The network is the same: stacked LSTM layers over one-hot events, then one fully connected layer. Magenta's LSTM
(TensorFlow's ``BasicLSTMCell``) orders its gates i, j, f, o and adds 1 to the forget gate at run time; Keras orders
them i, f, c, o and adds nothing, so columns are reordered and the 1 is added to the bias. Magenta's first layer reads
one-hot events; ours reads an embedding, which therefore holds one-hot rows. The graph in the file is never executed.

Run as ``python -m generator.engine.magenta FILE.mag FILE.bundle``: TensorFlow reads and exports it.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings import performance
from generator.engine.errors import BundleError, EngineError
from generator.engine.genres import genre_profile
from generator.engine.manifest import Card, Manifest
from generator.engine.network import NetworkConfig

MAX_BYTES = 256 * 2**20
GENERATOR = "performance_with_dynamics"
# A performance without a primer starts with a second of silence; ours starts with START.
_FIRST_EVENT = performance.TIME_SHIFT + performance.MAX_SHIFT_STEPS - 1
_FORGET_BIAS = 1.0
# The parameters were called weights and biases until TensorFlow 1.2.
_CELL = re.compile(r"rnn/multi_rnn_cell/cell_(\d+)/basic_lstm_cell/(kernel|weights|bias|biases)")
_HEAD = re.compile(r"fully_connected/(weights|biases)")

Weights = dict[str, NDArray[np.float32]]


def read_mag(path: Path) -> tuple[str, Weights]:
    """A bundle's description and its variables by their TensorFlow names.

    Raises:
        BundleError: not a Magenta bundle, or not one of `GENERATOR`.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from note_seq.protobuf import generator_pb2

    if path.stat().st_size > MAX_BYTES:
        raise BundleError(f"Expected a .mag file of at most {MAX_BYTES >> 20} MB.")
    bundle = generator_pb2.GeneratorBundle()
    try:
        bundle.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise BundleError("The file is not a Magenta bundle.") from error
    kind = bundle.generator_details.id
    if not kind or len(bundle.checkpoint_file) != 1:
        raise BundleError("The file is not a Magenta bundle: it names no generator or has no checkpoint.")
    if kind != GENERATOR:
        raise BundleError(f"Only Magenta's {GENERATOR} can be read; this is {kind[:60]!r}.")
    return bundle.bundle_details.description, _variables(bundle.checkpoint_file[0])


def _variables(checkpoint: bytes) -> Weights:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint"
        path.write_bytes(checkpoint)
        try:
            reader = tf.train.load_checkpoint(str(path))
            names = [
                name for name in reader.get_variable_to_shape_map() if _CELL.fullmatch(name) or _HEAD.fullmatch(name)
            ]
            return {name: np.asarray(reader.get_tensor(name), np.float32) for name in names}
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            raise BundleError("The checkpoint within the bundle cannot be read.") from error


def converted(variables: Mapping[str, NDArray[np.float32]]) -> tuple[NetworkConfig, Weights]:
    """Our network configuration and weights for Magenta's variables.

    Args:
        variables: by TensorFlow's names: of each cell a kernel [inputs + n, 4n] and a bias [4n], and the head's weights
            [n, 388] and biases [388]. Others are ignored.

    Raises:
        BundleError: a variable is missing, not finite or of another shape.
    """
    cells: dict[int, dict[str, NDArray[np.float32]]] = {}
    head: dict[str, NDArray[np.float32]] = {}
    for name, value in variables.items():
        if not np.isfinite(value).all():
            raise BundleError(f"The variable {name} holds numbers that are not finite.")
        if found := _CELL.fullmatch(name):
            cells.setdefault(int(found[1]), {})["bias" if found[2].startswith("bias") else "kernel"] = value
        elif found := _HEAD.fullmatch(name):
            head[found[1]] = value
    complete = all(set(cell) == {"kernel", "bias"} for cell in cells.values())
    if not cells or sorted(cells) != list(range(len(cells))) or not complete or set(head) != {"weights", "biases"}:
        raise BundleError("Expected the variables of stacked LSTM cells and of one fully connected layer.")
    classes = performance.NUM_CLASSES
    units = len(head["weights"])
    if head["weights"].shape != (units, classes) or head["biases"].shape != (classes,):
        raise BundleError(f"Expected {classes} events; the head has the shape {head['weights'].shape}.")
    if units < classes:
        raise BundleError(f"Expected layers of at least {classes} units; got {units}.")
    config = NetworkConfig(cell="lstm", layers=len(cells), units=units, residual=False, uses_features=False)
    weights: Weights = {"output_kernel": head["weights"], "output_bias": head["biases"]}
    weights["embedding"] = np.eye(classes + 1, units, dtype=np.float32)
    weights["embedding"][performance.START] = weights["embedding"][_FIRST_EVENT]
    for layer, cell in sorted(cells.items()):
        inputs = classes if layer == 0 else units
        if cell["kernel"].shape != (inputs + units, 4 * units) or cell["bias"].shape != (4 * units,):
            raise BundleError(
                f"Expected a kernel of {(inputs + units, 4 * units)} in layer {layer}; got {cell['kernel'].shape}."
            )
        kernel = _gates_as_keras(cell["kernel"])
        read = np.zeros((units, 4 * units), np.float32)
        read[:inputs] = kernel[:inputs]
        bias = _gates_as_keras(cell["bias"])
        bias[units : 2 * units] += _FORGET_BIAS
        prefix = f"cell_{layer}/lstm_cell/"
        weights |= {f"{prefix}kernel": read, f"{prefix}recurrent_kernel": kernel[inputs:], f"{prefix}bias": bias}
    return config, weights


def _gates_as_keras(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorders […, 4n] from i, j, f, o to i, f, c, o, where j and c are the same gate."""
    update, candidate, forget, output = np.split(columns, 4, axis=-1)
    return np.concatenate([update, forget, candidate, output], axis=-1)


def convert_mag(source: Path, output: Path, *, genre: str = "piano", genre_name: str | None = None) -> Manifest:
    """Write our bundle for one of Magenta's, and return its manifest.

    The model has no countdown and no density: the composer ends its pieces, and density is not offered.

    Raises:
        BundleError: `source` cannot be read, or its network cannot be exported.
        TrainingError: `genre` is not a slug.
    """
    from generator.engine.runtimes.export import export_bundle

    profile = genre_profile(genre, "piano", genre_name)
    description, variables = read_mag(source)
    config, weights = converted(variables)
    manifest = Manifest(
        name=f"{profile.genre}-{re.sub(r'[^a-z0-9]+', '-', source.stem.lower()).strip('-')[:60] or 'magenta'}",
        genre=profile.genre,
        genre_name=profile.genre_name,
        encoding=profile.encoding,
        network=config.as_dict(),
        controls=replace(profile.controls, density=None),
        ensembles=profile.ensembles,
        defaults=profile.defaults,
        card=Card(
            data=({"name": description[:200] or "Not stated", "licence": "not stated", "source": "not stated"},),
            licences="Not stated by the bundle it was converted from. Ask its author.",
            commercial_use=False,
            training={"started_from": f"Magenta's {GENERATOR}"},
        ),
    )
    export_bundle(output, manifest, weights)
    return manifest


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m generator.engine.magenta", description="Converts Magenta's bundles."
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--genre", default="piano")
    parser.add_argument("--genre-name")
    options = parser.parse_args(arguments)
    try:
        convert_mag(options.source, options.output, genre=options.genre, genre_name=options.genre_name)
    except EngineError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
