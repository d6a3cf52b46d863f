"""Passkeys: another way to sign in than the password, kept by one's phone, computer or security key."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress, Login
from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.mfa import signals
from allauth.mfa.base.internal.flows import delete_and_cleanup
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import auto_generate_recovery_codes
from allauth.mfa.webauthn.forms import LoginWebAuthnForm
from allauth.mfa.webauthn.internal import auth, flows
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from fido2.webauthn import UserVerificationRequirement

from accounts.confirmation import confirm_first
from accounts.forms import PasskeyForm
from accounts.models import User
from accounts.requests import user_of
from accounts.second_factor import needs_second_step, second_factor_added

UNPROCESSABLE = 422
MAX_PASSKEYS = 20
NOT_RIGHT = "No account here uses this passkey. Sign in with your username and password."


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@confirm_first()
def passkeys(request: HttpRequest) -> HttpResponse:
    """The list, and a new one: what the browser made with the options of `passkey_options`."""
    user = user_of(request)
    form = PasskeyForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid() and _add(request, user, form):
        messages.success(request, "Passkey saved. You can now sign in with it.")
        return redirect("accounts:passkeys")
    context: dict[str, Any] = {"form": form, "passkeys": _passkeys_of(user), "nav": "account", "at_most": MAX_PASSKEYS}
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "accounts/passkeys.html", context, status=status)


def _add(request: HttpRequest, user: User, form: PasskeyForm) -> bool:
    """False where there are as many as may be; the page says so. django-allauth makes recovery codes with any passkey;
    they are of use only where it is a second step."""
    with transaction.atomic():
        # One of a user after the other, so that two at once cannot both be the last.
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        if len(_passkeys_of(user)) >= MAX_PASSKEYS:
            return False
        passkey = auth.WebAuthn.add(user, form.cleaned_data["name"], form.cleaned_data["credential"]).instance
    signals.authenticator_added.send(sender=Authenticator, request=request, user=user, authenticator=passkey)
    get_adapter(request).notify("mfa/email/webauthn_added", user)
    second_factor_added(request=request, user=user)
    if needs_second_step(user):
        auto_generate_recovery_codes(request)
    return True


def _passkeys_of(user: User) -> list[Authenticator]:
    found = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return list(found.order_by("created_at", "pk"))


@require_safe
@never_cache
@login_required
@confirm_first()
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser needs to make a passkey: one that says whose it is and asks for a finger, a face or a PIN."""
    return JsonResponse(auth.begin_registration(user_of(request), True))


@require_POST
@login_required
@confirm_first(back="accounts:passkeys")
def passkey_remove(request: HttpRequest, pk: int) -> HttpResponse:
    user = user_of(request)
    mine = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    passkey = get_object_or_404(mine, pk=pk)
    if mine.count() == 1 and not user.has_usable_password() and not EmailAddress.objects.get_verified(user):
        messages.error(request, "This passkey is your only way to sign in. Set a password first.")
        return redirect("accounts:passkeys")
    delete_and_cleanup(request, passkey)
    get_adapter(request).notify("mfa/email/webauthn_removed", user)
    messages.success(request, "Passkey removed. It no longer signs you in.")
    return redirect("accounts:passkeys")


@require_safe
@never_cache
@login_required
def confirm_options(request: HttpRequest) -> HttpResponse:
    """What the browser needs to confirm with one of the member's passkeys."""
    return JsonResponse(_login_options(auth.get_credentials(user_of(request))))


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


def _login_options(credentials: Any = ()) -> dict[str, Any]:
    """The key must verify its user (PIN, finger or face), because no password is asked for."""
    options, state = auth.get_server().authenticate_begin(
        credentials=list(credentials), user_verification=UserVerificationRequirement.REQUIRED
    )
    auth.set_state(state)
    return dict(options)
