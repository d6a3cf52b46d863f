"""Pages of pieces: one, the recent ones, and the MIDI file itself."""

import logging
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import condition, require_POST, require_safe

from accounts.owners import owner_of
from library.models import Piece
from library.services import piece_keep

PIECES_PER_PAGE = 12

logger = logging.getLogger(__name__)


def _etag(request: HttpRequest, pk: UUID) -> str | None:
    """A stored file never changes, so its piece names it. None, and so no 304, for those who may not see it."""
    piece = Piece.objects.visible_to(owner_of(request)).filter(pk=pk).first()
    return f'"{piece.pk.hex}-{piece.size_bytes}"' if piece else None


def _file_name(piece: Piece) -> str:
    """ASCII letters, digits and hyphens alone; 1:30 in a title stays apart from 130."""
    return f"{slugify(piece.title.replace(':', '-'))[:80] or 'piece'}.mid"


@require_safe
@never_cache
def recent(request: HttpRequest) -> HttpResponse:
    """What was composed in this browser and is still kept."""
    pieces = Piece.objects.owned_by(owner_of(request)).not_expired().kept().newest_first()
    page = Paginator(pieces, PIECES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "library/recent.html", {"page": page, "nav": "recent"})


@require_safe
@never_cache
def piece(request: HttpRequest, pk: UUID) -> HttpResponse:
    piece = get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk)
    is_mine = Piece.objects.owned_by(owner_of(request)).filter(pk=pk).exists()
    return render(request, "library/piece.html", {"piece": piece, "is_mine": is_mine})


@require_POST
def keep(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A take that its owner wants to keep; the page's script asks the API instead."""
    piece = get_object_or_404(Piece.objects.owned_by(owner_of(request)).not_expired(), pk=pk)
    piece_keep(piece=piece)
    return redirect("library:piece", pk=pk)


@require_safe
@cache_control(private=True, no_cache=True)
@condition(etag_func=_etag)
def piece_midi(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The MIDI file, or ?inline for the player in the page; 503 while the storage does not answer."""
    piece = get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk)
    try:
        with piece.midi.open("rb") as stored:
            midi = stored.read()
    except FileNotFoundError:
        return render(request, "404.html", {"missing_file": True}, status=404)
    except OSError:
        logger.exception("The file of piece %s cannot be read.", pk)
        return render(request, "503.html", status=503)
    disposition = "inline" if "inline" in request.GET else "attachment"
    return HttpResponse(
        midi,
        content_type="audio/midi",
        headers={
            "Content-Disposition": f'{disposition}; filename="{_file_name(piece)}"',
            "Content-Length": str(len(midi)),
            "X-Content-Type-Options": "nosniff",
        },
    )
