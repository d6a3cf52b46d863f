"""The library: all pieces of an owner, found, sorted and paged."""

from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.owners import owner_of
from library.filters import PieceFilters
from library.models import Piece
from library.paging import KeysetPage
from library.querysets import PieceQuerySet
from library.rows import COLUMNS, pictures_of, rows_of
from library.views.finding import SORTS, Finding

PIECES_PER_PAGE = {"pictures": 24, "table": 50}


@require_safe
def recent(request: HttpRequest) -> HttpResponse:
    """Where the pieces of guests were before members had a library."""
    return redirect("library:pieces", permanent=True)


@require_safe
@never_cache
def pieces(request: HttpRequest) -> HttpResponse:
    """A member's library, and a guest's recent pieces. Invalid filters are reported."""
    owner = owner_of(request)
    filters, errors = PieceFilters.read(request.GET)
    found = Piece.objects.in_library(owner).filtered(filters)
    if filters.view == "table":
        page = _page(found.only(*COLUMNS), filters, errors)
        rows = rows_of(page.items)
    else:
        page = _page(found.only(*COLUMNS, "roll"), filters, errors)
        rows = pictures_of(page.items)
    finding = Finding.of(owner, request.GET, errors)
    context = {
        "page": page,
        "rows": rows,
        "finding": finding,
        "sorts": SORTS,
        "next_url": finding.url(after=page.next) if page.next else None,
        "previous_url": finding.url(after=page.previous) if page.previous else None,
        "drafts_count": finding.drafts_count,
        "is_filtered": filters.is_active,
        "nav": "library",
    } | (_drafts_found(found) if finding.drafts_count else {})
    return render(request, "library/pieces.html", context, status=422 if errors else 200)


def _drafts_found(found: PieceQuerySet) -> dict[str, int]:
    """The drafts of what is found, on all its pages, and those of them that are no favourites."""
    clearing = Count("pk", filter=Q(is_favourite=False))
    return found.drafts().order_by().aggregate(drafts_found=Count("pk"), drafts_to_clear=clearing)


def _page(found: PieceQuerySet, filters: PieceFilters, errors: dict[str, str]) -> KeysetPage[Piece]:
    """The page that is asked for, or the first one where its place cannot be found."""
    size = PIECES_PER_PAGE[filters.view]
    try:
        return KeysetPage.of(found, sort=filters.sort, after=filters.after, size=size)
    except ValidationError as error:
        errors["after"] = error.message_dict["after"][0]
        return KeysetPage.of(found, sort=filters.sort, size=size)
