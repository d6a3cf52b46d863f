"""How much an owner may use: by role from the settings, by user if the admin area says otherwise."""

from dataclasses import dataclass

from django.conf import settings

from accounts.owners import Owner
from accounts.registry import registry


@dataclass(frozen=True, slots=True)
class Quota:
    """
    Attributes:
        seconds_per_hour: of music, all takes together.
        stored_bytes: of what is kept, drafts included.
        running_jobs: that wait or run at the same time.
    """

    role: str
    seconds_per_hour: int
    stored_bytes: int
    running_jobs: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What of a quota is used now; the names are those of `accounts.registry.measures`."""

    seconds_this_hour: float
    stored_bytes: int
    running_jobs: int


def role_of(owner: Owner) -> str:
    if owner.user is None:
        return "guest"
    return "staff" if owner.user.is_staff else "member"


def quota_of(owner: Owner) -> Quota:
    role = role_of(owner)
    prefix = role.upper()
    quota = Quota(
        role=role,
        seconds_per_hour=getattr(settings, f"{prefix}_SECONDS_PER_HOUR"),
        stored_bytes=getattr(settings, f"{prefix}_STORED_MB") * 2**20,
        running_jobs=getattr(settings, f"{prefix}_RUNNING_JOBS"),
    )
    user = owner.user
    if user is None:
        return quota

    def own(given: int | None, of_role: int) -> int:
        return of_role if given is None else given

    return Quota(
        role=role,
        seconds_per_hour=own(user.seconds_per_hour, quota.seconds_per_hour),
        stored_bytes=own(user.stored_bytes, quota.stored_bytes),
        running_jobs=own(user.running_jobs, quota.running_jobs),
    )


def usage_of(owner: Owner) -> Usage:
    return Usage(
        seconds_this_hour=_measured("seconds_this_hour", owner),
        stored_bytes=int(_measured("stored_bytes", owner)),
        running_jobs=int(_measured("running_jobs", owner)),
    )


def stored_bytes_left(owner: Owner) -> int:
    """How much more an owner may store; never below 0."""
    return max(0, quota_of(owner).stored_bytes - int(_measured("stored_bytes", owner)))


def _measured(name: str, owner: Owner) -> float:
    measure = registry.measures.get(name)
    return measure(owner) if measure and not owner.is_nobody else 0
