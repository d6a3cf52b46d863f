"""Bundles that admins upload: stored by the web process, checked by a worker, installed if sound."""

import hashlib
import logging
import math
import shutil
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from generator.delivery import send_bundle_check
from generator.engine.errors import BundleError
from generator.models import BundleUpload, GenreModel, WorkerBeat
from generator.services.bundle_checks import CheckedBundle, CheckStopped, bundle_checked
from generator.services.genre_models import genre_model_import
from generator.workers import is_gone

logger = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 32 * 2**20
MAX_ATTEMPTS = 3
BEAT_SECONDS = 2.0
# After which one whose file could not be read or stored is tried again.
BACK_OFF_SECONDS = 10
_ZIP = b"PK\x03\x04"

Status = BundleUpload.Status
_WAITING = {"status": Status.WAITING, "worker_id": "", "step": "", "share": 0}


def bundle_upload_create(*, file: UploadedFile, user: User | None) -> BundleUpload:
    """Takes a file in and asks a worker for its check. One that is installed already needs none.

    Raises:
        ValidationError: it is no bundle at first sight, or is too large.
    """
    size = file.size or 0
    if size > MAX_UPLOAD_BYTES:
        # Rounded up: a file that is a little too large does not have 32.0 MB.
        megabytes = math.ceil(10 * size / 2**20) / 10
        raise ValidationError(f"Expected a bundle of at most {MAX_UPLOAD_BYTES // 2**20} MB; got {megabytes} MB.")
    file.seek(0)
    if file.read(len(_ZIP)) != _ZIP:
        raise ValidationError("This is not a bundle. A bundle is a zip file made by train_genre_model.")
    digest = hashlib.sha256()
    file.seek(0)
    for chunk in file.chunks():
        digest.update(chunk)
    upload = BundleUpload(
        file_name=(file.name or "unnamed")[-200:], size_bytes=size, sha256=digest.hexdigest(), uploaded_by=user
    )
    installed = GenreModel.objects.select_related("genre").filter(sha256=upload.sha256).first()
    if installed:
        upload.status, upload.share, upload.finished_at = Status.READY, 1.0, timezone.now()
        upload.genre_model, upload.message = installed, _installed_sentence(installed, is_new=False)
    else:
        file.seek(0)
        upload.file = default_storage.save(f"uploads/{uuid.uuid4()}.bundle", file)
    upload.full_clean(exclude=["file"])
    with transaction.atomic():
        upload.save()
        if not installed:
            transaction.on_commit(partial(send_bundle_check, upload.pk))
    return upload


def bundle_upload_stop(*, upload: BundleUpload) -> BundleUpload:
    """Ends a check that waits; asks one that runs to stop, which takes about a second."""
    now = timezone.now()
    row = BundleUpload.objects.filter(pk=upload.pk)
    sentence = "Stopped before the check started."
    if row.waiting().update(status=Status.STOPPED, stop_requested_at=now, finished_at=now, message=sentence):
        _discard_file(upload)
    else:
        row.checking().filter(stop_requested_at=None).update(stop_requested_at=now)
    upload.refresh_from_db()
    return upload


def bundle_upload_delete(*, upload: BundleUpload) -> None:
    """Removes the row and its file. A check that runs finds no row and stops; a model that came out of it stays."""
    upload.delete()
    _discard_file(upload)


def bundle_upload_claim(*, worker_id: str) -> BundleUpload | None:
    """The oldest upload that waits, now this worker's to check; None where there is none."""
    for upload in BundleUpload.objects.claimable(BACK_OFF_SECONDS).oldest_first()[:10]:
        now = timezone.now()
        claimed = (
            BundleUpload.objects.waiting()
            .filter(pk=upload.pk, attempts=upload.attempts)
            .update(
                status=Status.CHECKING,
                attempts=upload.attempts + 1,
                worker_id=worker_id,
                started_at=now,
                heartbeat_at=now,
                step="Starting",
                share=0,
            )
        )
        if claimed:
            upload.refresh_from_db()
            return upload
    return None


def bundle_uploads_wait() -> bool:
    return BundleUpload.objects.claimable(BACK_OFF_SECONDS).exists()


