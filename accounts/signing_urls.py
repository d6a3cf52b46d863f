"""Addresses of signing up and in, with the names by which django-allauth finds them."""

from allauth.account.views import account_inactive, logout
from django.urls import path

from accounts import signing_views as views

urlpatterns = [
    path("account/signup/", views.SignUp.as_view(), name="account_signup"),
    path("account/login/", views.Login.as_view(), name="account_login"),
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
    path("account/email/<str:key>/", views.ConfirmEmail.as_view(), name="account_confirm_email"),
]
