"""The check of a bundle from elsewhere: what it refuses, in which words, and within which limits.

TensorFlow builds a step function in one test alone, with a real worker: tests/generator/test_admin_worker.py.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.engine import verification
from generator.engine.bundles import Bundle, read_bundle, write_bundle, write_with_step_function
from generator.engine.errors import BundleError
from tests.tiny_bundle import ROOT, TINY, tiny_bundle


@pytest.fixture(scope="module")
def tiny() -> Bundle:
    return read_bundle(tiny_bundle())


@pytest.fixture
def no_tensorflow(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "rebuilt_step_function", lambda bundle, config: tiny.step_function)
    monkeypatch.setattr(verification, "checked_divergence", lambda bundle: 0.0)
    monkeypatch.setattr(verification.Limits, "make_room", lambda: None)


def changed(bundle: Bundle, path: Path, **manifest: Any) -> Path:
    write_bundle(path, replace(bundle.manifest, **manifest), bundle.weights, bundle.step_function)
    return path


def test_a_sound_bundle_keeps_its_bytes(no_tensorflow: None, tmp_path: Path) -> None:
    said: list[float] = []
    facts = verification.verify(tiny_bundle(), tmp_path / "out", on_step=lambda step, share: said.append(share))
    assert (tmp_path / "out").read_bytes() == tiny_bundle().read_bytes()
    assert not facts["rebuilt"]
    assert facts["notes"] > 0
    assert said == sorted(said)
    assert said[0] == 0 and said[-1] < 1


def test_somebody_elses_step_function_is_thrown_away(no_tensorflow: None, tiny: Bundle, tmp_path: Path) -> None:
    write_with_step_function(tmp_path / "evil", replace(tiny, step_function=b"\0\0\0\0TFL3 nobody runs this"))
    facts = verification.verify(tmp_path / "evil", tmp_path / "out")
    assert facts["rebuilt"]
    rebuilt = read_bundle(tmp_path / "out")
    assert rebuilt.step_function == tiny.step_function
    assert all((rebuilt.stored_weights[name] == array).all() for name, array in tiny.stored_weights.items())


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ({"cell": "transformer"}, "Expected a cell of rnn, gru, lstm, mingru; got 'transformer'"),
        ({"units": 100_000}, "got 1 of 100000"),
        ({"num_classes": 10_000_000}, "expected 388 for num_classes; got 10000000"),
        ({"num_features": 129}, "expected 280 for num_features; got 129"),
        ({"wings": 2}, "a network that this version does not support"),
    ],
)
def test_a_network_is_looked_at_before_it_is_built(
    tiny: Bundle, tmp_path: Path, network: dict[str, Any], sentence: str
) -> None:
    path = changed(tiny, tmp_path / "b", network={**TINY.as_dict(), **network})
    with pytest.raises(BundleError, match=sentence):
        verification.verify(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("figures", [{"norms": 5}, {"originality": "none"}])
def test_a_card_that_would_break_the_critic_is_refused(tiny: Bundle, tmp_path: Path, figures: dict[str, Any]) -> None:
    path = changed(tiny, tmp_path / "b", card=replace(tiny.manifest.card, figures=figures))
    with pytest.raises(BundleError, match=f"Expected figures '{next(iter(figures))}' on the card"):
        verification.verify(path, tmp_path / "out")


def test_a_model_that_only_composes_broken_pieces_is_refused(
    no_tensorflow: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from generator.engine import critic

    real = critic.judge
    monkeypatch.setattr(critic, "judge", lambda *a, **k: replace(real(*a, **k), faults=("It is silent for 4.0 s.",)))
    with pytest.raises(BundleError, match=r"Expected a sound piece of 15 s within 3 tries.*silent for 4\.0 s\."):
        verification.verify(tiny_bundle(), tmp_path / "out")


class Answering:
    """A runtime that always answers with these logits."""

    num_classes, num_features, state_size = 388, 280, 16

    def __init__(self, logits: np.ndarray) -> None:
        self.logits = np.tile(logits.astype(np.float32), (verification.GATE_ROWS, 1))

    def step(self, events: Any, features: Any, state: Any) -> tuple[Any, Any]:
        return self.logits, state


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(0.0, None), (3.0, "The weights lose too much as int8: expected at most 0.02"), (np.nan, "is not a number")],
)
def test_the_step_function_must_play_the_network(
    tiny: Bundle, monkeypatch: pytest.MonkeyPatch, error: float, sentence: str | None
) -> None:
    from generator.engine.runtimes import litert, tensorflow

    logits = np.linspace(-4, 4, 388)
    monkeypatch.setattr(litert, "LiteRtRuntime", lambda step: Answering(logits + error * (np.arange(388) % 2)))
    monkeypatch.setattr(tensorflow.TensorFlowRuntime, "of_bundle", lambda bundle: Answering(logits))
    if sentence is None:
        assert verification.checked_divergence(tiny) == pytest.approx(0, abs=1e-9)
        return
    with pytest.raises(BundleError, match=sentence):
        verification.checked_divergence(tiny)


def test_it_reaches_no_network(tmp_path: Path) -> None:
    """Whatever a library does while a bundle is checked."""
    code = """
import socket, sys
from generator.engine import verification
verification.verify = lambda *given, **named: socket.create_connection(("127.0.0.1", 9))
sys.argv = ["verification", "any", "--output", "none"]
verification.main()
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "uses no network" in result.stderr
    assert "PermissionError" in json.loads(result.stdout)["error"]


def test_the_process_answers_in_json_alone(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"PK\x03\x04 and no more")
    command = [sys.executable, "-m", "generator.engine.verification", str(tmp_path / "bad")]
    result = subprocess.run(
        [*command, "--output", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *steps, last = map(json.loads, result.stdout.splitlines())
    assert [step["share"] for step in steps] == [0.0]
    assert last == {"error": "The bundle is damaged: it is not a complete zip file."}
