"""Looking after jobs: what a lost worker or a lost message left behind, and what is no longer needed."""

import contextlib
import logging
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Q
from django.utils import timezone

from accounts.clean_up import accounts_clean_up
from accounts.logs import job_logged
from generator.delivery import REDELIVER_SECONDS, deliver, next_delivery
from generator.models import Generation, NoteChunk, WorkerBeat
from generator.querysets import GenerationQuerySet
from generator.services.bundle_checks import remove_old_folders
from generator.services.bundle_uploads import bundle_uploads_clean_up
from generator.services.jobs import generation_finish
from generator.services.primers import primer_discard
from generator.workers import is_gone
from library import services as library

logger = logging.getLogger(__name__)

# While every worker is busy a message may simply be waiting its turn; it is sent again only after this long.
BUSY_REDELIVER_SECONDS = 60
REDELIVER_AT_MOST = 100
GUESTS_GENERATION_KEEP_DAYS = 30
# The sweep forgets the dead of its own host; of other hosts it cannot know.
WORKER_BEAT_KEEP_DAYS = 1


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How many jobs were put back, ended or sent again."""

    requeued: int = 0
    failed: int = 0
    cancelled: int = 0
    redelivered: int = 0


def generations_sweep(*, idle: bool = True) -> SweepResult:
    """Puts jobs of lost workers back into the queue and sends messages again that were lost.

    Many processes may sweep at once: each step is a conditional UPDATE. `idle` says that the caller is a worker with
    nothing to do, so that a queued job whose message was sent some seconds ago must have lost it.
    """
    counts = {"requeued": 0, "failed": 0, "cancelled": 0}
    for generation in _lost_generations():
        with job_logged(generation.pk):
            outcome = _recover(generation)
            if outcome:
                counts[outcome] += 1
    return SweepResult(**counts, redelivered=_redeliver(idle))


def _lost_generations() -> list[Generation]:
    """Running jobs whose worker is known to be dead, or has written nothing for too long."""
    gone = [beat.worker_id for beat in WorkerBeat.objects.all() if is_gone(beat)]
    lost = Generation.objects.stale() | Generation.objects.running().filter(worker_id__in=gone)
    found = list(lost)
    # After the jobs were read: a worker that is forgotten first would leave them to the slower rule.
    WorkerBeat.objects.filter(worker_id__in=gone).delete()
    return found


def _recover(generation: Generation) -> str | None:
    """Ends or requeues one lost job; None when another process was quicker or the worker wrote just now."""
    if generation.cancel_requested_at:
        return "cancelled" if generation_finish(generation=generation, status=Generation.Status.CANCELLED) else None
    if generation.attempts >= settings.GENERATION_MAX_ATTEMPTS:
        logger.error("Given up: %d workers were lost while composing it.", generation.attempts)
        ended = generation_finish(
            generation=generation,
            status=Generation.Status.FAILED,
            error_code="lost",
            error_message="The worker stopped several times while composing this. Try again, or try a shorter piece.",
        )
        return "failed" if ended else None
    requeued = (
        Generation.objects.of_claim(generation)
        .filter(heartbeat_at=generation.heartbeat_at)
        .update(status=Generation.Status.QUEUED, worker_id="", deliver_after=next_delivery())
    )
    if requeued:
        logger.warning("Worker %s was lost; the generation is queued again.", generation.worker_id)
        deliver(generation.pk)
    return "requeued" if requeued else None


def _redeliver(idle: bool) -> int:
    now = timezone.now()
    due = Generation.objects.queued().filter(deliver_after__lte=now)
    if not idle:
        # One that was tried before waits for this sweep alone: its message was consumed.
        patience = timedelta(seconds=BUSY_REDELIVER_SECONDS - REDELIVER_SECONDS)
        due = due.filter(Q(attempts__gt=0) | Q(deliver_after__lte=now - patience))
    sent = 0
    for generation in due.oldest_first()[:REDELIVER_AT_MOST]:
        mine = (
            Generation.objects.queued()
            .filter(pk=generation.pk, deliver_after=generation.deliver_after)
            .update(deliver_after=next_delivery())
        )
        if mine and deliver(generation.pk):
            sent += 1
    return sent


def clean_up() -> None:
    """Removes what is no longer needed: notes of stored pieces, expired drafts and trash, guests' old
    pieces and sessions, old addresses, traces of workers that were lost with their machine, old messages."""
    now = timezone.now()
    old_chunks = NoteChunk.objects.filter(
        generation__finished_at__lt=now - timedelta(seconds=settings.NOTE_CHUNK_KEEP_SECONDS)
    )
    old_chunks.delete()
    Generation.objects.filter(created_at__lt=now - timedelta(days=settings.CLIENT_HASH_DAYS)).exclude(
        client_hash=""
    ).update(client_hash="")
    library.pieces_expire()
    library.pieces_fill_facts()
    library.renderings_clean_up()
    accounts_clean_up()
    SessionStore.clear_expired()
    WorkerBeat.objects.filter(seen_at__lt=now - timedelta(days=WORKER_BEAT_KEEP_DAYS)).delete()
    forgotten = Generation.objects.finished().without_pieces()
    _remove_generations(forgotten.filter(finished_at__lt=now - timedelta(days=settings.GENERATION_DAYS)))
    of_guests = forgotten.filter(owner=None, finished_at__lt=now - timedelta(days=GUESTS_GENERATION_KEEP_DAYS))
    _remove_generations(of_guests)
    remove_old_folders()
    bundle_uploads_clean_up()
    if settings.USES_FILESYSTEM_BROKER:
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        _remove_old_files(Path(options["processed_folder"]), ".msg")
        _remove_old_files(Path(options["data_folder_out"]), ".part")


def _remove_generations(generations: GenerationQuerySet, *, at_most: int = 500) -> None:
    """The rows, then their primers: a crash between leaves a file too many, never a job without what it starts from."""
    for generation in list(generations.exclude(primer="")[:at_most]):
        name = str(generation.primer.name)
        generation.delete()
        primer_discard(name)
    generations.filter(primer="").delete()


def _remove_old_files(folder: Path, ending: str, *, keep_seconds: float = 3600) -> None:
    oldest = time.time() - keep_seconds
    for entry in os.scandir(folder):
        # Another worker may be cleaning up too.
        with contextlib.suppress(FileNotFoundError):
            if entry.name.endswith(ending) and entry.stat().st_mtime < oldest:
                Path(entry.path).unlink()
