"""Fulfilling a generation: claim, compose, store, finish. Runs in a worker; the arrows are drawn in `Generation`."""

import errno
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.logs import job_logged
from accounts.owners import Owner
from generator.engine.controls import compose_request
from generator.engine.errors import ComposingStopped, EngineError, PrimerError
from generator.engine.manifest import parse_manifest
from generator.errors import NoModelInstalled
from generator.live_notes import LiveNotes, Stop
from generator.models import Generation, Take
from generator.services.drafts import Draft, draft_of
from generator.services.judging import claimed_key
from generator.services.primers import primer_load
from generator.services.takes import MAX_AGAIN, ComposedTake, compose_takes
from generator.titles import AGAIN, title_after
from library import services as library
from library.models import MAX_TITLE, Piece

if TYPE_CHECKING:
    from generator.composers import LoadedModel

logger = logging.getLogger(__name__)

# How long a job waits after its first transient error; twice as long after the second.
BACK_OFF_SECONDS = 2

# What may pass by itself, by its kind, and what is said when it has not.
TRANSIENT_SENTENCES = {
    "model": "The model of this genre could not be read from storage. Try again in a few minutes.",
    "primer": "The file that the piece starts from could not be read from storage. Try again in a few minutes.",
    "storage": "The piece was composed but could not be saved. Try again later. The admin needs to check the storage.",
    "disk_full": "The piece was composed but could not be saved: the disk is full. Try again later. The admin "
    "needs to free some space.",
    "database": "The database did not respond while your piece was being composed. Try again in a few minutes.",
    "system": "The worker had a problem with its files. Try again in a few minutes.",
}


class MayPass(Exception):
    """An error that may be temporary; `kind` is a key of `TRANSIENT_SENTENCES`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


TRANSIENT_ERRORS = (MayPass, OSError, OperationalError, InterfaceError)


@contextmanager
def _may_pass(kind: str) -> Iterator[None]:
    """Tells what was tried when the disk or the bucket failed."""
    try:
        yield
    except OSError as error:
        raise MayPass("disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else kind) from error


def _kind_of(error: Exception) -> str:
    match error:
        case MayPass():
            return error.kind
        case OperationalError() | InterfaceError():
            return "database"
    return "system"


class ClaimLost(Exception):
    """The row no longer belongs to this claim; whatever was composed is not ours to store."""


def generation_claim(*, pk: uuid.UUID | str, worker_id: str) -> Generation | None:
    """Takes a queued job for this worker. None if another delivery was quicker, or the job is no longer wanted."""
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
        except PrimerError as error:
            _fail(generation, "primer", error.message)
        except EngineError as error:
            logger.exception("The engine rejected the job.")
            _fail(generation, "engine", error.message)
        except TRANSIENT_ERRORS as error:
            logger.exception("A temporary error.")
            _try_again(generation, _kind_of(error))
        except Exception:
            logger.exception("An unexpected error.")
            _fail(generation, "internal", "Something went wrong on our side. Try again in a few minutes.")


def _compose_and_store(generation: Generation, live_notes: LiveNotes) -> None:
    from generator.composers import composers

    with _may_pass("model"):
        loaded = composers.for_generation(generation)
    manifest = parse_manifest(loaded.manifest)
    source = Piece.objects.filter(descendant_generations=generation.pk).only("title", "key").first()
    with _may_pass("primer"):
        primer = primer_load(generation, manifest, source_key=source.key if source else "")
    request = compose_request(
        manifest, seed=generation.seed, primer=primer, keep_primer=generation.keep_primer, **generation.params
    )
    if request.length_seconds != generation.length_seconds:
        # Bars of a file whose tempo the web process read otherwise: what is announced is what is composed.
        generation.length_seconds = request.length_seconds
        generation.params["length_seconds"] = request.length_seconds
        Generation.objects.of_claim(generation).update(length_seconds=request.length_seconds, params=generation.params)
    if primer is not None:
        heard = primer.at_tempo(request.qpm) if request.qpm else primer
        new_seconds = heard.new_seconds(request.length_seconds, keep=request.keep_primer)
        request = replace(request, length_seconds=new_seconds)
        if heard.is_continued:
            # Shorter than the piece where its closing chord makes room for what comes.
            generation.kept_seconds = heard.kept_seconds
            Generation.objects.of_claim(generation).update(kept_seconds=heard.kept_seconds)
    live_notes.start(loaded.sha256)
    takes = compose_takes(loaded, request, generation.takes_asked, live_notes)
    source_title = source.title if source and generation.kind in AGAIN else ""
    _store(generation, live_notes, [(take, _draft_of(generation, loaded, take, source_title)) for take in takes])
    logger.info("Stored %d takes of %s notes.", len(takes), [len(take.composition.notes) for take in takes])


def _draft_of(generation: Generation, loaded: "LoadedModel", take: ComposedTake, source_title: str) -> Draft:
    """What goes on from a piece or varies it is called after it, as long as that is there."""
    index, attempt = take.request.take, take.request.attempt
    title, key = "", claimed_key(take.verdict.facts, take.composition.key)
    if source_title:
        title = title_after(source_title, generation.kind, key=key, qpm=take.composition.qpm)
    if title and generation.takes_asked > 1:
        title = f"{title[: MAX_TITLE - 24]}, take {index + 1}{', second try' if take.replaces_heard else ''}"
    return draft_of(
        piece_id_of(generation, index, attempt),
        generation.genre,
        loaded,
        take.request,
        take.composition,
        params=generation.params,
        title=title,
        title_key=key,
        # Of music that it was given, in whole or in part, nobody may say that no person wrote it.
        facts={**take.verdict.facts, "was_given_music": take.request.primer is not None},
        kind=generation.kind,
    )


def piece_id_of(generation: Generation, take: int = 0, attempt: int = 0) -> uuid.UUID:
    """The id of the piece of a take: always the same, so that a second try replaces the file of the first."""
    return uuid.uuid5(generation.pk, f"take {take}" + (f", attempt {attempt}" if attempt else ""))


def _store(generation: Generation, live_notes: LiveNotes, drafts: list[tuple[ComposedTake, Draft]]) -> None:
    """The files first, then everything in one transaction: killed anywhere, the next try ends with the same pieces.

    All are drafts: the owner keeps what pleases.
    """
    with _may_pass("storage"):
        for _, draft in drafts:
            draft.write_file()
            live_notes.beat()
    now = timezone.now()
    with transaction.atomic():
        succeeded = Generation.objects.of_claim(generation).update(
            status=Generation.Status.SUCCEEDED,
            seconds_composed=generation.total_seconds,
            runtime=drafts[0][1].facts["runtime"],
            heartbeat_at=now,
            finished_at=now,
        )
        if not succeeded:
            raise ClaimLost
        live_notes.write_chunk()
        # A guest may have become a member meanwhile. Since the update above the row is ours until the end.
        owner = owner_now(generation)
        # A source that was removed while its descendant was composed.
        source = Piece.objects.filter(descendant_generations=generation.pk).first()
        for take, draft in drafts:
            draft.facts["source_piece"] = source
            piece = draft.store(owner, is_draft=True)
            Take.objects.update_or_create(
                generation=generation,
                index=take.request.take,
                attempt=take.request.attempt,
                defaults={
                    "seed": draft.facts["seed"],
                    "rank": take.rank,
                    "score": take.verdict.score,
                    "faults": list(take.verdict.faults),
                    "replaces_heard": take.replaces_heard,
                    "piece": piece,
                },
            )


def owner_now(generation: Generation) -> Owner:
    """The job's current owner; what was read when it was claimed may be minutes old."""
    now = Generation.objects.select_related("owner").only("owner", "guest_key").get(pk=generation.pk)
    return Owner(user=now.owner, guest_key=now.guest_key)


