"""The step function in TensorFlow: float32, compiled by XLA, on the GPU if TensorFlow sees one.

It uses the bundle's stored weights, so both runtimes run the same network. LiteRT also rounds activations to 8 bits
before a product; here nothing is rounded.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.errors import BundleError
from generator.engine.network import NetworkConfig, build_network, load_weights, step_model
from generator.engine.runtimes.batches import run_each, step_in_batches

if TYPE_CHECKING:
    from generator.engine.bundles import Bundle

# XLA compiles for one batch size at a time, which takes a second or two.
BATCH_SIZES = (1, 4, 16, 64)
MAX_BATCH = BATCH_SIZES[-1]


class TensorFlowRuntime:
    """Runs a network from its weights. Not thread-safe: each composer has its own."""

    name = "tensorflow"

    def __init__(
        self, config: NetworkConfig, weights: Mapping[str, NDArray[np.float32]], *, num_threads: int = 1
    ) -> None:
        """
        Args:
            config: of the network.
            weights: float32 arrays by the names that `generator.engine.network.weights_of` gives.
            num_threads: of TensorFlow on the CPU; the first runtime of a process sets it for all.

        Raises:
            BundleError: the weights do not fit the network, or Keras runs on something other than TensorFlow.
        """
        self.num_classes, self.num_features = config.num_classes, config.num_features
        self.state_size = config.state_size
        self.device = _prepared_device(num_threads)
        tf = _tensorflow()
        with tf.device(self.device):
            network = build_network(config)
            load_weights(network, dict(weights))
        for layer in network.layers:
            # XLA cannot compile the cuDNN kernels that Keras prefers for its own cells on a GPU.
            if hasattr(layer, "use_cudnn"):
                layer.use_cudnn = False
        # The functions hold the network's variables, not the network.
        self._network = network
        self._step = tf.function(step_model(network, config), jit_compile=True, autograph=False)
        self._compiled: dict[int, Any] = {}

    @classmethod
    def of_bundle(cls, bundle: "Bundle", *, num_threads: int = 1) -> "TensorFlowRuntime":
        """
        Raises:
            BundleError: as for the class itself, or the manifest describes no network.
        """
        try:
            config = NetworkConfig(**bundle.manifest.network)
        except TypeError as error:
            sentence = "The bundle's manifest describes a network that this version does not support."
            raise BundleError(sentence) from error
        return cls(config, bundle.weights, num_threads=num_threads)

    @property
    def compiled_sizes(self) -> list[int]:
        """Batch sizes that are already compiled, ascending."""
        return sorted(self._compiled)

    def warm_up(self) -> None:
        """Compiles every batch size and runs it once, so that no piece has to wait for it."""
        run_each(self._run, BATCH_SIZES, self.num_features, self.state_size)

    def step(
        self,
        class_indices: NDArray[np.int32],
        features: NDArray[np.float32],
        state: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `generator.engine.runtimes.Runtime`; more than `MAX_BATCH` rows run as several batches."""
        return step_in_batches(self._run, BATCH_SIZES, class_indices, features, state)

    def _run(
        self, class_indices: NDArray[Any], features: NDArray[Any], state: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        tf = _tensorflow()
        compiled = self._compiled.get(len(class_indices)) or self._compile(len(class_indices))
        with tf.device(self.device):
            logits, new_state = compiled(tf.constant(class_indices), tf.constant(features), tf.constant(state))
        return logits.numpy(), new_state.numpy()

    def _compile(self, size: int) -> Any:
        tf = _tensorflow()
        with tf.device(self.device):
            compiled = self._step.get_concrete_function(
                tf.TensorSpec([size], tf.int32),
                tf.TensorSpec([size, self.num_features], tf.float32),
                tf.TensorSpec([size, self.state_size], tf.float32),
            )
        self._compiled[size] = compiled
        return compiled


def keras_on_tensorflow() -> Any:
    """The keras module, running on TensorFlow.

    Raises:
        BundleError: this process has chosen another backend.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    _tensorflow()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise BundleError(
            f"A step function is built by Keras on TensorFlow, but Keras runs on {keras.backend.backend()} here."
        )
    return keras


def gpus() -> list[Any]:
    """The GPUs that TensorFlow sees in this process."""
    return list(_tensorflow().config.list_physical_devices("GPU"))


@cache
def _prepared_device(num_threads: int) -> str:
    """The device to run on; limits TensorFlow's resources, once per process and before it starts."""
    keras_on_tensorflow()
    tf = _tensorflow()
    found = gpus()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        # One worker per GPU: the first visible one, and no more of its memory than the network needs.
        tf.config.set_visible_devices(found[:1], "GPU")
        for gpu in found[:1]:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        # Earlier TensorFlow use in this process has already decided.
        found = list(tf.config.get_visible_devices("GPU"))
    # TF32, the default on newer GPUs, has ten-bit fractions and would differ by more than a thousandth.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return "/GPU:0" if found else "/CPU:0"


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow

    return tensorflow
