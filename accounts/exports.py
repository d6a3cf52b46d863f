"""Everything of one account as one zip file: asked for on a page, collected by a worker, kept for a week.

What goes in is said by the apps (`accounts.registry.exports`).
"""

import json
import logging
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from accounts.events import Kind, event_log, factor_name
from accounts.models import DataExport, SecurityEvent, User
from accounts.registry import ExportFile, registry

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
MAX_A_DAY = 5
DAY = timedelta(days=1)
BEAT_SECONDS = 2.0
BACK_OFF_SECONDS = 10
README = """Everything this site stores about your account and your music.

midi/             your pieces as MIDI files, named by title
starts/           your own MIDI files that pieces started from
*.json            all your data; pieces and requests also as *.csv, for a spreadsheet
"""

Status = DataExport.Status


class ExportStopped(Exception):
    """The export is no longer wanted, or no longer this worker's."""


def export_create(*, user: User) -> DataExport:
    """Asks for an export, or returns the one that is being made. Raises ValidationError after several in a day."""
    with transaction.atomic():
        # One of a user after the other, so that two at once cannot both be the last of the day.
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        unfinished = DataExport.objects.of(user).unfinished().first()
        if unfinished:
            return unfinished
        today = DataExport.with_removed.of(user).asked_since(timezone.now() - DAY)
        if today.count() >= MAX_A_DAY:
            raise ValidationError(f"You can request {MAX_A_DAY} exports a day. Come back tomorrow.")
        export = DataExport.objects.create(user=user)
        event_log(user=user, kind=Kind.EXPORT_ASKED)
        transaction.on_commit(_send)
    return export


def _send() -> None:
    """Tells a worker; without the message one finds the export within seconds."""
    from kombu.exceptions import ChannelError, OperationalError

    from accounts.tasks import make_exports

    try:
        make_exports.delay()
    except (OSError, ChannelError, OperationalError):
        logger.warning("The message of an export could not be sent; a worker will find it.", exc_info=True)


def export_stop(*, export: DataExport) -> None:
    """Ends an export that waits; asks one that runs to stop, which takes some seconds."""
    now = timezone.now()
    row = DataExport.objects.filter(pk=export.pk)
    if not row.waiting().update(status=Status.STOPPED, stop_requested_at=now, finished_at=now, message="Stopped."):
        row.running().filter(stop_requested_at=None).update(stop_requested_at=now)


def export_claim(*, worker_id: str) -> DataExport | None:
    """The oldest export that waits, now this worker's to make; None where there is none."""
    for export in DataExport.objects.claimable()[:10]:
        claimed = (
            DataExport.objects.waiting()
            .filter(pk=export.pk, attempts=export.attempts)
            .update(
                status=Status.RUNNING,
                attempts=export.attempts + 1,
                worker_id=worker_id,
                heartbeat_at=timezone.now(),
                share=0,
            )
        )
        if claimed:
            return DataExport.objects.select_related("user").get(pk=export.pk)
    return None


def export_make(*, export: DataExport, should_end: Callable[[], bool] = lambda: False) -> None:
    """Makes an export that this worker has claimed. `should_end` puts it back: this worker is ending."""
    claim = _Claim(export, should_end)
    try:
        folder = Path(settings.VAR_DIR) / "exports"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as target:
            _write_zip(target, export.user, claim)
            size = target.tell()
            claim.look()
            target.seek(0)
            name = _name(export)
            default_storage.save(name, File(target, name))
        _ready(export, name, size)
    except ExportStopped:
        if claim.is_held and not claim.is_stop_asked:
            row = DataExport.objects.of_claim(export)
            row.update(status=Status.WAITING, attempts=export.attempts - 1, worker_id="", share=0)
        else:
            _finish(export, Status.STOPPED, "Stopped.")
    except OSError:
        logger.exception("Export %s: the storage did not respond.", export.pk)
        _try_again(export)
    except Exception:
        logger.exception("Export %s failed.", export.pk)
        _finish(export, Status.FAILED, "Something went wrong. Try again in a few minutes.")


def _name(export: DataExport) -> str:
    return f"exports/{export.pk}.zip"


def _write_zip(target: Any, user: User, claim: "_Claim") -> None:
    total = 2 + sum(export.count(user) for export in registry.exports)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for done, (name, content) in enumerate(_files(user)):
            claim.beat(min(0.99, done / max(1, total)))
            with archive.open(zipfile.ZipInfo(name, time.gmtime()[:6]), "w") as member:
                for part in (content,) if isinstance(content, bytes) else content:
                    claim.look()
                    member.write(part)


def _files(user: User) -> Iterator[ExportFile]:
    yield "README.txt", README.encode()
    yield "account.json", as_json(_account(user))
    for export in registry.exports:
        yield from export.files(user)


