"""Collections: pieces that a member puts together, in an order of their own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from library.models import MAX_COMMENT, MAX_TITLE, Collection, CollectionItem, Piece
from library.services.bulk import ids_of
from library.services.tags import owner_lock
from library.texts import clean_name, clean_text

if TYPE_CHECKING:
    from library.querysets import PieceQuerySet

MAX_COLLECTIONS = 500
MAX_PIECES = 5000


def collection_create(*, user: User, title: str, description: str = "") -> Collection:
    """Raises ValidationError by field."""
    with transaction.atomic():
        owner_lock(user)
        if Collection.objects.of(user).count() >= MAX_COLLECTIONS:
            raise ValidationError({"title": f"You can have up to {MAX_COLLECTIONS} collections."})
        collection = Collection(owner=user, title=_title(title), description=_description(description))
        collection.full_clean()
        collection.save(force_insert=True)
    return collection


def collection_edit(*, collection: Collection, title: str | None = None, description: str | None = None) -> Collection:
    """Changes what is given. Raises ValidationError by field."""
    if title is not None:
        collection.title = _title(title)
    if description is not None:
        collection.description = _description(description)
    collection.updated_at = timezone.now()
    collection.full_clean()
    collection.save(update_fields=["title", "description", "updated_at"])
    return collection


def collection_delete(*, collection: Collection) -> None:
    """The pieces stay."""
    collection.delete()


def collection_add(*, collection: Collection, pieces: "PieceQuerySet") -> int:
    """Puts the owner's pieces at the end, newest last, and returns how many were new. Raises ValidationError where
    they do not fit."""
    with _changing(collection):
        own = Piece.objects.filter(owner=collection.owner_id)
        wanted = own.filter(pk__in=ids_of(pieces)).order_by("created_at", "pk").values_list("pk", flat=True)
        there = set(collection.items.values_list("piece_id", flat=True))
        new = [pk for pk in wanted if pk not in there]
        if len(there) + len(new) > MAX_PIECES:
            raise ValidationError(f"A collection can hold up to {MAX_PIECES:,} pieces.")
        last = collection.items.aggregate(last=Max("position"))["last"]
        first = 0 if last is None else last + 1
        CollectionItem.objects.bulk_create(
            [CollectionItem(collection=collection, piece_id=pk, position=first + at) for at, pk in enumerate(new)],
            batch_size=1000,
        )
    return len(new)


def collection_remove(*, collection: Collection, pieces: "PieceQuerySet") -> int:
    """Takes pieces out of the collection, and returns how many were in it."""
    with _changing(collection):
        _, removed = collection.items.filter(piece_id__in=ids_of(pieces)).delete()
    return removed.get(CollectionItem._meta.label, 0)


def collection_order(*, collection: Collection, piece_ids: Sequence[UUID]) -> None:
    """The pieces in this order; those that are not named keep theirs behind them, ids that are not in it are passed
    over."""
    with _changing(collection):
        items = {item.piece_id: item for item in collection.items.order_by("position", "pk")}
        named = [items.pop(pk) for pk in dict.fromkeys(piece_ids) if pk in items]
        moved = []
        for position, item in enumerate([*named, *items.values()]):
            if item.position != position:
                item.position = position
                moved.append(item)
        CollectionItem.objects.bulk_update(moved, ["position"], batch_size=200)


@contextmanager
def _changing(collection: Collection) -> Iterator[None]:
    """Holds the row of a collection until its items are changed."""
    with transaction.atomic():
        Collection.objects.select_for_update().only("pk").get(pk=collection.pk)
        yield
        collection.updated_at = timezone.now()
        collection.save(update_fields=["updated_at"])


def _title(title: str) -> str:
    return clean_name(title, "title", sentence="Enter a title.", at_most=MAX_TITLE)


def _description(description: str) -> str:
    text = clean_text(description)
    if len(text) > MAX_COMMENT:
        raise ValidationError({"description": f"Use at most {MAX_COMMENT:,} characters."})
    return text
