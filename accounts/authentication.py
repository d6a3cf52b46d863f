"""Who asks: a personal token, a guest's token, or the session of a browser."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.api_guests import guest_key_of_token, is_script
from accounts.models import ApiToken, User
from accounts.tokens import token_find

UNKNOWN = "This token is unknown, has expired or was revoked."


def _credentials(request: Request, scheme: str) -> str | None:
    """What stands behind the scheme in the header; None where the header names another scheme."""
    given, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if given.lower() == scheme.lower() else None


class PersonalTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer mg_…`: what a member made on the account's page."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        plain = _credentials(request, "Bearer")
        if plain is None:
            return None
        token = token_find(plain)
        if token is None:
            raise AuthenticationFailed(UNKNOWN)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class GuestTokenAuthentication(BaseAuthentication):
    """`Authorization: Guest gt_…`: what the answer to a script's first request brought."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, str] | None:
        plain = _credentials(request, "Guest")
        if plain is None:
            return None
        key = guest_key_of_token(plain)
        if key is None:
            raise AuthenticationFailed("This guest token isn't from this site.")
        http = request._request
        http.is_script, http.script_guest_key = True, key  # type: ignore[attr-defined]
        return AnonymousUser(), key


class GuestSessionAuthentication(SessionAuthentication):
    """Django's session for members and guests alike. A guest's session owns pieces too, so it needs the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        if request.headers.get("Authorization"):
            raise AuthenticationFailed("Send Authorization: Bearer with a personal token, or Guest with a guest token.")
        found = super().authenticate(request)
        if found is None and is_script(request._request):
            request._request.is_script = True  # type: ignore[attr-defined]
        elif found is None:
            self.enforce_csrf(request)
        return found
