"""The trash, and the end of pieces.

What is to go for ever becomes invisible at once; then its files are removed, then its row. The row is the record of
what is still to be removed: where the storage is away, or a process is killed, the next round of the clean-up tries
again.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from accounts.owners import Owner
from library.models import Piece
from library.services.bulk import BULK_AT_MOST, ids_of
from library.services.pieces import expiry_of
from library.services.tags import owner_lock, tags_forget_unused

if TYPE_CHECKING:
    from library.querysets import PieceQuerySet

logger = logging.getLogger(__name__)


def piece_trash(*, piece: Piece) -> Piece:
    """Moves a piece to the trash; its links lead nowhere while it is there. Twice is once."""
    pieces_trash(pieces=Piece.objects.filter(pk=piece.pk))
    piece.refresh_from_db()
    return piece


def piece_restore(*, piece: Piece) -> Piece:
    """Takes a piece out of the trash, with its tags and its places in collections. A draft is a draft again, for
    DRAFT_DAYS from now."""
    pieces_restore(pieces=Piece.objects.filter(pk=piece.pk))
    piece.refresh_from_db()
    return piece


def piece_delete(*, piece: Piece) -> None:
    """Removes a piece for ever. Never fails because of the storage: what cannot be removed now is gone from every
    page, and removed later."""
    pieces_delete(pieces=Piece.objects.filter(pk=piece.pk))


def pieces_trash(*, pieces: "PieceQuerySet") -> int:
    """Moves pieces to the trash, in one transaction, and returns how many were not there yet."""
    now = timezone.now()
    # A member's draft may be taken back for as long as any other piece.
    until = Case(
        When(is_draft=True, owner__isnull=False, then=Value(now + timedelta(days=settings.TRASH_DAYS))),
        default=F("expires_at"),
        output_field=DateTimeField(null=True),
    )
    with transaction.atomic():
        chosen = Piece.objects.filter(pk__in=ids_of(pieces), trashed_at=None)
        return chosen.update(trashed_at=now, expires_at=until, version=F("version") + 1)


def pieces_restore(*, pieces: "PieceQuerySet") -> int:
    """Takes pieces out of the trash, and returns how many were in it."""
    with transaction.atomic():
        chosen = Piece.objects.filter(pk__in=ids_of(pieces)).exclude(trashed_at=None).not_expired()
        for_ever = Value(None, output_field=DateTimeField(null=True))
        until = Case(
            When(owner=None, then=F("expires_at")),
            When(is_draft=True, then=Value(expiry_of(is_draft=True, is_guests=False))),
            default=for_ever,
        )
        return chosen.update(trashed_at=None, expires_at=until, version=F("version") + 1)


def drafts_trash(*, pieces: "PieceQuerySet") -> list[UUID]:
    """Moves those of the pieces to the trash that are drafts and no favourites, at most `BULK_AT_MOST` and the oldest
    first; returns which."""
    with transaction.atomic():
        ids = list(pieces.to_clear().order_by("created_at", "pk").values_list("pk", flat=True)[:BULK_AT_MOST])
        pieces_trash(pieces=Piece.objects.filter(pk__in=ids))
    return ids


def pieces_delete(*, pieces: "PieceQuerySet") -> int:
    """Removes pieces for ever, as `piece_delete` does; returns how many. Those that are many go from the pages at
    once, their files in the background."""
    now = timezone.now()
    ids = ids_of(pieces)
    due = Piece.objects.filter(pk__in=ids)
    count = due.update(trashed_at=Coalesce("trashed_at", Value(now)), expires_at=now, version=F("version") + 1)
    pieces_remove(Piece.objects.filter(pk__in=ids[:REMOVED_AT_ONCE]))
    return count


def trash_empty(*, owner: Owner) -> int:
    """Removes all that is in the trash for ever, or of very much as much as one request may take; returns how many."""
    trashed = Piece.objects.in_trash(owner)
    return pieces_delete(pieces=trashed.filter(pk__in=list(trashed.values_list("pk", flat=True)[:BULK_AT_MOST])))


# As many files as a request may wait for.
REMOVED_AT_ONCE = 20


def pieces_expire(*, at_most: int = 500) -> int:
    """Removes for ever what is due: guests' pieces and drafts whose time is over, what was in the trash for
    TRASH_DAYS, what was deleted while the storage was away. Returns how many went."""
    return pieces_remove(Piece.objects.due().order_by("expires_at", "pk")[:at_most])


def pieces_remove(pieces: Iterable[Piece]) -> int:
    """Files, then rows, each piece for itself; returns how many went. One whose files cannot be removed stays, due."""
    removed = 0
    owners: set[int] = set()
    for piece in list(pieces):
        if _remove(piece):
            removed += 1
            owners |= {piece.owner_id} if piece.owner_id else set()
    for user in User.objects.filter(pk__in=owners):
        with transaction.atomic():
            owner_lock(user)
            tags_forget_unused(user)
    return removed


def _remove(piece: Piece) -> bool:
    try:
        for name in (*_sound_files(piece), str(piece.midi.name or "")):
            if name:
                default_storage.delete(name)
    except OSError:
        logger.warning("The files of piece %s cannot be removed now; tried again later.", piece.pk, exc_info=True)
        return False
    Piece.objects.filter(pk=piece.pk).delete()
    return True


def _sound_files(piece: Piece) -> list[str]:
    return [str(name) for name in piece.renderings.exclude(file="").values_list("file", flat=True)]
