"""What becomes of pieces when a guest becomes a member, and when an account is exported or deleted.

Called by accounts, which knows nothing of pieces (`accounts.registry`; connected in apps.py).
"""

import csv
import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Count, Sum
from django.utils import timezone

from accounts.exports import as_cell, as_json
from accounts.models import User
from accounts.owners import Owner
from accounts.registry import ExportFile
from library.file_names import stem_of
from library.models import Collection, Piece, Rating, ShareLink
from library.services import piece_keep, pieces_remove

logger = logging.getLogger(__name__)

# In the order of the columns of pieces.csv.
FACTS = (
    *("id", "title", "comment", "is_favourite", "rating", "is_draft", "kind", "source_piece_id", "file_name"),
    *("genre_name", "ensemble_name", "style_name", "length_seconds", "notes_count", "qpm", "key", "metre", "bars"),
    *("seed", "temperature", "top_p", "bundle_name", "bundle_sha256", "runtime", "size_bytes"),
    *("created_at", "expires_at", "trashed_at"),
)


def pieces_hand_over(*, guest_key: str, user: User) -> int:
    """A member's pieces stay, and drafts stay longer than a guest's. What is over already, deleted for ever among it,
    does not come back."""
    of_guest = Piece.objects.filter(owner=None, guest_key=guest_key).not_expired()
    until = timezone.now() + timedelta(days=settings.DRAFT_DAYS)
    moved = of_guest.filter(is_draft=True).update(owner=user, guest_key="", expires_at=until)
    moved += of_guest.filter(is_draft=False).update(owner=user, guest_key="", expires_at=None)
    _ratings_hand_over(guest_key, user)
    return moved


def _ratings_hand_over(guest_key: str, user: User) -> None:
    """One rating a person: of two for one piece the later counts."""
    for rating in Rating.objects.filter(user=None, guest_key=guest_key):
        own = Rating.objects.filter(piece=rating.piece_id, user=user).first()
        if own is None:
            Rating.objects.filter(pk=rating.pk).update(user=user, guest_key="")
            continue
        if own.rated_at < rating.rated_at:
            Rating.objects.filter(pk=own.pk).update(value=rating.value, rated_at=rating.rated_at)
            Piece.objects.filter(pk=rating.piece_id, owner=user).update(rating=rating.value)
        rating.delete()


def wanted_piece_keep(*, user: User, piece_id: UUID) -> None:
    piece = Piece.objects.owned_by(Owner(user=user)).not_trashed().not_expired().filter(pk=piece_id).first()
    if piece is not None:
        piece_keep(piece=piece)


def stored_bytes(owner: Owner) -> int:
    """Of the MIDI files of an owner, those in the trash too. Sound files are ours to make and to throw away."""
    return Piece.objects.owned_by(owner).aggregate(total=Sum("size_bytes"))["total"] or 0


def export_count(user: User) -> int:
    return Piece.objects.filter(owner=user).count() + 5


def export_files(user: User) -> Iterator[ExportFile]:
    """Every piece with its facts, and what its owner made of it. Raises OSError where storage does not answer."""
    pieces = Piece.objects.filter(owner=user).prefetch_related("tags").order_by("created_at", "pk")
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    for piece in pieces.iterator(chunk_size=200):
        name = f"midi/{stem_of(piece.title)}-{piece.pk.hex[:8]}.mid"
        try:
            with default_storage.open(str(piece.midi.name)) as stored:
                yield name, stored.read()
        except FileNotFoundError:
            logger.warning("The file of piece %s is not in storage; the export goes on without it.", piece.pk)
            missing.append(name)
            name = ""
        facts = {fact: getattr(piece, fact) for fact in FACTS}
        rows.append(facts | {"tags": [tag.name for tag in piece.tags.all()], "voices": piece.voices, "file": name})
    yield "pieces.json", as_json(rows)
    yield "pieces.csv", _csv(rows)
    yield "collections.json", as_json(_collections(user))
    yield "ratings.json", as_json(list(Rating.objects.filter(user=user).values("piece_id", "value", "rated_at")))
    links = ShareLink.objects.filter(piece__owner=user)
    values = links.values("piece_id", "created_at", "expires_at", "revoked_at", "views_count")
    yield "share_links.json", as_json(list(values))
    if missing:
        yield "missing.txt", ("These files are missing from storage:\n" + "\n".join(missing)).encode()


def _csv(rows: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream)
    columns = (*FACTS, "tags", "file")
    writer.writerow(columns)
    for row in rows:
        values = row | {"tags": ", ".join(row["tags"])}
        writer.writerow([as_cell(values[column]) for column in columns])
    # With the mark by which spreadsheets know UTF-8.
    return stream.getvalue().encode("utf-8-sig")


def _collections(user: User) -> list[dict[str, Any]]:
    collections = Collection.objects.filter(owner=user).annotate(count=Count("items"))
    return [
        {
            "title": collection.title,
            "description": collection.description,
            "created_at": collection.created_at,
            "pieces": list(collection.items.order_by("position", "pk").values_list("piece_id", flat=True)),
        }
        for collection in collections
    ]


def pieces_of_account_delete(user: User) -> None:
    """Files, then rows: what cannot be removed now is still known. Raises OSError where any is left."""
    while pieces := list(Piece.objects.filter(owner=user)[:200]):
        if pieces_remove(pieces) < len(pieces):
            raise OSError("Files of the account cannot be removed at the moment.")
