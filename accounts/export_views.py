"""Everything of one's account as a zip file: ask, watch, stop, download."""

import logging
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import exports as services
from accounts.confirmation import confirm_first
from accounts.events import Kind, event_log
from accounts.models import DataExport
from accounts.requests import user_of

logger = logging.getLogger(__name__)

UNPROCESSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@confirm_first(only_posts=True)
def exports(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    try:
        services.export_create(user=user_of(request))
    except ValidationError as error:
        return _page(request, error=error.messages[0], status=UNPROCESSABLE)
    return redirect("accounts:exports")


def _page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    newest = DataExport.objects.of(user_of(request)).first()
    context = {"export": newest, "error": error, "nav": "account"}
    return render(request, "accounts/exports.html", context, status=status)


@require_safe
@never_cache
@login_required
def export_status(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The part of the page that changes, for its script."""
    export = get_object_or_404(DataExport.objects.of(user_of(request)), pk=pk)
    return render(request, "accounts/_export.html", {"export": export})


@require_POST
@login_required
def export_stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    export = get_object_or_404(DataExport.objects.of(user_of(request)), pk=pk)
    services.export_stop(export=export)
    return redirect("accounts:exports")


@require_safe
@never_cache
@login_required
@confirm_first()
def export_download(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    export = get_object_or_404(DataExport.objects.of(user_of(request)), pk=pk)
    try:
        return export_response(export)
    except FileNotFoundError as error:
        raise Http404("This export no longer exists. Request a new one.") from error
    except OSError:
        logger.exception("Export %s cannot be read.", pk)
        return render(request, "503.html", status=503)


def export_response(export: DataExport) -> HttpResponseBase:
    """The zip file. Raises Http404 for an export that has none; FileNotFoundError; OSError."""
    if not export.is_downloadable:
        raise Http404("This export isn't available.")
    stored = export.file.open("rb")
    event_log(user=export.user, kind=Kind.EXPORT_TAKEN)
    name = f"musicgen-{timezone.localdate(export.created_at):%Y-%m-%d}.zip"
    response = FileResponse(stored, as_attachment=True, filename=name, content_type="application/zip")
    response["Cache-Control"] = "private, no-store"
    return response
