"""The manifest of a bundle: instruments, controls, network and origin.

Plain dataclasses parsed from untrusted JSON. The web process imports this module, so it uses only the standard library.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from generator.engine.errors import BundleError
from generator.engine.manifest_controls import (
    Choice,
    ChoiceControl,
    Controls,
    KeyControl,
    LengthControl,
    Level,
    RangeControl,
    StartControl,
    keyed,
    parse_controls,
)
from generator.engine.manifest_fields import Fields
from generator.engine.music import MAX_PITCH, MAX_PROGRAM, PARTS, Voice

__all__ = [
    "Card",
    "Choice",
    "ChoiceControl",
    "Controls",
    "Defaults",
    "Encoding",
    "Ensemble",
    "KeyControl",
    "LengthControl",
    "Level",
    "Manifest",
    "RangeControl",
    "StartControl",
    "parse_manifest",
    "read_manifest",
]

FORMAT = 1
MAX_MANIFEST_BYTES = 256 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Encoding:
    """How notes become class indices; `name` is a module of `generator.engine.encodings`.

    Attributes:
        steps_per_second, steps_per_quarter: the grid; one of the two is 0.
        velocity_bins: 0 if velocities are not modelled.
        offset_bins: positions within a step where a note may start, 0 if notes are on the grid.
        parts: of a band, in the order of their classes; empty for a single voice.
    """

    name: str
    steps_per_second: int
    velocity_bins: int
    num_classes: int
    steps_per_quarter: int = 0
    offset_bins: int = 0
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ensemble:
    """A choice of instruments.

    Attributes:
        key: slug used in requests and stored with pieces.
        name: as shown on pages.
        voices: one track each; in a band each plays its own part.
        lowest_pitch, highest_pitch: what the instruments can play, inclusive.
        max_note_seconds: the longest note.
    """

    key: str
    name: str
    voices: tuple[Voice, ...]
    lowest_pitch: int = 21
    highest_pitch: int = 108
    max_note_seconds: float = 15.0


@dataclass(frozen=True)
class Defaults:
    """The values of a request that sets nothing else."""

    ensemble: str
    length_seconds: float
    temperature: float
    top_p: float


@dataclass(frozen=True)
class Card:
    """The model card: where the model comes from and its measured quality.

    Attributes:
        data: the data sets, each with name, licence and source.
        licences: a sentence on what they mean for the pieces.
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
    """The facts of one bundle.

    Attributes:
        name: the model's own name, such as ``piano-1``.
        network: the configuration, from `generator.engine.network.NetworkConfig.as_dict`.
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
        return keyed(self.ensembles, key)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; `parse_manifest` is the inverse."""
        return asdict(self)

    def as_json(self) -> bytes:
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False).encode()


def read_manifest(data: bytes) -> Manifest:
    """The manifest in `manifest.json`.

    Raises:
        BundleError: too large, not JSON, in a newer format, or with an invalid value.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(f"The bundle's manifest is larger than {MAX_MANIFEST_BYTES // 1024} kB.")
    try:
        values = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError("The bundle's manifest is not valid JSON.") from error
    return parse_manifest(values)


def parse_manifest(values: Any) -> Manifest:
    """The manifest described by plain JSON values, with every value checked.

    Raises:
        BundleError: names the first invalid value.
    """
    fields = Fields(values, "manifest")
    found = fields.integer("format", 1, 1_000_000)
    if found > FORMAT:
        raise BundleError(f"The bundle has format {found}, but this version reads up to {FORMAT}. Update Musicgen.")
    encoding = _encoding(fields.child("encoding"))
    ensembles = tuple(_ensemble(item, encoding.parts) for item in fields.children("ensembles", at_least=1, at_most=64))
    keys = [ensemble.key for ensemble in ensembles]
    if len(set(keys)) < len(keys):
        raise fields.wrong("ensembles", "ensembles with different keys", keys)
    controls = parse_controls(fields.child("controls"))
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
        encoding=encoding,
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


def _encoding(fields: Fields) -> Encoding:
    steps_per_second = fields.integer("steps_per_second", 0, 1000)
    return Encoding(
        name=fields.slug("name"),
        steps_per_second=steps_per_second,
        velocity_bins=fields.integer("velocity_bins", 0, 127),
        num_classes=fields.integer("num_classes", 2, 65536),
        steps_per_quarter=(
            fields.integer("steps_per_quarter", 0, 0, default=0)
            if steps_per_second
            else fields.integer("steps_per_quarter", 1, 96)
        ),
        offset_bins=fields.integer("offset_bins", 0, 64, default=0),
        parts=fields.choices("parts", PARTS, at_least=0),
    )


def _ensemble(fields: Fields, parts: tuple[str, ...]) -> Ensemble:
    lowest = fields.integer("lowest_pitch", 0, MAX_PITCH, default=21)
    voices = tuple(_voice(voice, parts) for voice in fields.children("voices", at_least=1, at_most=16))
    drums = sum(voice.is_drum for voice in voices)
    if drums > 1 or len(voices) - drums > 15:
        raise fields.wrong("voices", "at most 15 melodic voices and one of drums", fields.get("voices"))
    played = [voice.part for voice in voices]
    if parts and len(set(played)) < len(played):
        raise fields.wrong("voices", "voices of different parts", fields.get("voices"))
    return Ensemble(
        key=fields.slug("key"),
        name=fields.text("name"),
        voices=voices,
        lowest_pitch=lowest,
        # An octave at least: the composer must always find a silent pitch.
        highest_pitch=fields.integer("highest_pitch", min(MAX_PITCH, lowest + 12), MAX_PITCH, default=108),
        max_note_seconds=fields.number("max_note_seconds", 0.5, 60.0, default=15.0),
    )


def _voice(fields: Fields, parts: tuple[str, ...]) -> Voice:
    voice = Voice(
        fields.text("name"),
        fields.integer("program", 0, MAX_PROGRAM),
        fields.flag("is_drum", default=False),
        fields.choice("part", parts or ("",), **({} if parts else {"default": ""})),
    )
    if parts and voice.is_drum != (voice.part == "drums"):
        raise fields.wrong("is_drum", "true for the part drums alone", voice.is_drum)
    return voice


def _card(fields: Fields) -> Card:
    return Card(
        data=tuple(item.values for item in fields.children("data", at_least=0, at_most=100)),
        licences=fields.text("licences", at_most=2000, may_be_empty=True),
        commercial_use=fields.flag("commercial_use"),
        training=fields.child("training").values,
        figures=fields.child("figures").values,
    )


def _scalars(fields: Fields) -> Mapping[str, Any]:
    for name, value in fields.values.items():
        if type(value) not in (int, float, bool, str) or (isinstance(value, str) and len(value) > 100):
            raise fields.wrong(name, "a number, a short text, true or false", value)
    return fields.values


def _weights(fields: Fields) -> Mapping[str, tuple[int, ...]]:
    for name, shape in fields.values.items():
        if not (
            isinstance(shape, list | tuple)
            and 1 <= len(shape) <= 4
            and all(type(n) is int and 1 <= n <= 65536 for n in shape)
        ):
            raise fields.wrong(name, "a shape of 1 to 4 whole numbers of 1 to 65536", shape)
    return {name: tuple(shape) for name, shape in fields.values.items()}


def _members(fields: Fields) -> Mapping[str, str]:
    for name, digest in fields.values.items():
        if not isinstance(digest, str) or not _SHA256.match(digest):
            raise fields.wrong(name, "a sha256 of 64 hexadecimal digits", digest)
    return fields.values


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
