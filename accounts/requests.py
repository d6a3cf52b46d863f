"""Who is asking, for views that only members reach; and where our pages are."""

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User


def user_of(request: HttpRequest) -> User:
    """The member behind a request; views call it after `login_required`."""
    assert isinstance(request.user, User)  # noqa: S101  says to the type checker what login_required saw to
    return request.user


def site_address(path: str) -> str:
    """The whole address of a page, for mails. Of the settings: who asks for a mail to somebody else chooses the Host
    of the request, and with it a port or another of our names, where the link would not work."""
    return f"{settings.SITE_URL}{path}"
