"""Passkeys: another way to sign in than the password, kept by one's phone, computer or security key."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import LoginWebAuthnForm
from allauth.mfa.webauthn.internal import auth, flows
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from fido2.webauthn import UserVerificationRequirement

from accounts.forms import PasskeyForm
from accounts.models import User
from accounts.requests import user_of

UNPROCESSABLE = 422
MAX_PASSKEYS = 20
NOT_RIGHT = "This passkey does not open an account here. Sign in with your name and password."


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]
def passkeys(request: HttpRequest) -> HttpResponse:
    """The list, and a new one: what the browser made with the options of `passkey_options`."""
    user = user_of(request)
    form = PasskeyForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        auth.WebAuthn.add(user, form.cleaned_data["name"], form.cleaned_data["credential"])
        messages.success(request, "The passkey is saved. You can sign in with it from now on.")
        return redirect("accounts:passkeys")
    context: dict[str, Any] = {"form": form, "passkeys": _passkeys_of(user), "nav": "account", "at_most": MAX_PASSKEYS}
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "accounts/passkeys.html", context, status=status)


def _passkeys_of(user: User) -> list[Authenticator]:
    found = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return list(found.order_by("created_at", "pk"))


@require_safe
@never_cache
@login_required
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser needs to make a passkey: one that says whose it is and asks for a finger, a face or a PIN."""
    return JsonResponse(auth.begin_registration(user_of(request), True))


@require_POST
@login_required
def passkey_remove(request: HttpRequest, pk: int) -> HttpResponse:
    mine = Authenticator.objects.filter(user=user_of(request), type=Authenticator.Type.WEBAUTHN)
    get_object_or_404(mine, pk=pk).delete()
    messages.success(request, "The passkey opens your account no longer.")
    return redirect("accounts:passkeys")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def passkey_login(request: HttpRequest) -> HttpResponse:
    """GET: what the browser needs to look for a passkey. POST: what it found."""
    if request.method != "POST":
        return JsonResponse(_login_options())
    limited = ratelimit.consume_or_429(request, action="login")
    if limited:
        return limited
    form = LoginWebAuthnForm(request.POST)
    if not form.is_valid():
        messages.error(request, NOT_RIGHT)
        return redirect("account_login")
    passkey = form.cleaned_data["credential"]
    login = Login(user=passkey.user, redirect_url=get_next_redirect_url(request))
    return flows.perform_passwordless_login(request, passkey, login)


def _login_options() -> dict[str, Any]:
    """Whoever holds the key has to show that it is theirs: there is no password beside it."""
    options, state = auth.get_server().authenticate_begin(
        credentials=[], user_verification=UserVerificationRequirement.REQUIRED
    )
    auth.set_state(state)
    return dict(options)
