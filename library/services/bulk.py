"""What is done to many pieces at once has a size."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from library.querysets import PieceQuerySet

BULK_AT_MOST = 2000


def ids_of(pieces: "PieceQuerySet", *, at_most: int = BULK_AT_MOST) -> list[UUID]:
    """The ids of pieces, in order, so that two changes at once lock them in one order. Raises ValidationError for
    more than `at_most`."""
    ids = list(pieces.order_by("pk").values_list("pk", flat=True)[: at_most + 1])
    if len(ids) > at_most:
        raise ValidationError(f"That's more than {at_most:,} pieces. Select fewer or narrow the filters.")
    return ids
