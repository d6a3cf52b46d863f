"""Genres and their models, and the jobs that compose with them."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from generator.querysets import BundleUploadQuerySet, GenerationQuerySet, GenreQuerySet, WorkerBeatQuerySet
from library.models import Piece

MAX_TAKES = 4

# A worker writes that it lives every WORKER_BEAT_SECONDS; after WORKER_ALIVE_SECONDS of silence it counts as gone.
WORKER_BEAT_SECONDS = 3
WORKER_ALIVE_SECONDS = 12


class Genre(models.Model):
    """What a visitor chooses first. The active model is the one that composes."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order on the page, smallest first.")
    active_model = models.ForeignKey(
        "GenreModel", on_delete=models.SET_NULL, null=True, blank=True, related_name="active_in"
    )

    objects = GenreQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class GenreModel(models.Model):
    """One version of a genre's model, made from a bundle."""

    class Status(models.TextChoices):
        READY = "ready", "Ready"
        RETIRED = "retired", "Retired"

    genre = models.ForeignKey(Genre, on_delete=models.CASCADE, related_name="models")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, unique=True)
    bundle = models.FileField(max_length=200)
    manifest = models.JSONField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.READY)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["genre", "-version"]
        constraints = [models.UniqueConstraint(fields=["genre", "version"], name="one_version_a_genre")]

    def __str__(self) -> str:
        return self.name


