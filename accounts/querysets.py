"""Reads of accounts, as sentences."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.models import UserManager
from django.db import models
from django.db.models import Count, Q
from django.utils import timezone

from accounts.names import name_keys, shown_name

if TYPE_CHECKING:
    from accounts.models import (  # noqa: F401  named in the base classes
        ApiToken,
        DataExport,
        EmailChange,
        SecurityEvent,
        User,
    )


class MemberManager(UserManager["User"]):
    def by_name(self, name: str) -> "User | None":
        """Whose name this is, however it is written: as it is shown, else in other case, else with other spacing or
        letters that look the same."""
        shown = shown_name(name)
        users = self.filter(Q(username__iexact=shown) | Q(name_says=name_keys(shown).says))
        return min(
            users, key=lambda user: (user.username != shown, user.username.lower() != shown.lower()), default=None
        )

    def get_by_natural_key(self, username: str | None) -> "User":
        user = self.by_name(username or "")
        if user is None:
            raise self.model.DoesNotExist
        return user

    def of_alike_names(self, name: str) -> models.QuerySet["User"]:
        """Those whose names are this one, or could be taken for it."""
        says, looks = name_keys(name)
        return self.filter(Q(username__iexact=name) | Q(name_says=says) | Q(name_looks=looks))

    def deletion_asked(self) -> models.QuerySet["User"]:
        """Those whose owners want them gone, and who have not undone it."""
        return self.filter(is_active=False).exclude(deletion_requested_at=None)

    def deletion_due(self) -> models.QuerySet["User"]:
        before = timezone.now() - timedelta(days=settings.ACCOUNT_DELETION_DAYS)
        return self.deletion_asked().filter(deletion_requested_at__lte=before)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def of(self, user: "User") -> Self:
        return self.filter(user=user)

    def not_revoked(self) -> Self:
        return self.filter(revoked_at=None)

    def usable(self) -> Self:
        in_time = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.not_revoked().filter(in_time, user__is_active=True)


class DataExportQuerySet(models.QuerySet["DataExport"]):
    def of(self, user: "User") -> Self:
        return self.filter(user=user)

    def waiting(self) -> Self:
        return self.filter(status="waiting")

    def running(self) -> Self:
        return self.filter(status="running")

    def unfinished(self) -> Self:
        return self.filter(status__in=["waiting", "running"])

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "pk")

    def claimable(self) -> Self:
        return self.waiting().filter(claim_after__lte=timezone.now()).oldest_first()

    def of_claim(self, export: "DataExport") -> Self:
        """The row, as long as the worker that claimed this attempt still holds it."""
        return self.running().filter(pk=export.pk, worker_id=export.worker_id, attempts=export.attempts)

    def stale(self) -> Self:
        """Running, but their worker has written nothing for too long."""
        oldest = timezone.now() - timedelta(seconds=settings.GENERATION_STALE_SECONDS)
        return self.running().filter(heartbeat_at__lt=oldest)

    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())

    def asked_since(self, when: datetime) -> Self:
        return self.filter(created_at__gt=when)


class DataExportManager(models.Manager.from_queryset(DataExportQuerySet)):  # type: ignore[misc]
    """Those that are there: one that was removed is a row that counts, and nothing else."""

    def get_queryset(self) -> DataExportQuerySet:
        return DataExportQuerySet(self.model, using=self._db).filter(removed_at=None)


class SecurityEventQuerySet(models.QuerySet["SecurityEvent"]):
    def of(self, user: "User") -> Self:
        return self.filter(user=user)

    def of_nobody(self) -> Self:
        return self.filter(user=None)

    def failures(self) -> Self:
        return self.filter(kind__in=["sign_in_failed", "limit"])

    def users_with_more_than(self, at_most: int) -> list[int]:
        """Keys of the members who have more of these events."""
        counted = self.exclude(user=None).order_by().values("user").annotate(rows=Count("pk"))
        return list(counted.filter(rows__gt=at_most).values_list("user", flat=True))

    def expired(self) -> Self:
        return self.filter(created_at__lte=timezone.now() - timedelta(days=settings.SECURITY_EVENT_DAYS))


class EmailChangeQuerySet(models.QuerySet["EmailChange"]):
    def of(self, user: "User") -> Self:
        return self.filter(user=user)

    def undoable(self) -> Self:
        return self.filter(closed_at=None, changed_at__gt=timezone.now() - timedelta(days=settings.EMAIL_UNDO_DAYS))

    def expired(self) -> Self:
        return self.filter(changed_at__lte=timezone.now() - timedelta(days=settings.EMAIL_UNDO_DAYS))
