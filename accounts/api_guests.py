"""Guests that keep no cookies: a script is given a token with the answer to the first thing that it makes.

The token is a secret with our signature; the rows of the guest hold a hash of it. Nothing else leads to what was made.
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
    """The key under which rows know this guest; None for a token that we never gave."""
    try:
        secret = _signer().unsign(token)
    except BadSignature:
        return None
    return hashlib.sha256(f"guest {secret}".encode()).hexdigest()


def is_script(request: HttpRequest) -> bool:
    """Whether no browser sent this request: none of our cookies, and no word of which page it comes from.

    Only such a request may write without a token against forged requests. There is nothing that it could be tricked
    to use: whatever it may do, it may do by what its own headers say.
    """
    if request.COOKIES:
        return False
    return not any(name in request.headers for name in ("Origin", "Referer", "Sec-Fetch-Site"))


def script_guest_start(request: HttpRequest) -> str:
    """Makes a guest of a script's request and returns the guest's key; the answer carries the token."""
    token = guest_token_new()
    request.guest_token = token  # type: ignore[attr-defined]
    key = guest_key_of_token(token)
    assert key is not None  # noqa: S101  it was signed a moment ago
    request.script_guest_key = key  # type: ignore[attr-defined]
    return key
