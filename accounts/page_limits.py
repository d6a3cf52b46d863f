"""Forms of pages fall under the limit of writes that the API has, in one count with it (accounts.api_limits)."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve

from accounts.api_limits import WINDOW_SECONDS, request_count
from accounts.api_problems import problem_response
from accounts.events import limit_log
from accounts.models import User

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
# Its views count for themselves: they know of tokens.
API = "/api/"


class WriteLimitMiddleware:
    """Comes after the session, the user and the messages, and before everything that a form does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE_METHODS or request.path.startswith(API):
            return self._get_response(request)
        limit = request_count(request, request.user, is_read=False)
        return self._get_response(request) if limit.is_kept else too_many_attempts(request, wait=limit.reset_seconds)


def _place(request: HttpRequest) -> str:
    """The page without what is special to this request: some addresses hold the key of a mail."""
    try:
        return f"/{resolve(request.path_info).route}"
    except Resolver404:
        return "A page that isn't there"


def _in_words(seconds: int) -> str:
    size, unit = next(
        (size, unit) for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")) if seconds > size or size == 1
    )
    whole = -(-seconds // size)
    return f"{whole} {unit}{'' if whole == 1 else 's'}"


def too_many_attempts(request: HttpRequest, *, wait: int = WINDOW_SECONDS) -> HttpResponseBase:
    """Answers attempts that come too often, and writes that down: django-allauth's too, whose limits by address are a
    minute's."""
    user = request.user if isinstance(request.user, User) else None
    limit_log(request=request, user=user, what=_place(request))
    sentence = f"Too many attempts. Try again in {_in_words(wait)}."
    if request.headers.get("Accept", "").startswith("application/json"):
        return problem_response(429, sentence, headers={"Retry-After": str(wait)})
    response = render(request, "429.html", {"sentence": sentence}, status=429)
    response["Retry-After"] = str(wait)
    response["Cache-Control"] = "no-store"
    return response
