"""A runtime that measures the cost of its steps."""

import time
from typing import Any

from generator.engine.runtimes import Runtime


class CountingRuntime:
    """Forwards and counts every step.

    Attributes:
        steps: calls; rows: events moved on, one a piece and call; cpu_seconds: of this process within the steps.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.name = runtime.name
        self.num_classes, self.num_features = runtime.num_classes, runtime.num_features
        self.state_size = runtime.state_size
        self._runtime = runtime
        self.steps, self.rows, self.cpu_seconds = 0, 0, 0.0

    def step(self, class_indices: Any, features: Any, state: Any) -> Any:
        began = time.process_time()
        result = self._runtime.step(class_indices, features, state)
        self.cpu_seconds += time.process_time() - began
        self.steps += 1
        self.rows += len(class_indices)
        return result
