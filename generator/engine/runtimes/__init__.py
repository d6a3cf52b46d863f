"""Runtimes for a network's step function, behind one interface.

numpy is not imported here, so the web process can list the runtimes.
"""

from typing import TYPE_CHECKING, Protocol

from generator.engine.runtimes.choice import AUTO, RUNTIMES, chosen_runtime

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from generator.engine.bundles import Bundle

__all__ = ["AUTO", "BATCH_SIZES", "MAX_BATCH", "RUNTIMES", "Runtime", "chosen_runtime", "open_runtime"]

# A step function is exported for these batch sizes (the first one is mandatory); other numbers of rows are padded. Four
# takes with a shadow each, for a guided style, are 8 rows.
BATCH_SIZES = (1, 4, 8, 16)
MAX_BATCH = BATCH_SIZES[-1]


def signature_name(batch: int) -> str:
    """The flatbuffer signature for a batch size."""
    return f"step_{batch}"


def signature_sizes(names: "Iterable[str]") -> tuple[int, ...]:
    """The batch sizes in a flatbuffer's signatures, ascending; not always the current `BATCH_SIZES`."""
    sizes = (name.removeprefix("step_") for name in names if name.startswith("step_"))
    return tuple(sorted(int(size) for size in sizes if size.isascii() and size.isdecimal() and int(size) > 0))


class Runtime(Protocol):
    """Advances networks by one event: rows are pieces and independent of each other."""

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
        """One event per row.

        Args:
            class_indices: int32 [B], the events just sampled.
            features: float32 [B, num_features], the state of the piece after them.
            state: float32 [B, state_size], zeros at the start of a piece.

        Returns:
            Logits of the next event, float32 [B, num_classes], and the new state, float32 [B, state_size].
        """
        ...


def open_runtime(name: str, bundle: "Bundle", *, num_threads: int = 1, warm: bool = False) -> Runtime:
    """The runtime of that name, loaded with the bundle's network.

    Args:
        name: one of `RUNTIMES`, or ``auto`` for the best one on this machine.
        num_threads: on the CPU.
        warm: compile for every batch size now, if compiling is slow, instead of at the first step of each.

    Raises:
        EngineError: there is no runtime of that name.
        BundleError: the bundle's step function does not run, or its weights do not match its manifest.
    """
    if chosen_runtime(name) == "litert":
        from generator.engine.runtimes.litert import LiteRtRuntime

        return LiteRtRuntime(bundle.step_function, num_threads=num_threads)

    from generator.engine.runtimes.tensorflow import TensorFlowRuntime

    runtime = TensorFlowRuntime.of_bundle(bundle, num_threads=num_threads)
    if warm:
        runtime.warm_up()
    return runtime
