"""Checks of uploaded bundles beside composing: one at a time in a worker process, in a thread of its own.

The checking itself is a process (`generator.services.bundle_checks`); the thread waits for it, so that a piece that is
being composed holds up no check, and no check a piece.
"""

import logging
import threading

from django.db import close_old_connections

from generator.models import BundleUpload
from generator.workers import this_worker_id

logger = logging.getLogger(__name__)


class Checker:
    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def look(self) -> None:
        """Begins with what waits, unless a check is running. Called when a message comes, and every few seconds."""
        with self._lock:
            if self._ending.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            if not BundleUpload.objects.waiting().exists():
                return
            self._thread = threading.Thread(target=self._check_all, name="checker", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the check that runs; another worker does it again."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def start(self) -> None:
        self._ending.clear()

    def _check_all(self) -> None:
        from generator import services

        try:
            while not self._ending.is_set():
                upload = services.bundle_upload_claim(worker_id=this_worker_id())
                if upload is None:
                    return
                services.bundle_upload_check(upload=upload, should_end=self._ending.is_set)
        except Exception:
            logger.exception("The checker of bundles could not go on; it tries again in some seconds.")
        finally:
            close_old_connections()


checker = Checker()
