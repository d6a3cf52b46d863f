"""Fulfilling a generation: claim, compose, store, finish. Runs in a worker; the arrows are drawn in `Generation`."""

import logging
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.owners import Owner
from generator.engine.controls import compose_request
from generator.engine.errors import ComposingStopped, EngineError
from generator.engine.manifest import parse_manifest
from generator.errors import NoModelInstalled
from generator.live_notes import LiveNotes, Stop
from generator.logs import job_logged
from generator.models import Generation, Take
from generator.services.drafts import Draft, draft_of
from library import services as library

logger = logging.getLogger(__name__)

# How long a job waits after its first transient error; twice as long after the second.
BACK_OFF_SECONDS = 2

# The errors that may pass by themselves: a full disk, a folder or bucket that cannot be written, a busy database.
TRANSIENT_ERRORS = (OSError, OperationalError)


class ClaimLost(Exception):
    """The row no longer belongs to this claim; whatever was composed is not ours to store."""


def generation_claim(*, pk: uuid.UUID | str, worker_id: str) -> Generation | None:
    """Takes a queued job for this worker. None when another delivery was quicker, or nobody wants it any more."""
    now = timezone.now()
    claimed = (
        Generation.objects.queued()
        .filter(pk=pk)
        .update(
            status=Generation.Status.RUNNING,
            worker_id=worker_id,
            attempts=F("attempts") + 1,
            started_at=now,
            heartbeat_at=now,
        )
    )
    if not claimed:
        return None
    return Generation.objects.select_related("genre", "genre_model", "owner").get(pk=pk)


def generation_compose(*, pk: uuid.UUID | str, worker_id: str) -> None:
    """Claims a job and brings it to its end, or back into the queue. Raises nothing that has to do with the job."""
    with job_logged(pk):
        generation = generation_claim(pk=pk, worker_id=worker_id)
        if generation is None:
            logger.info("Nothing to do: the generation is not queued.")
            return
        logger.info("Attempt %d: %g s of %s.", generation.attempts, generation.length_seconds, generation.genre.slug)
        live_notes = LiveNotes(generation)
        try:
            _compose_and_store(generation, live_notes)
        except ComposingStopped:
            _stopped(generation, live_notes.stop)
        except ClaimLost:
            _lost(generation)
        except NoModelInstalled as error:
            _fail(generation, "no_model", error.message)
        except EngineError as error:
            logger.exception("The engine refused.")
            _fail(generation, "engine", error.message)
        except TRANSIENT_ERRORS:
            logger.exception("An error that may pass.")
            _try_again(generation)
        except Exception:
            logger.exception("An error that nobody foresaw.")
            _fail(
                generation, "internal", "Composing failed because of an error on our side. Try again in a few minutes."
            )


def _compose_and_store(generation: Generation, live_notes: LiveNotes) -> None:
    from generator.composers import composers

    loaded = composers.for_generation(generation)
    request = compose_request(parse_manifest(loaded.manifest), seed=generation.seed, **generation.params)
    live_notes.start(loaded.sha256)
    composition = loaded.composer.compose(
        request,
        on_notes=live_notes.on_notes,
        on_progress=live_notes.on_progress,
        should_stop=live_notes.should_stop,
    )
    _store(generation, live_notes, draft_of(piece_id_of(generation), generation.genre, loaded, request, composition))
    logger.info("Stored %d notes.", len(composition.notes))


def piece_id_of(generation: Generation, take: int = 0) -> uuid.UUID:
    """The id of the piece of a take: always the same, so that a second try replaces the file of the first."""
    return uuid.uuid5(generation.pk, f"take {take}")


def _store(generation: Generation, live_notes: LiveNotes, draft: Draft) -> None:
    """The file first, then everything in one transaction: killed anywhere, the next try ends with one piece."""
    draft.write_file()
    now = timezone.now()
    with transaction.atomic():
        succeeded = Generation.objects.of_claim(generation).update(
            status=Generation.Status.SUCCEEDED,
            seconds_composed=generation.length_seconds,
            runtime=draft.facts["runtime"],
            heartbeat_at=now,
            finished_at=now,
        )
        if not succeeded:
            raise ClaimLost
        live_notes.write_chunk()
        piece = draft.store(Owner(user=generation.owner, guest_key=generation.guest_key))
        Take.objects.update_or_create(
            generation=generation,
            index=0,
            defaults={"attempt": 0, "seed": draft.facts["seed"], "piece": piece},
        )


def _stopped(generation: Generation, why: Stop | None) -> None:
    if why is Stop.CANCELLED:
        logger.info("Cancelled.")
        generation_finish(generation=generation, status=Generation.Status.CANCELLED)
    elif why is Stop.DEADLINE:
        minutes = settings.GENERATION_DEADLINE_SECONDS / 60
        _fail(
            generation,
            "deadline",
            f"Composing took longer than {minutes:g} minutes and was given up. Try a shorter piece.",
        )
    else:
        _lost(generation)


def _lost(generation: Generation) -> None:
    """Another worker has the job, or it has ended otherwise. What we stored is removed unless somebody may use it."""
    logger.warning("This worker was taken for dead and lost the generation.")
    if not Generation.objects.unfinished().filter(pk=generation.pk).exists():
        library.piece_file_discard(piece_id=piece_id_of(generation))


def _try_again(generation: Generation) -> None:
    if generation.attempts >= settings.GENERATION_MAX_ATTEMPTS:
        _fail(
            generation,
            "storage",
            "The piece was composed but could not be stored. Try again later; the site's owner has to make room.",
        )
        return
    wait = timedelta(seconds=BACK_OFF_SECONDS * 2 ** (generation.attempts - 1))
    Generation.objects.of_claim(generation).update(
        status=Generation.Status.QUEUED, worker_id="", deliver_after=timezone.now() + wait
    )
    logger.warning("Back in the queue; next try in %g s.", wait.total_seconds())


def _fail(generation: Generation, code: str, message: str) -> None:
    logger.error("Failed (%s): %s", code, message)
    generation_finish(generation=generation, status=Generation.Status.FAILED, error_code=code, error_message=message)


def generation_finish(
    *, generation: Generation, status: Generation.Status, error_code: str = "", error_message: str = ""
) -> bool:
    """Ends a claimed job without a piece, if the claim still holds. Whoever sees the end finds no file of it."""
    with transaction.atomic():
        ended = Generation.objects.of_claim(generation).update(
            status=status, finished_at=timezone.now(), error_code=error_code, error_message=error_message[:500]
        )
        if ended:
            library.piece_file_discard(piece_id=piece_id_of(generation))
    return bool(ended)
