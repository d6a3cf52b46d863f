"""What a user chose, checked against what a model offers."""

import logging
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError

from generator.engine.controls import compose_request
from generator.engine.errors import BundleError, ControlError
from generator.engine.manifest import Manifest, parse_manifest
from library.templatetags.music import clock

logger = logging.getLogger(__name__)

PARAMS = ("ensemble", "length_seconds", "temperature", "top_p")


def params_chosen(manifest: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """All params of a generation, with the model's defaults for those that were not chosen.

    Raises ValidationError with one sentence for each field that the model does not offer.
    """
    try:
        model = parse_manifest(manifest)
    except BundleError as error:
        # Installed by another version of this program.
        logger.exception("The active model's manifest cannot be read.")
        raise ValidationError({"genre": "This style cannot be composed at the moment."}) from error
    # Which seed it will be does not matter for what is allowed.
    seed: dict[str, Any] = {"seed": 0}
    wrong = {name: f"The model has no control called {name}." for name in params if name not in PARAMS}
    for name in PARAMS:
        try:
            compose_request(model, **(seed | {name: params.get(name)}))
        except ControlError as error:
            wrong[name] = sentence_for_visitors(model, name) or error.message
    if wrong:
        raise ValidationError(wrong)
    request = compose_request(model, **(seed | {name: params.get(name) for name in PARAMS}))
    chosen = asdict(request)
    return {name: chosen[name] for name in PARAMS}


def sentence_for_visitors(model: Manifest, name: str) -> str:
    """What the page says of a choice that is not on offer; empty for what a page does not let one choose."""
    length = model.controls.length
    sentences = {
        "ensemble": "This type is not on offer. Choose one of the list.",
        "length_seconds": f"Choose a length from {clock(length.min_seconds)} to {clock(length.max_seconds)}.",
    }
    return sentences.get(name, "")
