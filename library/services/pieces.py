"""A piece from its file to its place in the library: storing, keeping, naming."""

import hashlib
import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.utils import timezone

from accounts.owners import Owner
from library.errors import PieceChanged
from library.models import MAX_COMMENT, MAX_TITLE, Piece
from library.services.bulk import ids_of
from library.services.tags import owner_lock, piece_tags_set
from library.texts import clean_name, clean_text
from library.words import search_text_of

if TYPE_CHECKING:
    from library.querysets import PieceQuerySet

logger = logging.getLogger(__name__)


def piece_file_name(piece_id: uuid.UUID) -> str:
    """Where the MIDI file of a piece is in storage. The same for every try, so that a later try replaces it."""
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
        file_sha256=hashlib.sha256(midi).hexdigest(),
        is_draft=is_draft,
        expires_at=expiry_of(is_draft=is_draft, is_guests=bool(owner.guest_key) and owner.user is None),
        **facts,
    )
    piece.search_text = search_text_of([piece.title, piece.comment])
    piece.full_clean()
    piece.save(force_insert=True)
    return piece


def expiry_of(*, is_draft: bool, is_guests: bool) -> datetime | None:
    """When a piece that is stored, kept or restored now expires; None for never."""
    if is_guests:
        return timezone.now() + timedelta(days=settings.GUEST_DAYS)
    return timezone.now() + timedelta(days=settings.DRAFT_DAYS) if is_draft else None


def piece_keep(*, piece: Piece) -> Piece:
    """Makes a draft a piece that its owner keeps: a member's for good, a guest's for GUEST_DAYS from now. A piece that
    is kept already stays as it is."""
    if pieces_keep(pieces=Piece.objects.filter(pk=piece.pk)):
        piece.refresh_from_db()
    return piece


def pieces_keep(*, pieces: "PieceQuerySet") -> int:
    """As `piece_keep`, for many, and returns how many were drafts."""
    for_guests = Value(expiry_of(is_draft=False, is_guests=True))
    until = Case(When(owner=None, then=for_guests), default=Value(None), output_field=DateTimeField(null=True))
    drafts = Piece.objects.filter(pk__in=ids_of(pieces.drafts()), is_draft=True)
    return drafts.update(is_draft=False, expires_at=until, version=F("version") + 1)


def piece_edit(
    *,
    piece: Piece,
    title: str | None = None,
    comment: str | None = None,
    tags: Iterable[str] | None = None,
    is_favourite: bool | None = None,
    version: int | None = None,
) -> Piece:
    """Changes what is given and leaves what is None. The tags of a guest's piece stay none.

    Raises ValidationError by field; PieceChanged where `version` is given and the piece is no longer of it.
    """
    with changing(piece, version=version) as fields:
        if title is not None:
            piece.title = clean_name(title, "title", sentence="Enter a title.", at_most=MAX_TITLE)
            fields.add("title")
        if comment is not None:
            piece.comment = clean_text(comment)
            if len(piece.comment) > MAX_COMMENT:
                raise ValidationError({"comment": f"Use at most {MAX_COMMENT:,} characters."})
            fields.add("comment")
        if is_favourite is not None:
            piece.is_favourite = is_favourite
            fields.add("is_favourite")
        if tags is not None and piece.owner is not None:
            piece_tags_set(piece=piece, user=piece.owner, names=tags)
        if fields or tags is not None:
            piece.search_text = search_text_of([piece.title, *_tag_names(piece), piece.comment])
            fields.add("search_text")
    return piece


def piece_favourite(*, piece: Piece, is_favourite: bool) -> Piece:
    return piece_edit(piece=piece, is_favourite=is_favourite)


def _tag_names(piece: Piece) -> list[str]:
    return list(piece.tags.order_by("name").values_list("name", flat=True)) if piece.owner_id else []


@contextmanager
def changing(piece: Piece, *, version: int | None = None) -> Iterator[set[str]]:
    """Locks the row of a piece, reads it again, and saves the fields whose names are put into the set.

    Two changes at once pass one after another, so that neither undoes the other's. Raises PieceChanged as `piece_edit`
    does, and Piece.DoesNotExist where it was removed meanwhile.
    """
    with transaction.atomic():
        if piece.owner is not None:
            # Before the piece, as everywhere: two that hold one each would wait for ever.
            owner_lock(piece.owner)
        piece.refresh_from_db(from_queryset=Piece.objects.select_for_update())
        if version is not None and version != piece.version:
            raise PieceChanged
        fields: set[str] = set()
        yield fields
        if fields:
            piece.version += 1
            fields.add("version")
            piece.full_clean(exclude={field.name for field in Piece._meta.get_fields()} - fields)
            piece.save(update_fields=fields)
