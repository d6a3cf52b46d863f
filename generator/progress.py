"""What a page may say about a job, in one place for pages and API."""

from generator.models import Generation, WorkerBeat
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
    return WorkerBeat.objects.alive().exists()


def title_of(generation: Generation) -> str:
    return TITLES[Generation.Status(generation.status)]


def sentence_of(generation: Generation, *, worker_seen: bool) -> str:
    """Where the job stands, as one sentence."""
    match generation.status:
        case Generation.Status.RUNNING:
            return f"{clock(generation.seconds_composed)} of {clock(generation.length_seconds)} composed."
        case Generation.Status.SUCCEEDED:
            if (piece := generation.piece) is None:
                return "It is no longer kept."
            return f"{clock(piece.length_seconds)} of music, {piece.notes_count} notes."
        case Generation.Status.FAILED | Generation.Status.CANCELLED:
            return "Nothing was kept."
    if not worker_seen:
        return "No worker is running at the moment. Your piece stays queued and starts as soon as there is one."
    before = (generation.queue_position or 1) - 1
    if before == 0:
        return "Your piece is next."
    return f"{before} piece{'' if before == 1 else 's'} before yours."
