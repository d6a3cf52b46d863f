"""Refuses text that no page of ours sends and no database takes: NUL, and halves of characters (lone surrogates).

PostgreSQL refuses both with an exception and SQLite takes the first, so that one address would be a fault on one
database and a page on the other. An address with such text in it names nothing of ours (404); anywhere else it makes
the request malformed (400).
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string

from accounts.api_base import is_odd
from accounts.api_problems import NOT_FOUND, UNREADABLE, problem_response

SENTENCE = "The request contains characters that can't be stored, such as NUL."


class OddBytesMiddleware:
    """Looks at path, query, headers and cookies before anything else reads them, and at a form before its view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_odd(request.path):
            return _refuse(request, 404, NOT_FOUND)
        # In quotes a cookie may hold any byte, as \000.
        cookies = (text for pair in request.COOKIES.items() for text in pair)
        headers = (value for name, value in request.META.items() if name.startswith("HTTP_"))
        if _any_odd(cookies) or _any_odd(headers) or _any_odd(_texts(request.GET)):
            return _refuse(request, 400, SENTENCE)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        """Views of the API read their body themselves (accounts.api_base)."""
        if request.method != "POST" or request.path.startswith("/api/"):
            return None
        try:
            form = request.POST
        except (TooManyFieldsSent, MultiPartParserError):
            return _refuse(request, 400, UNREADABLE)
        return _refuse(request, 400, SENTENCE) if _any_odd(_texts(form)) else None


def _texts(fields: Any) -> Iterable[str]:
    for name, values in fields.lists():
        yield name
        yield from values


def _any_odd(texts: Iterable[Any]) -> bool:
    return any(isinstance(text, str) and is_odd(text) for text in texts)


def _refuse(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_response(status, sentence)
    # Without the request: nobody has been signed in yet.
    return HttpResponse(render_to_string(f"{status}.html"), status=status)
