"""How many requests a minute one may send: counted in the cache, told in the headers of every answer.

Header names follow draft-ietf-httpapi-ratelimit-headers-07. Music, storage and jobs have separate quotas that depend
on the role (accounts.quotas).
"""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.guests import client_address, guest_key

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """Where one stands within the current minute."""

    limit: int
    remaining: int
    reset_seconds: int


class RequestsPerMinute(BaseThrottle):
    """Counts reads and writes separately. Guests' writes count per address, because guest keys are free."""

    def allow_request(self, request: Request, view: Any) -> bool:
        is_read = request.method in SAFE_METHODS
        limit = settings.API_READS_PER_MINUTE if is_read else settings.API_WRITES_PER_MINUTE
        window, into = divmod(int(time.time()), WINDOW_SECONDS)
        self.limit = Limit(limit=limit, remaining=0, reset_seconds=WINDOW_SECONDS - into)
        asked = count(f"api:{'read' if is_read else 'write'}:{_who(request, is_read=is_read)}:{window}")
        self.limit = Limit(limit, max(0, limit - asked), WINDOW_SECONDS - into)
        request._request.api_limit = self.limit  # type: ignore[attr-defined]
        return asked <= limit

    def wait(self) -> float:
        return self.limit.reset_seconds


def count(key: str) -> int:
    """Count once more under a key, in the current minute and the next: how often it is by now, over all processes."""
    if cache.add(key, 1, timeout=2 * WINDOW_SECONDS):
        return 1
    try:
        return int(cache.incr(key) or 0)
    except ValueError:
        return 1  # it expired between the two calls


def _who(request: Request, *, is_read: bool) -> str:
    if request.user.is_authenticated:
        return f"user-{request.user.pk}"
    key = guest_key(request) if is_read else None
    return salted_hmac("accounts.api_limits", key or client_address(request), algorithm="sha256").hexdigest()


def limit_headers(request: Request, response: HttpResponseBase) -> None:
    limit = getattr(request, "api_limit", None)
    if limit is not None:
        response["RateLimit-Limit"] = str(limit.limit)
        response["RateLimit-Remaining"] = str(limit.remaining)
        response["RateLimit-Reset"] = str(limit.reset_seconds)
