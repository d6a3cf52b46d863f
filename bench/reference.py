"""The reference network: three LSTM layers of 512 units, as in Magenta's Performance RNN."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from bench.figures import say
from generator.engine.network import NetworkConfig

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = NetworkConfig(cell="lstm", layers=3, units=512, residual=False, uses_features=False)
# The step function depends on these: a cached one is valid only while they are unchanged.
SOURCES = ("bench/reference.py", "generator/engine/network.py", "generator/engine/runtimes/export.py")


def reference_step_function() -> bytes:
    """Its LiteRT step function with random weights, cached in .cache: converting needs TensorFlow and seconds."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((ROOT / name).read_bytes())
    path = ROOT / ".cache" / f"reference-{digest.hexdigest()[:16]}.tflite"
    if not path.is_file():
        say("converting the reference network, once")
        path.parent.mkdir(exist_ok=True)
        # In a separate process: TensorFlow's threads and memory would distort the measurements in this one.
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
        subprocess.run(
            [sys.executable, "-m", "bench.reference", str(path)],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return path.read_bytes()


def _build(path: Path) -> None:
    from generator.engine.network import build_network, weights_of
    from generator.engine.runtimes.export import build_step_function

    data = build_step_function(REFERENCE, weights_of(build_network(REFERENCE, seed=1)))
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


if __name__ == "__main__":
    _build(Path(sys.argv[1]))
