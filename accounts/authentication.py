from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request


class GuestSessionAuthentication(SessionAuthentication):
    """Django's session for members and guests alike. A guest's session owns pieces too, so it needs the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None:
            self.enforce_csrf(request)
        return found
