"""The check of a bundle that comes from elsewhere: a process of its own, within limits, that can be stopped."""

import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from generator.engine.errors import BundleError

logger = logging.getLogger(__name__)

# Ten seconds of computing are usual; a machine that is busy with other work takes minutes for them.
WALL_SECONDS = 900.0
LOOK_SECONDS = 0.5
ERROR_TAIL = 2000
STALE_FOLDER_SECONDS = 2 * WALL_SECONDS
_PREFIX = "check-"

OnStep = Callable[[str, float], None]


class CheckStopped(Exception):
    """Whoever asked for the check does not want it any more."""


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle that may be installed.

    Attributes:
        path: with the step function that was built here; gone when the check's folder is.
        facts: what the check measured (`generator.engine.verification.verify`).
    """

    path: Path
    facts: dict[str, Any]


@contextmanager
def bundle_checked(
    path: Path,
    *,
    on_step: OnStep = lambda step, share: None,
    should_stop: Callable[[], bool] = lambda: False,
    wall_seconds: float = WALL_SECONDS,
    limits: dict[str, int] | None = None,
) -> Iterator[CheckedBundle]:
    """Checks the bundle in a process of its own and lends what may be installed.

    Args:
        on_step: called with what the check does and the share that is done, when that changes and about twice a second.
        should_stop: asked as often.
        limits: other values for `generator.engine.verification.Limits`.

    Raises:
        BundleError: it is not sound, or the check took more than it may.
        CheckStopped: `should_stop` said so.
    """
    parent = Path(settings.VAR_DIR) / "checks"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        output = folder / "rebuilt.bundle"
        facts = _run(path, folder, output, on_step, should_stop, wall_seconds, limits or {})
        yield CheckedBundle(output, facts)


def remove_old_folders() -> None:
    """Those of checks whose worker was killed."""
    oldest = time.time() - STALE_FOLDER_SECONDS
    for folder in (Path(settings.VAR_DIR) / "checks").glob(f"{_PREFIX}*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _run(
    path: Path,
    folder: Path,
    output: Path,
    on_step: OnStep,
    should_stop: Callable[[], bool],
    wall_seconds: float,
    limits: dict[str, int],
) -> dict[str, Any]:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in limits.items()]
    command = [sys.executable, "-m", "generator.engine.verification", str(path.resolve()), "--output", str(output)]
    errors = folder / "errors.txt"
    with errors.open("wb") as error_stream:
        process = subprocess.Popen(
            [*command, "--parent", str(os.getpid()), *options],
            cwd=settings.BASE_DIR,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=error_stream,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    try:
        answer = _follow(process, on_step, should_stop, wall_seconds)
    finally:
        _end(process)
    if "facts" in answer and output.is_file():
        return dict(answer["facts"])
    tail = errors.read_bytes()[-ERROR_TAIL:].decode(errors="replace")
    logger.warning("The check of a bundle ended with %s; it wrote: %s", process.returncode, tail)
    raise BundleError(str(answer.get("error") or _sentence_of_end(process.returncode)))


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no key, no password, no address. One thread, and no GPU: the worker has that."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG") if name in os.environ}
    single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {
        **kept,
        **dict.fromkeys(single, "1"),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KERAS_BACKEND": "tensorflow",
        # Each thread's own arena counts as memory although it is empty.
        "MALLOC_ARENA_MAX": "2",
    }


def _follow(
    process: "subprocess.Popen[str]", on_step: OnStep, should_stop: Callable[[], bool], wall_seconds: float
) -> dict[str, Any]:
    """The last thing the process says: {"facts"} or {"error"}; empty where it ended without a word."""
    assert process.stdout is not None  # noqa: S101  opened by _run
    lines: queue.Queue[str | None] = queue.Queue(maxsize=100)
    threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    deadline = time.monotonic() + wall_seconds
    step, share = "Starting", 0.0
    while True:
        on_step(step, share)
        if should_stop():
            raise CheckStopped
        if time.monotonic() > deadline:
            raise BundleError(f"The check took longer than the {wall_seconds:g} s that it may take.")
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            process.wait()
            return {}
        answer = json.loads(line)
        if "step" not in answer:
            process.wait()
            return dict(answer)
        step, share = str(answer["step"]), float(answer["share"])


def _read_lines(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _end(process: "subprocess.Popen[str]") -> None:
    """Ends the process and whatever it may have started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _sentence_of_end(code: int | None) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "The check needed more computing time than it may use, or the machine ran out of memory."
    if code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
        return "The check needed more memory than it may use, or TensorFlow could not bear the bundle's network."
    return "The check ended without a result; the worker's log says more."
