"""Files to start from: looked at by the web process, kept with the job, read by the worker."""

import logging
import uuid
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from generator.models import Generation

if TYPE_CHECKING:
    from generator.engine.manifest import Manifest

logger = logging.getLogger(__name__)

MAX_PRIMER_BYTES = 1024 * 1024


def primer_check(data: bytes, manifest: dict[str, Any], ensemble: str) -> None:
    """Raises ValidationError with one sentence for a file that nothing can start from."""
    raise ValidationError({"primer": "Starting from a file is not on offer yet."})


def primer_name(generation_id: uuid.UUID) -> str:
    return f"primers/{generation_id.hex[:2]}/{generation_id}.mid"


def primer_save(generation_id: uuid.UUID, data: bytes) -> str:
    return default_storage.save(primer_name(generation_id), ContentFile(data))


def primer_discard(name: str) -> None:
    try:
        default_storage.delete(name)
    except OSError:
        logger.warning("The primer %s could not be removed.", name, exc_info=True)


def primer_load(generation: Generation, manifest: "Manifest") -> Any:
    """The primer of a job; None where it has none."""
    return None
