"""How much an owner may ask for, by role (`accounts.quotas`). Guests are known by their key and, against cleared
cookies, by their address."""

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.guests import client_network
from accounts.locks import lock
from accounts.owners import Owner
from accounts.quotas import Quota, quota_of, stored_bytes_left
from generator.errors import QuotaExceeded
from generator.models import Generation
from generator.querysets import GenerationQuerySet

HOUR = timedelta(hours=1)


def client_hash(address: str, when: datetime) -> str:
    """An address hashed with a key of the day, so that no list of addresses can be read back. Empty for no address."""
    network = client_network(address)
    if not network:
        return ""
    return salted_hmac(f"generator.client.{when:%Y-%m-%d}", network, algorithm="sha256").hexdigest()


def quota_lock(owner: Owner) -> None:
    """Lets the requests that share a limit pass one after another until the transaction ends."""
    of_owner = f"owner {owner.user.pk}" if owner.user else f"guest {owner.guest_key}"
    of_address = f"address {client_hash(owner.client_address, timezone.now())}" if owner.is_guest else ""
    lock(*(f"generator.quota {name}" for name in (of_owner, of_address) if name))


def quota_check(owner: Owner, generation: Generation) -> None:
    """Raises QuotaExceeded, or ValidationError for a job that would not even fit an empty hour."""
    quota = quota_of(owner)
    _check_jobs(owner, quota)
    _check_room(owner, quota)
    length_seconds = generation.length_seconds * generation.takes_asked
    who = {"guest": "A guest", "member": "A member"}.get(quota.role, "You")
    if length_seconds > quota.seconds_per_hour:
        fits = generation.length_seconds <= quota.seconds_per_hour
        sentence = f"{who} can generate {_minutes(quota.seconds_per_hour)} of music per hour"
        raise ValidationError(
            {"takes": f"{sentence}, counting all takes."} if fits else {"length_seconds": f"{sentence}."}
        )
    now = timezone.now()
    one = {"guest": "one guest", "member": "one member"}.get(quota.role, "you")
    shorter = f"Try a shorter piece{' or fewer takes' if generation.takes_asked > 1 else ''}"
    for generations, limit in _limits(owner, quota, now):
        over = _seconds_until_free(generations, limit - length_seconds, now)
        if over:
            raise QuotaExceeded(
                f"That is more music than {one} can generate per hour. {shorter}, or come back in {_minutes(over)}.",
                retry_after_seconds=over,
            )
    if owner.is_guest:
        _check_all_guests(length_seconds, shorter, now)


def _check_all_guests(length_seconds: float, shorter: str, now: datetime) -> None:
    """What all guests of the site ask for together, wherever they come from. The last lock that anybody takes."""
    lock("generator.quota all guests")
    over = _seconds_until_free(_of_guests(now), settings.GUESTS_SECONDS_PER_HOUR - length_seconds, now)
    if over:
        raise QuotaExceeded(
            f"Visitors without an account have used up this site's music for this hour. {shorter}, "
            f"come back in {_minutes(over)}, or sign up.",
            retry_after_seconds=over,
        )


def _check_jobs(owner: Owner, quota: Quota) -> None:
    if Generation.objects.owned_by(owner).unfinished().count() < quota.running_jobs:
        return
    pieces = "1 piece" if quota.running_jobs == 1 else f"{quota.running_jobs} pieces"
    raise QuotaExceeded(
        f"You already have {pieces} in progress. Wait until one finishes, or cancel one.", retry_after_seconds=10
    )


def _check_room(owner: Owner, quota: Quota) -> None:
    if stored_bytes_left(owner):
        return
    raise QuotaExceeded(
        f"Your library is full ({quota.stored_bytes // 2**20} MB). Delete pieces you no longer need.",
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
    now = timezone.now()
    limits = _limits(owner, quota_of(owner), now)
    if owner.is_guest:
        limits.append((_of_guests(now), settings.GUESTS_SECONDS_PER_HOUR))
    return max(0.0, min(limit - generations.seconds_counted() for generations, limit in limits))


def seconds_this_hour(owner: Owner) -> float:
    """Seconds of music, all takes, that an owner asked for in the last hour."""
    return _recent(timezone.now()).owned_by(owner).seconds_counted()


def _recent(now: datetime) -> GenerationQuerySet:
    return Generation.objects.filter(created_at__gt=now - HOUR).counted().oldest_first()


def _of_guests(now: datetime) -> GenerationQuerySet:
    return _recent(now).filter(owner=None)


def _seconds_until_free(generations: GenerationQuerySet, allowed: float, now: datetime) -> int:
    """How long until what was asked for in the last hour is at most `allowed` seconds of music; 0 when it is now."""
    used = generations.seconds_counted()
    if used <= allowed:
        return 0
    for created_at, cost in generations.with_cost().values_list("created_at", "cost"):  # type: ignore[misc]
        used -= cost
        if used <= allowed:
            return max(1, math.ceil((created_at + HOUR - now).total_seconds()))
    return math.ceil(HOUR.total_seconds())


def _minutes(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
