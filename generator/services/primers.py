"""Files to start from: looked at by the web process, kept privately with their job, read by the worker."""

import logging
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from generator.engine.errors import PrimerError
from generator.engine.manifest import Manifest
from generator.engine.midi_inspect import PRIMER_LIMITS
from generator.engine.primers import Primer, check_primer, continuation_of, opening_of, primer_of
from generator.models import Generation
from generator.params import manifest_of

logger = logging.getLogger(__name__)

# Whoever reads an upload reads one byte more, so that a file which is too large shows.
MAX_PRIMER_BYTES = PRIMER_LIMITS.max_bytes


def primer_check(data: bytes, manifest: dict[str, Any], ensemble: str, *, field: str = "primer") -> None:
    """A light look at an upload, at most a second of CPU time.

    Raises ValidationError with one sentence for `field` where nothing can start from it.
    """
    model = manifest_of(manifest)
    try:
        check_primer(data, model, ensemble)
    except PrimerError as error:
        raise ValidationError({field: error.message}) from error


def primer_name(generation_id: uuid.UUID) -> str:
    """Where the file of a job is in storage."""
    return f"primers/{generation_id.hex[:2]}/{generation_id}.mid"


def primer_save(generation_id: uuid.UUID, data: bytes) -> str:
    """Stores the file before the job's row exists, and returns its name. Raises OSError when it cannot be stored."""
    return default_storage.save(primer_name(generation_id), ContentFile(data))


def primer_discard(name: str) -> None:
    """Removes a stored file; one that cannot be removed is left and logged."""
    try:
        default_storage.delete(name)
    except OSError:
        logger.warning("The primer %s could not be removed.", name, exc_info=True)


def primer_load(generation: Generation, manifest: Manifest, *, source_key: str = "") -> Primer | None:
    """The primer of a job, for the ensemble that it asks for; None where the job starts from nothing.

    A piece that goes on from another is in the key that was asked for, else in that of the other (`source_key`).

    What the result keeps fills at most half of it, unless a piece is continued. Raises PrimerError with a sentence for
    the user; OSError when the stored file cannot be read just now.
    """
    if not generation.primer:
        return None
    try:
        with generation.primer.open("rb") as stored:
            midi = bytes(stored.read(MAX_PRIMER_BYTES + 1))
    except FileNotFoundError as error:
        raise PrimerError("The MIDI file to start from is no longer here. Choose it again.") from error
    params = generation.params
    cast: dict[str, Any] = {"voices_off": params.get("voices_off") or ()}
    if generation.keep_primer and generation.start != Generation.Start.CONTINUE:
        cast["at_most_seconds"] = generation.length_seconds / 2
    key = params.get("key") or source_key
    if generation.start == Generation.Start.CONTINUE:
        return continuation_of(midi, manifest, params["ensemble"], key=key, **cast)
    if generation.start == Generation.Start.VARY:
        return opening_of(midi, manifest, params["ensemble"], key=key, **cast)
    return primer_of(midi, manifest, params["ensemble"], **cast)
