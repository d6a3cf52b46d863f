"""Keeps the web process and the worker running on one machine: starts them, restarts the dead, ends them together."""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

logger = logging.getLogger(__name__)

# A child that dies is started again after 0.5 s, then 1, 2, 4 … at most 30; one that lived for a minute begins anew.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
# The worker finishes its piece first, if that takes no longer.
STOP_SECONDS = 15.0

PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One process under the supervisor."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    failures: int = 0
    start_at: float = 0.0
    reader: threading.Thread | None = field(default=None, repr=False)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    def __init__(self, children: Sequence[Child], *, output: TextIO, cwd: Path) -> None:
        self.children = list(children)
        self._output = output
        self._cwd = cwd
        self._output_lock = threading.Lock()
        self._stopping = threading.Event()

    def stop(self, *_: object) -> None:
        """Asks for the end; also the handler of SIGINT and SIGTERM."""
        self._stopping.set()

    def run(self, *, on_round: Callable[[], None] = lambda: None) -> None:
        """Runs until `stop`. `on_round` is called about four times a second."""
        try:
            while not self._stopping.is_set():
                for child in self.children:
                    self._look_after(child)
                on_round()
                self._stopping.wait(0.25)
        finally:
            self._end_all()

    def say(self, name: str, line: str) -> None:
        # Nobody may be reading any more (a closed terminal, `| head`), or not in these letters. Then a line is lost;
        # the processes must go on, and above all be ended in order.
        with self._output_lock, contextlib.suppress(OSError, ValueError):
            self._output.write(f"{name:<6} | {line}\n")
            self._output.flush()

    def _look_after(self, child: Child) -> None:
        if child.is_running:
            return
        now = time.monotonic()
        if child.process is not None:
            code = child.process.returncode
            child.failures = 1 if now - child.started_at > HEALTHY_SECONDS else child.failures + 1
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (child.failures - 1))
            child.start_at = now + pause
            child.process = None
            self.say("run", f"The {child.name} process ended ({_ending(code)}). Restarting it in {pause:g} s.")
        if now >= child.start_at:
            self._start(child)

    def _start(self, child: Child) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, which then ends the children in order.
        child.process = subprocess.Popen(
            [sys.executable, "-m", "musicgen_site.supervisor", str(os.getpid()), *child.command],
            cwd=self._cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        child.started_at = time.monotonic()
        child.reader = threading.Thread(target=self._copy_lines, args=(child.name, child.process), daemon=True)
        child.reader.start()

    def _copy_lines(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101  opened by _start
        for line in process.stdout:
            self.say(name, line.rstrip("\n"))

    def _end_all(self) -> None:
        running = [child for child in self.children if child.is_running]
        self.say("run", f"Stopping. A piece in progress has {STOP_SECONDS:g} s to finish.")
        for child in running:
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in running:
            assert child.process is not None  # noqa: S101  it runs
            try:
                child.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say("run", f"The {child.name} process doesn't stop. Killing it.")
                _signal_group(child, signal.SIGKILL)
                child.process.wait()
        for child in running:
            if child.reader is not None:
                child.reader.join(timeout=2)


def _signal_group(child: Child, number: signal.Signals) -> None:
    assert child.process is not None  # noqa: S101  only called for one that was started
    try:
        if number is signal.SIGKILL:
            os.killpg(child.process.pid, number)
        else:
            child.process.send_signal(number)
    except ProcessLookupError:
        return


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def become(parent: int, command: Sequence[str]) -> None:
    """Turns this process into the command, having asked the kernel to end it with its parent (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("The supervisor ended before this process started.")
    os.execvp(command[0], list(command))  # noqa: S606  a list of our own, no shell


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
