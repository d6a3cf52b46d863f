"""The page of one piece, and what its owner does with it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.owners import owner_of
from library.models import Piece
from library.services import piece_keep


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
