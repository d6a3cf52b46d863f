"""Makes sound files beside composing: one at a time in a worker process, in a thread of its own.

The rendering itself is a process (`library.renderer`); the thread waits for it, so that a piece that is being composed
holds up no sound file, and no sound file a piece.
"""

import logging
import os
import secrets
import socket
import threading

from django.db import close_old_connections

from library.services.renderings import rendering_claim, rendering_make, renderings_sweep, renderings_wait

logger = logging.getLogger(__name__)


class RenderWorker:
    def __init__(self) -> None:
        self._worker_id = f"{socket.gethostname()[:50]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def look(self) -> None:
        """Begins with what waits, unless one is being made. Called when a message comes, and every few seconds."""
        renderings_sweep()
        with self._lock:
            if self._ending.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            if not renderings_wait():
                return
            self._thread = threading.Thread(target=self._make_all, name="renderer", daemon=True)
            self._thread.start()

    def start(self) -> None:
        self._ending.clear()

    def stop(self) -> None:
        """Ends the one that is being made; another worker makes it again."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _make_all(self) -> None:
        try:
            while not self._ending.is_set():
                rendering = rendering_claim(worker_id=self._worker_id)
                if rendering is None:
                    return
                rendering_make(rendering=rendering, should_end=self._ending.is_set)
        except Exception:
            logger.exception("The renderer could not go on; it tries again in some seconds.")
        finally:
            close_old_connections()


render_worker = RenderWorker()
