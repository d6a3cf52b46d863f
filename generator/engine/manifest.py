"""The manifest of a bundle: what the model plays, what it lets a user choose, where it came from.

Plain dataclasses made from JSON that nobody has checked yet. The web process imports this module, so it needs nothing
but the standard library.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from generator.engine.errors import BundleError
from generator.engine.music import MAX_PITCH, MAX_PROGRAM, Voice

FORMAT = 1
MAX_MANIFEST_BYTES = 256 * 1024

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_MISSING = object()


@dataclass(frozen=True)
class Encoding:
    """How notes become class indices; `name` is the module of `generator.engine.encodings` that knows."""

    name: str
    steps_per_second: int
    velocity_bins: int
    num_classes: int


@dataclass(frozen=True)
class LengthControl:
    """Length of a piece in seconds: bounds inclusive, and what a page offers at one click."""

    min_seconds: float
    max_seconds: float
    default_seconds: float
    presets: tuple[float, ...]


@dataclass(frozen=True)
class RangeControl:
    """A number between two bounds, both inclusive."""

    min: float
    max: float
    default: float


@dataclass(frozen=True)
class Controls:
    length: LengthControl
    temperature: RangeControl
    top_p: RangeControl


@dataclass(frozen=True)
class Ensemble:
    """A choice of instruments.

    Attributes:
        key: slug used in requests and stored with pieces.
        name: as shown on pages.
        voices: one track each.
        lowest_pitch, highest_pitch: what the instruments can play, inclusive.
        max_note_seconds: no note is held longer.
    """

    key: str
    name: str
    voices: tuple[Voice, ...]
    lowest_pitch: int = 21
    highest_pitch: int = 108
    max_note_seconds: float = 15.0


@dataclass(frozen=True)
class Defaults:
    """What a request holds that names nothing else."""

    ensemble: str
    length_seconds: float
    temperature: float
    top_p: float


@dataclass(frozen=True)
class Card:
    """Where the model comes from and how good it was measured to be.

    Attributes:
        data: the data sets, each with name, licence and source.
        licences: a sentence on what that means for the pieces.
        commercial_use: whether the data's licences allow it.
        training: facts such as hours and hardware.
        figures: what `evaluate_genre_model` measured.
    """

    data: tuple[Mapping[str, Any], ...] = ()
    licences: str = ""
    commercial_use: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """Facts of one bundle.

    Attributes:
        name: the model's own name, such as ``piano-1``.
        network: the shape, as `generator.engine.network.NetworkConfig.as_dict` gives it.
        weights: shape of each array by name.
        members: sha256 of each other file of the bundle by name.
    """

    name: str
    genre: str
    genre_name: str
    encoding: Encoding
    network: Mapping[str, Any]
    controls: Controls
    ensembles: tuple[Ensemble, ...]
    defaults: Defaults
    card: Card = field(default_factory=Card)
    weights: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def ensemble(self, key: str) -> Ensemble | None:
        return next((ensemble for ensemble in self.ensembles if ensemble.key == key), None)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; `parse_manifest` is the inverse."""
        return asdict(self)

    def as_json(self) -> bytes:
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False).encode()


