"""The pages of composing: the form, the page that waits, what came out of it, and the help page."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.owners import ensure_owner_of, owner_of
from accounts.quotas import quota_of, stored_bytes_left
from generator.choices import genre_choices
from generator.errors import NoModelInstalled, QuotaExceeded
from generator.forms import ComposeForm, form_context, initial_choice, piece_choice
from generator.models import Generation, Genre
from generator.progress import sentence_of, title_of, worker_seen
from generator.quota import seconds_left
from generator.serializers import ensemble_of, takes_data
from generator.services import generation_cancel, generation_create
from library.models import Piece

RECENT_PIECES = 3


def _example() -> Piece | None:
    """What can be heard before anything is composed: of the first genre of the page that has an example."""
    place = Genre.objects.filter(slug=OuterRef("genre")).values("position")[:1]
    examples = Piece.objects.examples().not_expired()
    examples = examples.annotate(place=Subquery(place))
    return examples.order_by(F("place").asc(nulls_last=True), "-created_at").first()


def _compose_page(request: HttpRequest, form: ComposeForm, *, status: int = 200, reused_note: str = "") -> HttpResponse:
    """The page of the form, with what the active models offer."""
    mine = Piece.objects.in_library(owner_of(request))
    context: dict[str, Any] = form_context(form) | {
        "example": _example(),
        "reused_note": reused_note,
        "recent": mine.newest_first()[:RECENT_PIECES],
        "seconds_left": seconds_left(owner_of(request)),
        "quota": quota_of(owner_of(request)),
        "room": stored_bytes_left(owner_of(request)),
    }
    return render(request, "generator/compose.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def compose(request: HttpRequest) -> HttpResponse:
    genres = genre_choices()
    if request.method != "POST":
        initial, note = initial_choice(genres, request.GET.dict())
        return _compose_page(request, ComposeForm(genres=genres, initial=initial), reused_note=note)
    form = ComposeForm(request.POST, request.FILES, genres=genres)
    if not form.is_valid():
        return _compose_page(request, form, status=422)
    return _create(request, form, **form.wish())


@require_POST
@never_cache
def compose_from(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Continues a piece, varies it or composes another like it: one button each, wherever the piece is shown."""
    piece = get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk)
    genres = genre_choices()
    form = ComposeForm(piece_choice(genres, piece), genres=genres)
    form.is_valid()
    wish: dict[str, Any] = {"source": piece, "kind": request.POST.get("kind", "")[:20], "params": {}}
    if piece.is_upload:
        # "piano/grand-piano": who shall play on, in one choice.
        wish["genre_slug"], _, ensemble = request.POST.get("genre", "")[:100].partition("/")
        wish["params"] = {"ensemble": ensemble} if ensemble else {}
    return _create(request, form, form_token=request.POST.get("form_token") or None, **wish)


def _create(request: HttpRequest, form: ComposeForm, **wish: Any) -> HttpResponse:
    """Asks the service, and leads to the job or back to the form, which says why not."""
    try:
        generation = generation_create(owner=ensure_owner_of(request), **wish)
    except ValidationError as error:
        form.add_service_errors(error)
        return _compose_page(request, form, status=422)
    except NoModelInstalled:
        return _compose_page(request, form, status=503)
    except QuotaExceeded as error:
        form.add_error(None, error.message)
        response = _compose_page(request, form, status=429)
        response["Retry-After"] = str(error.retry_after_seconds)
        return response
    return redirect("generator:generation", pk=generation.pk)


def _mine(request: HttpRequest, pk: UUID) -> Generation:
    mine = Generation.objects.owned_by(owner_of(request)).listed().select_related("genre", "genre_model")
    return get_object_or_404(mine, pk=pk)


def _takes_of(generation: Generation) -> list[dict[str, Any]]:
    """The takes to choose from, once they are done."""
    if generation.status != Generation.Status.SUCCEEDED:
        return []
    takes = list(generation.takes.select_related("piece"))
    found = takes_data(generation, takes)
    # The serializer knows their addresses, the rows what the templates of pieces want.
    pieces = {take.pk: take.piece for take in takes}
    return [take | {"row": pieces[take["id"]]} for take in found]


@require_safe
@never_cache
def generation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Waits for a piece: by script with its notes as they come, without script by renewing itself. Several takes stay
    here to be compared."""
    generation = _mine(request, pk)
    piece = generation.piece if generation.status == Generation.Status.SUCCEEDED else None
    if piece is not None:
        return redirect("library:piece", pk=piece.pk)
    context = {
        "generation": generation,
        "page_title": title_of(generation),
        "status_sentence": sentence_of(generation, worker_seen=worker_seen()),
        "ensemble_name": ensemble_of(generation)["name"],
        "takes": _takes_of(generation),
    }
    return render(request, "generator/generation.html", context)


@require_safe
@never_cache
def generation_result(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The part of a page that tells what came out: one piece with its facts, or the takes. For the page's script."""
    generation = _mine(request, pk)
    piece = generation.piece if generation.status == Generation.Status.SUCCEEDED else None
    context = {"generation": generation, "piece": piece, "takes": [] if piece else _takes_of(generation)}
    return render(request, "generator/_outcome.html", context)


@require_POST
def generation_cancel_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    generation = get_object_or_404(Generation.objects.owned_by(owner_of(request)).listed(), pk=pk)
    generation_cancel(generation=generation)
    return redirect("generator:generation", pk=pk)


@require_safe
def help_garageband(request: HttpRequest) -> HttpResponse:
    return render(request, "generator/help_garageband.html", {"nav": "help"})
