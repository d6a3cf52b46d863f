"""Pieces as the rows of a list show them.

A list writes 24 or 50 pieces, each with a dozen addresses and a handful of facts. What a row shows is worked out here
once, and escaped once: a template that does so itself spends a millisecond of each row on it.
"""

from collections.abc import Iterable
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from library.models import Piece
from library.rolls import roll_path
from library.templatetags.music import accidentals, ago, as_json, clock, whole

# What a row needs of a piece; the rest of its columns is long and stays in the database.
COLUMNS = (
    *("pk", "title", "genre_name", "ensemble_name", "style_name", "voices", "length_seconds", "qpm", "key"),
    *("is_favourite", "is_draft", "rating", "created_at", "expires_at"),
)
# Their addresses, by what a row calls them.
ADDRESSES = {
    "url": "piece",
    "midi_url": "piece-midi",
    "keep_url": "piece-keep",
    "favourite_url": "piece-favourite",
    "rate_url": "piece-rate",
    "trash_url": "piece-trash",
    "restore_url": "piece-restore",
    "delete_url": "piece-delete",
}
_ANY = UUID(int=0)

Row = dict[str, Any]


def row_of(piece: Piece) -> Row:
    """Texts are safe: they are escaped already. Templates call a row `piece`."""
    key = str(piece.pk)
    tempo = f"{whole(piece.qpm)} BPM" if piece.qpm else ""
    length, tonic, created = clock(piece.length_seconds), accidentals(piece.key), timezone.localtime(piece.created_at)
    row = {
        "pk": _safe(key),
        "title": _safe(piece.title),
        "is_draft": piece.is_draft,
        "is_favourite": piece.is_favourite,
        "rating": piece.rating,
        "expires_at": piece.expires_at,
        "genre_name": _safe(piece.genre_name),
        "ensemble_name": _safe(piece.ensemble_name),
        "key": _safe(tonic),
        "qpm": whole(piece.qpm) if piece.qpm else "",
        "length": _safe(length),
        "seconds": _safe(f"{piece.length_seconds:.2f}"),
        "voices": _safe(as_json(piece.voices)),
        "created_at": _safe(created.isoformat()),
        "ago": _safe(ago(piece.created_at)),
        "facts": _facts(piece.genre_name, piece.ensemble_name, piece.style_name, length, tempo, tonic),
        "picture_facts": _facts(length, piece.ensemble_name or piece.genre_name, tempo, tonic),
    }
    for name, (before, after) in _addresses(get_script_prefix(), get_urlconf()):
        row[name] = mark_safe(before + key + after)  # noqa: S308  the site's own address of a UUID
    return row


def rows_of(pieces: Iterable[Piece]) -> list[Row]:
    return [row_of(piece) for piece in pieces]


def pictures_of(pieces: list[Piece]) -> list[Row]:
    """Rows with `roll`, the path of the picture, and `tags` as (name, address)."""
    tags: dict[UUID, list[tuple[str, str]]] = {}
    links = Piece.tags.through.objects.filter(piece__in=[piece.pk for piece in pieces]).order_by("tag__name")
    library = reverse("library:pieces")
    for piece_id, name in links.values_list("piece_id", "tag__name"):
        tags.setdefault(piece_id, []).append((_safe(name), _safe(f"{library}?tag={quote(name, safe='')}")))
    return [row_of(piece) | {"roll": _safe(roll_path(piece.roll)), "tags": tags.get(piece.pk, ())} for piece in pieces]


def facts_line(piece: Piece) -> str:
    """ "Rock · Trio · Funk · 1:15 · 120 BPM · E minor", of what there is."""
    tempo = f"{whole(piece.qpm)} BPM" if piece.qpm else ""
    length = clock(piece.length_seconds)
    return _facts(piece.genre_name, piece.ensemble_name, piece.style_name, length, tempo, accidentals(piece.key))


def _facts(*facts: str) -> SafeString:
    return _safe(" · ".join(filter(None, facts)))


def _safe(text: str) -> SafeString:
    return mark_safe(escape(text))  # noqa: S308  escaped here


@lru_cache(maxsize=16)
def _addresses(_prefix: str, _urlconf: str | None) -> tuple[tuple[str, tuple[str, str]], ...]:
    """By name, what stands before and after a piece's id. Both arguments are what `reverse` goes by."""
    found = []
    for name, route in ADDRESSES.items():
        before, after = escape(reverse(f"library:{route}", args=[_ANY])).split(str(_ANY))
        found.append((name, (before, after)))
    return tuple(found)
