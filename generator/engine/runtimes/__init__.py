"""What runs a network's step function: one interface, whatever stands behind it.

numpy is imported nowhere here, so that the web process may ask which runtimes there are.
"""

from typing import TYPE_CHECKING, Protocol

from generator.engine.runtimes.choice import AUTO, RUNTIMES, chosen_runtime

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from generator.engine.bundles import Bundle

__all__ = ["AUTO", "BATCH_SIZES", "MAX_BATCH", "RUNTIMES", "Runtime", "chosen_runtime", "open_runtime"]

# A step function is exported for these batch sizes, of which every one must offer the first; anything between is padded
# with rows that nobody reads. Four takes of which each has a shadow, because a style guides them, are 8 rows.
BATCH_SIZES = (1, 4, 8, 16)
MAX_BATCH = BATCH_SIZES[-1]


def signature_name(batch: int) -> str:
    """The flatbuffer's name for the step of one batch size."""
    return f"step_{batch}"


def signature_sizes(names: "Iterable[str]") -> tuple[int, ...]:
    """The batch sizes that a flatbuffer of these signatures has, rising: not always today's `BATCH_SIZES`."""
    sizes = (name.removeprefix("step_") for name in names if name.startswith("step_"))
    return tuple(sorted(int(size) for size in sizes if size.isascii() and size.isdecimal() and int(size) > 0))


class Runtime(Protocol):
    """Advances networks by one event: rows are pieces, and no row changes another's result."""

    name: str
    num_classes: int
    num_features: int
    state_size: int

    def step(
        self,
        class_indices: "NDArray[np.int32]",
        features: "NDArray[np.float32]",
        state: "NDArray[np.float32]",
    ) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """One event for each row.

        Args:
            class_indices: int32 [B], the events just drawn.
            features: float32 [B, num_features], what is known about the piece after them.
            state: float32 [B, state_size], zeros at the start of a piece.

        Returns:
            Logits of the next event, float32 [B, num_classes], and the new state, float32 [B, state_size].
        """
        ...


def open_runtime(name: str, bundle: "Bundle", *, num_threads: int = 1, warm: bool = False) -> Runtime:
    """The runtime of that name with the bundle's network in it.

    Args:
        name: one of `RUNTIMES`, or ``auto`` for the better one of this machine.
        num_threads: on the CPU.
        warm: compile for every batch size now, where that takes long, instead of at the first step of each.

    Raises:
        EngineError: there is no runtime of that name.
        BundleError: the bundle's step function cannot be run, or its weights do not fit its manifest.
    """
    if chosen_runtime(name) == "litert":
        from generator.engine.runtimes.litert import LiteRtRuntime

        return LiteRtRuntime(bundle.step_function, num_threads=num_threads)

    from generator.engine.runtimes.tensorflow import TensorFlowRuntime

    runtime = TensorFlowRuntime.of_bundle(bundle, num_threads=num_threads)
    if warm:
        runtime.warm_up()
    return runtime
