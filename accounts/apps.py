from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from django.contrib import admin
        from django.contrib.auth.signals import user_logged_in

        from accounts.exports import exports_of_account_delete
        from accounts.forms import LimitedAdminAuthenticationForm
        from accounts.registry import on_account_deleted

        user_logged_in.connect(_on_signed_in, dispatch_uid="accounts.signed_in")
        on_account_deleted(exports_of_account_delete)
        admin.site.login_form = LimitedAdminAuthenticationForm


def _on_signed_in(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    from accounts.services import signed_in

    signed_in(request=request, user=user)
