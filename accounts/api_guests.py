"""Guests without cookies: a script receives a token in the response to its first write.

The token is a signed secret; rows store only its hash. It is the only key to what the guest created.
"""

import hashlib
import secrets

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest


def _signer() -> Signer:
    return Signer(salt="accounts.api_guests", sep=".")


def guest_token_new() -> str:
    return _signer().sign(f"gt_{secrets.token_urlsafe(32)}")


def guest_key_of_token(token: str) -> str | None:
    """The guest key that rows store; None for a token we did not issue."""
    try:
        secret = _signer().unsign(token)
    except BadSignature:
        return None
    return hashlib.sha256(f"guest {secret}".encode()).hexdigest()


def is_script(request: HttpRequest) -> bool:
    """Whether the request cannot come from a browser: no cookies of ours, and no header naming its page.

    Only such a request may write without a CSRF token. It carries no ambient credentials that another site could
    abuse: all its rights come from headers it sets itself.
    """
    if request.COOKIES:
        return False
    return not any(name in request.headers for name in ("Origin", "Referer", "Sec-Fetch-Site"))


def script_guest_start(request: HttpRequest) -> str:
    """Turns a script into a guest and returns the guest key; the response carries the token."""
    token = guest_token_new()
    request.guest_token = token  # type: ignore[attr-defined]
    key = guest_key_of_token(token)
    assert key is not None  # noqa: S101  just signed
    request.script_guest_key = key  # type: ignore[attr-defined]
    return key
