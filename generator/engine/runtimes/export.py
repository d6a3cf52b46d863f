"""From a network's weights to a bundle's LiteRT step function."""

import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from generator.engine.bundles import dequantise, quantise, write_bundle
from generator.engine.errors import BundleError
from generator.engine.manifest import Manifest
from generator.engine.network import NetworkConfig, build_network, load_weights, step_model
from generator.engine.runtimes import BATCH_SIZES, signature_name
from generator.engine.runtimes.tensorflow import keras_on_tensorflow

if TYPE_CHECKING:
    from pathlib import Path

Step = Callable[[Any, Any, Any], tuple[Any, Any]]


def export_bundle(path: "Path", manifest: Manifest, weights: Mapping[str, np.ndarray]) -> str:
    """Write the bundle of a trained network, with a step function built from the stored weights.

    Args:
        path: the file.
        manifest: its `network` is the network's configuration.
        weights: float32 arrays by the names that `generator.engine.network.weights_of` gives.

    Returns:
        The file's sha256.
    """
    stored = dequantise(quantise(weights))
    step_function = build_step_function(NetworkConfig(**manifest.network), stored)
    return write_bundle(path, manifest, weights, step_function)


def build_step_function(config: NetworkConfig, weights: Mapping[str, np.ndarray]) -> bytes:
    """A LiteRT flatbuffer with dynamic-range int8 weights: one signature per batch size, all sharing the same buffers.

    Args:
        config: of the network.
        weights: float32 arrays by the names that `generator.engine.network.weights_of` gives.

    Raises:
        BundleError: the weights do not fit the network, or TensorFlow cannot convert it.
    """
    keras = keras_on_tensorflow()
    network = build_network(config)
    load_weights(network, dict(weights))
    constants = [(variable, variable.numpy()) for variable in network.variables]
    return convert(
        step_model(network, config),
        num_features=config.num_features,
        state_size=config.state_size,
        # Embedded as constants: as variables they would stay outside the flatbuffer.
        scope=lambda tf: keras.StatelessScope(state_mapping=[(v, tf.constant(value)) for v, value in constants]),
    )


def convert(step: Step, *, num_features: int, state_size: int, scope: Callable[[Any], Any]) -> bytes:
    """Trace `step` once for each of `BATCH_SIZES` and convert all of them.

    Signatures have static shapes. With a dynamic batch dimension XNNPACK reads uninitialised memory: single rows came
    out as NaN, a different one in each run (measured with ai-edge-litert 2.3.0).

    Args:
        step: ``(class_indices [batch], features [batch, num_features], state [batch, state_size])`` → logits, state.
        scope: given the TensorFlow module, a context manager to trace in.
    """
    import tensorflow as tf

    def traced(batch: int) -> Any:
        def run(class_indices: Any, features: Any, state: Any) -> dict[str, Any]:
            with scope(tf):
                logits, new_state = step(class_indices, features, state)
            return {"logits": logits, "state": new_state}

        return tf.function(
            run,
            input_signature=[
                tf.TensorSpec([batch], tf.int32, "class_indices"),
                tf.TensorSpec([batch, num_features], tf.float32, "features"),
                tf.TensorSpec([batch, state_size], tf.float32, "state"),
            ],
        )

    module = tf.Module()
    functions = {signature_name(batch): traced(batch) for batch in BATCH_SIZES}
    # Functions without a reference would be garbage-collected before saving.
    module.functions = functions
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        try:
            return bytes(converter.convert())
        except Exception as error:  # the converter raises different exceptions in each release
            raise BundleError("TensorFlow could not convert this network into a step function.") from error
