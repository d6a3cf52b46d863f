"""The supervisor of `manage.py run`, with small processes in place of web and worker."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError

from musicgen_site.management.commands.run import Announcement, check_port, take_lock
from musicgen_site.supervisor import Child, Supervisor
from tests.waiting import wait_until

SLEEPER = "import time; print('started', flush=True); time.sleep(600)"


class Running:
    """A supervisor at work in a thread."""

    def __init__(self, *children: Child) -> None:
        self.output = io.StringIO()
        self.supervisor = Supervisor(children, output=self.output, cwd=settings.BASE_DIR)
        self.thread = threading.Thread(target=self.supervisor.run)
        self.thread.start()

    def wait_for(self, text: str, *, times: int = 1) -> None:
        wait_until(lambda: self.output.getvalue().count(text) >= times, what=f"{text!r} in {self.output.getvalue()!r}")

    def stop(self) -> None:
        self.supervisor.stop()
        self.thread.join()


@pytest.fixture
def running() -> Iterator[list[Running]]:
    started: list[Running] = []
    yield started
    for one in started:
        one.stop()


def child(name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-c", code])


def test_lines_carry_the_name_of_their_process(running: list[Running]) -> None:
    running.append(Running(child("web", SLEEPER), child("worker", SLEEPER)))
    running[0].wait_for("web    | started")
    running[0].wait_for("worker | started")


def test_a_process_that_dies_is_started_again(running: list[Running]) -> None:
    worker = child("worker", SLEEPER)
    running.append(Running(worker))
    running[0].wait_for("started")
    assert worker.process is not None
    first = worker.process.pid
    os.kill(first, signal.SIGKILL)
    running[0].wait_for("started", times=2)
    running[0].wait_for("The worker process ended (signal SIGKILL). Restarting it in 0.5 s.")
    assert worker.process.pid != first


def test_a_process_that_keeps_dying_is_waited_for_longer(running: list[Running]) -> None:
    running.append(Running(child("worker", "raise SystemExit(3)")))
    running[0].wait_for("(exit status 3). Restarting it in 0.5 s.")
    running[0].wait_for("(exit status 3). Restarting it in 1 s.")
    running[0].wait_for("(exit status 3). Restarting it in 2 s.")


def test_stopping_ends_every_process() -> None:
    children = [child("web", SLEEPER), child("worker", SLEEPER)]
    supervised = Running(*children)
    supervised.wait_for("started", times=2)
    supervised.stop()
    assert [one.process.returncode for one in children if one.process] == [-signal.SIGTERM] * 2


def test_output_that_nobody_reads_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sleeper = child("worker", SLEEPER)
    with open(writing, "w", buffering=1) as output:
        supervisor = Supervisor([sleeper], output=output, cwd=settings.BASE_DIR)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        wait_until(lambda: sleeper.is_running, what="the child runs")
        supervisor.stop()
        thread.join()
        assert sleeper.process
        assert sleeper.process.returncode == -signal.SIGTERM
        with contextlib.suppress(BrokenPipeError):
            output.close()


@pytest.mark.parametrize("status", [200, 400])
def test_the_address_is_said_at_any_answer_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """400 is what a site answers that is known by a public name only."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    said: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Answering) as site:
        threading.Thread(target=site.handle_request).start()
        supervisor = Supervisor([], output=io.StringIO(), cwd=settings.BASE_DIR)
        monkeypatch.setattr(supervisor, "say", lambda name, line: said.append(line))
        Announcement(supervisor, site.server_port)()
    assert said == [f"The site is running at http://localhost:{site.server_port} (Ctrl-C stops it)"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's alone")
def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    sleeper = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import sys; from pathlib import Path; from musicgen_site.supervisor import Child, Supervisor\n"
        f"child = Child('worker', [sys.executable, '-c', {sleeper!r}])\n"
        "Supervisor([child], output=sys.stdout, cwd=Path.cwd()).run()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=settings.BASE_DIR)
    pid = int(wait_until(lambda: pid_file.exists() and pid_file.read_text(), what="the child runs"))
    parent.kill()
    parent.wait()
    wait_until(lambda: not _runs(pid), what="the child has ended too")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_port_that_is_taken_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Port {port} can't be used .* PORT={port + 1} make run"):
            check_port(port)
    check_port(port)


def test_two_sites_do_not_share_a_folder(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "run.lock")
    with pytest.raises(CommandError, match=f"already running \\(process {os.getpid()}\\)"):
        take_lock(tmp_path / "run.lock")
    first.close()
    # What a killed process left behind is in nobody's way.
    take_lock(tmp_path / "run.lock").close()
