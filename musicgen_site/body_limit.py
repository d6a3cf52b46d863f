"""Refuses a body that is too large before anybody reads it.

Django bounds the fields of a form, not its files: they would fill the disk of the web process first.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.api_problems import problem_response

SENTENCE = "That's too large. The limit is {} MB."


class BodyLimitMiddleware:
    """Stands before whatever reads a body, the check against forged requests among them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.ADMIN_BODY_BYTES if request.path.startswith("/admin/") else settings.BODY_BYTES
        # Where there is no length, or none that is a number, Django reads no body at all.
        length = request.META.get("CONTENT_LENGTH") or ""
        if not (length.isascii() and length.isdecimal()) or (len(length) < 20 and int(length) <= limit):
            return self.get_response(request)
        sentence = SENTENCE.format(limit // 2**20)
        if request.path.startswith("/api/"):
            return problem_response(413, sentence)
        return HttpResponse(sentence, status=413, content_type="text/plain; charset=utf-8")
