"""An owner's list of requests: retrying one, and removing entries."""

import logging
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.owners import Owner
from generator.models import Generation
from generator.params import PARAMS
from generator.services.primers import MAX_PRIMER_BYTES
from generator.services.requests import generation_create
from library.models import Piece

logger = logging.getLogger(__name__)


def generation_retry(*, generation: Generation, owner: Owner, form_token: str | None = None) -> Generation:
    """A new job with everything as it was asked for the first time, its seed too.

    Raises ValidationError while the job is not finished, or where what it started from is gone; QuotaExceeded;
    NoModelInstalled.
    """
    if not generation.is_finished:
        raise ValidationError("This is still in progress. Wait until it finishes, or cancel it first.")
    params = {name: value for name, value in generation.params.items() if name in PARAMS and value is not None}
    # Of two names for one thing, the one that was chosen.
    if "bars" in params:
        params.pop("length_seconds", None)
    if "adventurousness" in params:
        params.pop("temperature", None)
        params.pop("top_p", None)
    return generation_create(
        owner=owner,
        genre_slug=generation.genre.slug,
        params=params,
        form_token=form_token,
        seed=generation.seed,
        takes=generation.takes_asked,
        **_beginning(generation, owner),
    )


def _beginning(generation: Generation, owner: Owner) -> dict[str, Any]:
    if generation.kind != Piece.Kind.NEW:
        source = Piece.objects.visible_to(owner).filter(descendant_generations=generation).first()
        if source is None:
            raise ValidationError("The piece it started from has been deleted. Compose something new instead.")
        return {"source": source, "kind": generation.kind}
    if generation.start == Generation.Start.NOTHING:
        return {}
    try:
        with generation.primer.open("rb") as stored:
            return {"primer": bytes(stored.read(MAX_PRIMER_BYTES + 1)), "keep_primer": generation.keep_primer}
    except (OSError, ValueError) as error:
        logger.warning("The primer of generation %s cannot be read again.", generation.pk, exc_info=True)
        raise ValidationError("The MIDI file it started from is no longer here. Choose it again.") from error


def generation_delete(*, generation: Generation) -> None:
    """Takes a finished job off its owner's list; the pieces that came out of it stay.

    The row stays too, for as long as such rows are kept: it counts towards what was asked for in the hour. Raises
    ValidationError while the job is not finished.
    """
    finished = Generation.objects.finished().filter(pk=generation.pk)
    if not finished.update(hidden_at=timezone.now()):
        raise ValidationError("This is still in progress. Cancel it first.")
