"""A second step beside the password: an authenticator app for anyone who wants it, and for staff where it is required.

A passkey signs in alone. It is asked for after the password too where staff need a second step.
"""

import base64
import secrets
from functools import cache

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.confirmation import confirm, is_confirmed, second_factor_given
from accounts.models import User
from accounts.requests import user_of

Type = Authenticator.Type


class MfaAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "Wrong code. Codes change every 30 seconds; enter the one shown now.",
    }

    def encrypt(self, text: str) -> str:
        """Encrypts secrets of authenticator apps, so that the database alone doesn't reveal them."""
        return _cipher(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            cipher = _cipher(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
            return cipher.decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # SECRET_KEY was lost. An empty secret would be one that everybody knows.
            return base64.b32encode(secrets.token_bytes(20)).decode()


@cache
def _cipher(*keys: str) -> MultiFernet:
    """The first key writes; the others, of older settings, only read."""
    digests = [salted_hmac("accounts.second_factor", "", secret=key, algorithm="sha256").digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


class SecondStepStage(AuthenticateStage):
    """django-allauth asks after the password for a passkey too; here only who needs a second step is asked."""

    def _should_handle(self, request: HttpRequest) -> bool:
        user = self.login.user
        return isinstance(user, User) and needs_second_step(user) and bool(super()._should_handle(request))


def needs_second_step(user: User) -> bool:
    """Whether the password alone does not sign this member in."""
    has_app = Authenticator.objects.filter(user=user, type=Type.TOTP).exists()
    return has_app or (is_required(user) and has_second_factor(user))


def is_required(user: User) -> bool:
    """Whether this member is kept out of /admin/ without a second step."""
    return bool(settings.STAFF_REQUIRE_SECOND_FACTOR and (user.is_staff or user.is_superuser))


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type__in=[Type.TOTP, Type.WEBAUTHN]).exists()


def second_factor_added(*, request: HttpRequest, user: User) -> None:
    """Setting one up shows that one has it: this session need not ask again."""
    record_authentication(request, user, method="mfa")


def staff_step(request: HttpRequest) -> HttpResponseBase | None:
    """What staff must do before a page of the admin area opens; None if nothing."""
    user = user_of(request)
    if is_required(user):
        if not has_second_factor(user):
            return HttpResponseRedirect(reverse("mfa_index"))
        if not second_factor_given(request):
            return confirm(request, second_factor=True)
    if not is_confirmed(request, within_seconds=settings.ADMIN_SESSION_SECONDS):
        return confirm(request)
    return None
