"""Separate processes for demanding work: limited with setrlimit, monitored while they run, and always terminated.

They render audio files and check uploaded bundles. A process writes one JSON object per line to stdout: progress while
it works, and finally ``{"facts": …}`` or ``{"error": …}`` with one sentence. The first half of this module is for the
parent, the second for the process itself.
"""

import contextlib
import ctypes
import json
import logging
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import Enum, auto
from pathlib import Path
from typing import IO, Any

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
ERROR_TAIL = 2000
PR_SET_PDEATHSIG = 1

Answer = dict[str, Any]


class Reason(Enum):
    """Why a process produced no result."""

    SAID = auto()  # it reported an error
    WALL_SECONDS = auto()  # it exceeded its time limit
    CPU_SECONDS = auto()  # it exceeded its CPU limit, or the machine ran out of memory
    MEMORY = auto()  # it exceeded its memory limit, or a library crashed
    FAULT = auto()  # it exited without an answer


class ProcessFailed(Exception):
    """Attributes: `reason`; `sentence`, the process's error message or ""."""

    def __init__(self, reason: Reason, sentence: str = "") -> None:
        super().__init__(sentence or reason.name)
        self.reason = reason
        self.sentence = sentence


class ProcessStopped(Exception):
    """`should_stop` returned True."""


@contextlib.contextmanager
def folder_in(parent: Path, prefix: str) -> Iterator[Path]:
    """A folder for one process, removed afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


def remove_folders_in(parent: Path, prefix: str, *, older_than_seconds: float) -> None:
    """Folders left by killed processes."""
    oldest = time.time() - older_than_seconds
    for folder in parent.glob(f"{prefix}*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def run_limited(
    module: str,
    arguments: Sequence[str],
    *,
    cwd: Path,
    folder: Path,
    wall_seconds: float,
    on_answer: Callable[[Answer], None],
    should_stop: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """Runs ``python -m module`` until it reports its facts, and returns them. No process is left behind.

    The process inherits nothing from our environment: no keys, passwords or URLs. It uses one thread; other CPUs are
    for composing. It must call `confine` itself, first of all.

    Args:
        folder: its home, for temporary files and its stderr.
        wall_seconds: time limit.
        on_answer: called about twice a second with its last answer, initially {}.
        should_stop: called as often.
        environment: additional variables.

    Raises:
        ProcessFailed: it produced no result.
        ProcessStopped: `should_stop` returned True.
        OSError: the disk is full.
    """
    command = [sys.executable, "-m", module, *arguments, "--parent", str(os.getpid())]
    errors = folder / "errors.txt"
    with errors.open("wb") as error_stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**_environment(folder), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=error_stream,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    try:
        answer = _follow(process, on_answer, should_stop, wall_seconds)
    finally:
        # The process and its children.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if "facts" in answer:
        return dict(answer["facts"])
    tail = errors.read_bytes()[-ERROR_TAIL:].decode(errors="replace")
    logger.warning("%s ended with %s; it wrote: %s", module, process.returncode, tail)
    if "error" in answer:
        raise ProcessFailed(Reason.SAID, str(answer["error"]))
    raise ProcessFailed(_reason_of(process.returncode))


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG") if name in os.environ}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # Each thread's arena counts as address space even if it is empty.
    return {**kept, **single, "HOME": str(folder), "TMPDIR": str(folder), "MALLOC_ARENA_MAX": "2"}


def _follow(
    process: "subprocess.Popen[str]",
    on_answer: Callable[[Answer], None],
    should_stop: Callable[[], bool],
    wall_seconds: float,
) -> Answer:
    """The process's last answer; empty if it exited without one."""
    assert process.stdout is not None  # noqa: S101  opened by run_limited
    lines: queue.Queue[str | None] = queue.Queue(maxsize=100)
    threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    deadline = time.monotonic() + wall_seconds
    answer: Answer = {}
    while True:
        on_answer(answer)
        if should_stop():
            raise ProcessStopped
        left = deadline - time.monotonic()
        if left < 0:
            raise ProcessFailed(Reason.WALL_SECONDS)
        try:
            line = lines.get(timeout=min(LOOK_SECONDS, left))
        except queue.Empty:
            continue
        if line is None:
            process.wait()
            return {}
        answer = json.loads(line)
        if "facts" in answer or "error" in answer:
            process.wait()
            return answer


def _read_lines(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _reason_of(code: int | None) -> Reason:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return Reason.CPU_SECONDS
    if code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
        return Reason.MEMORY
    return Reason.FAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resource limits of a process.

    Attributes:
        memory_mb: address space.
        later_memory_mb: address space from `make_room` on; 0: unchanged.
        cpu_seconds: CPU time.
        file_mb: maximum size of each file it writes.
        open_files: maximum number of open files.
    """

    memory_mb: int
    later_memory_mb: int = 0
    cpu_seconds: int
    file_mb: int
    open_files: int

    def apply(self) -> None:
        """Limits this process and its children permanently."""
        space = (self.later_memory_mb or self.memory_mb) * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (min(self.memory_mb * 2**20, space), space))
        # At the first limit the kernel sends a signal that ends the process; at the second it kills it.
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds + 5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_mb * 2**20,) * 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    @staticmethod
    def make_room() -> None:
        """Raises the address space limit to `later_memory_mb`."""
        _, space = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (space, space))

    def add_to(self, parser: ArgumentParser) -> None:
        """Adds an option for each limit, with these defaults, and the one that `confine` needs."""
        parser.add_argument("--parent", type=int, help="the process with which this one shall die")
        for name, value in asdict(self).items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)

    @classmethod
    def of(cls, options: Namespace) -> "Limits":
        return cls(**{one.name: getattr(options, one.name) for one in fields(cls)})


def confine(limits: Limits, *, parent: int | None) -> Callable[..., None]:
    """Limits this process, lowers its priority and ties its life to its parent's.

    Returns:
        A function that sends one answer to the parent: say(facts={…}). From here on, anything libraries print to stdout
        goes to stderr.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("The parent process has gone.")
    with contextlib.suppress(OSError):
        os.nice(10)
    limits.apply()

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")

    return say
