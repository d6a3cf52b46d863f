"""What every page needs about the account."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.days import kept_days

ASK_EMAIL_SESSION_NAME = "ask_email"


def account(request: HttpRequest) -> dict[str, Any]:
    """`ask_email` is true on one page, the first whole one after the sign-up: it is forgotten when it is read."""

    def ask_email() -> bool:
        return bool(request.session.pop(ASK_EMAIL_SESSION_NAME, False)) if hasattr(request, "session") else False

    return {
        "ask_email": SimpleLazyObject(ask_email),
        "mail_configured": settings.MAIL_CONFIGURED,
        "code_minutes": settings.CODE_MINUTES,
        "days": kept_days(),
    }
