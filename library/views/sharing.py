"""Share links, and the page behind them."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.owners import owner_of
from library import services
from library.forms import ShareForm
from library.models import Piece, ShareLink
from library.pictures import roll_png
from library.views.back import back
from library.views.files import midi_response


@require_POST
def share_create(request: HttpRequest, pk: UUID) -> HttpResponse:
    """For members: a guest's piece goes with its guest."""
    piece = get_object_or_404(Piece.objects.in_library(owner_of(request)).filter(owner__isnull=False), pk=pk)
    form = ShareForm(request.POST)
    if not form.is_valid():
        return render(request, "400.html", status=400)
    try:
        services.share_link_create(piece=piece, expires_at=form.expires_at())
    except ValidationError as error:
        messages.error(request, error.messages[0])
    return back(request, "library:piece", pk)


@require_POST
def share_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Closes a link at once."""
    owner = owner_of(request)
    mine = ShareLink.objects.filter(piece__owner=owner.user) if owner.user else ShareLink.objects.none()
    link = get_object_or_404(mine, pk=pk)
    services.share_link_revoke(link=link)
    return back(request, "library:piece", link.piece_id)


def open_link(token: str) -> ShareLink | None:
    return ShareLink.objects.open().filter(token=token).select_related("piece").first()


def gone(request: HttpRequest, token: str) -> HttpResponse:
    """410 where there once was a link, 404 where there never was one."""
    status = 410 if ShareLink.objects.filter(token=token).exists() else 404
    return closed(render(request, "library/shared_gone.html", {"was_there": status == 410}, status=status))


def closed(response: HttpResponse) -> HttpResponse:
    """Keeps a page out of search engines.

    SECURE_REFERRER_POLICY hides its address from other sites. `no-referrer` would hide it from us too: browsers would
    then send its forms with `Origin: null`, which are refused.
    """
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
@never_cache
def shared(request: HttpRequest, token: str) -> HttpResponse:
    link = open_link(token)
    if link is None:
        return gone(request, token)
    owner = owner_of(request)
    if request.method == "GET" and not (isinstance(owner.user, User) and owner.user.pk == link.piece.owner_id):
        services.share_link_seen(link=link)
    context = {
        "piece": link.piece,
        "link": link,
        "midi_url": reverse("library:shared-midi", args=[token]),
        "page_address": request.build_absolute_uri(request.path),
        "picture_address": request.build_absolute_uri(reverse("library:shared-picture", args=[token])),
    }
    return closed(render(request, "library/shared.html", context))


@require_safe
def shared_midi(request: HttpRequest, token: str) -> HttpResponseBase:
    link = open_link(token)
    return midi_response(request, link.piece) if link else gone(request, token)


@require_safe
@cache_control(private=True, max_age=300)
def shared_picture(request: HttpRequest, token: str) -> HttpResponse:
    """The preview image of the link: the notes of the piece."""
    link = open_link(token)
    if link is None:
        return gone(request, token)
    response = closed(HttpResponse(roll_png(link.piece.roll), content_type="image/png"))
    # Messengers on the web show it in their own pages.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
