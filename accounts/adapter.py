"""What we want otherwise than django-allauth does it."""

import logging
from collections.abc import Callable
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts import mails
from accounts.devices import device_of, device_remember, is_known_device
from accounts.events import attempt_failed, limit_log, user_named
from accounts.guests import client_address, client_network, ip_or_none
from accounts.models import User
from accounts.names import TAKEN, name_check, name_is_reserved, shown_name
from accounts.requests import site_address
from accounts.services import deletion_remember

logger = logging.getLogger(__name__)

NO_ADDRESS = "0.0.0.0"  # noqa: S104  stands for an address that is not known; nothing listens there


def _addresses() -> dict[str, Any]:
    """What mails say of where the site is (accounts.requests.site_address)."""
    return {
        "current_site": {"domain": urlsplit(settings.SITE_URL).netloc},
        "signup_url": site_address(reverse("account_signup")),
        "reset_url": site_address(reverse("account_reset_password")),
        "account_url": site_address(reverse("accounts:account")),
    }


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "Wrong username or password.",
        "email_password_mismatch": "Wrong username or password.",
        "too_many_login_attempts": "Too many attempts. Wait five minutes and try again.",
        "rate_limited": "Too many attempts. Wait five minutes and try again.",
        "username_taken": TAKEN,
        "incorrect_password": "Wrong password.",
        "enter_current_password": "Wrong password.",
        "incorrect_code": "Wrong code.",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """As everywhere here: X-Forwarded-For counts only as far as our own proxies wrote it."""
        address = client_address(request)
        return address if ip_or_none(address) else NO_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Failed attempts count by name *and* address: no one can lock an account's owner out from elsewhere."""
        key = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{client_network(client_address(request))}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            user = user_named(username=credentials.get("username", ""), email=credentials.get("email", ""))
            limit_log(request=request, user=user, what="Sign-in")
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        username, email = credentials.get("username", ""), credentials.get("email", "")
        attempt_failed(request=request, username=username, email=email)

    def get_login_stages(self) -> list[str]:
        """A second step for who needs one; a member's passkey is another way to sign in (accounts.second_factor)."""
        ours = {"allauth.mfa.stages.AuthenticateStage": "accounts.second_factor.SecondStepStage"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, str]]:
        """One page, which offers what this member has: password, passkey, code."""
        if not user.is_authenticated:
            return []
        return [{"id": "reauthenticate", "description": "Confirm it's you", "url": reverse("account_reauthenticate")}]

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response = super().post_login(request, user, **kwargs)
        if not is_known_device(request, user) and not kwargs["signup"]:
            self.notify("account/email/new_device", user)
        device_remember(request, response, user)
        return response

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

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return site_address(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """If the mail server is down, the person waiting for the email is told so; it is not an error of the page.
        What strangers can request is limited, and sent after the response (accounts.mails)."""
        try:
            if template_prefix in mails.ASKED_FOR:
                known = {"request": self.request, "email": email}
                message = self.render_mail(template_prefix, email, known | context | _addresses())
                mails.mail_send(self.request, message, is_unknown=template_prefix == mails.UNKNOWN)
            else:
                super().send_mail(template_prefix, email, context | _addresses())
        except (OSError, SMTPException):
            logger.exception("An email could not be sent.")
            sentence = "The email couldn't be sent. Try again in a few minutes."
            messages.error(self.request, sentence, fail_silently=True)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """django-allauth's notices; that of a changed address is ours, with a way to undo it (accounts.emails)."""
        if template_prefix != "account/email/email_changed":
            self.notify(template_prefix, user, context)

    def notify(self, template_prefix: str, user: User, context: dict[str, Any] | None = None) -> None:
        """Tells a member what happened to the account, at the address that was proven. Nothing else depends on it."""
        address = EmailAddress.objects.get_verified(user)
        if address is not None:
            self.notice(template_prefix, user, address.email, context)()

    def notice(
        self, template_prefix: str, user: User, email: str, context: dict[str, Any] | None = None
    ) -> Callable[[], None]:
        """A mail to a member, written now and sent when it is called."""
        if not settings.MAIL_CONFIGURED:
            return lambda: None
        request = self.request
        told = {
            "user": user,
            "timestamp": timezone.now(),
            "ip": self.get_client_ip(request),
            "device": device_of(request),
        } | _addresses()
        message = self.render_mail(template_prefix, email, told | (context or {}))

        def send() -> None:
            try:
                message.send()
            except (OSError, SMTPException):
                logger.exception("A notification email could not be sent.")

        return send

    def set_password(self, user: User, password: str) -> None:
        """Saves the password alone, so that other changes to the row are kept."""
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
