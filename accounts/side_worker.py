"""Work beside composing: one job at a time in a worker process, in a thread of its own.

A piece that is being composed holds up no such job, and no such job a piece.
"""

import logging
import os
import secrets
import socket
import threading
from functools import cache

from django.db import close_old_connections

logger = logging.getLogger(__name__)


@cache
def this_worker_id() -> str:
    """This process, as rows name it: its host, its process id and a random part."""
    return f"{socket.gethostname()[:50]}:{os.getpid()}:{secrets.token_hex(4)}"


class SideWorker:
    """A subclass says what waits and how the next job is done. The rows of the jobs are the truth: whoever comes to
    look begins with what waits, and another worker does again what this one leaves."""

    name = "side-worker"

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def sweep(self) -> None:
        """What is to be put right before each look; nothing unless a subclass says so."""

    def is_wanted(self) -> bool:
        """Whether a job waits."""
        raise NotImplementedError

    def work(self) -> bool:
        """Claims the next job and does it, asking `is_ending` meanwhile; False where none waits any more."""
        raise NotImplementedError

    def is_ending(self) -> bool:
        return self._ending.is_set()

    def look(self) -> None:
        """Begins with what waits, unless one is being done. Called when a message comes, and every few seconds."""
        self.sweep()
        with self._lock:
            if self.is_ending() or (self._thread is not None and self._thread.is_alive()):
                return
            if not self.is_wanted():
                return
            self._thread = threading.Thread(target=self._work_all, name=self.name, daemon=True)
            self._thread.start()

    def start(self) -> None:
        self._ending.clear()

    def stop(self) -> None:
        """Ends the job that runs; another worker does it again."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _work_all(self) -> None:
        try:
            while not self.is_ending() and self.work():
                pass
        except Exception:
            logger.exception("The %s failed; it tries again in a few seconds.", self.name)
        finally:
            close_old_connections()
