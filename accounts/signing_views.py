"""Signing up and in: django-allauth's views, in one transaction and without the ways we do not offer."""

from typing import Any

from allauth.account import views
from allauth.account.forms import ReauthenticateForm
from allauth.account.internal import flows
from allauth.account.models import EmailAddress
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import flows as flows_webauthn
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.confirmation import confirm_first, resume
from accounts.context import ASK_EMAIL_SESSION_NAME
from accounts.models import User
from accounts.requests import user_of
from accounts.security_forms import ConfirmCodeForm
from accounts.services import sessions_end

UNPROCESSABLE = 422


class FormPage:
    """A form that is sent back with its errors says so by its status; `keep` names a piece on the way through."""

    request: HttpRequest

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        response.status_code = UNPROCESSABLE
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sent = self.request.POST or self.request.GET
        return super().get_context_data(**kwargs) | {"keep": sent.get("keep", "")[:36]}  # type: ignore[misc]


class SignUp(FormPage, views.SignupView):
    def form_valid(self, form: Any) -> HttpResponse:
        """The user, the session and everything the guest had, or nothing of it."""
        try:
            with transaction.atomic():
                response = super().form_valid(form)
        except IntegrityError:
            form.name_was_taken()
            return self.form_invalid(form)
        self.request.session[ASK_EMAIL_SESSION_NAME] = True
        return response


class Login(FormPage, views.LoginView):
    pass


class ChangePassword(FormPage, views.PasswordChangeView):
    """The form itself asks for the current password."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        sessions_end(user=user_of(self.request), but=self.request.session.session_key)
        sentence = f"Your password is changed. You're signed out everywhere else.{form.ended()}"
        messages.success(self.request, sentence)
        return response


@method_decorator(confirm_first(), name="dispatch")
class SetPassword(FormPage, views.PasswordSetView):
    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        sessions_end(user=user_of(self.request), but=self.request.session.session_key)
        messages.success(self.request, f"Your password is set.{form.ended()}")
        return response


@method_decorator(never_cache, name="dispatch")
@method_decorator(login_required, name="dispatch")
class Reauthenticate(FormPage, views.BaseReauthenticateView):
    """Confirm it's you: by password, passkey, or a code of the authenticator app, whichever was sent."""

    template_name = "account/reauthenticate.html"

    @property
    def only_second_factor(self) -> bool:
        return bool(self.request.POST.get("second") or self.request.GET.get("second"))

    def get_form_class(self) -> Any:
        if "credential" in self.request.POST:
            return ReauthenticateWebAuthnForm
        return ConfirmCodeForm if "code" in self.request.POST or self.only_second_factor else ReauthenticateForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": user_of(self.request)}

    def form_valid(self, form: Any) -> HttpResponse:
        if isinstance(form, ReauthenticateForm):
            flows.reauthentication.reauthenticate_by_password(self.request)
        elif isinstance(form, ReauthenticateWebAuthnForm):
            flows_webauthn.reauthenticate(self.request, form.cleaned_data["credential"])
        else:
            form.save()
        response: HttpResponse = resume(self.request, self.get_next_url()) or super().form_valid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        user, form = user_of(self.request), context["form"]
        has = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
        forms: dict[str, Any] = {}
        if user.has_usable_password() and not self.only_second_factor:
            forms["password_form"] = form if isinstance(form, ReauthenticateForm) else ReauthenticateForm(user=user)
        if Authenticator.Type.TOTP in has:
            forms["code_form"] = form if isinstance(form, ConfirmCodeForm) else ConfirmCodeForm(user=user)
        forms["has_passkeys"] = Authenticator.Type.WEBAUTHN in has
        forms["passkey_error"] = isinstance(form, ReauthenticateWebAuthnForm) and form.errors
        return context | forms | {"only_second_factor": self.only_second_factor}


class SecondStep(FormPage, AuthenticateView):
    """After the password: the code of an authenticator app, a recovery code, or a passkey."""

    template_name = "account/second_step.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = AuthenticateView.form_invalid(self, form)
        response.status_code = UNPROCESSABLE
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        has = set(Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True))
        posted = self.request.method == "POST" and "credential" in self.request.POST
        return context | {
            "has_passkeys": Authenticator.Type.WEBAUTHN in has,
            "has_codes": bool(has - {Authenticator.Type.WEBAUTHN}),
            "passkey_error": posted and self.webauthn_form.errors,
        }


@method_decorator(never_cache, name="dispatch")
class WithMail:
    """A way that needs a mail server: without one there is no such page."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.MAIL_CONFIGURED:
            raise Http404("This site doesn't send email.")
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]


class RequestCode(WithMail, FormPage, views.RequestLoginCodeView):
    pass


def is_still_proven(user: Any, email: str | None) -> bool:
    """Whether the address that a code was sent to is still the account's: another may have replaced it."""
    return EmailAddress.objects.filter(user=user, email__iexact=email or "", verified=True).exists()


class ConfirmCode(WithMail, FormPage, views.ConfirmLoginCodeView):
    def form_valid(self, form: Any) -> HttpResponse:
        if not is_still_proven(self._process.user, self._process.state.get("email")):
            self._process.abort()
            return redirect("account_login")
        response: HttpResponse = super().form_valid(form)
        return response


class ResetPassword(WithMail, FormPage, views.PasswordResetView):
    pass


class ConfirmResetCode(WithMail, FormPage, views.ConfirmPasswordResetCodeView):
    pass


class CompleteReset(WithMail, FormPage, views.CompletePasswordResetView):
    def form_valid(self, form: Any) -> HttpResponse:
        if not is_still_proven(self._process.user, self._process.state.get("email")):
            self._process.abort()
            return redirect("account_reset_password")
        response: HttpResponse = super().form_valid(form)
        messages.success(self.request, f"You're signed out everywhere.{form.ended()}")
        return response


class ResetDone(WithMail, views.PasswordResetFromKeyDoneView):
    pass


class ConfirmEmail(WithMail, views.ConfirmEmailView):
    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """The new address and what becomes of the old one, or nothing of it. After an undo that goes on at the same
        time, which has removed this address (accounts.emails); allauth would write it again."""
        with transaction.atomic():
            User.objects.select_for_update().get(pk=self.get_object().email_address.user_id)
            response: HttpResponse = super().post(*args, **kwargs)
        return response
