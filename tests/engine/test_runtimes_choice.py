"""Which runtime `auto` means, and that finding out costs nothing where there is no GPU."""

import subprocess
import sys
from pathlib import Path

import pytest

from generator.engine.errors import EngineError
from generator.engine.runtimes import choice
from generator.engine.runtimes.choice import chosen_runtime, has_gpu, has_gpu_build
from tests.tiny_bundle import ROOT


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of device files as drivers make them for one GPU."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("null", "nvidia0", "nvidiactl"):
        (tmp_path / name).touch()
    return tmp_path


def machine(monkeypatch: pytest.MonkeyPatch, *, gpu: bool, build: bool, seen: list[str]) -> list[str]:
    """A machine as described; the list fills when TensorFlow is asked."""
    asked: list[str] = []

    def gpus() -> list[str]:
        asked.append("asked")
        return seen

    monkeypatch.setattr(choice, "has_gpu", lambda: gpu)
    monkeypatch.setattr(choice, "has_gpu_build", lambda: build)
    monkeypatch.setattr("generator.engine.runtimes.tensorflow.gpus", gpus)
    return asked


@pytest.mark.parametrize(
    ("gpu", "build", "seen", "expected"),
    [
        (True, True, ["GPU:0"], "tensorflow"),
        (True, True, [], "litert"),
        (True, False, ["GPU:0"], "litert"),
        (False, True, ["GPU:0"], "litert"),
    ],
)
def test_auto_is_tensorflow_only_where_it_sees_a_gpu(monkeypatch, gpu, build, seen, expected) -> None:
    asked = machine(monkeypatch, gpu=gpu, build=build, seen=seen)
    assert chosen_runtime("auto") == expected
    assert bool(asked) == (gpu and build)


@pytest.mark.parametrize("name", ["litert", "tensorflow"])
def test_a_named_runtime_is_taken_whatever_there_is(monkeypatch, name) -> None:
    asked = machine(monkeypatch, gpu=True, build=True, seen=[])
    assert chosen_runtime(name) == name
    assert not asked


def test_another_name_is_refused() -> None:
    with pytest.raises(EngineError, match="auto, litert, tensorflow; got 'torch'"):
        chosen_runtime("torch")


def test_a_gpu_is_seen_by_its_device_file(devices: Path) -> None:
    assert has_gpu(devices)
    (devices / "nvidia0").unlink()
    assert not has_gpu(devices)
    (devices / "dxg").touch()
    assert has_gpu(devices)


@pytest.mark.parametrize(("visible", "expected"), [("", False), ("-1", False), ("0", True), ("1,0", True)])
def test_hidden_gpus_do_not_count(devices: Path, monkeypatch, visible: str, expected: bool) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert has_gpu(devices) is expected


def test_a_build_is_known_by_its_package() -> None:
    assert has_gpu_build(["numpy"])
    assert not has_gpu_build(["no-such-package-of-ours"])


ASKING = """
import os, sys
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
from generator.engine.runtimes import chosen_runtime
assert chosen_runtime("auto") == "litert"
print(sorted({"tensorflow", "keras", "numpy", "ai_edge_litert"} & set(sys.modules)))
"""


def test_asking_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", ASKING], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
