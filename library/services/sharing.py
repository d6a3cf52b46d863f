"""Links with which anyone can play and download one piece."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from library.models import Piece, ShareLink
from library.services.pieces import piece_keep

MAX_OPEN_LINKS = 20


def share_link_create(*, piece: Piece, expires_at: datetime | None = None) -> ShareLink:
    """A new link to a member's piece, until it is revoked or `expires_at`. This keeps a draft: no one wants to
    share something that will be deleted soon. Raises ValidationError."""
    if piece.owner_id is None:
        raise ValidationError("Sign up to share pieces.")
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": "Choose a future date, or none."})
    with transaction.atomic():
        if not Piece.objects.select_for_update().filter(pk=piece.pk, trashed_at=None).exists():
            raise ValidationError("This piece is in the trash. Restore it to share it.")
        if ShareLink.objects.open().filter(piece=piece).count() >= MAX_OPEN_LINKS:
            raise ValidationError(f"This piece already has {MAX_OPEN_LINKS} links. Revoke one first.")
        piece_keep(piece=piece)
        link = ShareLink(piece=piece, expires_at=expires_at)
        link.full_clean()
        link.save(force_insert=True)
    return link


def share_link_revoke(*, link: ShareLink) -> ShareLink:
    """Closes a link for good; a second time changes nothing."""
    ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now())
    link.refresh_from_db()
    return link


def share_link_seen(*, link: ShareLink) -> None:
    """Counts one look at the shared page."""
    ShareLink.objects.filter(pk=link.pk).update(views_count=F("views_count") + 1)
