"""From what a user chose to a request that a bundle can serve. Light: the web process imports it."""

import math
from dataclasses import dataclass
from typing import Any

from generator.engine.errors import ControlError
from generator.engine.manifest import Manifest

MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class ComposeRequest:
    """One piece to compose.

    Attributes:
        length_seconds: the piece ends within the last second before this.
        seed: 0 to `MAX_SEED`; the same seed gives the same piece.
        ensemble: key of one of the bundle's ensembles.
        temperature: divides the logits of pitches and velocities, above 0.
        top_p: only the likeliest pitches and velocities that hold this share are drawn, 0 < top_p ≤ 1.
        take, attempt: which candidate of a generation, and which try at it; both enter the random numbers.
    """

    length_seconds: float
    seed: int
    ensemble: str
    temperature: float = 0.95
    top_p: float = 0.9
    take: int = 0
    attempt: int = 0


def compose_request(
    manifest: Manifest,
    *,
    seed: int,
    length_seconds: Any = None,
    ensemble: str | None = None,
    temperature: Any = None,
    top_p: Any = None,
    take: int = 0,
    attempt: int = 0,
) -> ComposeRequest:
    """The request, with the manifest's defaults for what is None.

    Numbers may come as text, as forms and command lines send them.

    Raises:
        ControlError: something the bundle does not offer; says what it expected and what it got.
    """
    defaults, controls = manifest.defaults, manifest.controls
    key = defaults.ensemble if ensemble is None else ensemble
    if manifest.ensemble(key) is None:
        known = ", ".join(ensemble.key for ensemble in manifest.ensembles)
        raise ControlError(f"Expected a type of {known}; got {_short(key)}.")
    return checked(
        ComposeRequest(
            length_seconds=_number(
                "a length", "seconds", length_seconds, defaults.length_seconds, *_bounds(controls.length)
            ),
            seed=seed,
            ensemble=key,
            temperature=_number("a temperature", "", temperature, defaults.temperature, *_bounds(controls.temperature)),
            top_p=_number("a top_p", "", top_p, defaults.top_p, *_bounds(controls.top_p)),
            take=take,
            attempt=attempt,
        )
    )


def parse_seed(text: str) -> int:
    """A seed as people type it.

    Raises:
        ControlError: no whole number of 0 to `MAX_SEED`.
    """
    # int() would also take signs, underscores and the digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_SEED):
        raise ControlError(f"Expected a seed of 0 to {MAX_SEED}; got {_short(text)}.")
    return int(text)


def checked(request: ComposeRequest) -> ComposeRequest:
    """The same request when its whole numbers are what random generators accept."""
    for name, value in (("seed", request.seed), ("take", request.take), ("attempt", request.attempt)):
        if type(value) is not int or not 0 <= value <= MAX_SEED:
            raise ControlError(f"Expected a {name} of 0 to {MAX_SEED}; got {_short(value)}.")
    return request


def _bounds(control: Any) -> tuple[float, float]:
    if hasattr(control, "min_seconds"):
        return control.min_seconds, control.max_seconds
    return control.min, control.max


def _number(what: str, unit: str, value: Any, default: float, low: float, high: float) -> float:
    unit = f" {unit}" if unit else ""
    sentence = f"Expected {what} of {low:g} to {high:g}{unit}; got {_short(value)}."
    if value is None:
        return default
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ControlError(sentence) from error
    if isinstance(value, bool) or not math.isfinite(number) or not low <= number <= high:
        raise ControlError(sentence)
    return number


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    if not text:
        return "nothing"
    return text if len(text) <= 40 else f"{text[:37]}…"
