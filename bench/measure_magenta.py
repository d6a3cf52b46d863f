"""Magenta's own generator and ours, alternating on one machine: CPU time per step of Performance RNN."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.counting import CountingRuntime
from bench.figures import BenchError, Figure, Report, Spread, arguments, as_script, say, timed
from bench.reference import ROOT, reference_step_function
from generator.engine.bundles import Bundle, read_bundle
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.runtimes.litert import LiteRtRuntime

ABOUT = """\
Magenta 2.1.4 on TensorFlow 2.15.1, in its own environment: the generator of `performance_with_dynamics` (three LSTM
layers of 512 units, 388 events), unpatched, with random weights, composes a piece. Ours is this project's composer, on
the same network with random weights and on the shipped piano network. All of them sample one event per step, and
everything between two events counts: encoding, network, sampling. CPU time is that of the whole process, all threads
together. They alternate, piece by piece; Magenta runs once with its defaults and once tuned to one thread on one core.
Our targets are relative to the better median of those two; the facts below also compare with Magenta's best single run.
Magenta composes several pieces one after another, so its batch size is always 1; a step of our batch of 16 counts as
16 steps."""

VENV = ROOT / ".venv-magenta"
PYTHON = VENV / "bin" / "python"
# What Magenta 2.1.4 runs with; its own pins are for a Python of 2020.
PACKAGES = (
    *("tensorflow-cpu==2.15.1", "tf-slim==1.1.0", "note-seq==0.0.5", "numpy<2", "protobuf<5"),
    "tensorflow-probability==0.23.0",
)
MAGENTA = "magenta==2.1.4"
# Targets: this many times less CPU per step alone, and this many times the steps per second per core in a batch.
TIMES_ALONE, TIMES_BATCHED = 10, 25


def main() -> None:
    options = arguments(__doc__ or "")
    install()
    report = Report("bench.measure_magenta")
    # Magenta takes 40 steps for a second of music.
    runs, seconds = (1, 2.0) if options.quick else (7, 10.0)
    bundle = read_bundle(options.bundle)
    reference = reference_step_function()
    with ExitStack() as stack:
        contestants: dict[str, Callable[[int], dict[str, float]]] = {
            "magenta": stack.enter_context(magenta(seconds)),
            "magenta-one-thread": stack.enter_context(magenta(seconds, "--one-thread")),
        }
        for batch in (1, 16):
            # With random weights most events are long time shifts, so a second of music needs few steps.
            contestants[f"reference-{batch}"] = ours(bundle, reference, batch, 6 * seconds)
            contestants[f"shipped-{batch}"] = ours(bundle, bundle.step_function, batch, seconds)
        for name, compose in contestants.items():
            say(f"warming up: {name}")
            compose(0)
        measured: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
        for run in range(1, runs + 1):
            say(f"round {run} of {runs}")
            for name, compose in contestants.items():
                measured[name].append(compose(run))
    peers = [Spread.of([one_step(piece) for piece in measured[name]]) for name in ("magenta", "magenta-one-thread")]
    peer = min(peers, key=lambda spread: spread.median)
    best = min(spread.min for spread in peers)
    for name, title, times in (
        ("magenta", "Magenta's generator, defaults", None),
        ("magenta-one-thread", "Magenta's generator, one thread on one core", None),
        ("reference-1", "Our composer, the same 3×512 LSTM, batch 1", TIMES_ALONE),
        ("shipped-1", "Our composer, shipped network, batch 1", TIMES_ALONE),
        ("reference-16", "Our composer, the same 3×512 LSTM, batch 16", TIMES_BATCHED),
        ("shipped-16", "Our composer, shipped network, batch 16", TIMES_BATCHED),
    ):
        report.add(figure(name, title, measured[name], peer=peer.median, best=best, times=times))


def one_step(piece: dict[str, float]) -> float:
    """CPU milliseconds for one event of one piece."""
    return 1000 * piece["cpu"] / piece["steps"]


def figure(
    name: str, title: str, pieces: list[dict[str, float]], *, peer: float, best: float, times: int | None
) -> Figure:
    """`peer` is the Magenta median that ours should beat `times`-fold, `best` Magenta's best single run."""
    cpu = Spread.of([one_step(piece) for piece in pieces])
    facts: dict[str, Any] = {"steps per run": [piece["steps"] for piece in pieces]}
    if times:
        facts |= times_less(cpu.median, peer=peer, best=best, times=times)
    else:
        facts["peak MB"] = [round(piece["peak_mb"]) for piece in pieces]
    return Figure(
        key=f"peer-{name}",
        title=title,
        unit="ms CPU per step",
        value=cpu,
        beside={
            "ms wall": Spread.of([1000 * piece["wall"] / piece["steps"] for piece in pieces]),
            "steps per second per core": Spread.of([piece["steps"] / piece["cpu"] for piece in pieces]),
        },
        target=float(f"{peer / times:.4g}") if times else None,
        facts=facts,
    )


def times_less(ours: float, *, peer: float, best: float, times: int) -> dict[str, str]:
    """Our figure relative to Magenta's median and best run."""
    return {
        "times less CPU than Magenta": f"{peer / ours:.1f} (target {times})",
        "than its best run": f"{best / ours:.1f}",
    }


def ours(bundle: Bundle, step_function: bytes, batch: int, seconds: float) -> Callable[[int], dict[str, float]]:
    """Composes `batch` pieces in one batch, with a new seed each time."""
    runtime = CountingRuntime(LiteRtRuntime(step_function))
    composer = Composer(bundle, runtime=runtime)

    def compose(seed: int) -> dict[str, float]:
        requests = [
            compose_request(bundle.manifest, seed=100 * seed + row, length_seconds=max(15.0, seconds))
            for row in range(batch)
        ]
        before = runtime.rows
        wall, cpu, _ = timed(lambda: composer.compose_many(requests))
        return {"wall": wall, "cpu": cpu, "steps": runtime.rows - before}

    return compose


@contextmanager
def magenta(seconds: float, *words: str) -> Iterator[Callable[[int], dict[str, float]]]:
    """Magenta's generator in a separate process; call it with a seed to compose `seconds` of music."""
    command = [str(PYTHON), str(Path(__file__).with_name("magenta_peer.py")), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_"))}
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = process.stdout

        def answer() -> dict[str, float]:
            line = lines.readline()
            if not line:
                raise BenchError(f"Magenta ended by itself; this shows why: {' '.join(command)} < /dev/null")
            told: dict[str, float] = json.loads(line)
            return told

        def compose(seed: int) -> dict[str, float]:
            print(f"{seconds} {seed}", file=process.stdin, flush=True)
            return answer()

        try:
            answer()
            yield compose
        finally:
            process.kill()


def install() -> None:
    """Makes the environment, once.

    Raises:
        BenchError: it cannot be made here.
    """
    stamp = VENV / ".installed"
    wanted = "\n".join((*PACKAGES, MAGENTA))
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    say("installing Magenta and its TensorFlow into .venv-magenta, once (about 2 GB)")
    uv = [sys.executable, "-m", "uv"]
    into = [*uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    shutil.rmtree(VENV, ignore_errors=True)
    began = time.monotonic()
    for command in (
        [*uv, "venv", "--quiet", "--python", "3.11", str(VENV)],
        [*into, *PACKAGES],
        # Its own requirements pin versions that no current Python can install.
        [*into, "--no-deps", MAGENTA],
    ):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"Magenta cannot be installed here (it needs Python 3.11):\n{done.stderr[-2000:]}")
    stamp.write_text(wanted)
    say(f"installed in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    as_script(main)
