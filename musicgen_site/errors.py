"""Answers to errors that nobody caught: 503 while the database is away or busy, 500 for our own faults."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

from accounts.api_problems import problem_response

RETRY_SECONDS = 5
SENTENCE = "The database does not answer just now. Nothing is lost: try again in a minute."
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
