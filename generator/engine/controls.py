"""From a user's choices to a request that a bundle can serve. Light: the web process imports it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generator.engine.errors import ControlError
from generator.engine.keys import Key, parse_key
from generator.engine.manifest import Choice, ChoiceControl, Ensemble, Manifest
from generator.engine.manifest_controls import MAX_QPM, MIN_QPM
from generator.engine.names import find_named, unknown_sentence

if TYPE_CHECKING:
    from generator.engine.primers import Primer

MAX_SEED = 2**63 - 1
QUARTERS_PER_BAR = 4
DEFAULT_QPM = 120.0


@dataclass(frozen=True)
class ComposeRequest:
    """One piece to compose.

    Attributes:
        length_seconds: of the new music; on a clock of seconds it ends within the last second before this, on a grid
            on the bar line nearest to it. A kept primer comes on top.
        seed: 0 to `MAX_SEED`; the same seed gives the same piece.
        ensemble: key of one of the bundle's ensembles.
        temperature: divides the logits of pitches and velocities, above 0.
        top_p: only the most likely pitches and velocities that make up this share are sampled, 0 < top_p ≤ 1.
        take, attempt: which candidate of a generation, and which attempt at it; both affect the random numbers.
        qpm: the tempo if the encoding has a grid, otherwise None.
        key: such as "C minor"; "" leaves the choice to the seed.
        density, feel, style: keys of the bundle's choices; "" for any.
        voices_off: parts of the ensemble that do not play.
        starting_note: pitch of the first note; on a grid, of the leading pitched voice.
        primer: music to continue from.
        keep_primer: whether the piece starts with it.
    """

    length_seconds: float
    seed: int
    ensemble: str
    temperature: float = 0.95
    top_p: float = 0.9
    take: int = 0
    attempt: int = 0
    qpm: float | None = None
    key: str = ""
    density: str = ""
    feel: str = ""
    style: str = ""
    voices_off: tuple[str, ...] = ()
    starting_note: int | None = None
    primer: "Primer | None" = None
    keep_primer: bool = False


def compose_request(
    manifest: Manifest,
    *,
    seed: int,
    length_seconds: Any = None,
    bars: Any = None,
    ensemble: str | None = None,
    temperature: Any = None,
    top_p: Any = None,
    adventurousness: str | None = None,
    qpm: Any = None,
    key: str | None = None,
    density: str | None = None,
    feel: str | None = None,
    style: str | None = None,
    voices_off: Any = None,
    starting_note: Any = None,
    take: int = 0,
    attempt: int = 0,
    primer: "Primer | None" = None,
    keep_primer: bool = False,
    start_qpm: float | None = None,
) -> ComposeRequest:
    """The request, with the manifest's defaults for None.

    Numbers may come as text, as forms and command lines send them; `voices_off` as a list or as parts between commas.
    `bars` counts before `length_seconds`. A level of `adventurousness` stands for the temperature and the top_p that
    are not given. Tempo and key are those of the primer where none are asked for, then the tempo of the style;
    `start_qpm` stands for the tempo of a primer that is not read yet. Every model can go on from a primer; whether a
    user may send a file of their own is for the caller to ask
    (`StartControl.midi`).

    Raises:
        ControlError: the bundle does not offer it; says what was expected and received, and for which param.
    """
    defaults, controls = manifest.defaults, manifest.controls
    chosen_key = defaults.ensemble if ensemble is None else ensemble
    chosen = manifest.ensemble(chosen_key)
    if chosen is None:
        raise _not_one_of("ensemble", "type", manifest.ensembles, chosen_key)
    style_choice = _choice("style", controls.style, style)
    tempo = _qpm(manifest, qpm, primer.qpm if primer else start_qpm, style_choice)
    start = controls.start
    level = None
    if not _is_empty(adventurousness):
        if not controls.adventurousness:
            raise _unknown("adventurousness")
        level = controls.level(str(adventurousness))
        if level is None:
            raise _not_one_of("adventurousness", "creativity", controls.adventurousness, adventurousness)
    usual = level or defaults
    heat, share = controls.temperature, controls.top_p
    return checked(
        ComposeRequest(
            length_seconds=_length(manifest, length_seconds, bars, tempo),
            seed=seed,
            ensemble=chosen.key,
            temperature=_number("temperature", "a temperature", temperature, usual.temperature, heat.min, heat.max),
            top_p=_number("top_p", "a top_p", top_p, usual.top_p, share.min, share.max),
            take=take,
            attempt=attempt,
            qpm=tempo,
            key=_key(manifest, key, primer),
            density=_key_of(_choice("density", controls.density, density)),
            feel=_key_of(_choice("feel", controls.feel, feel)),
            style=_key_of(style_choice),
            voices_off=_voices_off(chosen, voices_off),
            starting_note=_starting_note(chosen, bool(start and start.note), starting_note),
            primer=primer,
            keep_primer=bool(keep_primer),
        )
    )


def parse_seed(text: str) -> int:
    """A seed as typed by a user.

    Raises:
        ControlError: not an integer from 0 to `MAX_SEED`.
    """
    # int() would also accept signs, underscores and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_SEED):
        raise ControlError(f"Expected a seed of 0 to {MAX_SEED}; got {_short(text)}.", "seed")
    return int(text)


def checked(request: ComposeRequest) -> ComposeRequest:
    """The same request, if random generators accept its integers."""
    for name, value in (("seed", request.seed), ("take", request.take), ("attempt", request.attempt)):
        if type(value) is not int or not 0 <= value <= MAX_SEED:
            raise ControlError(f"Expected a {name} of 0 to {MAX_SEED}; got {_short(value)}.", name)
    return request


def seconds_per_bar(qpm: float) -> float:
    """Length of a bar of four quarters."""
    return QUARTERS_PER_BAR * 60.0 / qpm


def _length(manifest: Manifest, length_seconds: Any, bars: Any, qpm: float | None) -> float:
    control = manifest.controls.length
    if _is_empty(bars):
        low, high, default = control.min_seconds, control.max_seconds, manifest.defaults.length_seconds
        return _number("length_seconds", "a length", length_seconds, default, low, high, " seconds")
    if not control.bars or qpm is None:
        raise _unknown("bars")
    bar = seconds_per_bar(qpm)
    # A hundred-thousandth of a bar: a length that is the minimum in seconds is also the minimum in bars.
    low = max(2, math.ceil(control.min_seconds / bar - 1e-5))
    high = max(low, math.floor(control.max_seconds / bar + 1e-5))
    return bar * _whole("bars", "a length", bars, low, high, f" bars at {qpm:g} quarter notes a minute")


def _qpm(manifest: Manifest, qpm: Any, start_qpm: float | None, style: Choice | None) -> float | None:
    control = manifest.controls.qpm
    if not manifest.encoding.steps_per_quarter:
        if not _is_empty(qpm):
            raise _unknown("qpm")
        return None
    usual = control.default if control else DEFAULT_QPM
    if style and style.qpm:
        usual = style.qpm
    if start_qpm:
        usual = min(max(start_qpm, MIN_QPM), MAX_QPM)
    if _is_empty(qpm):
        return usual
    if control is None:
        raise _unknown("qpm")
    return _number("qpm", "a tempo", qpm, usual, control.min, control.max, " quarter notes a minute")


def _key(manifest: Manifest, key: Any, primer: "Primer | None") -> str:
    control = manifest.controls.key
    if _is_empty(key):
        if control is None or primer is None or not primer.key:
            return ""
        found = parse_key(primer.key)
        return found.name if found.mode in control.modes else ""
    if control is None:
        raise _unknown("key")
    asked: Key = parse_key(key)
    if asked.mode not in control.modes:
        modes = ", ".join(control.modes)
        raise ControlError(f"Expected a key of the modes {modes}; got {asked.name}.", "key")
    return asked.name


def _choice(name: str, control: ChoiceControl | None, key: Any) -> Choice | None:
    if _is_empty(key):
        return None
    if control is None:
        raise _unknown(name)
    choice = control.choice(key)
    if choice is None:
        raise _not_one_of(name, name, control.choices, key)
    return choice


def _voices_off(ensemble: Ensemble, voices_off: Any) -> tuple[str, ...]:
    if _is_empty(voices_off):
        return ()
    wanted = voices_off.split(",") if isinstance(voices_off, str) else voices_off
    if not isinstance(wanted, list | tuple | set | frozenset):
        wanted = [wanted]
    parts = [voice.part for voice in ensemble.voices if voice.part]
    if len(parts) < 2:
        raise _unknown("voices_off")
    off = set()
    for name in wanted:
        voice = find_named([voice for voice in ensemble.voices if voice.part], name, key="part")
        if voice is None:
            raise ControlError(unknown_sentence("voice", name, parts), "voices_off")
        off.add(voice.part)
    if off == set(parts):
        raise ControlError("Expected at least one voice to play; got all of them switched off.", "voices_off")
    return tuple(part for part in parts if part in off)


def _starting_note(ensemble: Ensemble, is_offered: bool, pitch: Any) -> int | None:
    if _is_empty(pitch):
        return None
    if not is_offered:
        raise _unknown("starting_note")
    return _whole("starting_note", "a starting note", pitch, ensemble.lowest_pitch, ensemble.highest_pitch)


def _is_empty(value: Any) -> bool:
    """Whether nothing was chosen: None, an empty string or an empty list."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], ())


def _key_of(choice: Choice | None) -> str:
    return choice.key if choice else ""


def _unknown(name: str) -> ControlError:
    return ControlError(f"The model has no control called {name}.", name)


def _not_one_of(name: str, what: str, items: Sequence[Any], got: Any) -> ControlError:
    return ControlError(unknown_sentence(what, got, (item.key for item in items)), name)


def _whole(name: str, what: str, value: Any, low: float, high: float, unit: str = "") -> int:
    number = _number(name, what, value, low, low, high, unit)
    if number != int(number):
        raise ControlError(f"Expected a whole number for {what}; got {_short(value)}.", name)
    return int(number)


def _number(name: str, what: str, value: Any, default: float, low: float, high: float, unit: str = "") -> float:
    sentence = f"Expected {what} of {low:g} to {high:g}{unit}; got {_short(value)}."
    if value is None:
        return default
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ControlError(sentence, name) from error
    if isinstance(value, bool) or not math.isfinite(number) or not low <= number <= high:
        raise ControlError(sentence, name)
    return number


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    if not text:
        return "nothing"
    return text if len(text) <= 40 else f"{text[:37]}…"