def read_manifest(data: bytes) -> Manifest:
    """The manifest in `manifest.json`.

    Raises:
        BundleError: too large, no JSON, of a newer format, or with a value that makes no sense.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(f"The bundle's manifest is larger than {MAX_MANIFEST_BYTES // 1024} kB.")
    try:
        values = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError("The bundle's manifest is not valid JSON.") from error
    return parse_manifest(values)


def parse_manifest(values: Any) -> Manifest:
    """The manifest that plain JSON values describe, every value checked.

    Raises:
        BundleError: names the first value that is wrong.
    """
    fields = _Fields(values, "manifest")
    found = fields.integer("format", 1, 1_000_000)
    if found > FORMAT:
        raise BundleError(f"The bundle has format {found}, but this version reads formats up to {FORMAT}; update it.")
    ensembles = tuple(_ensemble(item) for item in fields.children("ensembles", at_least=1, at_most=64))
    keys = [ensemble.key for ensemble in ensembles]
    if len(set(keys)) < len(keys):
        raise fields.wrong("ensembles", "ensembles with different keys", keys)
    controls = _controls(fields.child("controls"))
    defaults = fields.child("defaults")
    ensemble = defaults.text("ensemble")
    if ensemble not in keys:
        raise defaults.wrong("ensemble", f"one of {', '.join(keys)}", ensemble)
    length, temperature, top_p = controls.length, controls.temperature, controls.top_p
    return Manifest(
        format=found,
        name=fields.text("name"),
        genre=fields.slug("genre"),
        genre_name=fields.text("genre_name"),
        encoding=_encoding(fields.child("encoding")),
        network=_scalars(fields.child("network")),
        controls=controls,
        ensembles=ensembles,
        defaults=Defaults(
            ensemble=ensemble,
            length_seconds=defaults.number("length_seconds", length.min_seconds, length.max_seconds),
            temperature=defaults.number("temperature", temperature.min, temperature.max),
            top_p=defaults.number("top_p", top_p.min, top_p.max),
        ),
        card=_card(fields.child("card")),
        weights=_weights(fields.child("weights")),
        members=_members(fields.child("members")),
    )


class _Fields:
    """One JSON object whose values are asked for by name, kind and bounds."""

    def __init__(self, values: Any, path: str) -> None:
        if not isinstance(values, dict):
            raise BundleError(f"The bundle's manifest is wrong: expected an object for {path}, got {_short(values)}.")
        self.values: dict[str, Any] = values
        self.path = path

    def wrong(self, name: str, expected: str, got: Any) -> BundleError:
        where = name if self.path == "manifest" else f"{self.path}.{name}"
        said = "nothing" if got is _MISSING else _short(got)
        return BundleError(f"The bundle's manifest is wrong: expected {expected} for {where}, got {said}.")

    def get(self, name: str, default: Any = _MISSING) -> Any:
        return self.values.get(name, default)

    def child(self, name: str) -> "_Fields":
        return _Fields(self.get(name, None), name if self.path == "manifest" else f"{self.path}.{name}")

    def children(self, name: str, *, at_least: int, at_most: int) -> list["_Fields"]:
        items = self.get(name)
        if not isinstance(items, list | tuple) or not at_least <= len(items) <= at_most:
            raise self.wrong(name, f"a list of {at_least} to {at_most} objects", items)
        return [_Fields(item, f"{name}[{index}]") for index, item in enumerate(items)]

    def text(self, name: str, *, at_most: int = 100, may_be_empty: bool = False) -> str:
        value = self.get(name)
        if not isinstance(value, str) or len(value) > at_most or not (value.strip() or may_be_empty):
            raise self.wrong(name, f"a text of at most {at_most} characters", value)
        if not value.isprintable():
            raise self.wrong(name, "a text without control characters", value)
        return value

    def slug(self, name: str) -> str:
        value = self.text(name, at_most=50)
        if not _SLUG.match(value):
            raise self.wrong(name, "lower-case letters, digits and hyphens", value)
        return value

    def integer(self, name: str, low: int, high: int, default: Any = _MISSING) -> int:
        value = self.get(name, default)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"a whole number of {low} to {high}", value)
        return value

    def number(self, name: str, low: float, high: float, default: Any = _MISSING) -> float:
        value = self.get(name, default)
        # NaN is in no range, and a whole number too large for a float is compared as it is.
        if type(value) not in (int, float) or not low <= value <= high:
            raise self.wrong(name, f"a number of {low:g} to {high:g}", value)
        return float(value)

    def flag(self, name: str, default: Any = _MISSING) -> bool:
        value = self.get(name, default)
        if type(value) is not bool:
            raise self.wrong(name, "true or false", value)
        return value


def _encoding(fields: _Fields) -> Encoding:
    return Encoding(
        name=fields.slug("name"),
        steps_per_second=fields.integer("steps_per_second", 1, 1000),
        velocity_bins=fields.integer("velocity_bins", 0, 127),
        num_classes=fields.integer("num_classes", 2, 65536),
    )


def _controls(fields: _Fields) -> Controls:
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
    return Controls(
        length=LengthControl(low, high, length.number("default_seconds", low, high), tuple(map(float, presets))),
        # Dividing by less than a hundredth could leave the range of a float.
        temperature=_range(fields.child("temperature"), 0.01, 10.0),
        top_p=_range(fields.child("top_p"), 0.01, 1.0),
    )


def _range(fields: _Fields, low: float, high: float) -> RangeControl:
    low = fields.number("min", low, high)
    high = fields.number("max", low, high)
    return RangeControl(low, high, fields.number("default", low, high))


def _ensemble(fields: _Fields) -> Ensemble:
    lowest = fields.integer("lowest_pitch", 0, MAX_PITCH, default=21)
    voices = tuple(
        Voice(voice.text("name"), voice.integer("program", 0, MAX_PROGRAM), voice.flag("is_drum", default=False))
        for voice in fields.children("voices", at_least=1, at_most=16)
    )
    drums = sum(voice.is_drum for voice in voices)
    if drums > 1 or len(voices) - drums > 15:
        raise fields.wrong("voices", "at most 15 melodic voices and one of drums", fields.get("voices"))
    return Ensemble(
        key=fields.slug("key"),
        name=fields.text("name"),
        voices=voices,
        lowest_pitch=lowest,
        # An octave at least: the composer must always find a pitch that is silent.
        highest_pitch=fields.integer("highest_pitch", min(MAX_PITCH, lowest + 12), MAX_PITCH, default=108),
        max_note_seconds=fields.number("max_note_seconds", 0.5, 60.0, default=15.0),
    )


def _card(fields: _Fields) -> Card:
    return Card(
        data=tuple(item.values for item in fields.children("data", at_least=0, at_most=100)),
        licences=fields.text("licences", at_most=2000, may_be_empty=True),
        commercial_use=fields.flag("commercial_use"),
        training=fields.child("training").values,
        figures=fields.child("figures").values,
    )


def _scalars(fields: _Fields) -> Mapping[str, Any]:
    for name, value in fields.values.items():
        if type(value) not in (int, float, bool, str) or (isinstance(value, str) and len(value) > 100):
            raise fields.wrong(name, "a number, a short text, true or false", value)
    return fields.values


def _weights(fields: _Fields) -> Mapping[str, tuple[int, ...]]:
    for name, shape in fields.values.items():
        if not (
            isinstance(shape, list | tuple)
            and 1 <= len(shape) <= 4
            and all(type(n) is int and 1 <= n <= 65536 for n in shape)
        ):
            raise fields.wrong(name, "a shape of 1 to 4 whole numbers of 1 to 65536", shape)
    return {name: tuple(shape) for name, shape in fields.values.items()}


def _members(fields: _Fields) -> Mapping[str, str]:
    for name, digest in fields.values.items():
        if not isinstance(digest, str) or not _SHA256.match(digest):
            raise fields.wrong(name, "a sha256 of 64 hexadecimal digits", digest)
    return fields.values


def _short(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return f"{len(value)} entries"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