def _account(user: User) -> dict[str, Any]:
    return {
        "name": user.username,
        "email": user.email,
        "joined_at": user.date_joined.isoformat(),
        "last_signed_in_at": user.last_login.isoformat() if user.last_login else None,
        "sessions": [
            {"began_at": began.isoformat(), "address": ip, "browser": agent}
            for began, ip, agent in UserSession.objects.filter(user=user).values_list("created_at", "ip", "user_agent")
        ],
        "tokens": [
            {"name": token.name, "begins_with": token.prefix, "made_at": token.created_at.isoformat()}
            for token in user.api_tokens.all()
        ],
        "sign_in_methods": [
            {"what": factor_name(row), "added_at": row.created_at.isoformat(), "last_used_at": row.last_used_at}
            for row in Authenticator.objects.filter(user=user)
        ],
        "recent_activity": [
            {
                "what": event.get_kind_display(),
                "at": event.created_at.isoformat(),
                "device": event.device,
                "network_hash": event.address_hash,
                "detail": event.detail,
            }
            for event in SecurityEvent.objects.of(user).iterator()
        ],
        "former_emails": list(user.email_changes.values("old_email", "new_email", "changed_at")),
    }


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str).encode()


def as_cell(value: Any) -> str:
    """For a CSV file that a spreadsheet opens: nothing that it would take for a formula."""
    text = "" if value is None else str(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and not is_number else text


def _ready(export: DataExport, name: str, size: int) -> None:
    """The object first, then the row. Older exports go: the new one has all that they have."""
    expires_at = timezone.now() + timedelta(days=settings.DATA_EXPORT_DAYS)
    ready = _finish(export, Status.READY, "", file=name, size_bytes=size, share=1.0, expires_at=expires_at)
    if not ready:
        if not DataExport.objects.filter(pk=export.pk, file=name).exists():
            _discard(name)
        return
    for older in DataExport.objects.of(export.user).filter(created_at__lt=export.created_at):
        if older.is_finished:
            export_delete(export=older)


def _finish(export: DataExport, status: str, message: str, **fields: Any) -> int:
    row = DataExport.objects.of_claim(export)
    return row.update(status=status, message=message[:500], finished_at=timezone.now(), **fields)


def _try_again(export: DataExport) -> None:
    if export.attempts >= MAX_ATTEMPTS:
        _finish(export, Status.FAILED, "The site's storage isn't responding. Try again in a few minutes.")
        return
    wait = timedelta(seconds=BACK_OFF_SECONDS * export.attempts)
    row = DataExport.objects.of_claim(export)
    row.update(status=Status.WAITING, worker_id="", share=0, claim_after=timezone.now() + wait)


def exports_sweep() -> int:
    """Puts back what a lost worker was making, or gives it up after `MAX_ATTEMPTS`. Returns how many."""
    count = 0
    for export in DataExport.objects.stale():
        if export.stop_requested_at:
            count += _finish(export, Status.STOPPED, "Stopped.")
        elif export.attempts >= MAX_ATTEMPTS:
            count += _finish(export, Status.FAILED, "The export stopped several times. Try again in a few minutes.")
        else:
            row = DataExport.objects.of_claim(export).filter(heartbeat_at=export.heartbeat_at)
            count += row.update(status=Status.WAITING, worker_id="", share=0)
    return count


def export_delete(*, export: DataExport) -> bool:
    """Out of everybody's reach, then the file, then the row, which is the record of what is still to be removed: where
    the storage is away the answer is False, and `exports_expire` tries again. Nobody sees the row any more, but it
    counts towards the exports of its day and goes after that."""
    now = timezone.now()
    row = DataExport.with_removed.filter(pk=export.pk)
    row.update(expires_at=now)
    if not _discard(_name(export)):
        return False
    row.update(removed_at=now, file="")
    row.exclude(created_at__gt=now - DAY).delete()
    return True


def exports_expire() -> int:
    expired = DataExport.objects.expired().order_by("expires_at")[:100]
    removed = sum(export_delete(export=export) for export in expired)
    now = timezone.now()
    old = now - timedelta(days=settings.DATA_EXPORT_DAYS)
    DataExport.objects.filter(expires_at=None, finished_at__lt=old).delete()
    DataExport.with_removed.exclude(removed_at=None).exclude(created_at__gt=now - DAY).delete()
    return removed


def exports_of_account_delete(user: User) -> None:
    """Raises OSError where a file is left: then the account is still known, and removed later."""
    if not all(export_delete(export=export) for export in DataExport.objects.of(user)):
        raise OSError("Exports of the account cannot be removed at the moment.")


def _discard(name: str) -> bool:
    try:
        default_storage.delete(name)
    except OSError:
        logger.warning("The export %s could not be removed.", name, exc_info=True)
        return False
    return True


class _Claim:
    """What this worker writes of an export, and whether it still should."""

    def __init__(self, export: DataExport, should_end: Callable[[], bool]) -> None:
        self._export = export
        self._should_end = should_end
        self._looked_at = 0.0
        self._share = 0.0
        self.is_held = True
        self.is_stop_asked = False

    def beat(self, share: float) -> None:
        self._share = share
        self.look()

    def look(self) -> None:
        """Writes that it lives, at most every two seconds. Raises ExportStopped."""
        if self._should_end():
            raise ExportStopped
        now = time.monotonic()
        if now - self._looked_at < BEAT_SECONDS:
            return
        self._looked_at = now
        row = DataExport.objects.of_claim(self._export)
        self.is_held = bool(row.update(share=self._share, heartbeat_at=timezone.now()))
        self.is_stop_asked = self.is_held and row.exclude(stop_requested_at=None).exists()
        if self.is_stop_asked or not self.is_held:
            raise ExportStopped
