"""Forms of passwords and codes: what a change of the password ends, and to whom a code goes."""

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError

from accounts.events import Kind, event_log
from accounts.models import ApiToken, User
from accounts.services import sessions_end
from accounts.tokens import tokens_revoke


class EndsTokens(forms.Form):
    """A new password ends the API tokens too, unless the box is ticked. It is there for members who have any."""

    keep_tokens = forms.BooleanField(label="Keep my API tokens working", required=False)
    user: User | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tokens_ended = 0
        if self.user is None or not ApiToken.objects.of(self.user).usable().exists():
            del self.fields["keep_tokens"]

    def save(self) -> None:
        super().save()  # type: ignore[misc]
        if self.user is not None and not self.cleaned_data.get("keep_tokens"):
            self.tokens_ended = tokens_revoke(user=self.user)

    def ended(self) -> str:
        """ " and your 2 API tokens revoked", or nothing."""
        if not self.tokens_ended:
            return ""
        return f" Your API token{' is' if self.tokens_ended == 1 else 's are'} revoked."


class CodeOnce:
    """A code of an app counts once, with whatever spaces it is typed. django-allauth forgets it after 30 seconds, while
    the code before counts too."""

    authenticator: Authenticator

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)  # type: ignore[call-arg]
        self.user = user

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            seconds = mfa_settings.TOTP_PERIOD * (2 * mfa_settings.TOTP_TOLERANCE + 1)
            if not cache.add(f"totp-used:{self.user.pk}:{normalize_user_code(code)}", 1, timeout=seconds):
                raise get_adapter().validation_error("incorrect_code")
        return code


class SecondStepForm(CodeOnce, mfa_forms.AuthenticateForm):
    pass


class ConfirmCodeForm(CodeOnce, mfa_forms.ReauthenticateForm):
    pass


class ChangePasswordForm(EndsTokens, allauth_forms.ChangePasswordForm):
    def clean_oldpassword(self) -> str:
        """Whoever has a session that is not theirs may guess here: the owner sees it."""
        try:
            password: str = super().clean_oldpassword()
        except ValidationError:
            event_log(user=self.user, kind=Kind.SIGN_IN_FAILED, detail="Wrong password for a new one")
            raise
        return password


class SetPasswordForm(EndsTokens, allauth_forms.SetPasswordForm):
    pass


class NewPasswordForm(EndsTokens, allauth_forms.ResetPasswordKeyForm):
    """After a reset: every session ends."""

    def save(self) -> None:
        super().save()
        assert self.user is not None  # noqa: S101  the code named the account
        sessions_end(user=self.user)


def proven_users(email: str) -> list[User]:
    """Those who have shown that the address is theirs. It may be typed in any case, and is one account's at most."""
    found = filter_users_by_email(email, is_active=True, prefer_verified=True, for_login=True)
    proven = EmailAddress.objects.filter(email=email.lower(), verified=True).values_list("user_id", flat=True)
    return [user for user in found if user.pk in set(proven)]


class ResetPasswordForm(allauth_forms.ResetPasswordForm):
    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = proven_users(email)
        return email


class RequestLoginCodeForm(allauth_forms.RequestLoginCodeForm):
    def clean_email(self) -> str:
        email: str = super().clean_email()
        self._user = next(iter(proven_users(email)), None)
        return email
