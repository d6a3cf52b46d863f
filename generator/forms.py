"""The compose form and the choices it offers, read from the manifests of the active models."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from generator.lengths import parse_length
from generator.models import Genre, GenreModel
from library.templatetags.music import clock

# Where a service names a field otherwise than the form does.
FORM_FIELDS = {"genre": "genre", "ensemble": "ensemble", "length_seconds": "length"}
TAGLINES = {"piano": "Free solo performances, from dreamy to virtuosic"}


@dataclass(frozen=True, slots=True)
class EnsembleChoice:
    key: str
    name: str
    voices: list[dict[str, Any]]

    @property
    def voices_json(self) -> str:
        return json.dumps(self.voices, separators=(",", ":"))


def voices_of(ensemble: dict[str, Any]) -> list[dict[str, Any]]:
    """What the player needs to know of the voices of an ensemble in a manifest."""
    return [
        {"name": voice["name"], "program": voice["program"], "is_drum": voice.get("is_drum", False)}
        for voice in ensemble["voices"]
    ]


@dataclass(frozen=True, slots=True)
class GenreChoice:
    """One genre as the page and the API offer it."""

    slug: str
    name: str
    model_name: str
    ensembles: list[EnsembleChoice]
    default_ensemble: str
    min_seconds: float
    max_seconds: float
    default_seconds: float
    presets: list[float]

    @property
    def tagline(self) -> str:
        return TAGLINES.get(self.slug, "")

    @classmethod
    def of(cls, genre: Genre, model: GenreModel) -> "GenreChoice":
        manifest = model.manifest
        length = manifest["controls"]["length"]
        return cls(
            slug=genre.slug,
            name=genre.name,
            model_name=model.name,
            ensembles=[EnsembleChoice(one["key"], one["name"], voices_of(one)) for one in manifest["ensembles"]],
            default_ensemble=manifest["defaults"]["ensemble"],
            min_seconds=length["min_seconds"],
            max_seconds=length["max_seconds"],
            default_seconds=length["default_seconds"],
            presets=length["presets"],
        )


def genre_choices() -> list[GenreChoice]:
    genres = Genre.objects.with_active_model()
    return [GenreChoice.of(genre, genre.active_model) for genre in genres if genre.active_model]


def new_form_token() -> str:
    return secrets.token_urlsafe(16)


class ComposeForm(forms.Form):
    """Reads what was chosen. What is allowed is checked by the service, against the manifest of the model."""

    genre = forms.CharField(max_length=100, error_messages={"required": "Choose a style."})
    ensemble = forms.CharField(max_length=100, error_messages={"required": "Choose a type."})
    length_preset = forms.CharField(max_length=40, required=False)
    length = forms.CharField(max_length=40, required=False)
    form_token = forms.CharField(
        required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off", "id": "form-token"})
    )

    def clean_form_token(self) -> str | None:
        return str(self.cleaned_data["form_token"])[:64] or None

    def clean(self) -> dict[str, Any]:
        """`length_seconds` of the free value, or of the preset where nothing was written."""
        cleaned = super().clean() or self.cleaned_data
        wanted = cleaned.get("length") or cleaned.get("length_preset")
        if "length" in self.errors:
            return cleaned
        if not wanted:
            self.add_error("length", "Choose a length, or write one such as 1:30.")
            return cleaned
        try:
            cleaned["length_seconds"] = parse_length(wanted)
        except ValueError as error:
            self.add_error("length", str(error))
        return cleaned

    def add_service_errors(self, error: ValidationError) -> None:
        """Puts what a service complained about where the user sees it."""
        messages = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for field, sentences in messages.items():
            self.add_error(FORM_FIELDS.get(field), sentences)


def initial_choice(genres: list[GenreChoice], wanted: dict[str, str]) -> dict[str, Any]:
    """What the form shows at first: what the address asks for ("compose again"), else each model's defaults."""
    if not genres:
        return {}
    genre = next((one for one in genres if one.slug == wanted.get("genre")), genres[0])
    keys = [ensemble.key for ensemble in genre.ensembles]
    ensemble = wanted.get("ensemble")
    seconds = genre.default_seconds
    try:
        asked = parse_length(wanted.get("length", ""))
    except ValueError:
        asked = seconds
    if genre.min_seconds <= asked <= genre.max_seconds:
        seconds = asked
    is_preset = seconds in genre.presets
    return {
        "genre": genre.slug,
        "ensemble": ensemble if ensemble in keys else genre.default_ensemble,
        "length_preset": f"{seconds:g}" if is_preset else "",
        "length": "" if is_preset else clock(seconds),
        "form_token": new_form_token(),
    }
