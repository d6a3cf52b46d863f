"""Steps of the API that could take an account's data away: for a person who has just shown who they are."""

from django.urls import reverse
from rest_framework.request import Request

from accounts.api_problems import Problem
from accounts.confirmation import is_confirmed, second_step_missing
from accounts.models import ApiToken


def ensure_confirmed(request: Request, *, back: str) -> None:
    """Raises Problem for a personal token, which someone else may have, and for a session that needs to confirm.
    `back` names the page of the step."""
    if isinstance(request.auth, ApiToken):
        raise Problem(403, "Personal tokens can't do this. Sign in on the site to do it.", slug="people-only")
    second = second_step_missing(request._request)
    if second or not is_confirmed(request._request):
        address = f"{reverse('account_reauthenticate')}?next={reverse(back)}{'&second=1' if second else ''}"
        raise Problem(
            403,
            f"Confirm it's you at {address}, then try again.",
            slug="confirm",
            more={"confirm_url": request.build_absolute_uri(address)},
        )
