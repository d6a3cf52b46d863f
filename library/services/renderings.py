"""Audio files of pieces: requested, made by one worker, kept as long as they are downloaded.

The row is the truth (`library.models.Rendering`); the message to a worker may be lost.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts.locks import lock
from accounts.owners import Owner
from library.models import Piece, Rendering
from library.render_process import RenderStopped, remove_old_folders, rendered
from library.score import RenderError, ScoreLimits

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
BEAT_SECONDS = 2.0
STALE_SECONDS = 30
BACK_OFF_SECONDS = 10
# Of one owner at once; one after the other is made.
MAX_UNFINISHED = 9
MAX_PIECE_BYTES = 8 * 2**20

Status = Rendering.Status


class ClaimLost(Exception):
    """The row no longer belongs to this claim; whatever was made is not ours to store."""


def rendering_request(*, piece: Piece, audio_format: str, owner: Owner) -> Rendering:
    """The sound file of a piece, ready or on its way.

    Raises:
        ValidationError: one sentence why there will be none, or not now.
    """
    _check(piece)
    ready = piece.renderings.filter(format=audio_format).first()
    if ready is not None and not _is_to_be_made(ready):
        return ready
    try:
        with transaction.atomic():
            lock(f"library.renderings {owner.user.pk if owner.user else owner.guest_key}")
            if ready is None and (same := piece.renderings.filter(format=audio_format).first()):
                return same  # asked for twice at once
            _check_unfinished(owner)
            if ready is None:
                rendering = Rendering(piece=piece, format=audio_format)
                rendering.full_clean(exclude=["piece"])
                rendering.save(force_insert=True)
            else:
                _queue_again(ready)
            transaction.on_commit(_send)
    except IntegrityError:
        logger.info("The %s of piece %s was requested twice at once.", audio_format, piece.pk)
    return piece.renderings.get(format=audio_format)


def _check(piece: Piece) -> None:
    limits = ScoreLimits()
    if not piece.notes_count:
        raise ValidationError("This piece has no notes to play.")
    if piece.notes_count > limits.max_notes:
        raise ValidationError(
            f"Audio files are limited to pieces of {limits.max_notes:,} notes. This one has "
            f"{piece.notes_count:,}. The MIDI file has all of them."
        )
    if piece.length_seconds > limits.max_seconds:
        raise ValidationError(
            f"Audio files are limited to pieces of {limits.max_seconds / 60:g} minutes. This one has "
            f"{piece.length_seconds / 60:.0f} minutes. The MIDI file has all of it."
        )


def _check_unfinished(owner: Owner) -> None:
    if owner.is_nobody:
        return
    unfinished = Rendering.objects.filter(
        piece__in=Piece.objects.owned_by(owner), status__in=(Status.QUEUED, Status.RUNNING)
    )
    if unfinished.count() >= MAX_UNFINISHED:
        raise ValidationError(f"You already have {MAX_UNFINISHED} audio files in progress. Wait for one to finish.")


def _is_to_be_made(rendering: Rendering) -> bool:
    if rendering.status == Status.SUCCEEDED:
        try:
            return not default_storage.exists(str(rendering.file.name))
        except OSError:
            logger.warning("The storage does not say whether %s is there.", rendering.file.name, exc_info=True)
            return False
    return rendering.status in (Status.FAILED, Status.CANCELLED)


def _queue_again(rendering: Rendering) -> None:
    Rendering.objects.filter(pk=rendering.pk, status=rendering.status, attempts=rendering.attempts).update(
        status=Status.QUEUED,
        attempts=0,
        share=0,
        error_message="",
        file="",
        size_bytes=0,
        worker_id="",
        created_at=timezone.now(),
        heartbeat_at=None,
        cancel_requested_at=None,
        finished_at=None,
        used_at=timezone.now(),
    )


def _send() -> None:
    """Tells a worker; without the message one finds the row within seconds."""
    from kombu.exceptions import ChannelError, OperationalError

    from library.tasks import render_pieces

    try:
        render_pieces.delay()
    except (OSError, ChannelError, OperationalError):
        logger.warning("The message of a rendering could not be sent; a worker will find it.", exc_info=True)


def rendering_cancel(*, rendering: Rendering) -> None:
    """Ends one that waits; asks one that runs to stop, which takes some seconds. A finished one stays as it is."""
    now = timezone.now()
    row = Rendering.objects.filter(pk=rendering.pk)
    if not row.queued().update(status=Status.CANCELLED, cancel_requested_at=now, finished_at=now):
        row.running().filter(cancel_requested_at=None).update(cancel_requested_at=now)


def rendering_used(*, rendering: Rendering) -> None:
    """Somebody downloads it: it stays for a while longer. Written once an hour at most."""
    now = timezone.now()
    Rendering.objects.filter(pk=rendering.pk, used_at__lt=now - timedelta(hours=1)).update(used_at=now)


def rendering_missing(*, rendering: Rendering) -> None:
    """The stored file is gone: it can be asked for again."""
    Rendering.objects.filter(pk=rendering.pk, status=Status.SUCCEEDED).update(
        status=Status.FAILED, error_message="This audio file is no longer stored. Create it again."
    )


def rendering_claim(*, worker_id: str) -> Rendering | None:
    """The oldest that waits, now this worker's to make; None where there is none."""
    for rendering in Rendering.objects.queued().filter(_is_due()).oldest_first()[:10]:
        claimed = (
            Rendering.objects.queued()
            .filter(pk=rendering.pk, attempts=rendering.attempts)
            .update(
                status=Status.RUNNING,
                attempts=F("attempts") + 1,
                worker_id=worker_id,
                started_at=timezone.now(),
                heartbeat_at=timezone.now(),
                share=0,
            )
        )
        if claimed:
            return Rendering.objects.select_related("piece").get(pk=rendering.pk)
    return None


