"""A site in a temporary folder, on its own port, with one model, for the site's benchmarks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

from bench.figures import BenchError, say
from bench.reference import ROOT

T = TypeVar("T")

FIRST_PORT = 8500
READY_TOKEN = "a-token-for-benchmarks-alone"  # noqa: S105
DEADLINE_SECONDS = 60.0
# Precise enough for figures of half a second, with negligible load on the site.
POLL_SECONDS = 0.025


class ScratchSite:
    """Prepared once (database, active models, static files), then run as often as needed."""

    def __init__(self, folder: Path, *bundles: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
            "DJANGO_SETTINGS_MODULE": "musicgen_site.settings",
            "VAR_DIR": str(folder / "var"),
            "STATIC_ROOT": str(folder / "static"),
            "PORT": str(self.port),
            "SECRET_KEY": "a-key-for-benchmarks-alone-that-is-long-enough",
            "READY_TOKEN": READY_TOKEN,
            # One guest requests more here than the guest quota allows.
            "GUEST_SECONDS_PER_HOUR": "1000000",
            "ADDRESS_SECONDS_PER_HOUR": "1000000",
            "GUESTS_SECONDS_PER_HOUR": "1000000",
        }
        # Neither .env nor the caller's environment may affect the measurements.
        for name in (
            *("DATABASE_URL", "BROKER_URL", "BROKER_DIR", "MEDIA_ROOT", "BUNDLE_CACHE_DIR", "S3_BUCKET", "SITE_URL"),
            *("ALLOWED_HOSTS", "DEBUG", "LOG_LEVEL", "RUNTIME", "RUNTIME_THREADS", "TRUSTED_PROXIES"),
        ):
            self._environment[name] = ""
        say("preparing a site: database, models, static files")
        self._manage("migrate", "--verbosity", "0")
        # Like `manage.py prepare`, but with only these models.
        for bundle in bundles:
            self._manage("import_genre_model", str(bundle), "--activate", "--trusted")
        self._manage("collectstatic", "--no-input", "--verbosity", "0")

    def python(self, code: str, *words: str) -> str:
        """The output of a snippet run in a site process, with Django set up."""
        return self._run([sys.executable, "-c", f"import django; django.setup()\n{code}", *words])

    def _manage(self, *words: str) -> None:
        self._run([sys.executable, "manage.py", *words])

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode:
            raise BenchError(f"{' '.join(command[1:3])} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    @contextmanager
    def running(self) -> Iterator["Processes"]:
        """Web and worker as `make run` starts them, both ready."""
        with self.process(sys.executable, "manage.py", "run", "--port", str(self.port)) as run:
            self.wait_until(lambda: self.health().get("worker") == "ok", run, "web and worker are up")
            children = {name: child for child in run.children() if (name := _name_of(child))}
            if set(children) != {"web", "worker"}:
                raise BenchError(
                    f"Expected a web process and a worker under `manage.py run`; found {sorted(children)}."
                )
            yield Processes(web=children["web"], worker=children["worker"])

    @contextmanager
    def process(self, *command: str) -> Iterator[psutil.Process]:
        """A process with the site's environment in its own session; stopped afterwards with all its children."""
        log = self.folder / "log.txt"
        with log.open("ab") as stream:
            process = psutil.Popen(
                list(command),
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            _end(process)

    def wait_until(self, condition: Callable[[], T], process: psutil.Process, what: str) -> T:
        """Polls until the result is truthy and returns it.

        Raises:
            BenchError: the process ended, or a minute has passed.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (result := condition()):
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                raise BenchError(f"The process that was to make it so ended: {what}.\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise BenchError(f"Waited {DEADLINE_SECONDS:g} s in vain: {what}.\n{self.log_end()}")
            time.sleep(POLL_SECONDS)
        return result

    def health(self) -> dict[str, Any]:
        """The site's health report; empty while it does not respond."""
        request = urllib.request.Request(  # noqa: S310  our own address
            f"{self.url}/readyz", headers={"Authorization": f"Bearer {READY_TOKEN}"}
        )
        try:
            try:
                response = urllib.request.urlopen(request, timeout=5)  # noqa: S310  our own address
            except urllib.error.HTTPError as error:
                # Without a worker the site reports that it is not ready.
                response = error
            with response:
                return dict(json.load(response)["checks"])
        except (OSError, ValueError, KeyError):
            return {}

    def log_text(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")

    def log_end(self) -> str:
        return self.log_text()[-3000:]


class Processes:
    """Web and worker of a running site; the web process is gunicorn's arbiter and its one worker."""

    def __init__(self, *, web: psutil.Process, worker: psutil.Process) -> None:
        self.web = [web, *web.children(recursive=True)]
        self.worker = [worker, *worker.children(recursive=True)]


def rss_mb(processes: Sequence[psutil.Process]) -> float:
    """Total resident memory; shared pages count once per process."""
    return sum(process.memory_info().rss for process in processes) / 1e6


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)


def _name_of(process: psutil.Process) -> str | None:
    command = " ".join(process.cmdline())
    return "web" if "gunicorn" in command else "worker" if "celery" in command else None


def _end(process: psutil.Process) -> None:
    """Terminates the process and its children, then kills any that remain."""
    try:
        family = [process, *process.children(recursive=True)]
        process.send_signal(signal.SIGTERM)
    except psutil.NoSuchProcess:
        family = [process]
    _, alive = psutil.wait_procs(family, timeout=30)
    for one in alive:
        one.kill()


def free_port() -> int:
    """The first free port from `FIRST_PORT` on."""
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchError(f"No port from {FIRST_PORT} to {FIRST_PORT + 99} is free.")
