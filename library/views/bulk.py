"""What is done with many pieces at once."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.owners import owner_of
from library import services
from library.forms import tag_names
from library.models import Collection, Piece
from library.querysets import PieceQuerySet
from library.views.back import back
from library.views.trash import counted
from library.views.undo import trashed_message

MAX_PIECES = 500


def chosen_pieces(request: HttpRequest) -> PieceQuerySet:
    """The own pieces that are named in a form; others' and those that are gone are passed over."""
    ids = []
    for text in request.POST.getlist("piece")[:MAX_PIECES]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return Piece.objects.in_library(owner_of(request)).filter(pk__in=ids)


@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    action = ACTIONS.get(request.POST.get("do", ""))
    if action is None:
        return render(request, "400.html", status=400)
    pieces = chosen_pieces(request)
    if not pieces.exists():
        messages.info(request, "Select some pieces first.")
    else:
        try:
            action(request, pieces)
        except ValidationError as error:
            messages.error(request, error.messages[0])
    return back(request, "library:pieces")


def _member(request: HttpRequest) -> User:
    """Tags and collections are for members."""
    user = owner_of(request).user
    if user is None:
        raise Http404
    return user


def _trash(request: HttpRequest, pieces: PieceQuerySet) -> None:
    ids = list(pieces.values_list("pk", flat=True))
    count = services.pieces_trash(pieces=pieces)
    trashed_message(request, Piece.objects.filter(pk__in=ids), f"{counted(count)} moved to trash.")


def _keep(request: HttpRequest, pieces: PieceQuerySet) -> None:
    messages.success(request, f"{counted(services.pieces_keep(pieces=pieces))} kept.")


def _tag(request: HttpRequest, pieces: PieceQuerySet) -> None:
    names = tag_names(request.POST.get("tags", ""))
    if not names:
        raise ValidationError("Enter a tag first.")
    count = services.pieces_tag(pieces=pieces, user=_member(request), names=names)
    messages.success(request, f"{counted(count)} tagged.")


def _collect(request: HttpRequest, pieces: PieceQuerySet) -> None:
    user, wanted = _member(request), request.POST.get("collection", "")
    if wanted:
        number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 12 else 0
        collection = get_object_or_404(Collection.objects.of(user), pk=number)
    else:
        collection = services.collection_create(user=user, title="New collection")
    services.collection_add(collection=collection, pieces=pieces)
    messages.success(request, f"{counted(pieces.count())} added to “{collection.title}”.")


ACTIONS: dict[str, Callable[[HttpRequest, PieceQuerySet], None]] = {
    "trash": _trash,
    "keep": _keep,
    "tag": _tag,
    "collect": _collect,
}
