"""Signing up and in: django-allauth's views, in one transaction and without the ways we do not offer."""

from typing import Any

from allauth.account import views
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.context import ASK_EMAIL_SESSION_NAME

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
    pass


class SetPassword(FormPage, views.PasswordSetView):
    pass


class Reauthenticate(FormPage, views.ReauthenticateView):
    pass


@method_decorator(never_cache, name="dispatch")
class WithMail:
    """A way that needs a mail server: without one there is no such page."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.MAIL_CONFIGURED:
            raise Http404("This site sends no mail.")
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]


class RequestCode(WithMail, FormPage, views.RequestLoginCodeView):
    pass


class ConfirmCode(WithMail, FormPage, views.ConfirmLoginCodeView):
    pass


class ResetPassword(WithMail, FormPage, views.PasswordResetView):
    pass


class ConfirmResetCode(WithMail, FormPage, views.ConfirmPasswordResetCodeView):
    pass


class CompleteReset(WithMail, FormPage, views.CompletePasswordResetView):
    pass


class ResetDone(WithMail, views.PasswordResetFromKeyDoneView):
    pass


class ConfirmEmail(WithMail, views.ConfirmEmailView):
    pass
