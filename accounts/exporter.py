"""Makes exports beside composing: one at a time in a worker process, in a thread of its own."""

import logging
import os
import secrets
import socket
import threading

from django.db import close_old_connections

from accounts.exports import export_claim, export_make, exports_sweep
from accounts.models import DataExport

logger = logging.getLogger(__name__)


class Exporter:
    def __init__(self) -> None:
        self._worker_id = f"{socket.gethostname()[:50]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def look(self) -> None:
        """Begins with what waits, unless one is being made. Called when a message comes, and every few seconds."""
        exports_sweep()
        with self._lock:
            if self._ending.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            if not DataExport.objects.claimable().exists():
                return
            self._thread = threading.Thread(target=self._make_all, name="exporter", daemon=True)
            self._thread.start()

    def start(self) -> None:
        self._ending.clear()

    def stop(self) -> None:
        """Ends the export that runs; another worker makes it again."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _make_all(self) -> None:
        try:
            while not self._ending.is_set():
                export = export_claim(worker_id=self._worker_id)
                if export is None:
                    return
                export_make(export=export, should_end=self._ending.is_set)
        except Exception:
            logger.exception("The exporter could not go on; it tries again in some seconds.")
        finally:
            close_old_connections()


exporter = Exporter()
