"""Pages of pieces: one, the recent ones, and the MIDI file itself."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.owners import owner_of
from library.models import Piece
from library.services import piece_keep
from library.storage_responses import StoredFile, stored_file_response

PIECES_PER_PAGE = 12


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
def piece_midi(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The MIDI file, or ?inline for the player in the page; 503 while the storage does not answer."""
    piece = get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk)
    file = StoredFile(
        name=str(piece.midi.name),
        size_bytes=piece.size_bytes,
        # A stored piece never changes.
        version=f"{piece.pk.hex}-{piece.size_bytes}",
        content_type="audio/midi",
        file_name=_file_name(piece),
    )
    return stored_file_response(request, file, inline="inline" in request.GET)
