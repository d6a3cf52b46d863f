"""How much an owner may ask for. Guests are known by their key and, against cleared cookies, by their address."""

import hashlib
import ipaddress
import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.owners import Owner
from generator.errors import QuotaExceeded
from generator.models import Generation

HOUR = timedelta(hours=1)
# Hashed addresses are dropped after this long (services.clean_up).
CLIENT_HASH_DAYS = 7


def client_hash(address: str, when: datetime) -> str:
    """An address hashed with a key of the day, so that no list of addresses can be read back. Empty for no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    # A household has a whole /64 of IPv6 addresses.
    network = ipaddress.ip_network(f"{parsed}/{64 if parsed.version == 6 else 32}", strict=False)
    return salted_hmac(f"generator.client.{when:%Y-%m-%d}", str(network), algorithm="sha256").hexdigest()


def quota_lock(owner: Owner) -> None:
    """Lets the requests that share a limit pass one after another until the transaction ends, so that two at once
    cannot both find the last room.

    SQLite has one writer at a time, and our transactions there begin as one (`transaction_mode` IMMEDIATE).
    """
    if connection.vendor != "postgresql":
        return
    of_owner = f"owner {owner.user.pk}" if owner.user else f"guest {owner.guest_key}"
    of_address = f"address {client_hash(owner.client_address, timezone.now())}" if owner.is_guest else ""
    # Always in the same order, or two requests could wait for each other.
    numbers = sorted({_lock_number(name) for name in (of_owner, of_address) if name})
    with connection.cursor() as cursor:
        for number in numbers:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _lock_number(name: str) -> int:
    """A signed 64-bit number, as PostgreSQL names its advisory locks."""
    digest = hashlib.sha256(f"generator.quota {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def quota_check(owner: Owner, generation: Generation) -> None:
    """Raises QuotaExceeded, or ValidationError for a job that would not even fit an empty hour."""
    length_seconds = generation.length_seconds * generation.takes_asked
    if Generation.objects.owned_by(owner).unfinished().count() >= settings.UNFINISHED_GENERATIONS_MAX:
        raise QuotaExceeded(
            f"You have {settings.UNFINISHED_GENERATIONS_MAX} pieces in the making. "
            "Wait until one is finished, or cancel one.",
            retry_after_seconds=10,
        )
    if not owner.is_guest:
        return
    now = timezone.now()
    if length_seconds > settings.GUEST_SECONDS_PER_HOUR:
        fits = generation.length_seconds <= settings.GUEST_SECONDS_PER_HOUR
        sentence = f"A guest may ask for {_minutes(settings.GUEST_SECONDS_PER_HOUR)} of music an hour"
        raise ValidationError(
            {"takes": f"{sentence}, all takes together."} if fits else {"length_seconds": f"{sentence}."}
        )
    hashes = {client_hash(owner.client_address, day) for day in (now, now - HOUR)} - {""}
    recent = Generation.objects.filter(created_at__gt=now - HOUR).counted().oldest_first()
    of_guest = recent.owned_by(owner)
    of_address = recent.filter(owner=None, client_hash__in=hashes)
    for generations, limit in (
        (of_guest, settings.GUEST_SECONDS_PER_HOUR),
        (of_address, settings.ADDRESS_SECONDS_PER_HOUR),
    ):
        over = _seconds_until_free(generations, limit - length_seconds, now)
        if over:
            raise QuotaExceeded(
                "That is more music than one guest may ask for in an hour. "
                f"Try a shorter piece{' or fewer takes' if generation.takes_asked > 1 else ''}, "
                f"or come back in {_minutes(over)}.",
                retry_after_seconds=over,
            )


def _seconds_until_free(generations: Iterable[Generation], allowed: float, now: datetime) -> int:
    """How long until what was asked for in the last hour is at most `allowed` seconds of music; 0 when it is now."""
    costs = [(generation.created_at, _cost(generation)) for generation in generations]
    used = sum(cost for _, cost in costs)
    if used <= allowed:
        return 0
    for created_at, cost in costs:
        used -= cost
        if used <= allowed:
            return max(1, math.ceil((created_at + HOUR - now).total_seconds()))
    return math.ceil(HOUR.total_seconds())


def _cost(generation: Generation) -> float:
    """Seconds of music that count, of all takes: what was asked for, or of a job that ended early what was composed."""
    seconds = generation.length_seconds
    if generation.status in (Generation.Status.CANCELLED, Generation.Status.FAILED):
        seconds = max(0.0, generation.seconds_composed - generation.kept_seconds)
    return generation.takes_asked * seconds


def _minutes(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
