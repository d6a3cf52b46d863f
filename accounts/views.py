"""The pages of one's own account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.confirmation import confirm_first
from accounts.devices import device_name
from accounts.emails import pending_address, proven_address
from accounts.events import Kind, address_hash, event_log
from accounts.forms import EmailForm, PasswordForm, TokenForm
from accounts.models import ApiToken, SecurityEvent
from accounts.owners import owner_of
from accounts.quotas import quota_of, usage_of
from accounts.requests import user_of
from accounts.tokens import token_create
from accounts.tokens import token_revoke as revoke

UNPROCESSABLE = 422
RECENT = 5
ACTIVITY_PER_PAGE = 25


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    return account_page(request, EmailForm(initial={"email": user_of(request).email}))


def account_page(request: HttpRequest, form: EmailForm, *, status: int = 200) -> HttpResponse:
    owner = owner_of(request)
    context = {
        "form": form,
        "address": proven_address(user_of(request)),
        "pending": pending_address(user_of(request)),
        "events": SecurityEvent.objects.of(user_of(request))[:RECENT],
        "quota": quota_of(owner),
        "usage": usage_of(owner),
        "nav": "account",
    }
    return render(request, "accounts/account.html", context, status=status)


@require_safe
@never_cache
@login_required
def activity(request: HttpRequest) -> HttpResponse:
    """Sign-ins, failures and changes, the newest first."""
    paginator = Paginator(SecurityEvent.objects.of(user_of(request)), ACTIVITY_PER_PAGE)
    context = {
        "page": paginator.get_page(request.GET.get("page")),
        "here": address_hash(request),
        "nav": "account",
    }
    return render(request, "accounts/activity.html", context)


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
@confirm_first(back="accounts:sessions")
def session_end(request: HttpRequest) -> HttpResponse:
    """One session by its number, or all others."""
    user, this = user_of(request), request.session.session_key
    number = request.POST.get("session", "")
    if number == "others":
        services.sessions_end(user=user, but=this)
        event_log(user=user, kind=Kind.SESSIONS_ENDED, detail="everywhere else", request=request)
        messages.success(request, "You're signed out everywhere else.")
        return redirect("accounts:sessions")
    pk = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    session = get_object_or_404(UserSession, pk=pk, user=user)
    if session.session_key == this:
        return redirect("account_logout")
    services.session_end(session=session)
    event_log(user=user, kind=Kind.SESSIONS_ENDED, detail=device_name(session.user_agent), request=request)
    messages.success(request, "Session ended.")
    return redirect("accounts:sessions")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@confirm_first(only_posts=True)
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
    messages.success(request, f"Token {token.prefix}… revoked.")
    return redirect("accounts:tokens")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
@login_required
def delete(request: HttpRequest) -> HttpResponse:
    """Closes the account at once. The form asks for the password; who has none confirms with a passkey."""
    if not user_of(request).has_usable_password():
        return _delete_with_passkey(request)
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            if not get_adapter(request).reauthenticate(user_of(request), form.cleaned_data["password"]):
                raise ValidationError("Wrong password.")
            return _deleted(request)
        except ValidationError as error:
            form.add_error("password", error)
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "accounts/delete.html", {"nav": "account"} | {"form": form}, status=status)


@confirm_first()
def _delete_with_passkey(request: HttpRequest) -> HttpResponse:
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _deleted(request)
        except ValidationError as error:
            form.add_error(None, error)
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render(request, "accounts/delete.html", {"nav": "account"} | {"form": form}, status=status)


def _deleted(request: HttpRequest) -> HttpResponse:
    gone_at = services.account_delete(user=user_of(request))
    logout(request)
    return render(request, "accounts/deleted.html", {"gone_at": gone_at})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def restore(request: HttpRequest) -> HttpResponse:
    """Undoes a deletion, for the person who has just signed in to the closed account."""
    user = services.deletion_remembered(request)
    if user is None:
        return redirect("account_login")
    if request.method != "POST":
        return render(request, "accounts/restore.html", {"closed": user})
    del request.session[services.RESTORE_SESSION_NAME]
    if not services.account_restore(user=user):
        return redirect("account_login")
    messages.success(request, "Welcome back. Your account is restored.")
    return perform_login(request, Login(user=user, redirect_url=resolve_url("accounts:account")))
