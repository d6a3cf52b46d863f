"""What a page may say about a job, in one place for pages and API."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from generator.models import WORKER_ALIVE_SECONDS, Generation, Take, WorkerBeat
from library.templatetags.music import clock

TITLES = {
    Generation.Status.QUEUED: "In the queue",
    Generation.Status.RUNNING: "Composing your piece",
    Generation.Status.SUCCEEDED: "Your piece is ready",
    Generation.Status.FAILED: "This piece could not be composed",
    Generation.Status.CANCELLED: "Cancelled",
}


def worker_seen() -> bool:
    """Whether a worker has shown itself lately; without one a job waits, and the page says so."""
    return WorkerBeat.objects.alive().composing().exists()


def is_silent(generation: Generation) -> bool:
    """Whether the worker of a running job has written nothing for so long that it has frozen, or is lost."""
    if generation.status != Generation.Status.RUNNING or generation.heartbeat_at is None:
        return False
    return generation.heartbeat_at < timezone.now() - timedelta(seconds=WORKER_ALIVE_SECONDS)


TITLES_OF_TAKES = {
    Generation.Status.RUNNING: "Composing your takes",
    Generation.Status.SUCCEEDED: "Your takes are ready",
    Generation.Status.FAILED: "These takes could not be composed",
}


def title_of(generation: Generation) -> str:
    titles = TITLES | TITLES_OF_TAKES if generation.takes_asked > 1 else TITLES
    return titles[Generation.Status(generation.status)]


def sentence_of(generation: Generation, *, worker_seen: bool) -> str:
    """Where the job stands, as one sentence."""
    match generation.status:
        case Generation.Status.RUNNING if is_silent(generation):
            again = "in a moment" if worker_seen else "as soon as a worker is running"
            what = "takes" if generation.takes_asked > 1 else "piece"
            return f"The worker stopped responding. Your {what} will restart {again}."
        case Generation.Status.RUNNING:
            if generation.seconds_composed >= generation.total_seconds:
                several = generation.takes_asked > 1
                return f"Composed. {'Comparing the takes…' if several else 'Checking it…'}"
            return f"{clock(generation.seconds_composed)} of {clock(generation.total_seconds)} composed."
        case Generation.Status.SUCCEEDED:
            return _outcome(list(generation.takes.select_related("piece")))
        case Generation.Status.FAILED | Generation.Status.CANCELLED:
            return "Nothing was saved."
    if not worker_seen:
        return "No worker is running right now. Your piece stays in the queue and starts as soon as there is one."
    before = (generation.queue_position or 1) - 1
    if before == 0:
        return "You're next."
    return f"{before} piece{'' if before == 1 else 's'} ahead of yours."


def _outcome(takes: list[Take]) -> str:
    """The result, as far as it still exists."""
    pieces = [take.piece for take in takes if take.piece]
    if not pieces:
        return "It has been deleted."
    if len(takes) == 1:
        return f"{clock(pieces[0].length_seconds)} of music, {pieces[0].notes_count} notes."
    if any(take.replaces_heard for take in takes):
        return "The first version had errors, so we composed it again."
    if takes[0].generation.owner_id:
        return f"Best first. Takes you don't keep are deleted after {settings.DRAFT_DAYS} days."
    # A guest's stay only with an account.
    return f"Best first. Takes you don't save are deleted after {settings.GUEST_DAYS} days."
