"""Members, and what belongs to an account alone: tokens, its activity, exports of its data, the site's own texts."""

import uuid
from collections.abc import Collection
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Upper
from django.utils import timezone

from accounts.names import MAX_CODE_POINTS, MAX_KEY, OF_ONE_ROW, RULES, TAKEN, name_check, name_keys, shown_name
from accounts.querysets import (
    ApiTokenQuerySet,
    DataExportManager,
    DataExportQuerySet,
    EmailChangeQuerySet,
    MemberManager,
    SecurityEventQuerySet,
)

LIMIT_HELP = "Leave empty to use the default for this role."


class User(AbstractUser):
    """A member or an admin. Our own class from the first migration on, so that it can grow.

    An account that its owner wants deleted is not active and has `deletion_requested_at`; nobody can use it and others
    see nothing of it. It is removed after ACCOUNT_DELETION_DAYS, and until then its owner may undo it.
    """

    username = models.CharField(
        "username",
        max_length=MAX_CODE_POINTS,
        unique=True,
        validators=[name_check],
        help_text=RULES,
        error_messages={"unique": TAKEN},
    )
    # What no two names may share (accounts.names). Null while an older release has made the row.
    name_says = models.CharField(max_length=MAX_KEY + 30, unique=True, null=True, editable=False)
    name_looks = models.CharField(max_length=MAX_KEY + 30, unique=True, null=True, editable=False)
    seconds_per_hour = models.PositiveIntegerField(
        "seconds of music an hour", null=True, blank=True, help_text=LIMIT_HELP
    )
    stored_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text=LIMIT_HELP)
    running_jobs = models.PositiveSmallIntegerField(
        "pieces in progress at once", null=True, blank=True, help_text=LIMIT_HELP
    )
    deletion_requested_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[MemberManager] = MemberManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            # As iexact compares, so that it finds a name by this index.
            models.UniqueConstraint(
                Upper("username"),
                name="one_user_a_name_in_any_case",
                violation_error_message=TAKEN,
            ),
        ]
        indexes = [
            models.Index(
                fields=["deletion_requested_at"],
                condition=~models.Q(deletion_requested_at=None),
                name="user_deletion",
            ),
        ]

    @classmethod
    def normalize_username(cls, username: str) -> str:
        # None where a form of the administration has found it wrong already.
        return shown_name(username) if isinstance(username, str) else username

    @property
    def name_is_new(self) -> bool:
        """Whether the name is another than the one that is stored; one that is stays, whatever the rules are now."""
        says, looks = name_keys(self.username or "")
        return (_held(self.name_says), _held(self.name_looks)) != (says, looks)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        super().clean_fields(exclude=[*(exclude or ()), *(() if self.name_is_new else ("username",))])

    def clean(self) -> None:
        super().clean()
        if (
            self.username
            and self.name_is_new
            and type(self).objects.of_alike_names(self.username).exclude(pk=self.pk).exists()
        ):
            raise ValidationError({"username": TAKEN})

    def save(self, *args: Any, **kwargs: Any) -> None:
        written = kwargs.get("update_fields")
        if (written is None or "username" in written) and self.name_is_new:
            self.name_says, self.name_looks = name_keys(self.username)
            if written is not None:
                kwargs["update_fields"] = {*written, "name_says", "name_looks"}
        super().save(*args, **kwargs)


def _held(key: str | None) -> str | None:
    """What a key says, where it is not the first with it."""
    return key and key.partition(OF_ONE_ROW)[0]


class GuestHandOver(models.Model):
    """A guest who has become a member: whatever the guest's last requests still make belongs to the member too.

    Kept for a day. The row also lets two hand-overs of one guest pass one after another.
    """

    guest_key = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    handed_over_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"a guest who became {self.user_id}"


