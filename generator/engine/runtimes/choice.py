"""Which runtime plays: TensorFlow where it sees a GPU, LiteRT everywhere else. Imports nothing heavy to find out."""

import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from generator.engine.errors import EngineError

RUNTIMES = ("litert", "tensorflow")
AUTO = "auto"

# What the drivers of NVIDIA make: a file for each GPU, or one for all under Windows' Linux.
_DEVICES = ("nvidia[0-9]*", "dxg")
# TensorFlow's builds; tensorflow-cpu sees no GPU.
_GPU_BUILDS = ("tensorflow", "tf-nightly")


def chosen_runtime(name: str) -> str:
    """The name of a runtime, ``auto`` resolved.

    Raises:
        EngineError: there is no runtime of that name.
    """
    if name == AUTO:
        return "tensorflow" if tensorflow_sees_gpu() else "litert"
    if name not in RUNTIMES:
        raise EngineError(f"Expected a runtime of {AUTO}, {', '.join(RUNTIMES)}; got {name!r}.")
    return name


def tensorflow_sees_gpu() -> bool:
    """Whether TensorFlow would compute on a GPU. It is imported only where there are a GPU and a build that uses it."""
    if not (has_gpu() and has_gpu_build()):
        return False
    from generator.engine.runtimes.tensorflow import gpus

    return bool(gpus())


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether the drivers show a GPU and CUDA_VISIBLE_DEVICES does not hide them all."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip().partition(",")[0] in ("", "-1", "NoDevFiles"):
        return False
    return any(next(devices.glob(pattern), None) for pattern in _DEVICES)


def has_gpu_build(names: Sequence[str] = _GPU_BUILDS) -> bool:
    """Whether one of these packages is installed."""
    return any(_is_installed(name) for name in names)


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
