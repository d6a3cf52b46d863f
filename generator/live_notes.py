"""What a running job tells the database: that it lives, how far it is, and the notes composed so far."""

import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from generator.engine.music import Note, NoteRow, rows_of_notes
from generator.models import Generation, NoteChunk

# At most two writes a second, however fast the composer is.
WRITE_INTERVAL_SECONDS = 0.5


class Stop(StrEnum):
    """Why a job must stop before its end."""

    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    # The row no longer belongs to this worker's claim: taken for dead, or removed. Nothing may be written any more.
    LOST = "lost"


class LiveNotes:
    """The composer's callbacks for one claimed job. The composer never touches the database; this does.

    A job that is composed again after its worker was lost draws the same notes from the same seed: those that stand
    in chunks already are left out, so that a page which has read them goes on where it was.
    """

    def __init__(self, generation: Generation, *, take: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.generation = generation
        self.take = take
        self.stop: Stop | None = None
        self._clock = clock
        self._written_at = clock()
        self._deadline = self._written_at + settings.GENERATION_DEADLINE_SECONDS
        self._wrote_notes = False
        self._unwritten: list[NoteRow] = []
        self._seconds_composed = generation.seconds_composed
        self._next_index = 0
        # Notes that an earlier attempt has written. Their order may differ: it depends on where chunks end.
        self._written_before: Counter[tuple[int, ...]] = Counter()

    def start(self, bundle_sha256: str) -> None:
        """Says which bundle composes, and finds out what an earlier attempt has written already."""
        chunks = NoteChunk.objects.filter(generation=self.generation, take=self.take)
        if self.generation.bundle_sha256 not in ("", bundle_sha256):
            # Another model draws other notes: what was written is no beginning of this piece.
            chunks.delete()
            self._seconds_composed = 0.0
        written = list(chunks.order_by("index"))
        self._next_index = written[-1].index + 1 if written else 0
        self._written_before = Counter(tuple(row) for chunk in written for row in chunk.notes)
        self.generation.bundle_sha256 = bundle_sha256
        Generation.objects.of_claim(self.generation).update(
            bundle_sha256=bundle_sha256, seconds_composed=self._seconds_composed
        )

    def on_notes(self, notes: list[Note]) -> None:
        for row in rows_of_notes(notes):
            key = tuple(row)
            if self._written_before[key]:
                self._written_before[key] -= 1
            else:
                self._unwritten.append(row)
        self._write_if_due()

    def on_progress(self, seconds_composed: float) -> None:
        self._seconds_composed = max(
            self._seconds_composed, min(float(seconds_composed), self.generation.total_seconds)
        )

    def should_stop(self) -> bool:
        """Asked by the composer between two chunks: cancelled, out of time, or no longer ours?"""
        if self.stop is None and self._clock() > self._deadline:
            self.stop = Stop.DEADLINE
        self._write_if_due()
        return self.stop is not None

    def beat(self) -> None:
        """Keeps the job's heartbeat going while its pieces are stored and it can no longer be stopped."""
        if self._clock() - self._written_at >= WRITE_INTERVAL_SECONDS:
            Generation.objects.of_claim(self.generation).update(heartbeat_at=timezone.now())
            self._written_at = self._clock()

    def _write_if_due(self) -> None:
        """Writes at most twice a second, but the first notes at once: a visitor waits for them."""
        if self.stop is not None:
            return
        first_notes = bool(self._unwritten) and not self._wrote_notes
        if first_notes or self._clock() - self._written_at >= WRITE_INTERVAL_SECONDS:
            self._write()
            self._written_at = self._clock()

    def _write(self) -> None:
        with transaction.atomic():
            held = Generation.objects.of_claim(self.generation)
            if not held.update(heartbeat_at=timezone.now(), seconds_composed=self._seconds_composed):
                self.stop = Stop.LOST
                return
            if held.filter(cancel_requested_at__isnull=False).exists():
                self.stop = Stop.CANCELLED
                return
            self.write_chunk()

    def write_chunk(self) -> None:
        """Appends the notes not written yet. Called inside the transaction that proves the claim."""
        if self._unwritten:
            NoteChunk.objects.create(
                generation=self.generation, take=self.take, index=self._next_index, notes=self._unwritten
            )
            self._next_index += 1
            self._wrote_notes = True
        self._unwritten = []
