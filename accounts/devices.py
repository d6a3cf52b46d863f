"""Which browser it is: in words for lists and emails, and whether this account has signed in with it before.

The second is known by a signed cookie that names accounts, for a year: nothing is stored here, and nobody else can
make one.
"""

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import User

COOKIE = "known_device"
# Where sign-ins happen; no other page needs it.
COOKIE_PATH = "/account/"
# Browsers keep no cookie for longer.
COOKIE_SECONDS = 400 * 24 * 3600
MAX_ACCOUNTS = 20
SALT = "accounts.devices"

BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "Mac"), ("Linux", "Linux")),
)


def device_name(user_agent: str) -> str:
    """What a person calls it: "Firefox on Windows"."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or user_agent[:60] or "Unknown browser"


def device_of(request: HttpRequest) -> str:
    return device_name(str(request.META.get("HTTP_USER_AGENT", "")))


def is_known_device(request: HttpRequest, user: User) -> bool:
    return user.pk in _accounts(request)


def device_remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """From now on this browser is no new one for the account."""
    known = [user.pk, *(pk for pk in _accounts(request) if pk != user.pk)][:MAX_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps(known, salt=SALT),
        max_age=COOKIE_SECONDS,
        path=COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _accounts(request: HttpRequest) -> list[int]:
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=COOKIE_SECONDS)
    except signing.BadSignature:
        return []
    return known if isinstance(known, list) else []
