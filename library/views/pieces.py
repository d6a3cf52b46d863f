"""The library: all pieces of an owner."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.owners import owner_of
from library.models import Piece

PIECES_PER_PAGE = 12


@require_safe
@never_cache
def recent(request: HttpRequest) -> HttpResponse:
    """What was composed in this browser and is still kept."""
    pieces = Piece.objects.owned_by(owner_of(request)).not_expired().kept().newest_first()
    page = Paginator(pieces, PIECES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "library/recent.html", {"page": page, "nav": "recent"})
