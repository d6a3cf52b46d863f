"""Collections: pieces that a member puts together, in an order of their own."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.owners import owner_of
from library import services
from library.forms import CollectionForm
from library.models import Collection, CollectionItem, Piece
from library.querysets import CollectionQuerySet
from library.rows import COLUMNS, rows_of

MAX_SHOWN = 500


def _member(request: HttpRequest) -> User:
    """The signed-in user; login_required makes sure there is one."""
    user = owner_of(request).user
    if user is None:
        raise Http404
    return user


def _own(request: HttpRequest) -> CollectionQuerySet:
    return Collection.objects.owned_by(owner_of(request))


def _in_library() -> Q:
    """Items of which the piece is neither in the trash nor expired."""
    there = Q(items__piece__expires_at=None) | Q(items__piece__expires_at__gt=timezone.now())
    return Q(items__piece__trashed_at=None) & there


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def collections(request: HttpRequest) -> HttpResponse:
    """All of them; a POST makes another."""
    form = CollectionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.collection_create(user=_member(request), **form.cleaned_data)
            return redirect("library:collection", pk=made.pk)
        except ValidationError as error:
            form.add_service_errors(error)
    found = _own(request).by_title().annotate(
        pieces_count=Count("items", filter=_in_library()),
        length_seconds=Sum("items__piece__length_seconds", filter=_in_library()),
    )  # fmt: skip
    context = {"collections": found, "form": form, "nav": "collections"}
    return render(request, "library/collections.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
@never_cache
def collection(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_own(request), pk=pk)
    form = CollectionForm(initial={"title": found.title, "description": found.description})
    return _page(request, found, form)


def _page(request: HttpRequest, found: Collection, form: CollectionForm, *, status: int = 200) -> HttpResponse:
    pieces = Piece.objects.owned_by(owner_of(request)).in_collection(found)
    shown = list(pieces.only(*COLUMNS)[:MAX_SHOWN])
    rows = rows_of(shown)
    for row in rows:
        row["remove_url"] = reverse("library:collection-remove", args=[found.pk, row["pk"]])
    context = {
        "collection": found,
        "rows": rows,
        "length_seconds": sum(piece.length_seconds for piece in shown),
        "form": form,
        "nav": "collections",
    }
    return render(request, "library/collection.html", context, status=status)


@require_POST
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Its name and what it is about."""
    found = get_object_or_404(_own(request), pk=pk)
    form = CollectionForm(request.POST)
    if form.is_valid():
        try:
            services.collection_edit(collection=found, **form.cleaned_data)
            return redirect("library:collection", pk=pk)
        except ValidationError as error:
            form.add_service_errors(error)
            found.refresh_from_db()
    return _page(request, found, form, status=422)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """The collection alone; its pieces stay in the library."""
    found = get_object_or_404(_own(request), pk=pk)
    services.collection_delete(collection=found)
    messages.success(request, f"“{found.title}” deleted. Its pieces are still in your library.")
    return redirect("library:collections")


@require_POST
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """Moves one piece up or down (`move`: its id and -1 or 1), or takes a whole new order (`order`, ids in a row)."""
    found = get_object_or_404(_own(request), pk=pk)
    ids = list(
        CollectionItem.objects.filter(collection=found).order_by("position", "pk").values_list("piece", flat=True)
    )
    wanted = _moved(ids, *request.POST.get("move", "").partition(" ")[::2])
    if "order" in request.POST:
        by_text = {str(piece_id): piece_id for piece_id in ids}
        wanted = [by_text[text] for text in request.POST["order"].split(",") if text in by_text]
    services.collection_order(collection=found, piece_ids=wanted)
    return redirect("library:collection", pk=pk)


def _moved(ids: list[UUID], piece: str, by: str) -> list[UUID]:
    place = next((index for index, piece_id in enumerate(ids) if str(piece_id) == piece), None)
    step = {"-1": -1, "1": 1}.get(by, 0)
    if place is not None and 0 <= place + step < len(ids):
        ids[place], ids[place + step] = ids[place + step], ids[place]
    return ids


@require_POST
def remove(request: HttpRequest, pk: int, piece: UUID) -> HttpResponse:
    """Takes a piece out of the collection; it stays in the library."""
    found = get_object_or_404(_own(request), pk=pk)
    services.collection_remove(collection=found, pieces=Piece.objects.in_library(owner_of(request)).filter(pk=piece))
    return redirect("library:collection", pk=pk)
