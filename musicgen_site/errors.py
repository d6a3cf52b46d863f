"""Responses to uncaught errors: 503 while the database is away or busy, 500 for our own faults; and 403, with
its cause, for a form that fails the check against forged ones."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware import csrf
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

from accounts.api_problems import problem_response

RETRY_SECONDS = 5
SENTENCE = "The database isn't responding. Your pieces are safe. Try again in a minute."
FAULT = "Something went wrong on our side. Try again in a minute."


@requires_csrf_token
def error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the exception, which it has logged.

    A database that is restarted, fails over or is locked for too long will answer again: clients are told to come
    back, and neither page asks the database itself.
    """
    is_api = request.path.startswith("/api/")
    if not isinstance(sys.exception(), OperationalError | InterfaceError):
        return problem_response(500, FAULT) if is_api else server_error(request)
    headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
    if is_api:
        return problem_response(503, SENTENCE, headers=headers)
    return HttpResponse(render_to_string("503_database.html", {"sentence": SENTENCE}), status=503, headers=headers)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's check against forged forms refused one: says which of the ordinary causes it was."""
    if request.path.startswith("/api/"):
        return problem_response(403, "The request was refused: it has no valid CSRF token for this site.")
    before = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
    context = {"cause": _csrf_cause(reason), "page_before": before if is_ours else ""}
    return render(request, "403_csrf.html", context, status=403)


def _csrf_cause(reason: str) -> str:
    if reason == csrf.REASON_NO_CSRF_COOKIE:
        return "cookie"
    return "origin" if reason.startswith(("Origin checking", "Referer checking")) else "token"
