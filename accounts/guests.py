"""A guest is a secret key inside a session: no account, no name, gone when the session ends."""

import secrets
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.api_guests import script_guest_start

SESSION_NAME = "guest_key"
IPV6_PREFIX = 64


def guest_key(request: HttpRequest) -> str | None:
    """The key of this browser's guest, or None when nothing was composed here yet."""
    # A script's, which its token told (accounts.authentication).
    key = getattr(request, "script_guest_key", None) or request.session.get(SESSION_NAME)
    return key if isinstance(key, str) and key else None


def ensure_guest_key(request: HttpRequest) -> str:
    """The key of this browser's guest, made now if there is none.

    The session lives for GUEST_DAYS from now, as long as the piece that is being made: a piece composed on the last day
    must not lose its guest on that day.
    """
    if (key := getattr(request, "script_guest_key", None)) is not None:
        return str(key)
    key = guest_key(request)
    if key is None:
        # A client that keeps cookies nevertheless has a session of the same guest.
        key = script_guest_start(request) if getattr(request, "is_script", False) else _new_key(request)
        request.session[SESSION_NAME] = key
    request.session.set_expiry(settings.GUEST_DAYS * 24 * 3600)
    return key


def _new_key(request: HttpRequest) -> str:
    """A key that two first requests of one browser agree on.

    A double click sends the same form twice before any answer has brought a session. The cookie against forged
    requests is there since the form was: made from its secret, both keys are the same guest, whichever session stays.
    """
    csrf_secret = request.META.get("CSRF_COOKIE")
    if not csrf_secret:
        return secrets.token_urlsafe(24)
    return salted_hmac("accounts.guests", csrf_secret, algorithm="sha256").hexdigest()


def client_address(request: HttpRequest) -> str:
    """The address that a request comes from: the last one that is no proxy of ours (TRUSTED_PROXIES).

    Each proxy adds to X-Forwarded-For whom it heard the request from. A client may send any beginning of it, so it is
    read from its end, and only as far as trusted proxies wrote it.
    """
    address = _plain(str(request.META.get("REMOTE_ADDR", "")))
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    while hops and is_trusted_proxy(address):
        heard_from = hops.pop()
        if ip_or_none(heard_from) is None:
            break
        address = _plain(heard_from)
    return address


def client_network(address: str) -> str:
    """What limits count as one client: an IPv4 address, or the /64 of IPv6 addresses that a household has. Empty for
    what is no address. Every limit by address counts by this one function."""
    ip = ip_or_none(address)
    if ip is None:
        return ""
    return str(ip) if isinstance(ip, IPv4Address) else str(IPv6Network((int(ip), IPV6_PREFIX), strict=False))


def _plain(address: str) -> str:
    """In one spelling, without the zone of a link (fe80::1%eth0); an IPv4 address in IPv6 clothes as what it is."""
    ip = ip_or_none(address)
    return address if ip is None else str(ip).partition("%")[0]


def is_trusted_proxy(address: str) -> bool:
    ip = ip_or_none(address)
    return ip is not None and any(ip in network for network in settings.TRUSTED_PROXIES)


def ip_or_none(text: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    # An IPv4 client of a socket that hears both, such as ::ffff:192.0.2.1.
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip
