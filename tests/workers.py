"""Real worker processes for tests, on the database, the messages and the files of the test."""

import os
import signal
import subprocess
from pathlib import Path

from django.conf import settings

from generator.models import WorkerBeat
from musicgen_site.management.commands.run import worker_command
from tests.waiting import wait_until


class WorkerProcess:
    """One Celery worker. Its log is kept for the message of a test that fails."""

    def __init__(self, folder: Path, *, kill_point: str | None = None, **environment: str) -> None:
        self.kill_file = folder / f"reached-{os.urandom(4).hex()}"
        self.log = folder / f"worker-{os.urandom(4).hex()}.log"
        given = {
            **os.environ,
            "MUSICGEN_TEST_DIR": os.environ["MUSICGEN_TEST_DIR"],
            "DJANGO_SETTINGS_MODULE": "tests.settings_kill" if kill_point else "tests.settings",
            "KILL_FILE": str(self.kill_file),
            **environment,
        }
        if kill_point:
            given["KILL_POINT"] = kill_point
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                worker_command(),
                cwd=settings.BASE_DIR,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> "WorkerProcess":
        wait_until(self._is_ready, what=f"worker {self.process.pid} is ready")
        return self

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"The worker ended:\n{self.log_text()}"
        return WorkerBeat.objects.alive().filter(pid=self.process.pid).exists()

    def wait_until_stopped_at_kill_point(self) -> None:
        def reached() -> bool:
            assert self.process.poll() is None, f"The worker ended:\n{self.log_text()}"
            return self.kill_file.exists()

        wait_until(reached, what=f"worker {self.process.pid} comes to its kill point")

    def kill(self) -> None:
        """kill -9, as the machine's owner or its memory guard would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_if_running(self) -> None:
        """At the end of a test: Celery's own way to stop takes seconds."""
        if self.process.poll() is None:
            self.kill()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")
