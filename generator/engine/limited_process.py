"""A process of its own for what may want too much: within limits (setrlimit), followed while it works, ended for sure.

Sound files are rendered and uploaded bundles are checked in such processes. One writes a JSON object a line on stdout:
whatever it likes while it works; last ``{"facts": …}``, or ``{"error": …}`` with one sentence. The first half of this
module is for whoever starts one, the second for the process itself.
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
    """Why a process came to no result."""

    SAID = auto()  # in a sentence of its own
    WALL_SECONDS = auto()  # it took longer than it may
    CPU_SECONDS = auto()  # it computed more than it may, or the machine ran out of memory
    MEMORY = auto()  # it wanted more memory than it may use, or a library broke
    FAULT = auto()  # it ended without a word


class ProcessFailed(Exception):
    """Attributes: `reason`; `sentence`, which the process said, else empty."""

    def __init__(self, reason: Reason, sentence: str = "") -> None:
        super().__init__(sentence or reason.name)
        self.reason = reason
        self.sentence = sentence


class ProcessStopped(Exception):
    """`should_stop` said so."""


@contextlib.contextmanager
def folder_in(parent: Path, prefix: str) -> Iterator[Path]:
    """A folder for one process, which goes with it."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


def remove_folders_in(parent: Path, prefix: str, *, older_than_seconds: float) -> None:
    """Those that a killed process left."""
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
    """Runs ``python -m module`` until it says its facts, and returns these. It leaves no process, whatever happens.

    The process gets nothing of our environment: no key, no password, no address. One thread; the other processors are
    for composing. It has to call `confine` itself, before anything else.

    Args:
        folder: its home, for its temporary files and for what it writes on stderr.
        wall_seconds: how long it may take.
        on_answer: called about twice a second with the last thing that it said, at first {}.
        should_stop: asked as often.
        environment: what else it needs.

    Raises:
        ProcessFailed: it came to no result.
        ProcessStopped: `should_stop` said so.
        OSError: there is no room for its files.
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
        # The process and whatever it may have started.
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
    # Each thread's own arena counts as memory although it is empty.
    return {**kept, **single, "HOME": str(folder), "TMPDIR": str(folder), "MALLOC_ARENA_MAX": "2"}


def _follow(
    process: "subprocess.Popen[str]",
    on_answer: Callable[[Answer], None],
    should_stop: Callable[[], bool],
    wall_seconds: float,
) -> Answer:
    """The last thing the process says; empty where it ended without a word."""
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
    """What a process may use.

    Attributes:
        memory_mb: address space.
        later_memory_mb: address space from `make_room` on; 0: no more than before.
        cpu_seconds: of computing.
        file_mb: size of each file that it writes.
        open_files: at once.
    """

    memory_mb: int
    later_memory_mb: int = 0
    cpu_seconds: int
    file_mb: int
    open_files: int

    def apply(self) -> None:
        """To this process and what it starts, for good."""
        space = (self.later_memory_mb or self.memory_mb) * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (min(self.memory_mb * 2**20, space), space))
        # The kernel warns at the first limit, which ends the process, and kills it at the second.
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds + 5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_mb * 2**20,) * 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    @staticmethod
    def make_room() -> None:
        """The rest of the address space is there from now on."""
        _, space = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (space, space))

    def add_to(self, parser: ArgumentParser) -> None:
        """An option for each, with these as what holds without it, and the one that `confine` needs."""
        parser.add_argument("--parent", type=int, help="the process with which this one shall die")
        for name, value in asdict(self).items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)

    @classmethod
    def of(cls, options: Namespace) -> "Limits":
        return cls(**{one.name: getattr(options, one.name) for one in fields(cls)})


def confine(limits: Limits, *, parent: int | None) -> Callable[..., None]:
    """Puts this process within its limits: it gives way to others, and does not outlive whoever started it.

    Returns:
        A function that says one thing to whoever follows: say(facts={…}). What libraries print on stdout from here on
        goes to stderr, where it disturbs nobody.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("Whoever started this process has gone.")
    with contextlib.suppress(OSError):
        os.nice(10)
    limits.apply()

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")

    return say
