"""The step function on the CPU through LiteRT: int8 weights, 60 MB, one thread."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.errors import BundleError
from generator.engine.runtimes import BATCH_SIZES, signature_name, signature_sizes
from generator.engine.runtimes.batches import run_each, step_in_batches

_INPUTS = ("class_indices", "features", "state")
_OUTPUTS = ("logits", "state")
_FLATBUFFER_IDENTIFIER = b"TFL3"


class LiteRtRuntime:
    """Runs a step function written by `generator.engine.runtimes.export`.

    Not thread-safe: each composer has its own.
    """

    name = "litert"

    def __init__(self, step_function: bytes, *, num_threads: int = 1) -> None:
        """
        Raises:
            BundleError: the bytes are not a step function, or have none for a single row.
        """
        if step_function[4:8] != _FLATBUFFER_IDENTIFIER:
            raise BundleError("The bundle's step function is not a LiteRT file.")
        from ai_edge_litert.interpreter import Interpreter

        try:
            # The interpreter reads the bytes in place.
            self._step_function = step_function
            self._interpreter = Interpreter(model_content=step_function, num_threads=num_threads)
            # The sizes in the file: bundles outlive a change of `BATCH_SIZES`.
            self.batch_sizes = signature_sizes(self._interpreter.get_signature_list())
            if self.batch_sizes[:1] != BATCH_SIZES[:1]:
                raise BundleError("The bundle's step function cannot be run for a single row.")
            self._runners = {
                batch: self._interpreter.get_signature_runner(signature_name(batch)) for batch in self.batch_sizes
            }
            shapes = [self._shapes(batch) for batch in self.batch_sizes]
            self.num_features, self.state_size, self.num_classes = shapes[0]
            if any(shape != shapes[0] for shape in shapes):
                raise BundleError("The bundle's step function has another shape for each batch size.")
            # Many faults of a file only show when memory is allocated for the first step.
            run_each(self._run, self.batch_sizes, self.num_features, self.state_size)
        except (ValueError, RuntimeError, KeyError) as error:
            raise BundleError("LiteRT cannot load the bundle's step function.") from error

    def step(
        self,
        class_indices: NDArray[np.int32],
        features: NDArray[np.float32],
        state: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `generator.engine.runtimes.Runtime`; more rows than the largest batch run as several."""
        return step_in_batches(self._run, self.batch_sizes, class_indices, features, state)

    def _run(
        self, class_indices: NDArray[Any], features: NDArray[Any], state: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        outputs = self._runners[len(class_indices)](class_indices=class_indices, features=features, state=state)
        return outputs["logits"], outputs["state"]

    def _shapes(self, batch: int) -> tuple[int, int, int]:
        """(features, state, classes) of one signature, after validating the rest."""
        runner: Any = self._runners[batch]
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        if set(inputs) != set(_INPUTS) or set(outputs) != set(_OUTPUTS):
            raise BundleError("The bundle's step function has other inputs or outputs than a step has.")
        found = {name: tuple(int(n) for n in detail["shape"]) for name, detail in (inputs | outputs).items()}
        found["state_in"] = tuple(int(n) for n in inputs["state"]["shape"])
        num_features, state_size, num_classes = (found[name][-1] for name in ("features", "state", "logits"))
        expected = {
            "class_indices": (batch,),
            "features": (batch, num_features),
            "state": (batch, state_size),
            "state_in": (batch, state_size),
            "logits": (batch, num_classes),
        }
        floats = [inputs["features"], inputs["state"], outputs["state"], outputs["logits"]]
        if (
            found != expected
            or inputs["class_indices"]["dtype"] != np.int32
            or any(f["dtype"] != np.float32 for f in floats)
        ):
            raise BundleError("The bundle's step function has inputs or outputs of another shape than a step has.")
        return num_features, state_size, num_classes