def bundle_upload_check(*, upload: BundleUpload, should_end: Any = lambda: False, **options: Any) -> None:
    """Checks an upload that this worker has claimed and installs it when it is sound.

    Args:
        should_end: True puts it back for another worker: this one is ending.
        options: for `bundle_checked`.
    """
    claim = _Claim(upload)
    try:
        with tempfile.TemporaryDirectory(prefix="upload-") as folder:
            path = Path(folder) / "uploaded.bundle"
            with upload.file.open("rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
            with bundle_checked(
                path, on_step=claim.beat, should_stop=lambda: claim.should_stop() or should_end(), **options
            ) as checked:
                _install(upload, checked)
    except CheckStopped:
        if claim.is_held and not claim.is_stop_asked:
            row = BundleUpload.objects.of_claim(upload)
            row.update(heartbeat_at=None, attempts=upload.attempts - 1, **_WAITING)
        else:
            _finish(upload, Status.STOPPED, "Stopped by an admin.")
    except BundleError as error:
        _finish(upload, Status.REJECTED, error.message)
    except FileNotFoundError:
        logger.exception("The bundle of upload %s is gone.", upload.pk)
        _finish(upload, Status.REJECTED, "The uploaded file is no longer in storage. Upload it again.")
    except OSError:
        logger.exception("The bundle of upload %s cannot be read or stored.", upload.pk)
        _try_again(upload)
    except Exception:
        logger.exception("The check of upload %s failed.", upload.pk)
        _finish(upload, Status.REJECTED, "The check failed unexpectedly. See the worker's log.")


def bundle_uploads_sweep() -> int:
    """Puts back what a lost worker was checking, or gives it up after `MAX_ATTEMPTS`. Returns how many."""
    gone = [beat.worker_id for beat in WorkerBeat.objects.all() if is_gone(beat)]
    lost = BundleUpload.objects.stale() | BundleUpload.objects.checking().filter(worker_id__in=gone)
    count = 0
    for upload in lost:
        if upload.stop_requested_at:
            count += _finish(upload, Status.STOPPED, "Stopped by an admin.")
        elif upload.attempts >= MAX_ATTEMPTS:
            sentence = (
                f"The worker stopped {MAX_ATTEMPTS} times while checking this bundle. It may have run out of memory."
            )
            count += _finish(upload, Status.REJECTED, sentence)
        else:
            row = BundleUpload.objects.of_claim(upload).filter(heartbeat_at=upload.heartbeat_at)
            count += row.update(heartbeat_at=None, **_WAITING)
    return count


def bundle_uploads_clean_up(*, at_most: int = 100) -> None:
    """Removes the files of checks that have ended while the storage was away."""
    ended = BundleUpload.objects.exclude(status__in=(Status.WAITING, Status.CHECKING)).exclude(file="")
    for upload in ended[:at_most]:
        _discard_file(upload)


def _try_again(upload: BundleUpload) -> None:
    if upload.attempts >= MAX_ATTEMPTS:
        sentence = "The site's storage did not respond. Upload the bundle again in a few minutes."
        _finish(upload, Status.REJECTED, sentence)
        return
    BundleUpload.objects.of_claim(upload).update(heartbeat_at=timezone.now(), **_WAITING)


class _Claim:
    """What this worker writes of a check, and whether it still should."""

    def __init__(self, upload: BundleUpload) -> None:
        self._upload = upload
        self._written: tuple[str, float] | None = None
        self._looked_at = 0.0
        self.is_held = True
        self.is_stop_asked = False

    def beat(self, step: str, share: float) -> None:
        now = time.monotonic()
        if self._written == (step, share) and now - self._looked_at < BEAT_SECONDS:
            return
        self._written, self._looked_at = (step, share), now
        row = BundleUpload.objects.of_claim(self._upload)
        self.is_held = bool(row.update(step=step[:200], share=share, heartbeat_at=timezone.now()))

    def should_stop(self) -> bool:
        row = BundleUpload.objects.of_claim(self._upload)
        self.is_stop_asked = self.is_held and row.exclude(stop_requested_at=None).exists()
        return self.is_stop_asked or not self.is_held


def _install(upload: BundleUpload, checked: CheckedBundle) -> None:
    if not BundleUpload.objects.of_claim(upload).exists():
        raise CheckStopped
    model, is_new = genre_model_import(path=checked.path)
    _finish(upload, Status.READY, _installed_sentence(model, is_new), facts=checked.facts, genre_model=model, share=1.0)


def _installed_sentence(model: GenreModel, is_new: bool) -> str:
    place = f"version {model.version} of {model.genre.name}"
    return f"Installed {model.name} as {place}." if is_new else f"{model.name} is already installed, as {place}."


def _finish(upload: BundleUpload, status: str, message: str, **fields: Any) -> int:
    """Ends this claim of the check; 0 where another process was quicker."""
    row = BundleUpload.objects.of_claim(upload)
    ended = row.update(status=status, message=message[:1000], step="", finished_at=timezone.now(), **fields)
    if ended:
        logger.info("Upload %s (%s): %s", upload.pk, upload.file_name, message)
        _discard_file(upload)
    return ended


def _discard_file(upload: BundleUpload) -> None:
    name = str(upload.file.name or "")
    if not name:
        return
    try:
        default_storage.delete(name)
    except OSError:
        logger.warning("The uploaded file %s could not be removed.", name, exc_info=True)
        return
    BundleUpload.objects.filter(pk=upload.pk).update(file="")