def _stopped(generation: Generation, why: Stop | None) -> None:
    if why is Stop.CANCELLED:
        logger.info("Cancelled.")
        generation_finish(generation=generation, status=Generation.Status.CANCELLED)
    elif why is Stop.DEADLINE:
        minutes = settings.GENERATION_DEADLINE_SECONDS / 60
        _fail(
            generation,
            "deadline",
            f"Composing took longer than {minutes:g} minutes and was stopped. Try a shorter piece.",
        )
    else:
        _lost(generation)


def _lost(generation: Generation) -> None:
    """Another worker has the job, or it has ended otherwise. What we stored is removed unless somebody may use it."""
    logger.warning("This worker was presumed dead and lost the generation.")
    if not Generation.objects.unfinished().filter(pk=generation.pk).exists():
        _discard_files(generation)


def _discard_files(generation: Generation) -> None:
    """Removes what any attempt at the job may have stored and no row names."""
    for take in range(generation.takes_asked):
        for attempt in range(1 + MAX_AGAIN):
            library.piece_file_discard(piece_id=piece_id_of(generation, take, attempt))


def _try_again(generation: Generation, kind: str) -> None:
    if generation.attempts >= settings.GENERATION_MAX_ATTEMPTS:
        _fail(generation, kind, TRANSIENT_SENTENCES[kind])
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
    """Ends a claimed job without a piece, if the claim still holds. Its files are gone before its end shows."""
    with transaction.atomic():
        ended = Generation.objects.of_claim(generation).update(
            status=status, finished_at=timezone.now(), error_code=error_code, error_message=error_message[:500]
        )
        if ended:
            _discard_files(generation)
    return bool(ended)
