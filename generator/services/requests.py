"""Asking for music, and taking it back."""

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.owners import Owner
from generator.delivery import deliver_on_commit, next_delivery
from generator.errors import NoModelInstalled
from generator.models import Generation, Genre
from generator.params import params_chosen
from generator.quota import client_hash, quota_check

# Small enough to read out and type; 2**31 pieces are enough for anyone.
SEED_LIMIT = 2**31


def generation_create(
    *,
    owner: Owner,
    genre_slug: str,
    params: dict[str, Any],
    form_token: str | None,
    seed: int | None = None,
) -> Generation:
    """Makes a queued job and sends it to the workers when the transaction commits.

    A form token that was used before returns the job it made, with `is_repeat` set. Raises ValidationError (sentences
    by field), QuotaExceeded, NoModelInstalled.
    """
    if owner.is_nobody:
        raise ValueError("A generation needs an owner; use accounts.owners.ensure_owner_of.")
    if form_token and (repeated := _made_before(owner, form_token)):
        return repeated
    genre = Genre.objects.with_active_model().filter(slug=genre_slug).first()
    if genre is None or genre.active_model is None:
        if not Genre.objects.with_active_model().exists():
            raise NoModelInstalled
        raise ValidationError({"genre": "This style is not on offer. Choose one of the list."})
    chosen = params_chosen(genre.active_model.manifest, params)
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
        seed=secrets.randbelow(SEED_LIMIT) if seed is None else seed,
        created_at=now,
        deliver_after=next_delivery(),
    )
    # The form token's uniqueness is left to the database: two clicks may pass any question asked before.
    generation.full_clean(validate_unique=False)
    try:
        with transaction.atomic():
            quota_check(owner, generation.length_seconds)
            generation.save(force_insert=True)
            deliver_on_commit(generation.pk)
    except IntegrityError:
        repeated = _made_before(owner, form_token) if form_token else None
        if repeated is None:
            raise
        return repeated
    return generation


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
