"""What a user chose, checked against what a model offers."""

import logging
from typing import Any

from django.core.exceptions import ValidationError

from generator.engine.controls import ComposeRequest, compose_request, seconds_per_bar
from generator.engine.errors import BundleError, ControlError
from generator.engine.manifest import Manifest, parse_manifest
from library.templatetags.music import clock

logger = logging.getLogger(__name__)

# Those that every generation has; the others are left out where nothing was chosen.
ALWAYS = ("ensemble", "length_seconds", "temperature", "top_p")
PARAMS = (
    *ALWAYS,
    *("bars", "adventurousness", "qpm", "key", "density", "feel", "style", "voices_off", "starting_note"),
)
# What a sentence for visitors calls them.
WORDS = {
    "adventurousness": "creativity",
    "ensemble": "type",
    "length_seconds": "length",
    "bars": "length in bars",
    "qpm": "tempo",
    "top_p": "top-p",
    "voices_off": "instruments",
    "starting_note": "starting note",
}


def manifest_of(values: dict[str, Any]) -> Manifest:
    """The manifest of an installed model.

    Raises ValidationError where another version of this program has installed what this one cannot read.
    """
    try:
        return parse_manifest(values)
    except BundleError as error:
        logger.exception("The active model's manifest cannot be read.")
        raise ValidationError({"genre": "This genre is not available right now. Choose another one."}) from error


def params_chosen(
    manifest: dict[str, Any], params: dict[str, Any], *, start_qpm: float | None = None
) -> dict[str, Any]:
    """The params of a generation, with the model's defaults for those that every one has, under the model's own names.

    `start_qpm` is the tempo of what it starts from, which decides how long its bars are. The level of adventurousness
    that stands for the defaults says nothing and is left out.

    Raises ValidationError with one sentence for each field that the model does not offer.
    """
    model = manifest_of(manifest)
    wrong = {name: f"There is no setting called {name}." for name in params if name not in PARAMS}
    # Texts of blanks are fields that were left empty.
    left = {name: params[name] for name in PARAMS if name in params and not is_empty(name, params[name])}
    refused: dict[str, str] = {}
    while True:
        try:
            # Which seed it will be does not matter for what is allowed.
            request = compose_request(model, seed=0, start_qpm=start_qpm, **left)
            break
        except ControlError as error:
            if error.control not in left:
                raise ValidationError(error.message) from error
            refused[error.control] = error.message
            del left[error.control]
    wrong |= {name: sentence_for_visitors(model, request, name, said) for name, said in refused.items()}
    if wrong:
        raise ValidationError(wrong)
    values = vars(request) | {"bars": None if "bars" not in left else int(float(left["bars"]))}
    level = model.controls.level(str(left.pop("adventurousness", "")))
    if level and level.key != usual_level(model):
        left["adventurousness"] = level.key
    values |= {"adventurousness": left.get("adventurousness"), "voices_off": list(request.voices_off)}
    return {name: values[name] for name in PARAMS if name in ALWAYS or name in left}


def params_of(request: ComposeRequest) -> dict[str, Any]:
    """The params that would ask for the same."""
    values = vars(request) | {"voices_off": list(request.voices_off)}
    return {name: values[name] for name in PARAMS if not is_empty(name, values.get(name))}


def usual_level(model: Manifest) -> str:
    """The level of adventurousness equal to the model's defaults; empty if there is none."""
    usual = (model.defaults.temperature, model.defaults.top_p)
    levels = model.controls.adventurousness
    return next((level.key for level in levels if (level.temperature, level.top_p) == usual), "")


def is_empty(name: str, value: Any) -> bool:
    """Whether nothing was chosen. A length or a type that was left empty is a mistake, not a choice."""
    if name in ("length_seconds", "ensemble"):
        return value is None
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def sentence_for_visitors(model: Manifest, request: ComposeRequest, name: str, said: str) -> str:
    """What the page says of a choice that is not on offer; `request` holds what was chosen well beside it, and `said`
    is the engine's sentence, which names the list where there is one."""
    controls, word = model.controls, WORDS.get(name, name)
    length = controls.length
    if name != "ensemble" and not _is_offered(model, request, name):
        return f"{model.genre_name} has no setting for {word}."
    match name:
        case "length_seconds":
            return f"Choose a length from {clock(length.min_seconds)} to {clock(length.max_seconds)}."
        case "bars":
            bar = seconds_per_bar(request.qpm or 120)
            return (
                f"Choose a whole number of bars that makes {clock(length.min_seconds)} to "
                f"{clock(length.max_seconds)} of music. At {request.qpm or 120:g} BPM, a bar lasts {bar:.1f} seconds."
            )
        case "temperature" | "top_p":
            bounds = controls.temperature if name == "temperature" else controls.top_p
            return f"Choose a {word} from {bounds.min:g} to {bounds.max:g}."
        case "qpm" if controls.qpm:
            return f"Choose a tempo from {controls.qpm.min:g} to {controls.qpm.max:g} BPM."
        case "key" if controls.key:
            return f"Choose a key such as C minor. Use one of these modes: {', '.join(controls.key.modes)}."
        case "voices_off":
            return "Leave at least one instrument on." if said.startswith("Expected") else said
        case "starting_note":
            ensemble = model.ensemble(request.ensemble)
            lowest, highest = (ensemble.lowest_pitch, ensemble.highest_pitch) if ensemble else (0, 127)
            return f"Choose a starting note from {lowest} to {highest}. 60 is middle C."
    return said


def _is_offered(model: Manifest, request: ComposeRequest, name: str) -> bool:
    controls = model.controls
    match name:
        case "bars":
            return controls.length.bars
        case "voices_off":
            ensemble = model.ensemble(request.ensemble)
            return sum(bool(voice.part) for voice in (ensemble.voices if ensemble else ())) > 1
        case "starting_note":
            return bool(controls.start and controls.start.note)
    return bool(getattr(controls, name, True))