class Generation(models.Model):
    """One request for music and the job that fulfils it. This row is the truth; Celery only delivers its id.

        queued ──claim──▶ running ──piece stored──▶ succeeded
          ▲  │               │ │ │
          │  │ cancel        │ │ └──cancel asked, seen between two chunks──▶ cancelled ◀── (queued, cancel)
          │  └──▶ cancelled  │ └────permanent error, deadline, third attempt lost──▶ failed
          └──────────────────┘
            worker lost (stale heartbeat) or transient error, at most GENERATION_MAX_ATTEMPTS attempts

    Every arrow is one conditional UPDATE, so of two processes that try the same one, one does nothing. A claim is the
    pair (worker_id, attempts): a worker that was taken for dead and comes back no longer holds it and stops.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Start(models.TextChoices):
        """What of `primer` the music starts from."""

        NOTHING = "", "Nothing"
        FILE = "file", "The end of a MIDI file of the user's own"
        CONTINUE = "continue", "The end of a piece, which is kept whole"
        VARY = "vary", "The beginning of a piece"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="generations"
    )
    guest_key = models.CharField(max_length=64, blank=True, db_index=True)
    client_hash = models.CharField(
        max_length=64,
        blank=True,
        db_index=True,
        help_text="The guest's address, hashed with a key of the day; for limits.",
    )
    form_token = models.CharField(
        max_length=64, null=True, blank=True, unique=True, help_text="Makes a form that is sent twice one job."
    )

    genre = models.ForeignKey(Genre, on_delete=models.CASCADE, related_name="generations")
    genre_model = models.ForeignKey(
        GenreModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="generations"
    )
    params = models.JSONField(help_text="What the user chose, by the names of generator.params.PARAMS.")
    length_seconds = models.FloatField(validators=[MinValueValidator(1), MaxValueValidator(3600)])
    seed = models.BigIntegerField(validators=[MinValueValidator(0), MaxValueValidator(2**63 - 1)])
    takes_asked = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MAX_TAKES)]
    )
    runtime = models.CharField(max_length=50, blank=True)
    bundle_sha256 = models.CharField(max_length=64, blank=True)

    kind = models.CharField(max_length=10, choices=Piece.Kind.choices, default=Piece.Kind.NEW)
    source_piece = models.ForeignKey(
        Piece, on_delete=models.SET_NULL, null=True, blank=True, related_name="descendant_generations"
    )
    start = models.CharField(max_length=10, choices=Start.choices, default=Start.NOTHING, blank=True)
    primer = models.FileField(
        max_length=200, blank=True, help_text="The MIDI file it starts from, a copy where that is a piece of ours."
    )
    keep_primer = models.BooleanField(default=False, help_text="Whether the result begins with the primer.")
    kept_seconds = models.FloatField(
        default=0, help_text="Of a piece that is continued: its length, which comes before length_seconds of new music."
    )

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker claimed it.")
    seconds_composed = models.FloatField(default=0)
    error_code = models.SlugField(blank=True)
    error_message = models.CharField(max_length=500, blank=True, help_text="One sentence for the user.")
    worker_id = models.CharField(max_length=100, blank=True)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deliver_after = models.DateTimeField(
        default=timezone.now, help_text="While queued: a worker that is idle after this time sends the message again."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(
        null=True, blank=True, help_text="When its owner took it off the list of requests."
    )

    objects = GenerationQuerySet.as_manager()

    # Set by generation_create when the form token had been used: this is the job made the first time.
    is_repeat = False

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["status", "created_at"], name="generation_queue"),
            models.Index(fields=["created_at"], condition=~Q(client_hash=""), name="generation_addresses"),
            models.Index(fields=["owner", "-created_at", "-id"], name="generation_owner_newest"),
            models.Index(
                fields=["guest_key", "-created_at", "-id"], condition=~Q(guest_key=""), name="generation_guest_newest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.genre} {self.length_seconds:g} s ({self.status})"

    @property
    def total_seconds(self) -> float:
        """How long the result will be."""
        return self.kept_seconds + self.length_seconds

    @property
    def is_finished(self) -> bool:
        return self.status not in (self.Status.QUEUED, self.Status.RUNNING)

    @property
    def piece(self) -> Piece | None:
        """The piece that came out of it, once it has succeeded; None where several takes wait to be chosen from."""
        takes = list(self.takes.select_related("piece")[:2])
        return takes[0].piece if len(takes) == 1 else None

    @property
    def queue_position(self) -> int | None:
        """1 for the job that is served next; None once it runs or is finished."""
        if self.status != self.Status.QUEUED:
            return None
        return Generation.objects.queued().before(self).count() + 1


class Take(models.Model):
    """One candidate of a generation, with what the critic says of it; its piece is a draft until it is kept.

    Take 0 plays live while it is composed. Where it proves broken it stays, and what was composed instead, of the same
    index and a later attempt, stands beside it with `replaces_heard`. Other broken takes were heard by nobody: only the
    last attempt at them is stored. The piece is empty once it was removed.
    """

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="takes")
    index = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    seed = models.BigIntegerField()
    rank = models.PositiveSmallIntegerField(null=True, blank=True, help_text="1 for the best; empty while unranked.")
    score = models.FloatField(null=True, blank=True)
    faults = models.JSONField(default=list, blank=True, help_text="A sentence for each thing that makes it broken.")
    replaces_heard = models.BooleanField(default=False, help_text="Composed again after take 0 had proved broken.")
    piece = models.OneToOneField(Piece, on_delete=models.SET_NULL, null=True, blank=True, related_name="take")

    class Meta:
        ordering = ["generation", "rank", "index", "attempt"]
        constraints = [
            models.UniqueConstraint(fields=["generation", "index", "attempt"], name="one_take_an_index_and_attempt")
        ]

    def __str__(self) -> str:
        return f"take {self.index} of {self.generation_id}"

    @property
    def is_broken(self) -> bool:
        return bool(self.faults)


class NoteChunk(models.Model):
    """Notes of a take, appended while the rest is still being composed, for the page to draw and play.

    Kept for NOTE_CHUNK_KEEP_SECONDS after the job has finished, so that a page which polls twice a second never
    misses the last ones.
    """

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="note_chunks")
    take = models.PositiveSmallIntegerField(default=0)
    index = models.PositiveIntegerField()
    notes = models.JSONField(help_text="[[pitch, velocity, start_ms, end_ms, voice], ...]")

    class Meta:
        ordering = ["generation", "take", "index"]
        constraints = [models.UniqueConstraint(fields=["generation", "take", "index"], name="one_note_chunk_an_index")]

    def __str__(self) -> str:
        return f"notes {self.index} of {self.generation_id}"


class WorkerBeat(models.Model):
    """A worker process that lives, so that a page can say when it waits for one."""

    worker_id = models.CharField(primary_key=True, max_length=100)
    hostname = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, db_index=True)
    composes = models.BooleanField(default=True, help_text="Not one that only renders or tidies up.")

    objects = WorkerBeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.worker_id


class Activation(models.Model):
    """One entry of the history of what composed a genre. The newest that is not undone says what composes now; the
    one before it is what the genre returns to.
    """

    genre = models.ForeignKey(Genre, on_delete=models.CASCADE, related_name="activations")
    genre_model = models.ForeignKey(GenreModel, on_delete=models.CASCADE, related_name="activations")
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    activated_at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True, help_text="When the genre returned to an earlier model.")

    class Meta:
        ordering = ["genre", "-activated_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.genre_model_id} for {self.genre_id}"


class BundleUpload(models.Model):
    """A bundle that somebody uploaded, and the check of it. This row is the truth; any worker may do the check.

        waiting ──claim──▶ checking ──sound──▶ ready (a genre model)
          ▲ │                │ │ └──not sound, or three workers lost──▶ rejected
          │ └─stop─▶ stopped │ └──stop asked──▶ stopped
          └──────────────────┘
            worker lost (stale heartbeat) or ended, or storage away

    Every arrow is one conditional UPDATE; a claim is the pair (worker_id, attempts), as for a Generation.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        CHECKING = "checking", "Checking"
        READY = "ready", "Ready"
        REJECTED = "rejected", "Rejected"
        STOPPED = "stopped", "Stopped"

    file = models.FileField(max_length=200, blank=True, help_text="Kept until the check has ended.")
    file_name = models.CharField(max_length=200, help_text="As the administrator's computer calls it.")
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    step = models.CharField(max_length=200, blank=True, help_text="What the check does now.")
    share = models.FloatField(default=0, help_text="Of the check that is done, 0 to 1.")
    message = models.CharField(max_length=1000, blank=True, help_text="How it ended, in one sentence.")
    facts = models.JSONField(default=dict, blank=True, help_text="What the check measured.")
    genre_model = models.ForeignKey(
        GenreModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="uploads"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    worker_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = BundleUploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_finished(self) -> bool:
        return self.status not in (self.Status.WAITING, self.Status.CHECKING)
