"""Splits rows into batches of the sizes that a step function was compiled for."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Runs one full batch: (class_indices [size], features [size, F], state [size, S]) → logits [size, C], state [size, S].
Run = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], tuple[NDArray[np.float32], NDArray[np.float32]]]


def step_in_batches(
    run: Run,
    sizes: Sequence[int],
    class_indices: NDArray[np.int32],
    features: NDArray[np.float32],
    state: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One step of any number of rows.

    Rows are padded with zeros to the next of `sizes` (ascending); more than the largest run as several batches. The
    output of padding rows is dropped.
    """
    rows, largest = len(class_indices), sizes[-1]
    if rows <= largest:
        return _step_padded(run, sizes, class_indices, features, state)
    parts = [slice(begin, begin + largest) for begin in range(0, rows, largest)]
    answers = [_step_padded(run, sizes, class_indices[part], features[part], state[part]) for part in parts]
    return np.concatenate([logits for logits, _ in answers]), np.concatenate([new for _, new in answers])


def run_each(run: Run, sizes: Sequence[int], num_features: int, state_size: int) -> None:
    """One step of zeros in each batch size, so that no piece is the first to meet it."""
    for size in sizes:
        run(
            np.zeros(size, np.int32),
            np.zeros((size, num_features), np.float32),
            np.zeros((size, state_size), np.float32),
        )


def _step_padded(
    run: Run, sizes: Sequence[int], class_indices: NDArray[Any], features: NDArray[Any], state: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows = len(class_indices)
    size = next(size for size in sizes if size >= rows)
    logits, new_state = run(_padded(class_indices, size), _padded(features, size), _padded(state, size))
    return logits[:rows], new_state[:rows]


def _padded(rows: NDArray[Any], size: int) -> NDArray[Any]:
    if len(rows) == size:
        return np.ascontiguousarray(rows)
    padded = np.zeros((size, *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    return padded
