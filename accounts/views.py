"""The pages of one's own account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import EmailAddress, Login
from allauth.core import ratelimit
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.forms import EmailForm, PasswordForm, TokenForm
from accounts.models import ApiToken
from accounts.owners import owner_of
from accounts.quotas import quota_of, usage_of
from accounts.requests import user_of
from accounts.tokens import token_create
from accounts.tokens import token_revoke as revoke

UNPROCESSABLE = 422


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    return _account_page(request, EmailForm(initial={"email": user_of(request).email}))


def _account_page(request: HttpRequest, form: EmailForm, *, status: int = 200) -> HttpResponse:
    owner = owner_of(request)
    context = {
        "form": form,
        "address": EmailAddress.objects.filter(user=owner.user).first(),
        "quota": quota_of(owner),
        "usage": usage_of(owner),
        "nav": "account",
    }
    return render(request, "accounts/account.html", context, status=status)


@require_POST
@login_required
def email(request: HttpRequest) -> HttpResponse:
    """Sets, changes or removes the address; where mail is sent, asks by mail whether it is right."""
    form = EmailForm(request.POST)
    if not form.is_valid():
        return _account_page(request, form, status=UNPROCESSABLE)
    limited = ratelimit.consume_or_429(request, action="manage_email")
    if limited:
        return limited
    address = services.email_set(user=user_of(request), email=form.cleaned_data["email"])
    if address and settings.MAIL_CONFIGURED and not address.verified:
        send_verification_email_to_address(request, address)
    else:
        messages.success(request, "Your address is saved." if address else "Your address is removed.")
    return redirect(_next(request) or "accounts:account")


def _next(request: HttpRequest) -> str:
    """Where the form came from, if that is a page of this site."""
    url = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_ours else ""


@require_safe
@never_cache
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    found = UserSession.objects.purge_and_list(user_of(request))
    for session in found:
        session.is_this = session.session_key == request.session.session_key
    found.sort(key=lambda session: (not session.is_this, -session.created_at.timestamp()))
    return render(request, "accounts/sessions.html", {"sessions": found, "nav": "account"})


@require_POST
@login_required
def session_end(request: HttpRequest) -> HttpResponse:
    """One session by its number, or all others."""
    user, this = user_of(request), request.session.session_key
    number = request.POST.get("session", "")
    if number == "others":
        services.sessions_end(user=user, but=this)
        messages.success(request, "All other sessions are ended.")
        return redirect("accounts:sessions")
    pk = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    session = get_object_or_404(UserSession, pk=pk, user=user)
    if session.session_key == this:
        return redirect("account_logout")
    services.session_end(session=session)
    messages.success(request, "The session is ended.")
    return redirect("accounts:sessions")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """The list, and the form for a new one; the token itself is on the page that answers the form, and nowhere else."""
    if request.method != "POST":
        return _tokens_page(request, TokenForm())
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _tokens_page(request, form, status=UNPROCESSABLE)
    try:
        token, plain = token_create(
            user=user_of(request),
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
        )
    except ValidationError as error:
        form.add_error(None, error)
        return _tokens_page(request, form, status=UNPROCESSABLE)
    return _tokens_page(request, TokenForm(), made=token, plain=plain)


def _tokens_page(request: HttpRequest, form: TokenForm, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"form": form, "tokens": services.tokens_of(user_of(request)), "nav": "account"}
    return render(request, "accounts/tokens.html", context, status=status)


@require_POST
@login_required
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.of(user_of(request)), pk=pk)
    revoke(token=token)
    messages.success(request, f"The token {token.prefix}… works no longer.")
    return redirect("accounts:tokens")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
@login_required
def delete(request: HttpRequest) -> HttpResponse:
    """Closes the account at once, after the password was given once more."""
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            if not get_adapter(request).reauthenticate(user_of(request), form.cleaned_data["password"]):
                raise ValidationError("The password is not right.")
            gone_at = services.account_delete(user=user_of(request))
        except ValidationError as error:
            form.add_error("password", error)
        else:
            logout(request)
            return render(request, "accounts/deleted.html", {"gone_at": gone_at})
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "accounts/delete.html", {"form": form, "nav": "account"}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def restore(request: HttpRequest) -> HttpResponse:
    """Undoes a deletion, for whoever has just signed in to the closed account."""
    user = services.deletion_remembered(request)
    if user is None:
        return redirect("account_login")
    if request.method != "POST":
        return render(request, "accounts/restore.html", {"closed": user, "days": settings.ACCOUNT_DELETION_DAYS})
    del request.session[services.RESTORE_SESSION_NAME]
    if not services.account_restore(user=user):
        return redirect("account_login")
    messages.success(request, "Welcome back. Your account is as it was.")
    return perform_login(request, Login(user=user, redirect_url=resolve_url("accounts:account")))
