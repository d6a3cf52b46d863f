"""The page of one piece, and what its owner does with it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.owners import Owner, ensure_owner_of, owner_of
from library import services
from library.forms import PieceForm, ShareForm, ValueForm
from library.models import Collection, Piece, Tag
from library.views.back import back
from library.views.undo import trashed_message

DESCENDANTS_SHOWN = 12


def own_piece(request: HttpRequest, pk: UUID) -> Piece:
    """One of the own pieces that is in the library; anyone else's is not found."""
    return get_object_or_404(Piece.objects.in_library(owner_of(request)), pk=pk)


@require_safe
@never_cache
def piece(request: HttpRequest, pk: UUID) -> HttpResponse:
    piece = get_object_or_404(Piece.objects.visible_to(owner_of(request)).select_related("source_piece"), pk=pk)
    return render(request, "library/piece.html", piece_context(owner_of(request), piece))


def piece_context(owner: Owner, piece: Piece, form: PieceForm | None = None) -> dict[str, Any]:
    is_mine = Piece.objects.owned_by(owner).filter(pk=piece.pk).exists()
    visible = Piece.objects.visible_to(owner)
    context: dict[str, Any] = {
        "piece": piece,
        "is_mine": is_mine,
        "source": visible.filter(pk=piece.source_piece_id).first() if piece.source_piece_id else None,
        "descendants": list(visible.filter(source_piece=piece).newest_first()[:DESCENDANTS_SHOWN]),
        "my_rating": piece.rating if is_mine else services.rating_of(piece=piece, person=owner),
        "tags": list(piece.tags.all()) if is_mine else [],
    }
    if is_mine:
        context["form"] = form or PieceForm.of(piece, owner)
    if is_mine and owner.user is not None:
        links = piece.share_links.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)
        context |= {
            "own_tags": list(Tag.objects.of(owner.user)),
            "in_collections": list(Collection.objects.of(owner.user).filter(items__piece=piece).by_title()),
            "links": list(links),
            "share_form": ShareForm(),
        }
    return context


@require_POST
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Title, notes, tags and collections."""
    piece, owner = own_piece(request, pk), owner_of(request)
    form = PieceForm(request.POST, owner=owner)
    try:
        if form.is_valid():
            form.save(piece)
            messages.success(request, "Saved.")
            return redirect("library:piece", pk=pk)
    except ValidationError as error:
        form.add_service_errors(error)
    piece.refresh_from_db()
    return render(request, "library/piece.html", piece_context(owner, piece, form), status=422)


@require_POST
def keep(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A draft that its owner wants to keep; the page of takes asks the API instead."""
    services.piece_keep(piece=own_piece(request, pk))
    return back(request, "library:piece", pk)


@require_POST
def favourite(request: HttpRequest, pk: UUID) -> HttpResponse:
    piece = own_piece(request, pk)
    services.piece_favourite(piece=piece, is_favourite=request.POST.get("is_favourite") != "0")
    return back(request, "library:piece", pk)


@require_POST
def rate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Rates a piece that the caller can play; 0 removes the rating."""
    piece = get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk)
    form = ValueForm(request.POST)
    if not form.is_valid():
        return render(request, "400.html", status=400)
    services.piece_rate(piece=piece, person=ensure_owner_of(request), value=form.cleaned_data["value"])
    return back(request, "library:piece", pk)


@require_POST
def trash(request: HttpRequest, pk: UUID) -> HttpResponse:
    piece = own_piece(request, pk)
    services.piece_trash(piece=piece)
    trashed_message(request, Piece.objects.filter(pk=pk), f"“{piece.title}” moved to trash.")
    return back(request, "library:pieces")


@require_POST
def restore(request: HttpRequest, pk: UUID) -> HttpResponse:
    piece = get_object_or_404(Piece.objects.in_trash(owner_of(request)), pk=pk)
    services.piece_restore(piece=piece)
    messages.success(request, f"“{piece.title}” restored.")
    return back(request, "library:trash")


@require_POST
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """For ever, from the trash alone."""
    services.piece_delete(piece=get_object_or_404(Piece.objects.in_trash(owner_of(request)), pk=pk))
    messages.success(request, "Deleted forever.")
    return back(request, "library:trash")
