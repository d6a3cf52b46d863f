"""My generations: everything that was asked for, what became of it, and asking again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
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

GENERATIONS_PER_PAGE = 20


@require_safe
@never_cache
def generations(request: HttpRequest) -> HttpResponse:
    takes = Take.objects.select_related("piece").order_by("rank", "index", "attempt")
    mine = Generation.objects.owned_by(owner_of(request)).listed().newest_first().select_related("genre", "source_piece")
    pages = Paginator(mine.prefetch_related(Prefetch("takes", takes)), GENERATIONS_PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    # Manifests are large and few: each once, not with every row.
    models = GenreModel.objects.in_bulk({one.genre_model_id for one in page.object_list if one.genre_model_id})
    seen = worker_seen()
    rows = [GenerationRow.of(one, models.get(one.genre_model_id or 0), worker_seen=seen) for one in page.object_list]
    context: dict[str, Any] = {"rows": rows, "is_live": any(not row.is_finished for row in rows), "nav": "generations"}
    if page.has_next():
        context["next_url"] = f"?page={page.next_page_number()}"
    if page.has_previous():
        context["previous_url"] = f"?page={page.previous_page_number()}"
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
    messages.success(request, "Deleted. Pieces that came of it are still in the library.")
    return redirect("generator:generations")
