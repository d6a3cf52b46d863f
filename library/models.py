"""Pieces, and what their owners do with them: tags, collections, ratings, links to share, sound files."""

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from library.querysets import (
    CollectionQuerySet,
    PieceQuerySet,
    RenderingQuerySet,
    ShareLinkQuerySet,
    TagQuerySet,
)

MAX_TITLE = 200
MAX_COMMENT = 10_000
MAX_TAG = 50


class Tag(models.Model):
    """A word that a member puts on pieces to find them again."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=MAX_TAG)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("owner", Lower("name"), name="one_tag_a_name")]

    def __str__(self) -> str:
        return self.name


class Piece(models.Model):
    """A stored piece of music: its MIDI file, the facts about it, and where it came from.

    It is a draft until its owner keeps it. Drafts expire, and so do all pieces of guests; what is in the trash is
    removed after TRASH_DAYS.
    """

    class Kind(models.TextChoices):
        """How a piece came to be: from nothing, or from another piece, `source_piece`."""

        NEW = "new", "From scratch"
        CONTINUE = "continue", "Continues another piece"
        VARY = "vary", "Varies another piece"
        ANOTHER = "another", "Similar to another piece"
        UPLOAD = "upload", "Uploaded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="pieces"
    )
    guest_key = models.CharField(max_length=64, blank=True, db_index=True)

    title = models.CharField(max_length=MAX_TITLE)
    comment = models.TextField(
        blank=True, validators=[MaxLengthValidator(MAX_COMMENT)], help_text="The owner's comments."
    )
    is_favourite = models.BooleanField(default=False)
    rating = models.SmallIntegerField(
        default=0, help_text="The owner's rating: -1, 0 (none) or 1. Ratings by others are stored as Ratings."
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="pieces")
    search_text = models.TextField(blank=True, editable=False, help_text="Words from the title, tags and comments.")
    trashed_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(
        default=1,
        editable=False,
        help_text="Increases with every change by the owner, so that no change overwrites another unseen.",
    )

    genre = models.SlugField(blank=True, help_text="Empty for an uploaded piece.")
    genre_name = models.CharField(max_length=100)
    ensemble = models.SlugField(blank=True, help_text="Key of the ensemble in its bundle.")
    ensemble_name = models.CharField(max_length=100, blank=True)
    style = models.SlugField(blank=True)
    style_name = models.CharField(max_length=100, blank=True)
    voices = models.JSONField(default=list, help_text="One {name, program (0-based), is_drum} a voice, in track order.")
    length_seconds = models.FloatField()
    notes_count = models.PositiveIntegerField()
    qpm = models.FloatField(null=True, blank=True, help_text="Empty if the music is not on a grid.")
    key = models.CharField(max_length=30, blank=True, help_text="For example C minor; empty if none was set.")
    metre = models.CharField(max_length=10, blank=True, help_text="For example 4/4; empty if there is no grid.")
    bars = models.PositiveIntegerField(null=True, blank=True)
    roll = models.JSONField(
        default=list,
        blank=True,
        help_text="A small picture of the notes: at most 300 [x, y, width], x and width in 240ths of the length, "
        "y from 0, its lowest note, to 31.",
    )
    params = models.JSONField(default=dict, blank=True, help_text="The chosen settings, to make a similar piece.")
    facts = models.JSONField(
        default=dict, blank=True, help_text="What was measured: {sentences, originality, figures}."
    )

    seed = models.BigIntegerField(
        null=True, blank=True, help_text="This and the next fields are empty for an uploaded piece."
    )
    temperature = models.FloatField(null=True, blank=True)
    top_p = models.FloatField(null=True, blank=True)
    bundle_name = models.CharField(max_length=200, blank=True)
    bundle_sha256 = models.CharField(max_length=64, blank=True)
    runtime = models.CharField(max_length=50, blank=True)

    midi = models.FileField(max_length=200)
    size_bytes = models.PositiveIntegerField()
    file_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Checksum of the MIDI file, to recognize duplicates."
    )
    file_name = models.CharField(max_length=200, blank=True, help_text="Name of the uploaded file.")
    is_example = models.BooleanField(default=False)
    is_draft = models.BooleanField(default=False, help_text="Not kept by the owner yet.")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.NEW)
    source_piece = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="descendants"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(
        null=True, blank=True, db_index=True, help_text="Set for guests' pieces and drafts."
    )

    objects = PieceQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            # Each order in which a library can be listed, and the trash.
            models.Index(
                fields=["owner", "-created_at", "-id"], condition=Q(trashed_at=None), name="piece_owner_newest"
            ),
            models.Index("owner", Lower("title"), "id", condition=Q(trashed_at=None), name="piece_owner_title"),
            models.Index(
                fields=["owner", "length_seconds", "id"], condition=Q(trashed_at=None), name="piece_owner_length"
            ),
            models.Index(fields=["owner", "qpm", "id"], condition=Q(trashed_at=None), name="piece_owner_qpm"),
            models.Index(fields=["owner", "-trashed_at"], condition=~Q(trashed_at=None), name="piece_owner_trash"),
            models.Index(fields=["trashed_at"], condition=~Q(trashed_at=None), name="piece_trash"),
            models.Index(fields=["owner", "file_sha256"], name="piece_owner_file"),
            models.Index(
                fields=["guest_key", "-created_at", "-id"], condition=~Q(guest_key=""), name="piece_guest_newest"
            ),
            models.Index(fields=["-created_at"], condition=Q(is_example=True), name="piece_examples"),
            # Those of older versions, whose facts are still to be found out: mostly none.
            models.Index(fields=["-created_at", "-id"], condition=Q(file_sha256=""), name="piece_without_facts"),
            # What a library offers to filter by, and how many drafts it holds: read from the index alone where the
            # database can (PostgreSQL), as rows are wide.
            models.Index(
                fields=["owner", "genre", "ensemble", "style", "key"],
                include=["genre_name", "ensemble_name", "style_name", "is_draft", "expires_at"],
                condition=Q(trashed_at=None),
                name="piece_owner_facets",
            ),
            # On PostgreSQL there is one more, piece_search (migration 0004), for the words of search_text.
        ]
        constraints = [
            models.CheckConstraint(condition=Q(rating__gte=-1, rating__lte=1), name="piece_rating_is_a_thumb"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_upload(self) -> bool:
        return self.kind == self.Kind.UPLOAD

    @property
    def playing_voices(self) -> list[dict[str, Any]]:
        """The voices without those that were turned off, which stay in `voices` because notes name theirs by number."""
        off = self.params.get("voices_off") or ()
        return [voice for voice in self.voices if voice.get("part") not in off]


class Collection(models.Model):
    """A member's playlist of pieces, in any order; a piece can be in several."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="collections")
    title = models.CharField(max_length=MAX_TITLE)
    description = models.TextField(blank=True, validators=[MaxLengthValidator(MAX_COMMENT)])
    pieces = models.ManyToManyField(Piece, through="CollectionItem", related_name="collections")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]
        indexes = [models.Index(fields=["owner", "title"], name="collection_owner_title")]

    def __str__(self) -> str:
        return self.title


