"""A real bundle that is small: random weights, one layer. It plays nonsense, by the same code as every bundle."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from generator.engine.bundles import read_bundle, write_bundle
from generator.engine.errors import BundleError
from generator.engine.manifest import Manifest
from generator.engine.network import NetworkConfig
from tests.manifests import piano_manifest

ROOT = Path(__file__).resolve().parent.parent
TINY = NetworkConfig(cell="mingru", layers=1, units=16)
# What the step function depends on: a bundle kept from an earlier run counts only while these are as they were.
SOURCES = (
    *("network.py", "runtimes/__init__.py", "runtimes/export.py"),
    *("manifest.py", "bundles.py", "ensembles.py", "encodings/performance.py"),
)


def tiny_manifest(name: str = "piano-tiny") -> Manifest:
    return replace(piano_manifest(name), network=TINY.as_dict())


def tiny_bundle() -> Path:
    """The bundle's file. Converting takes TensorFlow and some seconds, so it is kept in .cache between runs."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in SOURCES:
        digest.update((ROOT / "generator" / "engine" / name).read_bytes())
    path = ROOT / ".cache" / f"tiny-{digest.hexdigest()[:16]}.bundle"
    try:
        read_bundle(path)
    except BundleError:
        path.parent.mkdir(exist_ok=True)
        # In a process of its own: TensorFlow would stay in this one, and tests look at what a process imports.
        subprocess.run([sys.executable, "-m", "tests.tiny_bundle", str(path)], cwd=ROOT, check=True)
    return path


def other_tiny_bundle(folder: Path) -> Path:
    """A second version: the same network under another name, so with another checksum."""
    bundle = read_bundle(tiny_bundle())
    path = folder / "piano-tiny-2.bundle"
    write_bundle(path, tiny_manifest("piano-tiny-2"), bundle.weights, bundle.step_function)
    return path


def _build(path: Path) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from generator.engine.network import build_network, weights_of
    from generator.engine.runtimes.export import export_bundle

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    weights = weights_of(build_network(TINY, seed=7))
    export_bundle(path, tiny_manifest(), weights)


if __name__ == "__main__":
    _build(Path(sys.argv[1]))
