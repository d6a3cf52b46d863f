"""The loss of an observed event."""

import numpy as np
from numpy.typing import NDArray


def nats(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """−ln p(target) under the softmax of `logits`.

    Args:
        logits: float32 [..., classes]; targets: int [...].

    Returns:
        float64 [...].
    """
    highest = logits.max(-1)
    log_total = np.log(np.exp(logits - highest[..., None]).sum(-1, dtype=np.float64)) + highest
    found: NDArray[np.float64] = log_total - np.take_along_axis(logits, targets[..., None], -1)[..., 0]
    return found
