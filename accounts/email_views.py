"""The address of one's account: setting it, and taking a change back from the mailbox of the old one."""

from typing import Any

from allauth.account.internal.flows.password_reset_by_code import PasswordResetVerificationProcess
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.confirmation import confirm_first
from accounts.emails import change_of_key, email_change, email_change_undo
from accounts.forms import EmailForm
from accounts.requests import user_of
from accounts.views import UNPROCESSABLE, account_page


@require_POST
@login_required
@confirm_first(back="accounts:account")
def email(request: HttpRequest) -> HttpResponse:
    """Sets, changes or removes the address; where mail is sent, asks by mail whether it is right."""
    form = EmailForm(request.POST)
    if not form.is_valid():
        return account_page(request, form, status=UNPROCESSABLE)
    limited = ratelimit.consume_or_429(request, action="manage_email")
    if limited:
        return limited
    email_change(request=request, user=user_of(request), email=form.cleaned_data["email"])
    return redirect(_next(request) or "accounts:account")


def _next(request: HttpRequest) -> str:
    """Where the form came from, if that is a page of this site."""
    url = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_ours else ""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def email_undo(request: HttpRequest, key: str) -> HttpResponse:
    """The link of the mail to the old address. Mail programs open links too, so it is the button that does it."""
    change = change_of_key(key)
    if not settings.MAIL_CONFIGURED:
        raise Http404("This site doesn't send email.")
    if change is None or request.method != "POST":
        return _undo_page(request, status=200 if change else 410, change=change)
    try:
        user = email_change_undo(change=change, request=request)
    except ValidationError as error:
        return _undo_page(request, status=UNPROCESSABLE, error=error.messages[0])
    logout(request)
    PasswordResetVerificationProcess.initiate(request=request, user=user, email=change.old_email)
    messages.success(request, "Your email address is restored, and everyone is signed out. Now set a new password.")
    return redirect("account_confirm_password_reset_code")


def _undo_page(request: HttpRequest, *, status: int, **context: Any) -> HttpResponse:
    return render(request, "accounts/email_undo.html", context, status=status)
