"""What a worker process does besides composing: it sends a heartbeat, recovers lost jobs and follows the active models.

Celery starts it (see `connect`). One thread of its own does this, so that a long piece holds up none of it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import signals
from django.core.management import BaseCommand, CommandError
from django.db import close_old_connections

from accounts.exporter import exporter
from accounts.side_worker import SideWorker, this_worker_id
from generator import workers
from generator.checker import checker
from generator.models import WORKER_BEAT_SECONDS
from library.render_worker import render_worker

logger = logging.getLogger(__name__)

CLEAN_UP_SECONDS = 600

COMPOSE = "compose"


# What a worker does beside composing, by the queue that it has to serve for it; each in a thread of its own.
HELPERS: dict[str, tuple[SideWorker, ...]] = {"render": (render_worker,), "maintenance": (checker, exporter)}


class Worker:
    """One worker process."""

    def __init__(self) -> None:
        self._jobs = 0
        self._jobs_lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.serve([COMPOSE, *HELPERS])

    def serve(self, queues: Iterable[str]) -> None:
        """Says which queues this process serves: one without `compose` loads no models and composes nothing."""
        names = set(queues)
        self._composes = COMPOSE in names
        self._helpers = [helper for name, helpers in HELPERS.items() if name in names for helper in helpers]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Around a job, so that the sweep knows when this process has nothing to do."""
        with self._jobs_lock:
            self._jobs += 1
        try:
            yield
        finally:
            with self._jobs_lock:
                self._jobs -= 1

    @property
    def is_idle(self) -> bool:
        return self._jobs == 0

    def prepare(self) -> None:
        """Before the first message is taken: models loaded, so that the first visitor does not wait for them."""
        started_at = time.monotonic()
        self._quietly(self._follow_active_models)
        logger.info("Ready in %.1f s as %s.", time.monotonic() - started_at, this_worker_id())

    def start(self) -> None:
        self._stopping.clear()
        for helper in self._helpers:
            helper.start()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for helper in self._helpers:
            helper.stop()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._quietly(workers.say_goodbye)

    def _keep(self) -> None:
        cleaned_up_at: float | None = None
        while not self._stopping.is_set():
            self._quietly(self._beat)
            self._quietly(self._sweep)
            self._quietly(self._follow_active_models)
            for helper in self._helpers:
                self._quietly(helper.look)
            if cleaned_up_at is None or time.monotonic() - cleaned_up_at > CLEAN_UP_SECONDS:
                self._quietly(self._send_clean_up)
                cleaned_up_at = time.monotonic()
            close_old_connections()
            self._stopping.wait(WORKER_BEAT_SECONDS)

    def _beat(self) -> None:
        workers.beat(composes=self._composes)

    def _sweep(self) -> None:
        from generator.services import bundle_uploads_sweep, generations_sweep

        bundle_uploads_sweep()
        generations_sweep(idle=self._composes and self.is_idle)

    def _follow_active_models(self) -> None:
        if self._composes:
            from generator.composers import composers

            composers.load_active()

    def _send_clean_up(self) -> None:
        from generator.tasks import clean_up

        clean_up.apply_async(expires=CLEAN_UP_SECONDS)

    @staticmethod
    def _quietly(step: Callable[[], None]) -> None:
        """A step that fails is logged and tried again at the next round: the thread must outlive any outage."""
        try:
            step()
        except Exception:
            logger.exception("The worker's keeper could not finish a step.")
            close_old_connections()


worker = Worker()


def connect() -> None:
    """Ties the worker to the life of a Celery worker process."""
    signals.celeryd_init.connect(_on_command_line, weak=False)
    signals.worker_init.connect(_on_init, weak=False)
    signals.worker_ready.connect(_on_ready, weak=False)
    signals.worker_shutdown.connect(_on_shutdown, weak=False)


def _on_command_line(options: dict[str, Any], **kwargs: Any) -> None:
    given = options.get("queues") or [COMPOSE]
    worker.serve(given.split(",") if isinstance(given, str) else given)


def _on_init(**kwargs: Any) -> None:
    try:
        # A broker folder or a media folder without rights ends the process here, with a sentence.
        BaseCommand().check()
    except CommandError as error:
        # Celery swallows whatever a receiver raises, except the wish to end.
        raise SystemExit(str(error)) from error
    worker.prepare()


def _on_ready(**kwargs: Any) -> None:
    worker.start()


def _on_shutdown(**kwargs: Any) -> None:
    worker.stop()
