"""A guest is a secret key inside a session: no account, no name, gone when the session ends."""

import secrets

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

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
        key = _new_key(request)
        request.session[SESSION_NAME] = key
    request.session.set_expiry(settings.GUEST_DAYS * 24 * 3600)
    return key


def _new_key(request: HttpRequest) -> str:
    """A key that two first requests of one browser agree on.

    A double click sends the same form twice before any answer has brought a session. The cookie against forged
    requests is there since the form was: made from its secret, both keys are the same guest, whichever session stays.
    """
    csrf_secret = request.META.get("CSRF_COOKIE")
    if not csrf_secret:
        return secrets.token_urlsafe(24)
    return salted_hmac("accounts.guests", csrf_secret, algorithm="sha256").hexdigest()


def client_address(request: HttpRequest) -> str:
    """The address that a request comes from.

    X-Forwarded-For counts only as far as our own PROXY_COUNT proxies wrote it; a client may send any beginning.
    """
    if settings.PROXY_COUNT:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= settings.PROXY_COUNT:
            return hops[-settings.PROXY_COUNT]
    return str(request.META.get("REMOTE_ADDR", ""))
