"""My generations: everything that was asked for, what became of it, and asking again."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.owners import owner_of
from generator.errors import NoModelInstalled, QuotaExceeded
from generator.history import GenerationRow
from generator.models import Generation, GenreModel, Take
from generator.progress import worker_seen
from generator.services import generation_delete, generation_retry
from library.paging import KeysetPage

GENERATIONS_PER_PAGE = 20


@require_safe
@never_cache
def generations(request: HttpRequest) -> HttpResponse:
    takes = Take.objects.select_related("piece").order_by("rank", "index", "attempt")
    mine = Generation.objects.owned_by(owner_of(request)).listed().select_related("genre", "source_piece")
    try:
        page = KeysetPage.of(
            mine.prefetch_related(Prefetch("takes", takes)),
            after=request.GET.get("after", ""),
            size=GENERATIONS_PER_PAGE,
        )
    except ValidationError:
        return redirect("generator:generations")
    # Manifests are large and few: each once, not with every row.
    models = GenreModel.objects.in_bulk({one.genre_model_id for one in page.items if one.genre_model_id})
    seen = worker_seen()
    rows = [GenerationRow.of(one, models.get(one.genre_model_id or 0), worker_seen=seen) for one in page.items]
    context: dict[str, Any] = {
        "rows": rows,
        "is_live": any(not row.is_finished for row in rows),
        "next_url": f"?{urlencode({'after': page.next})}" if page.next else None,
        "previous_url": f"?{urlencode({'after': page.previous})}" if page.previous else None,
        "nav": "generations",
    }
    return render(request, "generator/generations.html", context)


def _finished(request: HttpRequest, pk: UUID) -> Generation:
    return get_object_or_404(Generation.objects.owned_by(owner_of(request)).listed().finished(), pk=pk)


@require_POST
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks for the same once more; the page of the new job shows how it goes."""
    generation = _finished(request, pk)
    try:
        token = request.POST.get("form_token", "")[:64] or None
        made = generation_retry(generation=generation, owner=owner_of(request), form_token=token)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    except (NoModelInstalled, QuotaExceeded) as error:
        messages.error(request, error.message)
    else:
        return redirect("generator:generation", pk=made.pk)
    return redirect("generator:generations")


@require_POST
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The request alone; its pieces stay."""
    generation_delete(generation=_finished(request, pk))
    messages.success(request, "Request deleted. Its pieces are still in your library.")
    return redirect("generator:generations")
