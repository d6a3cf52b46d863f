"""The trash: pieces that can still be restored."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.owners import owner_of
from library import services
from library.filters import PieceFilters
from library.models import Piece
from library.paging import KeysetPage
from library.rolls import roll_path
from library.rows import COLUMNS, row_of
from library.views.back import back
from library.views.undo import trashed_message, trashed_together

PIECES_PER_PAGE = 50
MAX_QUERY = 4000


@require_safe
@never_cache
def trash(request: HttpRequest) -> HttpResponse:
    pieces = Piece.objects.in_trash(owner_of(request)).only(*COLUMNS, "trashed_at", "roll")
    try:
        page = KeysetPage.of(pieces, sort="trashed", after=request.GET.get("after", ""), size=PIECES_PER_PAGE)
    except ValidationError:
        return redirect("library:trash")
    context = {
        "rows": [row_of(piece) | {"roll": roll_path(piece.roll), "goes_at": _goes_at(piece)} for piece in page.items],
        "next_url": f"?{urlencode({'after': page.next})}" if page.next else None,
        "previous_url": f"?{urlencode({'after': page.previous})}" if page.previous else None,
        "nav": "library",
    }
    return render(request, "library/trash.html", context)


def _goes_at(piece: Piece) -> datetime:
    """When a piece in the trash goes for ever."""
    goes_at = (piece.trashed_at or timezone.now()) + timedelta(days=settings.TRASH_DAYS)
    return min(goes_at, piece.expires_at) if piece.expires_at else goes_at


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Takes back what went to the trash together."""
    pieces = trashed_together(Piece.objects.in_trash(owner_of(request)), request.POST.get("trashed_at", "")[:40])
    count = services.pieces_restore(pieces=pieces)
    if count:
        messages.success(request, f"{counted(count)} restored.")
    return back(request, "library:pieces")


@require_POST
def empty(request: HttpRequest) -> HttpResponse:
    """Everything in the trash, for ever; of very much, as much as one request may take."""
    services.trash_empty(owner=owner_of(request))
    left = Piece.objects.in_trash(owner_of(request)).count()
    messages.success(request, f"Deleted. {counted(left)} left in the trash." if left else "Trash emptied.")
    return redirect("library:trash")


@require_POST
def drafts_trash(request: HttpRequest) -> HttpResponse:
    """The drafts of the list above the button, but favourites: `filters` is that list's query."""
    query = request.POST.get("filters", "")
    if len(query) > MAX_QUERY:
        return render(request, "400.html", status=400)
    filters, _ = PieceFilters.read(QueryDict(query))
    ids = services.drafts_trash(pieces=Piece.objects.in_library(owner_of(request)).filtered(filters))
    if ids:
        moved = Piece.objects.in_trash(owner_of(request)).filter(pk__in=ids[:1])
        trashed_message(request, moved, f"{counted(len(ids), 'draft')} moved to trash.")
    else:
        messages.info(request, "There are no drafts to move other than favourites.")
    return back(request, "library:pieces")


def counted(count: int, what: str = "piece") -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
