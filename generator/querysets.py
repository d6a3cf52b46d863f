"""Reads of jobs, models and workers, as sentences."""

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.owners import OwnedQuerySet

if TYPE_CHECKING:
    from generator.models import BundleUpload, Generation, Genre, WorkerBeat  # noqa: F401  named in the base classes


class GenreQuerySet(models.QuerySet["Genre"]):
    def with_active_model(self) -> Self:
        """Genres a visitor can choose, in the order of the page."""
        return self.exclude(active_model=None).select_related("active_model").order_by("position", "name")


class GenerationQuerySet(OwnedQuerySet["Generation"]):
    def listed(self) -> Self:
        """Without those that their owners took off their list, and the old ones."""
        oldest = timezone.now() - timedelta(days=settings.GENERATION_DAYS)
        return self.filter(hidden_at=None, created_at__gte=oldest)

    def queued(self) -> Self:
        return self.filter(status="queued")

    def running(self) -> Self:
        return self.filter(status="running")

    def unfinished(self) -> Self:
        return self.filter(status__in=["queued", "running"])

    def finished(self) -> Self:
        return self.exclude(status__in=["queued", "running"])

    def without_pieces(self) -> Self:
        """Those of which no take is kept any more, or none ever was."""
        from generator.models import Take

        takes = Take.objects.filter(generation=models.OuterRef("pk"), piece__isnull=False)
        return self.filter(~models.Exists(takes))

    def counted(self) -> Self:
        """Those that count towards limits: all but the ones that ended before anything was composed, of which a
        script may make and cancel any number.
        """
        return self.exclude(status__in=["cancelled", "failed"], seconds_composed=0)

    def with_cost(self) -> Self:
        """`cost`: the seconds of music that count, of all takes: what was asked for, or of a job that ended early what
        was composed of it."""
        composed = Greatest(F("seconds_composed") - F("kept_seconds"), 0.0, output_field=models.FloatField())
        ended_early = models.When(status__in=["cancelled", "failed"], then=composed)
        seconds = models.Case(ended_early, default=F("length_seconds"), output_field=models.FloatField())
        return self.annotate(cost=models.ExpressionWrapper(F("takes_asked") * seconds, models.FloatField()))

    def seconds_counted(self) -> float:
        """Their costs together."""
        return float(self.with_cost().aggregate(total=models.Sum("cost"))["total"] or 0)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "pk")

    def before(self, generation: "Generation") -> Self:
        """Those that were asked for earlier."""
        return self.filter(
            Q(created_at__lt=generation.created_at) | Q(created_at=generation.created_at, pk__lt=generation.pk)
        )

    def of_claim(self, generation: "Generation") -> Self:
        """The row, as long as the worker that claimed this attempt still holds it."""
        return self.running().filter(pk=generation.pk, worker_id=generation.worker_id, attempts=generation.attempts)

    def stale(self) -> Self:
        """Running, but their worker has written nothing for too long."""
        return self.running().filter(
            heartbeat_at__lt=timezone.now() - timedelta(seconds=settings.GENERATION_STALE_SECONDS)
        )


class WorkerBeatQuerySet(models.QuerySet["WorkerBeat"]):
    def alive(self) -> Self:
        from generator.models import WORKER_ALIVE_SECONDS

        return self.filter(seen_at__gte=timezone.now() - timedelta(seconds=WORKER_ALIVE_SECONDS))

    def composing(self) -> Self:
        """Those that take jobs; others only render or tidy up."""
        return self.filter(composes=True)


class BundleUploadQuerySet(models.QuerySet["BundleUpload"]):
    def waiting(self) -> Self:
        return self.filter(status="waiting")

    def checking(self) -> Self:
        return self.filter(status="checking")

    def claimable(self, back_off_seconds: float) -> Self:
        """Waiting, and not just put back: the heartbeat of one that waits says when that was."""
        before = timezone.now() - timedelta(seconds=back_off_seconds)
        return self.waiting().filter(models.Q(heartbeat_at=None) | models.Q(heartbeat_at__lt=before))

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "pk")

    def of_claim(self, upload: "BundleUpload") -> Self:
        """The row, as long as the worker that claimed this attempt still holds it."""
        return self.checking().filter(pk=upload.pk, worker_id=upload.worker_id, attempts=upload.attempts)

    def stale(self) -> Self:
        """In a check whose worker has written nothing for too long."""
        oldest = timezone.now() - timedelta(seconds=settings.GENERATION_STALE_SECONDS)
        return self.checking().filter(heartbeat_at__lt=oldest)