def renderings_wait() -> bool:
    return Rendering.objects.queued().filter(_is_due()).exists()


def _is_due() -> Q:
    # The heartbeat of one that is queued says when it was put back.
    return Q(heartbeat_at=None) | Q(heartbeat_at__lt=timezone.now() - timedelta(seconds=BACK_OFF_SECONDS))


def rendering_make(*, rendering: Rendering, should_end: Callable[[], bool] = lambda: False) -> None:
    """Makes one that this worker has claimed. `should_end` puts it back: this worker is ending."""
    claim = _Claim(rendering, should_end)
    piece = rendering.piece
    try:
        with piece.midi.open("rb") as stored:
            midi = bytes(stored.read(MAX_PIECE_BYTES))
        with rendered(
            midi,
            audio_format=rendering.format,
            title=piece.title,
            mark=mark_of(piece),
            on_share=claim.beat,
            should_stop=claim.should_stop,
        ) as path:
            _store(claim, path)
    except RenderError as error:
        claim.finish(Status.FAILED, error.message)
    except (RenderStopped, ClaimLost):
        claim.stopped()
    except FileNotFoundError:
        logger.error("The MIDI file of piece %s is gone.", piece.pk)
        claim.finish(Status.FAILED, "The MIDI file of this piece is missing, so no audio file can be made.")
    except OSError:
        logger.exception("The %s of piece %s: the storage did not respond.", rendering.format, piece.pk)
        claim.try_again()
    except Exception:
        logger.exception("The %s of piece %s failed.", rendering.format, piece.pk)
        claim.finish(Status.FAILED, "The audio file could not be made. Something went wrong on our side.")


def mark_of(piece: Piece) -> str:
    """What a sound file says of how its music came to be."""
    if piece.is_upload:
        return "Rendered by Musicgen from an uploaded MIDI file."
    seed = "" if piece.seed is None else f" Seed: {piece.seed}."
    return f"Composed by a recurrent neural network (Musicgen). Model: {piece.bundle_name}.{seed}"


def rendering_file_name(rendering: Rendering) -> str:
    """Where the audio file is in storage. The same for every try, so that a later try replaces it."""
    return f"renderings/{rendering.piece_id.hex[:2]}/{rendering.piece_id}.{rendering.format}"


def _store(claim: "_Claim", path: Path) -> None:
    """Stores the file, then the row. If the piece has been removed in the meantime, removes the file too."""
    rendering = claim.rendering
    claim.look()
    name = rendering_file_name(rendering)
    with path.open("rb") as stream:
        default_storage.save(name, File(stream, name))
    now = timezone.now()
    stored = Rendering.objects.of_claim(rendering).update(
        status=Status.SUCCEEDED,
        share=1,
        file=name,
        size_bytes=path.stat().st_size,
        heartbeat_at=now,
        finished_at=now,
        used_at=now,
    )
    if stored:
        logger.info("Rendered the %s of piece %s.", rendering.format, rendering.piece_id)
        return
    if not Rendering.objects.filter(pk=rendering.pk).exists():
        default_storage.delete(name)
    raise ClaimLost


