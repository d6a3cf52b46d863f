"""The controls of a bundle: their kinds, and how they are parsed from a manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from generator.engine.keys import MODES
from generator.engine.manifest_fields import Fields
from generator.engine.names import find_named

# Outside these bounds MIDI files and listeners disagree about the tempo.
MIN_QPM, MAX_QPM = 20.0, 400.0
# What earlier bundles call a level → what people read.
LEVEL_NAMES = {"Careful": "Safe"}


@dataclass(frozen=True)
class LengthControl:
    """Length of a piece in seconds: inclusive bounds, the page's presets, and whether bars are offered."""

    min_seconds: float
    max_seconds: float
    default_seconds: float
    presets: tuple[float, ...]
    bars: bool = False


@dataclass(frozen=True)
class RangeControl:
    """A number between two inclusive bounds."""

    min: float
    max: float
    default: float


@dataclass(frozen=True)
class Choice:
    """One of several choices.

    Attributes:
        key: slug used in requests.
        name: as shown on pages.
        value: the network's input: an index or a bin of the encoding.
        qpm: the default tempo for it.
    """

    key: str
    name: str
    value: int = 0
    qpm: float | None = None


@dataclass(frozen=True)
class ChoiceControl:
    """One of several choices, or none ("" in requests), the default."""

    choices: tuple[Choice, ...]

    def choice(self, key: str) -> Choice | None:
        return keyed(self.choices, key)


@dataclass(frozen=True)
class KeyControl:
    """Any of the twelve tonics in any of these modes, or none, the default."""

    modes: tuple[str, ...]


@dataclass(frozen=True)
class Level:
    """One level of the creativity slider: a slug, a label and its sampling settings."""

    key: str
    name: str
    temperature: float
    top_p: float


@dataclass(frozen=True)
class StartControl:
    """What a piece can start from: a starting note, a MIDI file of the user."""

    note: bool = False
    midi: bool = False


@dataclass(frozen=True)
class Controls:
    """None (or no levels) if the bundle does not offer a control."""

    length: LengthControl
    temperature: RangeControl
    top_p: RangeControl
    qpm: RangeControl | None = None
    key: KeyControl | None = None
    density: ChoiceControl | None = None
    feel: ChoiceControl | None = None
    style: ChoiceControl | None = None
    adventurousness: tuple[Level, ...] = ()
    start: StartControl | None = None

    def level(self, key: str) -> Level | None:
        return keyed(self.adventurousness, key)


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...


_Item = TypeVar("_Item", bound=_Keyed)


def keyed(items: Sequence[_Item], key: str) -> _Item | None:
    """The item of that key, or that people call so (`names.find_named`)."""
    return find_named(items, key)


def parse_controls(fields: Fields) -> Controls:
    """
    Raises:
        BundleError: names the first invalid value.
    """
    length = fields.child("length")
    low = length.number("min_seconds", 1.0, 3600.0)
    high = length.number("max_seconds", low, 3600.0)
    presets = length.get("presets")
    if (
        not isinstance(presets, list | tuple)
        or len(presets) > 20
        or not all(type(p) in (int, float) and low <= p <= high for p in presets)
    ):
        raise length.wrong("presets", f"a list of numbers of {low:g} to {high:g}", presets)
    # Dividing by less than a hundredth could overflow a float.
    temperature = _range(fields.child("temperature"), 0.01, 10.0)
    top_p = _range(fields.child("top_p"), 0.01, 1.0)
    qpm, key, start = (fields.optional_child(name) for name in ("qpm", "key", "start"))
    return Controls(
        length=LengthControl(
            low,
            high,
            length.number("default_seconds", low, high),
            tuple(map(float, presets)),
            length.flag("bars", default=False),
        ),
        temperature=temperature,
        top_p=top_p,
        qpm=_range(qpm, MIN_QPM, MAX_QPM) if qpm else None,
        key=KeyControl(key.choices("modes", MODES, at_least=1)) if key else None,
        density=_choice_control(fields, "density"),
        feel=_choice_control(fields, "feel"),
        style=_choice_control(fields, "style"),
        adventurousness=_levels(fields, temperature, top_p),
        start=StartControl(start.flag("note", default=False), start.flag("midi", default=False)) if start else None,
    )


def _range(fields: Fields, low: float, high: float) -> RangeControl:
    low = fields.number("min", low, high)
    high = fields.number("max", low, high)
    return RangeControl(low, high, fields.number("default", low, high))


def _choice_control(fields: Fields, name: str) -> ChoiceControl | None:
    control = fields.optional_child(name)
    if control is None:
        return None
    choices = tuple(
        Choice(
            key=item.slug("key"),
            name=item.text("name"),
            value=item.integer("value", 0, 255, default=0),
            qpm=None if item.get("qpm", None) is None else item.number("qpm", MIN_QPM, MAX_QPM),
        )
        for item in control.children("choices", at_least=1, at_most=64)
    )
    _refuse_twins(control, "choices", choices)
    return ChoiceControl(choices)


def _levels(fields: Fields, temperature: RangeControl, top_p: RangeControl) -> tuple[Level, ...]:
    levels = tuple(
        Level(
            key=item.slug("key"),
            name=LEVEL_NAMES.get(name := item.text("name"), name),
            temperature=item.number("temperature", temperature.min, temperature.max),
            top_p=item.number("top_p", top_p.min, top_p.max),
        )
        for item in fields.children("adventurousness", at_least=0, at_most=20, default=())
    )
    _refuse_twins(fields, "adventurousness", levels)
    return levels


def _refuse_twins(fields: Fields, name: str, items: Sequence[_Keyed]) -> None:
    keys = [item.key for item in items]
    if len(set(keys)) < len(keys):
        raise fields.wrong(name, "entries with different keys", keys)