class CollectionItem(models.Model):
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="items")
    piece = models.ForeignKey(Piece, on_delete=models.CASCADE, related_name="collection_items")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["collection", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["collection", "piece"], name="once_in_a_collection")]
        indexes = [models.Index(fields=["collection", "position"], name="collection_order")]

    def __str__(self) -> str:
        return f"{self.piece_id} in {self.collection_id}"


class Rating(models.Model):
    """What one person, a member or a guest, thinks of a piece. The owner's own stands on the piece too."""

    piece = models.ForeignKey(Piece, on_delete=models.CASCADE, related_name="ratings")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="ratings"
    )
    guest_key = models.CharField(max_length=64, blank=True, db_index=True)
    value = models.SmallIntegerField(choices=[(-1, "Thumb down"), (1, "Thumb up")])
    rated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["piece", "user"], condition=~Q(user=None), name="one_rating_a_member"),
            models.UniqueConstraint(fields=["piece", "guest_key"], condition=Q(user=None), name="one_rating_a_guest"),
            models.CheckConstraint(condition=Q(value__in=[-1, 1]), name="rating_is_a_thumb"),
        ]

    def __str__(self) -> str:
        return f"{self.value:+d} for {self.piece_id}"


def new_share_token() -> str:
    """32 characters that fit an address: 192 random bits."""
    return secrets.token_urlsafe(24)


class ShareLink(models.Model):
    """A link with which anyone can play and download one piece."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    piece = models.ForeignKey(Piece, on_delete=models.CASCADE, related_name="share_links")
    token = models.CharField(max_length=64, unique=True, default=new_share_token, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    views_count = models.PositiveIntegerField(default=0)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"link to {self.piece_id}"


class Rendering(models.Model):
    """A piece as a sound file, and the job that makes it. This row is the truth; any worker may do it.

        queued ──claim──▶ running ──file stored──▶ succeeded
          ▲ │               │ │ └──error, or three workers lost──▶ failed ──asked again──▶ queued
          │ └──cancel──▶ cancelled ◀──cancel asked
          └─────────────────┘
            worker lost (stale heartbeat)

    Every arrow is one conditional UPDATE; a claim is the pair (worker_id, attempts), as for a Generation.
    """

    class Format(models.TextChoices):
        WAV = "wav", "WAV"
        MP3 = "mp3", "MP3"
        OGG = "ogg", "OGG Vorbis"

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    piece = models.ForeignKey(Piece, on_delete=models.CASCADE, related_name="renderings")
    format = models.CharField(max_length=4, choices=Format.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    share = models.FloatField(default=0, help_text="Progress from 0 to 1.")
    error_message = models.CharField(max_length=500, blank=True, help_text="One sentence for the user.")
    file = models.FileField(max_length=200, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(default=timezone.now, help_text="Audio files that nobody downloads are removed.")

    objects = RenderingQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["piece", "format"], name="one_rendering_a_format")]
        indexes = [
            models.Index(fields=["status", "created_at"], name="rendering_queue"),
            models.Index(fields=["used_at"], name="rendering_used"),
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.piece_id} ({self.status})"

    @property
    def is_finished(self) -> bool:
        return self.status not in (self.Status.QUEUED, self.Status.RUNNING)
