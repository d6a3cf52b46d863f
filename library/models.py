import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.owners import OwnedQuerySet, Owner


class PieceQuerySet(OwnedQuerySet["Piece"]):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def not_expired(self) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))

    def kept(self) -> Self:
        """Without drafts, the takes that nobody has chosen yet."""
        return self.filter(is_draft=False)

    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())

    def visible_to(self, owner: Owner) -> Self:
        """Own pieces and the examples that everyone may hear."""
        return (self.owned_by(owner) | self.examples()).not_expired()

    def examples(self) -> Self:
        return self.filter(is_example=True)


class Piece(models.Model):
    """A stored piece of music: its MIDI file, the facts about it, and where it came from."""

    class Kind(models.TextChoices):
        """How a piece came to be: from nothing, or from another piece, `source_piece`."""

        NEW = "new", "New"
        CONTINUE = "continue", "Goes on from the end of another piece"
        VARY = "vary", "Begins as another piece does"
        ANOTHER = "another", "Another like one"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="pieces"
    )
    guest_key = models.CharField(max_length=64, blank=True, db_index=True)

    title = models.CharField(max_length=200)
    genre = models.SlugField()
    genre_name = models.CharField(max_length=100)
    ensemble = models.SlugField(help_text="Key of the ensemble in its bundle.")
    ensemble_name = models.CharField(max_length=100)
    voices = models.JSONField(default=list, help_text="One {name, program (0-based), is_drum} a voice, in track order.")
    length_seconds = models.FloatField()
    notes_count = models.PositiveIntegerField()
    qpm = models.FloatField(null=True, blank=True, help_text="Empty where the music stands off the grid.")
    key = models.CharField(max_length=30, blank=True, help_text="Such as C minor; empty where none was set.")
    params = models.JSONField(default=dict, blank=True, help_text="What was chosen, to ask for another like it.")
    facts = models.JSONField(
        default=dict, blank=True, help_text="What was measured of it: {sentences, originality, figures}."
    )

    seed = models.BigIntegerField()
    temperature = models.FloatField()
    top_p = models.FloatField()
    bundle_name = models.CharField(max_length=200)
    bundle_sha256 = models.CharField(max_length=64)
    runtime = models.CharField(max_length=50)

    midi = models.FileField(max_length=200)
    size_bytes = models.PositiveIntegerField()
    is_example = models.BooleanField(default=False)
    is_draft = models.BooleanField(default=False, help_text="One of several takes that its owner has not kept.")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.NEW)
    source_piece = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="descendants"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True, help_text="Set for guests and drafts.")

    objects = PieceQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="piece_owner_newest"),
            models.Index(fields=["guest_key", "-created_at"], name="piece_guest_newest"),
            models.Index(fields=["-created_at"], condition=Q(is_example=True), name="piece_examples"),
        ]

    def __str__(self) -> str:
        return self.title
