"""What the compose page offers, read from the manifests of the active models."""

import json
from dataclasses import asdict, dataclass
from typing import Any, cast

from django.core.exceptions import ValidationError

from generator.engine.keys import tonic_names
from generator.models import Genre, GenreModel
from generator.offers import controls_offered
from generator.params import manifest_of

# Shown under the name of a genre that is known here; any other genre stands there with its name alone.
TAGLINES = {
    "piano": "Free solo performances, from dreamy to virtuosic",
    "drums": "Grooves and fills with a drummer's timing",
    "rock": "Guitars, bass and drums playing together",
    "electronic": "Synths, pads and beats on a steady pulse",
}


# Controls behind "More options", in the order of the form → what its heading calls them.
OPTIONS = {
    "style": "style",
    "voices_off": "instruments",
    "qpm": "tempo",
    "key": "key",
    "density": "density",
    "feel": "feel",
    "adventurousness": "creativity",
    "start": "start",
    "takes": "takes",
}


@dataclass(frozen=True, slots=True)
class EnsembleChoice:
    """One type, with what the player needs about its voices and which of them can be switched off."""

    key: str
    name: str
    voices: list[dict[str, Any]]
    parts: list[dict[str, str]]
    lowest_pitch: int
    highest_pitch: int

    @property
    def voices_json(self) -> str:
        return json.dumps(self.voices, separators=(",", ":"))

    @property
    def parts_json(self) -> str:
        return json.dumps({part["part"]: part["name"] for part in self.parts}, separators=(",", ":"))

    @property
    def voice_names(self) -> str:
        """For the eye, where there is more than one voice: "Drums, bass, guitar"."""
        names = [voice["name"] for voice in self.voices]
        return ", ".join([names[0], *(name.lower() for name in names[1:])]) if len(names) > 1 else ""


def voices_of(ensemble: dict[str, Any]) -> list[dict[str, Any]]:
    """What the player needs to know about the voices of an ensemble in a manifest."""
    return [
        {"name": voice["name"], "program": voice["program"], "is_drum": voice.get("is_drum", False)}
        for voice in ensemble["voices"]
    ]


@dataclass(frozen=True, slots=True)
class GenreChoice:
    """One genre as the page offers it; `controls` is what `controls_offered` says of its model."""

    slug: str
    name: str
    ensembles: list[EnsembleChoice]
    default_ensemble: str
    default_seconds: float
    controls: dict[str, Any]

    @property
    def tagline(self) -> str:
        return TAGLINES.get(self.slug, "")

    @property
    def has_musical_controls(self) -> bool:
        """Whether there is more to choose than a length and numbers."""
        return bool(self.controls.keys() - {"length", "start", "takes", "temperature", "top_p"})

    @property
    def options_line(self) -> str:
        """What stands behind "More options", in words: "Style, instruments, tempo, key, takes"."""
        named = [word for name, word in OPTIONS.items() if name in self.controls]
        return ", ".join(named).capitalize()

    @property
    def min_seconds(self) -> float:
        return float(self.controls["length"]["min_seconds"])

    @property
    def max_seconds(self) -> float:
        return float(self.controls["length"]["max_seconds"])

    @property
    def presets(self) -> list[float]:
        return list(self.controls["length"]["presets"])

    @property
    def parts(self) -> list[dict[str, str]]:
        """Every voice that one type or another lets one switch off, once; named as in the default type."""
        found: dict[str, str] = {}
        for ensemble in sorted(self.ensembles, key=lambda one: one.key != self.default_ensemble):
            for part in ensemble.parts:
                found.setdefault(part["part"], part["name"])
        return [{"part": part, "name": name} for part, name in found.items()]

    @property
    def tonics(self) -> list[str]:
        """Tonics as people write them, from C upwards; a black key by both names where its modes use both."""
        modes = [mode["key"] for mode in self.controls["key"]["modes"]] if "key" in self.controls else []
        by_mode = [tonic_names(mode) for mode in modes]
        return list(dict.fromkeys(names[pitch_class] for pitch_class in range(12) for names in by_mode))

    @property
    def limits_json(self) -> str:
        """What the page's script needs to know about the genre besides its fields."""
        limits = {
            "length": [self.min_seconds, self.max_seconds, self.default_seconds],
            "start": self.controls.get("start", {}),
        }
        return json.dumps(limits, separators=(",", ":"))

    def ensemble(self, key: Any) -> EnsembleChoice | None:
        return next((ensemble for ensemble in self.ensembles if ensemble.key == key), None)

    @classmethod
    def of(cls, genre: Genre, model: GenreModel) -> "GenreChoice":
        """Raises ValidationError where the model's manifest cannot be read."""
        manifest = manifest_of(model.manifest)
        controls = controls_offered(manifest)
        parts = controls.get("voices_off", {}).get("parts", {})
        ensembles = [
            EnsembleChoice(
                key=one.key,
                name=one.name,
                voices=voices_of(asdict(one)),
                parts=parts.get(one.key, []),
                lowest_pitch=one.lowest_pitch,
                highest_pitch=one.highest_pitch,
            )
            for one in manifest.ensembles
        ]
        return cls(
            slug=genre.slug,
            name=genre.name,
            ensembles=ensembles,
            default_ensemble=manifest.defaults.ensemble,
            default_seconds=manifest.defaults.length_seconds,
            controls=controls,
        )


def genre_choices() -> list[GenreChoice]:
    """Every genre with a model that this version can read; the log says what is wrong with another."""
    offered = []
    for genre in Genre.objects.with_active_model():
        try:
            offered.append(GenreChoice.of(genre, cast(GenreModel, genre.active_model)))
        except ValidationError:
            continue
    return offered
