"""Who is asking, for views that only members reach."""

from django.http import HttpRequest

from accounts.models import User


def user_of(request: HttpRequest) -> User:
    """The member behind a request; views call it after `login_required`."""
    assert isinstance(request.user, User)  # noqa: S101  says to the type checker what login_required saw to
    return request.user
