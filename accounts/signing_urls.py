"""Addresses of signing up and in, with the names by which django-allauth finds them."""

from allauth.account.views import account_inactive, logout
from django.urls import path

from accounts import mfa_views
from accounts import signing_views as views

urlpatterns = [
    path("account/signup/", views.SignUp.as_view(), name="account_signup"),
    path("account/login/", views.Login.as_view(), name="account_login"),
    path("account/login/step/", views.SecondStep.as_view(), name="mfa_authenticate"),
    path("account/logout/", logout, name="account_logout"),
    path("account/closed/", account_inactive, name="account_inactive"),
    path("account/again/", views.Reauthenticate.as_view(), name="account_reauthenticate"),
    path("account/password/", views.ChangePassword.as_view(), name="account_change_password"),
    path("account/password/set/", views.SetPassword.as_view(), name="account_set_password"),
    path("account/code/", views.RequestCode.as_view(), name="account_request_login_code"),
    path("account/code/confirm/", views.ConfirmCode.as_view(), name="account_confirm_login_code"),
    path("account/reset/", views.ResetPassword.as_view(), name="account_reset_password"),
    path("account/reset/code/", views.ConfirmResetCode.as_view(), name="account_confirm_password_reset_code"),
    path("account/reset/password/", views.CompleteReset.as_view(), name="account_complete_password_reset"),
    path("account/reset/done/", views.ResetDone.as_view(), name="account_password_reset_completed"),
    path("account/two-factor/", mfa_views.two_factor, name="mfa_index"),
    path("account/two-factor/app/", mfa_views.AddApp.as_view(), name="mfa_activate_totp"),
    path("account/two-factor/app/remove/", mfa_views.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("account/two-factor/codes/", mfa_views.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("account/two-factor/codes/new/", mfa_views.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("account/two-factor/codes/file/", mfa_views.RecoveryCodesFile.as_view(), name="mfa_download_recovery_codes"),
    path("account/email/<str:key>/", views.ConfirmEmail.as_view(), name="account_confirm_email"),
]
