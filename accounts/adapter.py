"""What we want otherwise than django-allauth does it."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import mails
from accounts.guests import client_address, client_network, ip_or_none
from accounts.models import User
from accounts.names import TAKEN, name_check, name_is_reserved, shown_name
from accounts.services import deletion_remember

logger = logging.getLogger(__name__)

NO_ADDRESS = "0.0.0.0"  # noqa: S104  stands for an address that is not known; nothing listens there


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "The name or the password is not right.",
        "email_password_mismatch": "The name or the password is not right.",
        "too_many_login_attempts": "Too many attempts from here. Wait five minutes and try again.",
        "username_taken": TAKEN,
        "incorrect_password": "The password is not right.",
        "enter_current_password": "The password is not right.",
        "incorrect_code": "The code is not right.",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """As everywhere here: X-Forwarded-For counts only as far as our own proxies wrote it."""
        address = client_address(request)
        return address if ip_or_none(address) else NO_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Failed attempts count by name *and* address: nobody can lock the owner of a name out from elsewhere."""
        key = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{client_network(client_address(request))}"

    def get_login_stages(self) -> list[str]:
        """A passkey is another way to sign in; it is not asked for beside the password."""
        return [stage for stage in super().get_login_stages() if not stage.startswith("allauth.mfa.")]

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, str]]:
        """The password alone: who has none signs in again."""
        if not user.is_authenticated or not user.has_usable_password():
            return []
        return [{"id": "reauthenticate", "description": "Your password", "url": reverse("account_reauthenticate")}]

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Raises ValidationError for a name that visitors may not give themselves."""
        name = shown_name(username)
        name_check(name)
        if name_is_reserved(name):
            raise ValidationError(
                f"“{name}” is reserved for the site, or looks like a name that is. Choose another one."
            )
        if not shallow and User.objects.of_alike_names(name).exists():
            raise ValidationError(TAKEN)
        return name

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away is told to whoever waits for the mail; it is no error of the page. What strangers
        can ask for is limited, and sent after the answer (accounts.mails)."""
        try:
            if template_prefix in mails.ASKED_FOR:
                known = {"request": self.request, "email": email, "current_site": get_current_site(self.request)}
                message = self.render_mail(template_prefix, email, known | context)
                mails.mail_send(self.request, message, is_unknown=template_prefix == mails.UNKNOWN)
            else:
                super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            logger.exception("A mail could not be sent.")
            sentence = "The mail could not be sent just now. Try again in a few minutes."
            messages.error(self.request, sentence, fail_silently=True)

    def set_password(self, user: User, password: str) -> None:
        """The password alone: whatever else has changed in the row meanwhile stays."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return str(settings.LOGIN_REDIRECT_URL)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Right password, but the account is closed. Its owner may be about to undo its deletion."""
        if user.deletion_requested_at is None:
            return super().respond_user_inactive(request, user)
        deletion_remember(request, user)
        return redirect("accounts:restore")
