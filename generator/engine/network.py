"""The recurrent network: embedding, features, residual recurrent layers, one distribution over events.

Written once in Keras 3: trains on TensorFlow, JAX or PyTorch and is served by TensorFlow or LiteRT. Keras is imported
inside the functions, so importing this module is cheap.

Cells:

``rnn``
    The plain network of the paper, equation 1: h_t = φ(W x_t + U h_{t−1}) with φ = tanh.
``gru``, ``lstm``
    Cho et al. 2014; Hochreiter and Schmidhuber 1997. Three stacked LSTM layers of 512 are Magenta's reference.
``mingru``
    h_t = (1 − z_t) h_{t−1} + z_t v_t with z_t and v_t computed from x_t alone, so a whole window is a parallel
    scan (Feng et al. 2024, "Were RNNs All We Needed?"), with an output gate.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from generator.engine.encodings import performance
from generator.engine.errors import BundleError

CELLS = ("rnn", "gru", "lstm", "mingru")
MAX_LAYERS = 8
MAX_UNITS = 2048


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The configuration of a network.

    Attributes:
        cell: one of `CELLS`.
        layers: recurrent layers, 1 – 8.
        units: width of every layer, 16 – 2048.
        residual: each layer reads RMSNorm(x) and adds to x; otherwise the layers are a plain stack.
        uses_features: the input includes keyboard features besides the event.
        num_classes: output classes; the input has one more, START.
        num_features: width of the feature input.
        keyboard: the features start with 128 flags of sounding pitches, which bias NOTE_ON and NOTE_OFF.
        shortcuts: ``class:count:feature`` ranges, separated by commas: each of `count` features biases the class at the
            same index with its own learned weight.
        dropout: share of each layer's output dropped during training.
    """

    cell: str = "mingru"
    layers: int = 3
    units: int = 512
    residual: bool = True
    uses_features: bool = True
    num_classes: int = performance.NUM_CLASSES
    num_features: int = performance.NUM_FEATURES
    keyboard: bool = True
    shortcuts: str = ""
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise BundleError(f"Expected a cell of {', '.join(CELLS)}; got {self.cell!r}.")
        if not (1 <= self.layers <= MAX_LAYERS and 16 <= self.units <= MAX_UNITS):
            raise BundleError(
                f"Expected 1 to {MAX_LAYERS} layers of 16 to {MAX_UNITS} units; got {self.layers} of {self.units}."
            )
        if self.cell == "mingru" and not self.residual:
            raise BundleError("A minGRU network is always residual.")
        if not 0.0 <= self.dropout < 1.0:
            raise BundleError(f"Expected a dropout of 0 to below 1; got {self.dropout}.")
        if self.uses_features and self.keyboard and self.num_features < performance.NUM_PITCHES:
            raise BundleError(f"Expected the keyboard among the features; there are only {self.num_features}.")
        for first, count, feature in self.shortcut_ranges:
            if not (count > 0 and 0 <= first <= self.num_classes - count and 0 <= feature <= self.num_features - count):
                raise BundleError(f"Expected shortcuts from features to classes; got {self.shortcuts[:60]!r}.")

    @property
    def shortcut_ranges(self) -> tuple[tuple[int, int, int], ...]:
        """(first class, count, first feature) of each shortcut.

        Raises:
            BundleError: `shortcuts` is not such a list.
        """
        if not (self.uses_features and self.shortcuts):
            return ()
        ranges = []
        for text in self.shortcuts.split(","):
            numbers = text.split(":")
            if len(numbers) != 3 or not all(number.isascii() and number.isdigit() for number in numbers):
                raise BundleError(f"Expected shortcuts as class:count:feature; got {text[:40]!r}.")
            first, count, feature = map(int, numbers)
            ranges.append((first, count, feature))
        return tuple(ranges)

    @property
    def states_per_layer(self) -> int:
        return 2 if self.cell == "lstm" else 1

    @property
    def state_size(self) -> int:
        """Size of the network's memory for one piece."""
        return self.layers * self.units * self.states_per_layer

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def scan(decay: Any, drive: Any, initial: Any) -> Any:
    """h_t = decay_t · h_{t−1} + drive_t over axis 1, with h_{−1} = `initial`.

    Args:
        decay, drive: [batch, time, units]; `initial`: [batch, units].

    Returns:
        All h_t, [batch, time, units], by the doubling of Hillis and Steele (1986) in log2(time) passes; on PyTorch's
        CPU, where every pass costs memory traffic, by a compiled loop.
    """
    import keras
    from keras import ops

    if keras.backend.backend() == "torch" and getattr(decay, "device", None) is not None and decay.device.type == "cpu":
        from generator.engine.torch_scan import linear_scan

        return linear_scan(decay, drive, initial)
    first = drive[:, :1] + decay[:, :1] * initial[:, None]
    drive = ops.concatenate([first, drive[:, 1:]], axis=1)
    time = decay.shape[1]
    reach = 1
    while reach < time:
        drive = ops.concatenate([drive[:, :reach], drive[:, reach:] + decay[:, reach:] * drive[:, :-reach]], axis=1)
        decay = ops.concatenate([decay[:, :reach], decay[:, reach:] * decay[:, :-reach]], axis=1)
        reach *= 2
    return drive


