"""Writes of the generator: asking for music, composing it, looking after jobs, installing models.

Importing this package loads no engine that composes: the web process uses it.
"""

from generator.services.bundle_uploads import (
    bundle_upload_check,
    bundle_upload_claim,
    bundle_upload_create,
    bundle_upload_delete,
    bundle_upload_stop,
    bundle_uploads_sweep,
    bundle_uploads_wait,
)
from generator.services.genre_models import (
    example_ensure,
    genre_model_activate,
    genre_model_delete,
    genre_model_import,
    genre_model_installed,
    genre_roll_back,
    genre_take_off,
)
from generator.services.history import generation_delete, generation_retry
from generator.services.jobs import generation_claim, generation_compose
from generator.services.requests import generation_cancel, generation_create
from generator.services.sweeping import SweepResult, clean_up, generations_sweep

__all__ = [
    "SweepResult",
    "bundle_upload_check",
    "bundle_upload_claim",
    "bundle_upload_create",
    "bundle_upload_delete",
    "bundle_upload_stop",
    "bundle_uploads_sweep",
    "bundle_uploads_wait",
    "clean_up",
    "example_ensure",
    "generation_cancel",
    "generation_claim",
    "generation_compose",
    "generation_create",
    "generation_delete",
    "generation_retry",
    "generations_sweep",
    "genre_model_activate",
    "genre_model_delete",
    "genre_model_import",
    "genre_model_installed",
    "genre_roll_back",
    "genre_take_off",
]
