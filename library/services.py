"""Writes of the library."""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils import timezone

from accounts.owners import Owner
from library.models import Piece

logger = logging.getLogger(__name__)


def piece_file_name(piece_id: uuid.UUID) -> str:
    """Where the MIDI file of a piece lies in storage. The same for every try, so that a later try replaces it."""
    return f"pieces/{piece_id.hex[:2]}/{piece_id}.mid"


def piece_file_write(*, piece_id: uuid.UUID, midi: bytes) -> str:
    """Stores the MIDI file before its row exists, and returns its name. Raises OSError when it cannot be stored."""
    return default_storage.save(piece_file_name(piece_id), ContentFile(midi))


def piece_file_discard(*, piece_id: uuid.UUID) -> None:
    """Removes a stored file that no row names; does nothing when a row does, or when there is no such file."""
    if Piece.objects.filter(pk=piece_id).exists():
        return
    try:
        default_storage.delete(piece_file_name(piece_id))
    except OSError:
        logger.warning("The file of piece %s, which was never kept, could not be removed.", piece_id, exc_info=True)


def piece_store(*, piece_id: uuid.UUID, owner: Owner, midi: bytes, is_draft: bool = False, **facts: Any) -> Piece:
    """Makes the row of a piece whose file `piece_file_write` has stored. A draft expires and so does a guest's piece;
    nobody's, an example, stays."""
    piece = Piece(
        id=piece_id,
        owner=owner.user,
        guest_key="" if owner.user else owner.guest_key or "",
        midi=piece_file_name(piece_id),
        size_bytes=len(midi),
        is_draft=is_draft,
        expires_at=_expiry(is_draft=is_draft, is_guests=bool(owner.guest_key) and owner.user is None),
        **facts,
    )
    piece.full_clean()
    piece.save(force_insert=True)
    return piece


def piece_keep(*, piece: Piece) -> Piece:
    """Makes a draft a piece that its owner keeps: a member's for good, a guest's for GUEST_DAYS from now. A piece that
    is kept already stays as it is."""
    kept = Piece.objects.filter(pk=piece.pk, is_draft=True).update(
        is_draft=False, expires_at=_expiry(is_draft=False, is_guests=piece.owner_id is None)
    )
    if kept:
        piece.refresh_from_db()
    return piece


def _expiry(*, is_draft: bool, is_guests: bool) -> datetime | None:
    if is_draft:
        return timezone.now() + timedelta(days=settings.DRAFT_DAYS)
    return timezone.now() + timedelta(days=settings.GUEST_DAYS) if is_guests else None


def piece_delete(*, piece: Piece) -> None:
    """Removes the row, then the file: a crash between leaves a file too many, never a piece without its music."""
    name = piece.midi.name
    piece.delete()
    if name:
        default_storage.delete(name)


def pieces_expire(*, at_most: int = 500) -> int:
    """Removes guests' pieces and drafts whose time is over, and returns how many."""
    expired = list(Piece.objects.expired().filter(Q(owner=None) | Q(is_draft=True))[:at_most])
    for piece in expired:
        piece_delete(piece=piece)
    return len(expired)
