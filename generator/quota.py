"""How much an owner may ask for, by role (`accounts.quotas`). Guests are known by their key and, against cleared
cookies, by their address."""

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
from accounts.quotas import Quota, quota_of, stored_bytes_left
from generator.errors import QuotaExceeded
from generator.models import Generation
from generator.querysets import GenerationQuerySet

HOUR = timedelta(hours=1)
# Hashed addresses are dropped after this long (services.clean_up).
CLIENT_HASH_DAYS = settings.CLIENT_HASH_DAYS


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
    quota = quota_of(owner)
    _check_jobs(owner, quota)
    _check_room(owner, quota)
    length_seconds = generation.length_seconds * generation.takes_asked
    who = {"guest": "A guest", "member": "A member"}.get(quota.role, "You")
    if length_seconds > quota.seconds_per_hour:
        fits = generation.length_seconds <= quota.seconds_per_hour
        sentence = f"{who} may ask for {_minutes(quota.seconds_per_hour)} of music an hour"
        raise ValidationError(
            {"takes": f"{sentence}, all takes together."} if fits else {"length_seconds": f"{sentence}."}
        )
    now = timezone.now()
    for generations, limit in _limits(owner, quota, now):
        over = _seconds_until_free(generations, limit - length_seconds, now)
        if over:
            one = {"guest": "one guest", "member": "one member"}.get(quota.role, "you")
            raise QuotaExceeded(
                f"That is more music than {one} may ask for in an hour. "
                f"Try a shorter piece{' or fewer takes' if generation.takes_asked > 1 else ''}, "
                f"or come back in {_minutes(over)}.",
                retry_after_seconds=over,
            )


def _check_jobs(owner: Owner, quota: Quota) -> None:
    if Generation.objects.owned_by(owner).unfinished().count() < quota.running_jobs:
        return
    pieces = "1 piece" if quota.running_jobs == 1 else f"{quota.running_jobs} pieces"
    raise QuotaExceeded(
        f"You have {pieces} in the making. Wait until one is finished, or cancel one.", retry_after_seconds=10
    )


def _check_room(owner: Owner, quota: Quota) -> None:
    if stored_bytes_left(owner):
        return
    raise QuotaExceeded(
        f"Your library is full: it holds {quota.stored_bytes // 2**20} MB. Remove pieces that you no longer need.",
        retry_after_seconds=3600,
    )


def _limits(owner: Owner, quota: Quota, now: datetime) -> list[tuple[GenerationQuerySet, int]]:
    """What counts in this hour, and how many seconds of music that may be: an owner's own, and for guests those of
    everybody behind their address."""
    recent = _recent(now)
    limits = [(recent.owned_by(owner), quota.seconds_per_hour)]
    if owner.is_guest:
        hashes = {client_hash(owner.client_address, day) for day in (now, now - HOUR)} - {""}
        limits.append((recent.filter(owner=None, client_hash__in=hashes), settings.ADDRESS_SECONDS_PER_HOUR))
    return limits


def seconds_left(owner: Owner) -> float:
    """Seconds of music that an owner may ask for now; the page says so before the limit is reached."""
    limits = _limits(owner, quota_of(owner), timezone.now())
    return max(0.0, min(limit - sum(map(_cost, generations)) for generations, limit in limits))


def seconds_this_hour(owner: Owner) -> float:
    """Seconds of music, all takes, that an owner asked for in the last hour."""
    return sum(_cost(generation) for generation in _recent(timezone.now()).owned_by(owner))


def _recent(now: datetime) -> GenerationQuerySet:
    return Generation.objects.filter(created_at__gt=now - HOUR).counted().oldest_first()


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
