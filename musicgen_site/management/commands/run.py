"""`manage.py run`: the whole site on this machine, web and worker."""

import fcntl
import http.client
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from musicgen_site import env
from musicgen_site.private_files import write_privately
from musicgen_site.supervisor import Child, Supervisor


class Command(BaseCommand):
    help = "Runs the site on this machine: one web process and one worker, restarted if they die. Ctrl-C stops both."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=env.integer("PORT", 8000, minimum=1, maximum=65535))

    def handle(self, *args: Any, **options: Any) -> None:
        write_privately()
        port: int = options["port"]
        # Kept open, and with it the lock, until this process ends, however it ends.
        lock = take_lock(Path(settings.VAR_DIR) / "run.lock")
        check_port(port)
        os.environ["PORT"] = str(port)
        supervisor = Supervisor(
            [Child("web", web_command(port)), Child("worker", worker_command())],
            output=sys.stdout,
            cwd=settings.BASE_DIR,
        )
        signal.signal(signal.SIGINT, supervisor.stop)
        signal.signal(signal.SIGTERM, supervisor.stop)
        announcement = Announcement(supervisor, port)
        supervisor.run(on_round=announcement)
        lock.close()
        supervisor.say("run", "Stopped.")


class Announcement:
    """Says once, as soon as it is true, where the site is."""

    def __init__(self, supervisor: Supervisor, port: int) -> None:
        self._supervisor = supervisor
        self._port = port
        self._made = False
        # A proxy that the environment names for the outer world knows nothing of this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self) -> None:
        if self._made:
            return
        try:
            with self._opener.open(f"http://127.0.0.1:{self._port}/healthz", timeout=2):
                pass
        except urllib.error.HTTPError:
            pass  # an answer, if only that this name of the machine is not among ALLOWED_HOSTS
        except (OSError, http.client.HTTPException):
            return
        self._made = True
        self._supervisor.say("run", f"The site is running at http://localhost:{self._port} (Ctrl-C stops it)")


def web_command(port: int) -> list[str]:
    return [
        sys.executable,
        *("-m", "gunicorn", "musicgen_site.wsgi"),
        *("--bind", f"127.0.0.1:{port}"),
        *("--workers", "1", "--threads", "8"),
        *("--graceful-timeout", "5"),
        *("--log-level", "warning"),
        "--no-control-socket",
    ]


def worker_command() -> list[str]:
    return [
        sys.executable,
        *("-m", "celery", "--quiet", "--app", "musicgen_site", "worker"),
        *("--queues", "compose,render,maintenance"),
        *("--without-gossip", "--without-mingle"),
        *("--loglevel", settings.LOG_LEVEL),
    ]


def take_lock(path: Path) -> IO[str]:
    """Raises CommandError when another `run` uses the same folder. The lock goes with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = open(path, "a+")  # noqa: SIM115  held until the process ends
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.seek(0)
        holder = stream.read().strip() or "unknown"
        raise CommandError(f"The site is already running (process {holder}). Stop it first.") from None
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    return stream


def check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} can't be used ({error.strerror}). Try another one: PORT={port + 1} make run"
            ) from None
