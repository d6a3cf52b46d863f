"""Is the web process alive, and is everything there that a piece of music needs?"""

import hmac
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generator.models import WorkerBeat
from musicgen_site.apps import unwritable_reason, written_folders
from musicgen_site.celery import app

logger = logging.getLogger(__name__)

# However often /readyz is asked, bucket and broker are asked no more often than this.
KEEP_SECONDS = 3.0


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers at all: one that does not is to be started again."""
    return JsonResponse({"live": True})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, broker, storage and a worker are there, else 503; what is wrong for those with the token."""
    checks = readiness.checks()
    body: dict[str, Any] = {"ready": all(said == "ok" for said in checks.values())}
    if _has_token(request):
        body["checks"] = checks
    return JsonResponse(body, status=200 if body["ready"] else 503)


def _has_token(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return (
        bool(settings.READY_TOKEN)
        and kind.lower() == "bearer"
        and hmac.compare_digest(token.strip().encode(), settings.READY_TOKEN.encode())
    )


class Readiness:
    """What was found last, for a moment; one thread looks again while others are told what is known."""

    def __init__(self, looks: dict[str, Callable[[], None]]) -> None:
        self._looks = looks
        self._looking = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._known = dict.fromkeys(self._looks, "not checked yet")
        self._known_at: float | None = None

    def checks(self) -> dict[str, str]:
        """By name "ok", or a sentence about what is wrong."""
        is_old = self._known_at is None or time.monotonic() - self._known_at > KEEP_SECONDS
        if is_old and self._looking.acquire(blocking=False):
            try:
                self._known = {name: _outcome(name, look) for name, look in self._looks.items()}
                self._known_at = time.monotonic()
            finally:
                self._looking.release()
        return self._known


def _outcome(name: str, look: Callable[[], None]) -> str:
    try:
        look()
    except Exception as error:  # whatever is wrong with a service is the answer
        logger.warning("Not ready: %s: %s", name, error)
        return f"{type(error).__name__}: {error}".partition("\n")[0][:300]
    return "ok"


def look_at_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def look_at_broker() -> None:
    if settings.USES_FILESYSTEM_BROKER:
        _look_at_folders(only_broker=True)
        return
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=3)
        # Redis is asked nothing before a channel is made.
        broker.default_channel  # noqa: B018


def look_at_storage() -> None:
    """Raises OSError. The bucket is asked for one object; on a disk a file is written."""
    if settings.S3_BUCKET:
        default_storage.exists("readyz")
    else:
        _look_at_folders(only_broker=False)


def _look_at_folders(*, only_broker: bool) -> None:
    for folder in written_folders():
        if folder.is_relative_to(settings.BROKER_DIR) == only_broker and (reason := unwritable_reason(folder)):
            raise OSError(f"{folder.name} is not writable: {reason}")


def look_for_worker() -> None:
    if not WorkerBeat.objects.alive().composing().exists():
        raise LookupError("no worker is running")


readiness = Readiness(
    {
        "database": look_at_database,
        "broker": look_at_broker,
        "storage": look_at_storage,
        "worker": look_for_worker,
    }
)
