"""What a page may say about a job, in one place for pages and API."""

from django.conf import settings

from generator.models import Generation, Take, WorkerBeat
from library.templatetags.music import clock

TITLES = {
    Generation.Status.QUEUED: "Waiting to be composed",
    Generation.Status.RUNNING: "Your piece is being composed",
    Generation.Status.SUCCEEDED: "Your piece is finished",
    Generation.Status.FAILED: "This piece could not be composed",
    Generation.Status.CANCELLED: "Composing was cancelled",
}


def worker_seen() -> bool:
    """Whether a worker has shown itself lately; without one a job waits, and the page says so."""
    return WorkerBeat.objects.alive().composing().exists()


TITLES_OF_TAKES = {
    Generation.Status.RUNNING: "Your takes are being composed",
    Generation.Status.SUCCEEDED: "Your takes are finished",
    Generation.Status.FAILED: "These takes could not be composed",
}


def title_of(generation: Generation) -> str:
    titles = TITLES | TITLES_OF_TAKES if generation.takes_asked > 1 else TITLES
    return titles[Generation.Status(generation.status)]


def sentence_of(generation: Generation, *, worker_seen: bool) -> str:
    """Where the job stands, as one sentence."""
    match generation.status:
        case Generation.Status.RUNNING:
            if generation.seconds_composed >= generation.total_seconds:
                several = generation.takes_asked > 1
                return f"Composed; {'the takes are being compared' if several else 'it is being looked over'}."
            return f"{clock(generation.seconds_composed)} of {clock(generation.total_seconds)} composed."
        case Generation.Status.SUCCEEDED:
            return _outcome(list(generation.takes.select_related("piece")))
        case Generation.Status.FAILED | Generation.Status.CANCELLED:
            return "Nothing was kept."
    if not worker_seen:
        return "No worker is running at the moment. Your piece stays queued and starts as soon as there is one."
    before = (generation.queue_position or 1) - 1
    if before == 0:
        return "Your piece is next."
    return f"{before} piece{'' if before == 1 else 's'} before yours."


def _outcome(takes: list[Take]) -> str:
    """What came of it, as far as it is still there."""
    pieces = [take.piece for take in takes if take.piece]
    if not pieces:
        return "It is no longer kept."
    if len(takes) == 1:
        return f"{clock(pieces[0].length_seconds)} of music, {pieces[0].notes_count} notes."
    if any(take.replaces_heard for take in takes):
        return "What played proved broken and was composed again. Keep what you like."
    days = settings.DRAFT_DAYS if takes[0].generation.owner_id else settings.GUEST_DAYS
    return f"The best comes first. Keep what you like; the others are removed after {days} days."
