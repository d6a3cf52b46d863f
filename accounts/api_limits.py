"""How many requests a minute one may send: counted in the cache, told in the headers of every answer of the API.

Forms of pages write within the same limit (accounts.page_limits).

Header names follow draft-ietf-httpapi-ratelimit-headers-07. Music, storage and jobs have separate quotas that depend
on the role (accounts.quotas).
"""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.guests import client_address, client_network, guest_key

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """Where one stands within the current minute, and whether this request still lies within the limit."""

    limit: int
    remaining: int
    reset_seconds: int
    is_kept: bool = True


class RequestsPerMinute(BaseThrottle):
    """Counts reads and writes separately. Guests' writes count per address, because guest keys are free."""

    def allow_request(self, request: Request, view: Any) -> bool:
        http = request._request
        self.limit = request_count(http, request.user, is_read=request.method in SAFE_METHODS)
        http.api_limit = self.limit  # type: ignore[attr-defined]
        return self.limit.is_kept

    def wait(self) -> float:
        return self.limit.reset_seconds


def request_count(request: HttpRequest, user: Any, *, is_read: bool) -> Limit:
    """Counts one request of a user, or of a guest where the user is anonymous."""
    limit = settings.API_READS_PER_MINUTE if is_read else settings.API_WRITES_PER_MINUTE
    window, into = divmod(int(time.time()), WINDOW_SECONDS)
    asked = count(f"api:{'read' if is_read else 'write'}:{_who(request, user, is_read=is_read)}:{window}")
    return Limit(limit, max(0, limit - asked), WINDOW_SECONDS - into, is_kept=asked <= limit)


def count(key: str, *, seconds: int = WINDOW_SECONDS) -> int:
    """Count once more under a key that names a window of so many seconds: how often it is by now, in all processes."""
    if cache.add(key, 1, timeout=2 * seconds):
        return 1
    try:
        return int(cache.incr(key) or 0)
    except ValueError:
        return 1  # it expired between the two calls


def _who(request: HttpRequest, user: Any, *, is_read: bool) -> str:
    if user.is_authenticated:
        return f"user-{user.pk}"
    key = guest_key(request) if is_read else None
    client = key or client_network(client_address(request))
    return salted_hmac("accounts.api_limits", client, algorithm="sha256").hexdigest()


def limit_headers(request: Request, response: HttpResponseBase) -> None:
    limit = getattr(request, "api_limit", None)
    if limit is not None:
        response["RateLimit-Limit"] = str(limit.limit)
        response["RateLimit-Remaining"] = str(limit.remaining)
        response["RateLimit-Reset"] = str(limit.reset_seconds)
