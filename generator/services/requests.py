"""Asking for music, and taking it back."""

import logging
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.owners import Owner
from generator.delivery import deliver_on_commit, next_delivery
from generator.engine.names import find_named, unknown_sentence
from generator.errors import NoModelInstalled, QuotaExceeded
from generator.models import Generation, Genre
from generator.params import params_chosen
from generator.quota import client_hash, quota_check, quota_lock
from generator.services.primers import primer_discard, primer_save
from generator.services.starts import beginning_of, params_like, start_tempo
from library.models import Piece

logger = logging.getLogger(__name__)

# Small enough to read out and type; 2**31 pieces are enough for anyone.
SEED_LIMIT = 2**31
NO_GENRE = "Choose a genre."


def generation_create(
    *,
    owner: Owner,
    params: dict[str, Any],
    form_token: str | None,
    genre_slug: str = "",
    seed: int | None = None,
    takes: int = 1,
    source: Piece | None = None,
    kind: str = Piece.Kind.NEW,
    primer: bytes | None = None,
    keep_primer: bool = True,
) -> Generation:
    """Makes a queued job and sends it to the workers when the transaction commits.

    With a `source`, which the owner must be allowed to see, everything that `params` leaves open is as it was asked for
    there; `primer` is a MIDI file of the owner's own. A form token that was used before returns the job it made, with
    `is_repeat` set. Raises ValidationError (sentences by field), QuotaExceeded, NoModelInstalled.
    """
    if owner.is_nobody:
        raise ValueError("A generation needs an owner; use accounts.owners.ensure_owner_of.")
    if form_token and (repeated := _made_before(owner, form_token)):
        return repeated
    if source is not None:
        # An uploaded piece has no genre of its own.
        genre_slug = source.genre or genre_slug
    genres = list(Genre.objects.with_active_model())
    genre = find_named(genres, genre_slug, key="slug")
    if genre is None or genre.active_model is None:
        if not genres:
            raise NoModelInstalled
        known = (one.slug for one in genres)
        raise ValidationError({"genre": unknown_sentence("genre", genre_slug, known) if genre_slug else NO_GENRE})
    manifest = genre.active_model.manifest
    start_qpm = start_tempo(manifest, params, source=source, kind=kind, primer=primer)
    chosen = (
        params_chosen(manifest, params, start_qpm=start_qpm)
        if source is None
        else params_like(manifest, source, params, start_qpm=start_qpm)
    )
    beginning = beginning_of(manifest, chosen, source=source, kind=kind, primer=primer, keep_primer=keep_primer)
    now = timezone.now()
    generation = Generation(
        owner=owner.user,
        guest_key="" if owner.user else owner.guest_key or "",
        client_hash=client_hash(owner.client_address, now) if owner.is_guest else "",
        form_token=form_token or None,
        genre=genre,
        genre_model=genre.active_model,
        params=chosen,
        length_seconds=chosen["length_seconds"],
        takes_asked=takes,
        seed=secrets.randbelow(SEED_LIMIT) if seed is None else seed,
        kind=kind,
        source_piece=source,
        start=beginning.start,
        keep_primer=beginning.keep_primer,
        kept_seconds=beginning.kept_seconds,
        created_at=now,
        deliver_after=next_delivery(),
    )
    # The form token's uniqueness is left to the database: two clicks may pass any question asked before.
    generation.full_clean(validate_unique=False)
    try:
        if beginning.midi is not None:
            # Before its file is stored. What holds is the same question in the transaction below.
            quota_check(owner, generation)
            generation.primer = _store_primer(generation, beginning.midi)
        with transaction.atomic():
            quota_lock(owner)
            quota_check(owner, generation)
            generation.save(force_insert=True)
            deliver_on_commit(generation.pk)
    except BaseException as error:
        if generation.primer:
            primer_discard(str(generation.primer.name))
        # Sent twice at once: the other one made the job, and may have used up what one may ask for.
        is_late = isinstance(error, IntegrityError | QuotaExceeded)
        repeated = _made_before(owner, form_token) if form_token and is_late else None
        if repeated is None:
            raise
        return repeated
    return generation


def _store_primer(generation: Generation, midi: bytes) -> str:
    try:
        return primer_save(generation.pk, midi)
    except OSError as error:
        logger.exception("The primer of generation %s cannot be stored.", generation.pk)
        field = "source" if generation.source_piece_id else "primer"
        raise ValidationError({field: "The file could not be stored. Try again in a few minutes."}) from error


def _made_before(owner: Owner, form_token: str) -> Generation | None:
    """The job that this form made when it was sent the first time."""
    made = Generation.objects.filter(form_token=form_token).first()
    if made is None:
        return None
    if not Generation.objects.owned_by(owner).filter(pk=made.pk).exists():
        raise ValidationError({"form_token": "This page is out of date. Reload it and try again."})
    made.is_repeat = True
    return made


def generation_cancel(*, generation: Generation) -> Generation:
    """Cancels a queued job at once; asks a running one to stop, which its worker does between two chunks."""
    now = timezone.now()
    row = Generation.objects.filter(pk=generation.pk)
    if not row.queued().update(status=Generation.Status.CANCELLED, cancel_requested_at=now, finished_at=now):
        row.running().filter(cancel_requested_at=None).update(cancel_requested_at=now)
    generation.refresh_from_db()
    return generation
