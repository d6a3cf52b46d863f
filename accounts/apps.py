from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import email_changed as address_changed
        from django.contrib.auth.signals import user_logged_in

        from accounts import events
        from accounts.emails import email_changed
        from accounts.exports import exports_of_account_delete
        from accounts.registry import on_account_deleted

        user_logged_in.connect(_on_signed_in, dispatch_uid="accounts.signed_in")
        address_changed.connect(email_changed, dispatch_uid="accounts.email_changed")
        events.connect()
        on_account_deleted(exports_of_account_delete)


def _on_signed_in(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    from accounts.services import signed_in

    signed_in(request=request, user=user)
