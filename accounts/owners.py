"""Whose is it? An owner is a signed-in user or a guest; what is owned has the fields `owner` and `guest_key`."""

from dataclasses import dataclass, field
from typing import Self, TypeVar

from django.db import models
from django.http import HttpRequest

from accounts.guests import client_address, ensure_guest_key, guest_key
from accounts.models import User

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Owner:
    user: User | None = None
    guest_key: str | None = None
    # Where the request came from, for limits alone. Never stored as it is.
    client_address: str = field(default="", compare=False, repr=False)

    @property
    def is_guest(self) -> bool:
        return self.user is None

    @property
    def is_nobody(self) -> bool:
        """A visitor who has done nothing yet and so owns nothing."""
        return self.user is None and not self.guest_key


def owner_of(request: HttpRequest) -> Owner:
    """Who this request speaks for. It may be no one; a request that creates something uses `ensure_owner_of`."""
    if request.user.is_authenticated:
        return Owner(user=request.user, client_address=client_address(request))
    return Owner(guest_key=guest_key(request), client_address=client_address(request))


def ensure_owner_of(request: HttpRequest) -> Owner:
    """Who this request speaks for, with a guest key made now for a visitor who has none."""
    if not request.user.is_authenticated:
        ensure_guest_key(request)
    return owner_of(request)


class OwnedQuerySet(models.QuerySet[M]):
    def owned_by(self, owner: Owner) -> Self:
        if owner.user is not None:
            return self.filter(owner=owner.user)
        if owner.guest_key:
            return self.filter(owner=None, guest_key=owner.guest_key)
        return self.none()
