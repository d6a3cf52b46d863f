"""What people think of pieces: one rating a person, changeable."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.owners import Owner
from library.models import Piece, Rating

VALUES = (-1, 0, 1)


def piece_rate(*, piece: Piece, person: Owner, value: int) -> Piece:
    """Thumb up (1), thumb down (-1) or none (0) of one person for a piece they may hear. The owner's own stands on
    the piece too. Raises ValidationError under `rating`."""
    if value not in VALUES or isinstance(value, bool):
        raise ValidationError({"rating": "Use 1, -1, or 0 to remove your rating."})
    if person.is_nobody:
        raise ValueError("A rating needs a person; use accounts.owners.ensure_owner_of.")
    who: dict[str, Any] = {"user": person.user, "guest_key": "" if person.user else person.guest_key}
    with transaction.atomic():
        if value:
            defaults = {"value": value, "rated_at": timezone.now()}
            Rating.objects.update_or_create(piece=piece, **who, defaults=defaults)
        else:
            Rating.objects.filter(piece=piece, **who).delete()
        own = Piece.objects.owned_by(person).filter(pk=piece.pk)
        if own.exclude(rating=value).update(rating=value, version=F("version") + 1):
            piece.refresh_from_db(fields=["rating", "version"])
    return piece


def rating_of(*, piece: Piece, person: Owner) -> int:
    """What this person thinks of the piece: -1, 1, or 0 for nothing said."""
    if person.is_nobody:
        return 0
    of_person = Rating.objects.filter(piece=piece, user=person.user)
    if person.user is None:
        of_person = of_person.filter(guest_key=person.guest_key)
    return of_person.values_list("value", flat=True).first() or 0
