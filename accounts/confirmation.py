"""Confirm it's you: a step that could take an account away asks for the password or a passkey.

One that was given within REAUTHENTICATION_SECONDS counts, and so does a sign-in. A session that was opened before its
member set up a second step shows that once, too: the person who opened it may know the password. The form that
triggered the question is kept in the session and sent on after the confirmation, so that nothing has to be typed twice.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.urls import resolve, reverse
from django.utils.http import urlencode

from accounts.models import User

STASH_SESSION_NAME = "confirm_stash"
# A longer form is not kept; it has to be sent again.
MAX_STASH_BYTES = 16 * 1024

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def is_confirmed(request: HttpRequest, *, within_seconds: int | None = None) -> bool:
    """Whether the signed-in user has recently confirmed, in this session, that it's them."""
    within = settings.REAUTHENTICATION_SECONDS if within_seconds is None else within_seconds
    return time.time() - confirmed_at(request) < within


def confirmed_at(request: HttpRequest) -> float:
    """The second of the last sign-in or confirmation in this session; 0 where there was none."""
    if not request.user.is_authenticated:
        return 0
    records = get_authentication_records(request, request.user)
    return max((record["at"] for record in records if record.get("reauthenticated")), default=0)


def second_factor_given(request: HttpRequest) -> bool:
    """Whether a passkey or a code of an authenticator app was used in this session."""
    if not request.user.is_authenticated:
        return False
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


def second_step_missing(request: HttpRequest) -> bool:
    """Whether a second step is asked for at the sign-in by now, and this session has not shown it."""
    from accounts.second_factor import needs_second_step  # which is built on this module

    user = request.user
    return isinstance(user, User) and needs_second_step(user) and not second_factor_given(request)


def confirm_first(*, only_posts: bool = False, back: str = "") -> Callable[[V], V]:
    """Asks to confirm before the view. `only_posts` lets everybody look; `back` names the page where a form stands
    whose own address shows nothing."""

    def decorate(view: V) -> V:
        @wraps(view)
        def confirmed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            looks = only_posts and request.method in ("GET", "HEAD")
            # Signing in comes before, and the view says so.
            if looks or not request.user.is_authenticated:
                return view(request, *args, **kwargs)
            second = second_step_missing(request)
            if second or not is_confirmed(request):
                return confirm(request, back=reverse(back) if back else "", second_factor=second)
            return view(request, *args, **kwargs)

        return cast(V, confirmed)

    return decorate


def confirm(request: HttpRequest, *, back: str = "", second_factor: bool = False) -> HttpResponseRedirect:
    """To the page that asks, and from there back here. `second_factor` says that the password is not enough."""
    request.session.pop(STASH_SESSION_NAME, None)
    target = request.get_full_path()
    if request.method == "POST":
        target = back or target
        sent = request.POST.urlencode()
        # A password is kept nowhere; such a form is sent again.
        has_secret = any("password" in name for name in request.POST)
        if not has_secret and not request.FILES and len(sent) <= MAX_STASH_BYTES:
            stash_of_form = {"path": request.path, "query": request.GET.urlencode(), "next": target, "sent": sent}
            request.session[STASH_SESSION_NAME] = stash_of_form
    query = {"next": target} | ({"second": "1"} if second_factor else {})
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode(query)}")


def resume(request: HttpRequest, target: str | None) -> HttpResponse | None:
    """What the form that waited is answered with; None where none waits for this page."""
    stash = request.session.pop(STASH_SESSION_NAME, None)
    if target is None or not stash or stash["next"] != target:
        return None
    request.GET = QueryDict(stash["query"])
    request.META["QUERY_STRING"] = stash["query"]
    request.POST = QueryDict(stash["sent"])
    request.path = request.path_info = stash["path"]
    match = request.resolver_match = resolve(stash["path"])
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    if response.status_code == 200 and stash["path"].startswith(reverse("admin:index")):
        # A page of the administration that asks for more sends its form to the address it stands at, which is not this.
        messages.info(request, "Confirmed. Please send the form again.")
        return HttpResponseRedirect(target)
    return response
