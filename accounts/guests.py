"""A guest is a random key inside a session: no account, no trace elsewhere, gone when the session ends."""

import secrets

from django.conf import settings
from django.http import HttpRequest

SESSION_NAME = "guest_key"


def guest_key(request: HttpRequest) -> str | None:
    """The key of this browser's guest, or None when nothing was composed here yet."""
    key = request.session.get(SESSION_NAME)
    return key if isinstance(key, str) and key else None


def ensure_guest_key(request: HttpRequest) -> str:
    """The key of this browser's guest, made now if there is none.

    The session lives for GUEST_DAYS from now, as long as the piece that is being made: a piece composed on the last day
    must not lose its guest on that day.
    """
    key = guest_key(request)
    if key is None:
        key = secrets.token_urlsafe(24)
        request.session[SESSION_NAME] = key
    request.session.set_expiry(settings.GUEST_DAYS * 24 * 3600)
    return key


def client_address(request: HttpRequest) -> str:
    """The address that a request comes from.

    X-Forwarded-For counts only as far as our own PROXY_COUNT proxies wrote it; a client may send any beginning.
    """
    if settings.PROXY_COUNT:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= settings.PROXY_COUNT:
            return hops[-settings.PROXY_COUNT]
    return str(request.META.get("REMOTE_ADDR", ""))
