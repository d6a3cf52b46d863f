"""The pages of composing: the form, the page that waits, and the help page."""

import json
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.owners import ensure_owner_of, owner_of
from generator.errors import NoModelInstalled, QuotaExceeded
from generator.forms import ComposeForm, genre_choices, initial_choice
from generator.models import Generation
from generator.progress import sentence_of, title_of, worker_seen
from generator.serializers import ensemble_of
from generator.services import generation_cancel, generation_create
from library.models import Piece
from library.templatetags.music import clock

RECENT_PIECES = 3


def _compose_page(request: HttpRequest, form: ComposeForm, *, status: int = 200) -> HttpResponse:
    """The page of the form, with what the active models offer."""
    genres = genre_choices()
    presets = sorted({seconds for genre in genres for seconds in genre.presets})
    context: dict[str, Any] = {
        "form": form,
        "genres": genres,
        "default_ensembles_json": json.dumps({genre.slug: genre.default_ensemble for genre in genres}),
        "length_presets": [{"seconds": f"{one:g}", "label": clock(one)} for one in presets],
        "length_min_label": clock(min((genre.min_seconds for genre in genres), default=0)),
        "length_max_label": clock(max((genre.max_seconds for genre in genres), default=0)),
        "example": Piece.objects.examples().not_expired().newest_first().first(),
        "recent": Piece.objects.owned_by(owner_of(request)).not_expired().newest_first()[:RECENT_PIECES],
    }
    return render(request, "generator/compose.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def compose(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _compose_page(request, ComposeForm(initial=initial_choice(genre_choices(), request.GET.dict())))
    form = ComposeForm(request.POST)
    if not form.is_valid():
        return _compose_page(request, form, status=422)
    chosen = form.cleaned_data
    try:
        generation = generation_create(
            owner=ensure_owner_of(request),
            genre_slug=chosen["genre"],
            params={key: chosen[key] for key in ("ensemble", "length_seconds")},
            form_token=chosen["form_token"],
        )
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


@require_safe
@never_cache
def generation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Waits for a piece: by script with its notes as they come, without script by renewing itself."""
    mine = Generation.objects.owned_by(owner_of(request)).select_related("genre", "genre_model")
    generation = get_object_or_404(mine, pk=pk)
    piece = generation.piece if generation.status == Generation.Status.SUCCEEDED else None
    if piece is not None:
        return redirect("library:piece", pk=piece.pk)
    context = {
        "generation": generation,
        "page_title": title_of(generation),
        "status_sentence": sentence_of(generation, worker_seen=worker_seen()),
        "ensemble_name": ensemble_of(generation)["name"],
    }
    return render(request, "generator/generation.html", context)


@require_POST
def generation_cancel_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    generation = get_object_or_404(Generation.objects.owned_by(owner_of(request)), pk=pk)
    generation_cancel(generation=generation)
    return redirect("generator:generation", pk=pk)


@require_safe
def help_garageband(request: HttpRequest) -> HttpResponse:
    return render(request, "generator/help_garageband.html", {"nav": "help"})
