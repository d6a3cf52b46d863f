"""A guest becomes a member, or signs in: what was made as a guest is the member's from then on."""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import GuestHandOver, User
from accounts.registry import registry

logger = logging.getLogger(__name__)

# A request that the guest sent just before may still be at work after; a day is more than any takes.
HAND_OVER_KEEP_DAYS = 1


def guest_hand_over(*, guest_key: str, user: User, keep: UUID | None = None) -> int:
    """Moves everything of a guest to a member, in one transaction, and returns how many pieces that were.

    Twice is once: the second finds nothing. Two at once pass one after another (they write one row). A job that runs
    goes on; its worker stores the piece for whoever owns the job then. `keep` is a piece that shall not be a draft.
    """
    with transaction.atomic():
        handed, _ = GuestHandOver.objects.get_or_create(guest_key=guest_key, defaults={"user": user})
        # Locked until the end, also by the one that found the row.
        GuestHandOver.objects.select_for_update().get(pk=handed.pk)
        pieces = sum(hand_over(guest_key=guest_key, user=user) for hand_over in registry.hand_overs)
        if keep is not None:
            for keep_piece in registry.keeps:
                keep_piece(user=user, piece_id=keep)
    if pieces:
        logger.info("%d pieces of a guest were handed over to user %s.", pieces, user.pk)
    return pieces


def hand_overs_finish() -> None:
    """Once more for guests who became members lately: what their last requests made after the hand-over."""
    now = timezone.now()
    for handed in GuestHandOver.objects.select_related("user"):
        guest_hand_over(guest_key=handed.guest_key, user=handed.user)
    GuestHandOver.objects.filter(handed_over_at__lt=now - timedelta(days=HAND_OVER_KEEP_DAYS)).delete()
