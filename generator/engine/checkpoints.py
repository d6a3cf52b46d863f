"""Checkpoints: what a training leaves behind, to go on from and to publish."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.errors import TrainingError
from generator.engine.network import NetworkConfig

CHECKPOINT_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a training left behind.

    Attributes:
        network: the shape.
        weights: those that did best on validation, empty before the first validation; last_weights: the last ones.
        optimizer: the optimizer's variables in its own order.
        seconds: CPU seconds spent; facts: for the model card.
    """

    network: NetworkConfig
    weights: dict[str, NDArray[np.float32]]
    last_weights: dict[str, NDArray[np.float32]]
    optimizer: list[NDArray[Any]]
    seconds: float
    facts: dict[str, Any]


def read_checkpoint(path: Path) -> Checkpoint:
    """
    Raises:
        TrainingError: there is none, or not one of this version.
    """
    if not path.exists():
        raise TrainingError(f"Expected a checkpoint at {path}; there is none.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            state = json.loads(str(arrays["state"]))
            if state["format"] != CHECKPOINT_FORMAT:
                raise TrainingError(f"Expected a checkpoint of format {CHECKPOINT_FORMAT}; got {state['format']}.")

            def named(prefix: str) -> dict[str, NDArray[Any]]:
                return {k.removeprefix(prefix): arrays[k] for k in arrays.files if k.startswith(prefix)}

            optimizer = named("optimizer/")
            return Checkpoint(
                network=NetworkConfig(**state["network"]),
                weights=named("best/"),
                last_weights=named("weights/"),
                optimizer=[optimizer[str(i)] for i in range(len(optimizer))],
                seconds=state["seconds"],
                facts=state["facts"],
            )
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise TrainingError(f"The checkpoint {path} cannot be read.") from error