def build_network(config: NetworkConfig, *, seed: int = 0) -> Any:
    """A Keras model with random weights.

    Its call takes ``{"class_indices": int [batch, time], "features": float [batch, time, num_features],
    "state": float [batch, state_size]}`` and returns ``(logits [batch, time, num_classes], state)``. `time` is static.
    """
    import keras
    from keras import initializers, ops

    rng = np.random.default_rng(seed)

    def normal(stddev: float) -> Any:
        return initializers.RandomNormal(stddev=stddev, seed=int(rng.integers(2**31)))

    class RMSNorm(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")

        def call(self, x: Any) -> Any:
            power = ops.mean(ops.square(ops.cast(x, "float32")), axis=-1, keepdims=True)
            return x * ops.cast(ops.rsqrt(power + 1e-6), x.dtype) * ops.cast(self.scale, x.dtype)

    class MinGRU(keras.layers.Layer):
        """Residual block: u = x·U + b; z, v, g = split(u); h = scan; (h · silu(g))·O."""

        def __init__(self, name: str) -> None:
            # The carried state stays float32 at any matmul precision.
            super().__init__(name=name, autocast=False)

        def build(self, shape: Any) -> None:
            units = config.units
            deviation = 1.0 / np.sqrt(units)
            self.kernel = self.add_weight(name="kernel", shape=(units, 3 * units), initializer=normal(deviation))
            # Memories of 1 to 150 events, in random order.
            memories = -np.linspace(-1.0, 5.0, units)
            rng.shuffle(memories)
            bias = np.concatenate([memories, np.zeros(2 * units)]).astype(np.float32)
            self.bias = self.add_weight(
                name="bias",
                shape=(3 * units,),
                initializer=lambda shape, dtype=None: ops.convert_to_tensor(bias, dtype),
            )
            self.output_kernel = self.add_weight(
                name="output_kernel",
                shape=(units, units),
                initializer=normal(deviation / np.sqrt(2 * config.layers)),
            )

        def call(self, x: Any, initial: Any) -> tuple[Any, Any]:
            gates = ops.matmul(x, ops.cast(self.kernel, x.dtype)) + ops.cast(self.bias, x.dtype)
            update, value, gate = ops.split(gates, 3, axis=-1)
            update = ops.sigmoid(ops.cast(update, "float32"))
            hidden = scan(1.0 - update, update * ops.cast(value, "float32"), initial)
            out = ops.matmul(ops.cast(hidden, x.dtype) * ops.silu(gate), ops.cast(self.output_kernel, x.dtype))
            return out, hidden[:, -1]

    def keras_cell(name: str) -> Any:
        kind = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[config.cell]
        return kind(config.units, return_sequences=True, return_state=True, name=name)

    class Network(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="network", autocast=False)
            self.norms = [RMSNorm(name=f"norm_{i}") for i in range(config.layers)] if config.residual else []
            make: Callable[[str], Any] = (lambda name: MinGRU(name=name)) if config.cell == "mingru" else keras_cell
            self.cells = [make(f"cell_{i}") for i in range(config.layers)]
            self.final_norm = RMSNorm(name="final_norm") if config.residual else None
            self.dropout_seed = keras.random.SeedGenerator(seed)

        def build(self, shape: Any = None) -> None:
            units, classes = config.units, config.num_classes
            self.embedding = self.add_weight(name="embedding", shape=(classes + 1, units), initializer=normal(0.5))
            if config.uses_features:
                self.feature_kernel = self.add_weight(
                    name="feature_kernel", shape=(config.num_features, units), initializer=normal(0.05)
                )
            if config.uses_features and config.keyboard:
                # Logits of NOTE_OFF for silent and sounding pitches, and of NOTE_ON for sounding ones.
                self.keyboard_bias = self.add_weight(
                    name="keyboard_bias",
                    shape=(3,),
                    initializer=lambda shape, dtype=None: ops.convert_to_tensor([-1.0, 3.0, -2.0], dtype),
                )
            self.shortcuts = [
                self.add_weight(
                    name=f"shortcut_{i}",
                    shape=(count,),
                    initializer=lambda shape, dtype=None: ops.full(shape, 0.5, dtype=dtype),
                )
                for i, (_, count, _) in enumerate(config.shortcut_ranges)
            ]
            for layer in (*self.norms, *self.cells):
                layer.build((None, None, units))
            if self.final_norm is not None:
                self.final_norm.build((None, None, units))
            self.output_kernel = self.add_weight(name="output_kernel", shape=(units, classes), initializer=normal(0.02))
            self.output_bias = self.add_weight(name="output_bias", shape=(classes,), initializer="zeros")
            self.built = True

        def embed(self, class_indices: Any, training: bool) -> Any:
            kernel = ops.cast(self.embedding, self.compute_dtype)
            if training:
                # A product with one-hot rows has a dense gradient: Keras's Adam on TensorFlow does not sum the repeated
                # rows of a sparse one.
                return ops.matmul(ops.one_hot(class_indices, config.num_classes + 1, dtype=kernel.dtype), kernel)
            return ops.take(kernel, class_indices, axis=0)

        def call(self, inputs: Any, training: bool = False) -> tuple[Any, Any]:
            features = ops.cast(inputs["features"], self.compute_dtype)
            x = self.embed(inputs["class_indices"], training)
            if config.uses_features:
                x = x + ops.matmul(features, ops.cast(self.feature_kernel, x.dtype))
            layer_states = ops.split(
                ops.cast(inputs["state"], "float32"), config.layers * config.states_per_layer, axis=-1
            )
            new_states = []
            for i, cell in enumerate(self.cells):
                initial = layer_states[i * config.states_per_layer : (i + 1) * config.states_per_layer]
                read = self.norms[i](x) if config.residual else x
                if config.cell == "mingru":
                    out, last = cell(read, initial[0])
                    last = [last]
                else:
                    out, *last = cell(read, initial_state=[ops.cast(s, self.compute_dtype) for s in initial])
                if training and config.dropout:
                    out = keras.random.dropout(out, config.dropout, seed=self.dropout_seed)
                x = x + out if config.residual else out
                new_states += [ops.cast(s, "float32") for s in last]
            if self.final_norm is not None:
                x = self.final_norm(x)
            logits = ops.cast(ops.matmul(x, ops.cast(self.output_kernel, x.dtype)), "float32") + self.output_bias
            if config.uses_features and config.keyboard:
                logits = logits + self.keyboard_logits(ops.cast(features[..., : performance.NUM_PITCHES], "float32"))
            if self.shortcuts:
                logits = logits + self.shortcut_logits(features)
            return logits, ops.concatenate(new_states, axis=-1)

        def shortcut_logits(self, features: Any) -> Any:
            spoken: dict[tuple[int, int], Any] = {}
            for weights, (first, count, feature) in zip(self.shortcuts, config.shortcut_ranges, strict=True):
                share = ops.cast(features[..., feature : feature + count], "float32") * ops.cast(weights, "float32")
                spoken[first, count] = spoken[first, count] + share if (first, count) in spoken else share
            total: Any = 0.0
            for (first, count), share in spoken.items():
                after = config.num_classes - first - count
                total = total + ops.pad(share, [(0, 0)] * (len(share.shape) - 1) + [(first, after)])
            return total

        def keyboard_logits(self, sounding: Any) -> Any:
            silent_off, sounding_off, sounding_on = ops.split(ops.cast(self.keyboard_bias, "float32"), 3)
            rest = ops.zeros_like(sounding[..., :1])
            rest = ops.repeat(rest, config.num_classes - performance.TIME_SHIFT, axis=-1)
            return ops.concatenate(
                [sounding * sounding_on, silent_off + sounding * (sounding_off - silent_off), rest], axis=-1
            )

    network = Network()
    network.build()
    return network


def weight_names(network: Any) -> dict[str, Any]:
    """The network's variables by a stable name such as ``cell_0/kernel``."""
    return {v.path.removeprefix("network/"): v for v in network.trainable_variables}


def weights_of(network: Any) -> dict[str, np.ndarray]:
    """float32 arrays by name."""
    import keras

    return {name: np.asarray(keras.ops.convert_to_numpy(v), np.float32) for name, v in weight_names(network).items()}


def load_weights(network: Any, weights: dict[str, np.ndarray]) -> None:
    """Assign arrays by name.

    Raises:
        BundleError: names or shapes do not match the network.
    """
    variables = weight_names(network)
    if set(variables) != set(weights):
        missing, extra = sorted(set(variables) - set(weights)), sorted(set(weights) - set(variables))
        raise BundleError(
            f"The weights do not fit the network: missing {missing or 'none'}, unknown {extra or 'none'}."
        )
    for name, variable in variables.items():
        if tuple(variable.shape) != weights[name].shape:
            raise BundleError(f"Expected shape {tuple(variable.shape)} for {name}; got {weights[name].shape}.")
        variable.assign(weights[name])


def step_model(network: Any, config: NetworkConfig) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    """One step as a function ``(class_indices [batch], features [batch, F], state) → (logits [batch, C], state)``."""

    def step(class_indices: Any, features: Any, state: Any) -> tuple[Any, Any]:
        inputs = {"class_indices": class_indices[:, None], "features": features[:, None], "state": state}
        logits, new_state = network(inputs)
        return logits[:, 0], new_state

    return step