class _Claim:
    """A worker's hold on a rendering: beats, and notices when it is no longer wanted."""

    def __init__(self, rendering: Rendering, should_end: Callable[[], bool]) -> None:
        self.rendering = rendering
        self._should_end = should_end
        self._looked_at = 0.0
        self._stops = False

    def beat(self, share: float) -> None:
        if time.monotonic() - self._looked_at < BEAT_SECONDS:
            return
        self._looked_at = time.monotonic()
        held = Rendering.objects.of_claim(self.rendering)
        still = held.filter(cancel_requested_at=None).update(share=share, heartbeat_at=timezone.now())
        self._stops = not still

    def should_stop(self) -> bool:
        return self._stops or self._should_end()

    def look(self) -> None:
        """Raises ClaimLost if the file is no longer wanted."""
        if not Rendering.objects.of_claim(self.rendering).filter(cancel_requested_at=None).exists():
            raise ClaimLost

    def finish(self, status: Rendering.Status, message: str = "") -> None:
        Rendering.objects.of_claim(self.rendering).update(
            status=status, error_message=message[:500], finished_at=timezone.now()
        )

    def stopped(self) -> None:
        """Cancelled, or put back for another worker, or none of ours any more."""
        held = Rendering.objects.of_claim(self.rendering)
        if held.filter(cancel_requested_at=None).update(
            status=Status.QUEUED, attempts=self.rendering.attempts - 1, worker_id="", share=0, heartbeat_at=None
        ):
            return
        self.finish(Status.CANCELLED)

    def try_again(self) -> None:
        if self.rendering.attempts >= MAX_ATTEMPTS:
            self.finish(Status.FAILED, "The audio file could not be saved. Try again in a few minutes.")
            return
        Rendering.objects.of_claim(self.rendering).update(
            status=Status.QUEUED, worker_id="", share=0, heartbeat_at=timezone.now()
        )


def renderings_sweep() -> None:
    """Puts back those whose worker was lost; a piece that has cost three workers is given up."""
    now = timezone.now()
    lost = Rendering.objects.running().filter(heartbeat_at__lt=now - timedelta(seconds=STALE_SECONDS))
    if not lost.exists():
        # Asked every few seconds: nothing is locked for nothing.
        return
    lost.exclude(cancel_requested_at=None).update(status=Status.CANCELLED, finished_at=now)
    given_up = "The audio file could not be made: the worker stopped each time. Try again later."
    lost.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=Status.FAILED, error_message=given_up, finished_at=now, share=0
    )
    lost.update(status=Status.QUEUED, worker_id="", share=0, heartbeat_at=None)


def renderings_clean_up(*, at_most: int = 500) -> int:
    """Removes audio files not downloaded for a long time, then the oldest while there are too many; how many."""
    remove_old_folders()
    now = timezone.now()
    finished = Rendering.objects.exclude(status__in=(Status.QUEUED, Status.RUNNING))
    old = finished.filter(used_at__lt=now - timedelta(days=settings.RENDERING_DAYS)).order_by("used_at")
    removed = sum(_remove(rendering) for rendering in old[:at_most])
    total = finished.aggregate(total=Sum("size_bytes"))["total"] or 0
    surplus = total - settings.RENDERINGS_MAX_MB * 2**20
    for rendering in finished.filter(size_bytes__gt=0).order_by("used_at")[:at_most]:
        if surplus <= 0:
            break
        surplus -= rendering.size_bytes
        removed += _remove(rendering)
    return removed


def _remove(rendering: Rendering) -> bool:
    """The file, then the row, which is the record of what is still to be removed."""
    try:
        if rendering.file:
            default_storage.delete(str(rendering.file.name))
    except OSError:
        logger.warning("The file of rendering %s could not be removed.", rendering.pk, exc_info=True)
        return False
    return bool(Rendering.objects.filter(pk=rendering.pk, status=rendering.status).delete()[0])


def rendering_version(rendering: Rendering) -> str:
    """Changes whenever the bytes do; for the ETag."""
    finished: datetime | None = rendering.finished_at
    return f"{rendering.piece_id.hex}-{rendering.format}-{finished.timestamp() if finished else 0:.0f}"
