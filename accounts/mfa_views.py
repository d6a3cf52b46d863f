"""Two-factor authentication: an authenticator app, its recovery codes, and the page that lists them."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.confirmation import confirm_first
from accounts.requests import user_of
from accounts.second_factor import has_second_factor, is_required, second_factor_added
from accounts.signing_views import FormPage

Type = Authenticator.Type


@require_safe
@never_cache
@login_required
def two_factor(request: HttpRequest) -> HttpResponse:
    """What is set up, and the ways to set up more. Staff are led here where a second step is required of them."""
    user = user_of(request)
    mine = Authenticator.objects.filter(user=user)
    context = {
        "app": mine.filter(type=Type.TOTP).first(),
        "passkeys": mine.filter(type=Type.WEBAUTHN).count(),
        "codes": mine.filter(type=Type.RECOVERY_CODES).first(),
        "is_missing": is_required(user) and not has_second_factor(user),
        "is_required": is_required(user),
        "nav": "account",
    }
    return render(request, "mfa/index.html", context)


# The page of codes may not be kept; and who looks at it or changes it has just shown who they are.
members_confirmed: list[Any] = [never_cache, login_required, confirm_first()]


@method_decorator(members_confirmed, name="dispatch")
class AddApp(FormPage, totp.ActivateTOTPView):
    template_name = "mfa/totp/activate_form.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        second_factor_added(request=self.request, user=user_of(self.request))
        return response


@method_decorator(members_confirmed, name="dispatch")
class RemoveApp(FormPage, totp.DeactivateTOTPView):
    template_name = "mfa/totp/deactivate_form.html"


@method_decorator(members_confirmed, name="dispatch")
class RecoveryCodes(codes.ViewRecoveryCodesView):
    template_name = "mfa/recovery_codes/index.html"


@method_decorator(members_confirmed, name="dispatch")
class NewRecoveryCodes(FormPage, codes.GenerateRecoveryCodesView):
    template_name = "mfa/recovery_codes/generate.html"


@method_decorator(members_confirmed, name="dispatch")
class RecoveryCodesFile(codes.DownloadRecoveryCodesView):
    pass