class ApiToken(models.Model):
    """A personal key to the API. Shown once, when it is made; kept as a hash."""

    class Scope(models.TextChoices):
        READ = "read", "Read: list, hear and download"
        WRITE = "write", "Write: compose, change and delete"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What the token is for.")
    prefix = models.CharField(max_length=16, help_text="How the token starts.")
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token.")
    scopes = models.JSONField(default=list, help_text='A list of "read" and "write".')
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class SecurityEvent(models.Model):
    """Something that touches the safety of an account. Its member sees it as recent activity; no secret is in it.

    Without a user: an attempt with a name that nobody has, or one that was stopped before a name was looked at.
    """

    class Kind(models.TextChoices):
        SIGN_IN = "sign_in", "Signed in"
        SIGN_IN_FAILED = "sign_in_failed", "Failed sign-in"
        LIMIT = "limit", "Too many attempts"
        TOKEN_MADE = "token_made", "API token created"
        TOKEN_REMOVED = "token_removed", "API token revoked"
        TOKENS_ENDED = "tokens_ended", "API tokens revoked"
        EMAIL_ASKED = "email_asked", "Email change requested"
        EMAIL_CHANGED = "email_changed", "Email changed"
        EMAIL_REMOVED = "email_removed", "Email removed"
        EMAIL_UNDONE = "email_undone", "Email change undone"
        PASSWORD_CHANGED = "password_changed", "Password changed"
        PASSWORD_RESET = "password_reset", "Password reset"
        FACTOR_ADDED = "factor_added", "Sign-in method added"
        FACTOR_REMOVED = "factor_removed", "Sign-in method removed"
        CODES_MADE = "codes_made", "New recovery codes"
        SESSIONS_ENDED = "sessions_ended", "Signed out elsewhere"
        ROLE = "role", "Permissions changed"
        EXPORT_ASKED = "export_asked", "Data export requested"
        EXPORT_TAKEN = "export_taken", "Data export downloaded"
        DELETION_ASKED = "deletion_asked", "Account deletion requested"
        DELETION_UNDONE = "deletion_undone", "Account deletion undone"

    # Without a constraint the release before, which knows no such rows, can still delete a user.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="security_events",
    )
    kind = models.CharField(max_length=30, choices=Kind.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    address_hash = models.CharField(max_length=32, blank=True, help_text="Keyed hash of the network address.")
    device = models.CharField(max_length=100, blank=True, help_text='In words, such as "Firefox on Windows".')
    detail = models.CharField(max_length=200, blank=True)

    objects = SecurityEventQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="event_user"),
            models.Index(fields=["created_at"], name="event_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.created_at:%Y-%m-%d %H:%M})"


class EmailChange(models.Model):
    """A proven address that is no longer the account's. Its owner can have it back for EMAIL_UNDO_DAYS."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_constraint=False, related_name="email_changes"
    )
    old_email = models.EmailField()
    new_email = models.EmailField(blank=True, help_text="Empty if the address was removed.")
    changed_at = models.DateTimeField(default=timezone.now, db_index=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="When it was undone.")

    objects = EmailChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-changed_at", "-pk"]

    def __str__(self) -> str:
        return f"address of user {self.user_id}, changed {self.changed_at:%Y-%m-%d}"


class DataExport(models.Model):
    """Everything of one account as a zip file, and the job that makes it. This row is the truth; any worker may do it.

        waiting ──claim──▶ running ──file stored──▶ ready ──after 7 days──▶ (removed)
          ▲ │                │ │ └──error, or three workers lost──▶ failed
          │ └─stop─▶ stopped │ └──stop asked──▶ stopped
          └──────────────────┘
            worker lost (stale heartbeat) or ended, or storage away

    Every arrow is one conditional UPDATE; a claim is the pair (worker_id, attempts).
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "In progress"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        STOPPED = "stopped", "Stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="data_exports")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    share = models.FloatField(default=0, help_text="How much is done, 0 to 1.")
    message = models.CharField(max_length=500, blank=True, help_text="Why it failed or stopped.")
    file = models.FileField(max_length=200, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    claim_after = models.DateTimeField(default=timezone.now, help_text="While waiting: not before this time.")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)
    # The file is gone and nobody sees the row any more; it counts towards the exports of its day.
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = DataExportManager()
    with_removed = DataExportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="export_user"),
            models.Index(
                fields=["created_at"], condition=models.Q(status__in=["waiting", "running"]), name="export_queue"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(status__in=["waiting", "running"]),
                name="one_unfinished_export_a_user",
            ),
        ]

    def __str__(self) -> str:
        return f"export of user {self.user_id} ({self.status})"

    @property
    def is_finished(self) -> bool:
        return self.status not in (self.Status.WAITING, self.Status.RUNNING)

    @property
    def is_downloadable(self) -> bool:
        in_time = self.expires_at is not None and self.expires_at > timezone.now()
        return self.status == self.Status.READY and bool(self.file) and in_time


class SiteText(models.Model):
    """A page that an admin writes: privacy, terms, contact."""

    class Slug(models.TextChoices):
        PRIVACY = "privacy", "Privacy"
        TERMS = "terms", "Terms"
        CONTACT = "contact", "Contact"

    slug = models.CharField("page", max_length=20, choices=Slug.choices, unique=True)
    text = models.TextField(
        blank=True,
        help_text="Plain text. Leave an empty line between paragraphs. Start a heading with ## and a list item with -. "
        "Web addresses become links. Leave empty to show the default text.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.get_slug_display()
