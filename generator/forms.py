"""The compose form: one set of fields, which each genre of the page fills with the choices of its own model."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from generator.choices import GenreChoice
from generator.engine.controls import MAX_SEED, parse_seed
from generator.engine.errors import ControlError
from generator.engine.lengths import LENGTH_REQUIRED, parse_length
from generator.engine.music import pitch_name
from generator.engine.names import find_named
from generator.models import MAX_TAKES
from generator.reuse import reused, settings_of_piece
from generator.services.primers import MAX_PRIMER_BYTES
from library.models import Piece
from library.templatetags.music import clock
from library.upload_facts import MIDI_ENDINGS

# Each genre has these fields for itself, named with its slug before them, so that a browser without JavaScript can
# send the fields of all genres and those of the chosen one count.
OF_A_GENRE = (
    *("ensemble", "bars", "qpm", "tonic", "mode", "density", "feel", "style", "adventurousness"),
    *("voices", "voices_shown", "temperature", "top_p"),
)
# Params that go to the service as they were written, where anything was.
AS_WRITTEN = ("qpm", "key", "density", "feel", "style", "adventurousness", "temperature", "top_p")
# Where a service names a field otherwise than the form does.
FORM_FIELDS = {"length_seconds": "length"}
# Fields behind "More options": it stands open where one of them has something to say.
MORE = {*AS_WRITTEN, "voices_off", "starting_note", "primer", "takes", "seed"}
STARTS = {"nothing": "Scratch", "note": "A note", "midi": "A MIDI file"}


@dataclass(frozen=True, slots=True)
class GenreFields:
    """The fields of one genre, ready for its part of the page: what stands in them and what is wrong with them."""

    choice: GenreChoice
    is_chosen: bool
    values: dict[str, Any]
    errors: dict[str, str]


def new_form_token() -> str:
    return secrets.token_urlsafe(16)


def _text(max_length: int = 100, **messages: str) -> forms.CharField:
    return forms.CharField(max_length=max_length, required=bool(messages), error_messages=messages)


class ComposeForm(forms.Form):
    """Reads what was chosen. What is allowed is checked by the service, against the manifest of the model."""

    genre = _text(required="Choose a genre.")
    ensemble = _text(required="Choose a type.")
    length_preset = _text(40)
    length = _text(40)
    bars = _text(40)
    qpm = _text(40)
    key = _text()
    tonic = _text(10)
    mode = _text(40)
    density = _text()
    feel = _text()
    style = _text()
    adventurousness = _text()
    voices_off = _text(1000)
    voices_shown = _text(10)
    temperature = _text(40)
    top_p = _text(40)
    start = _text(10)
    starting_note = _text(10)
    primer = forms.FileField(required=False, allow_empty_file=True)
    keep_primer = forms.BooleanField(required=False)
    takes = _text(10)
    seed = _text(40)
    form_token = forms.CharField(
        required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off", "id": "form-token"})
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, UploadedFile] | None = None,
        *,
        genres: list[GenreChoice],
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(None if data is None else plain_names(data), files, initial=initial)
        self.genres = genres

    def clean_form_token(self) -> str | None:
        return str(self.cleaned_data["form_token"])[:64] or None

    def clean_seed(self) -> int | None:
        if not (written := self.cleaned_data["seed"]):
            return None
        try:
            return parse_seed(written)
        except ControlError:
            raise ValidationError(f"Choose a seed from 0 to {MAX_SEED}.") from None

    def clean_takes(self) -> int:
        written = self.cleaned_data["takes"] or "1"
        if written not in map(str, range(1, MAX_TAKES + 1)):
            raise ValidationError(f"Choose 1 to {MAX_TAKES} takes.")
        return int(written)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._clean_length(cleaned)
        if cleaned.get("tonic"):
            cleaned["key"] = f"{cleaned['tonic']} {cleaned.get('mode') or 'major'}"
        start = cleaned.get("start")
        if start == "midi" and not cleaned.get("primer") and "primer" not in self.errors:
            self.add_error("primer", "Choose a MIDI file, or start from scratch.")
        if start == "note" and not cleaned.get("starting_note"):
            self.add_error("starting_note", "Choose a note, or start from scratch.")
        return cleaned

    def _clean_length(self, cleaned: dict[str, Any]) -> None:
        """`length_seconds` of the free value, or of the preset where nothing was written; none where bars count."""
        wanted = cleaned.get("length") or cleaned.get("length_preset")
        if "length" in self.errors or cleaned.get("bars"):
            return
        if not wanted:
            self.add_error("length", LENGTH_REQUIRED)
            return
        try:
            cleaned["length_seconds"] = parse_length(wanted)
        except ValueError as error:
            self.add_error("length", str(error))

    def wish(self) -> dict[str, Any]:
        """What `generation_create` takes, of a form that is valid."""
        chosen = self.cleaned_data
        params: dict[str, Any] = {"ensemble": chosen["ensemble"]}
        params |= {"bars": chosen["bars"]} if chosen["bars"] else {"length_seconds": chosen["length_seconds"]}
        params |= {name: chosen[name] for name in AS_WRITTEN if chosen[name]}
        if off := self._voices_off():
            params["voices_off"] = off
        start = chosen["start"]
        if chosen["starting_note"] and start in ("", "note"):
            params["starting_note"] = chosen["starting_note"]
        upload = chosen["primer"] if start in ("", "midi") else None
        return {
            "genre_slug": chosen["genre"],
            "params": params,
            "form_token": chosen["form_token"],
            "seed": chosen["seed"],
            "takes": chosen["takes"],
            # One byte too many is enough to see that a file is too large.
            "primer": upload.read(MAX_PRIMER_BYTES + 1) if upload else None,
            "keep_primer": chosen["keep_primer"],
        }

    @property
    def genre_choice(self) -> GenreChoice | None:
        return find_named(self.genres, self["genre"].value(), key="slug")

    def _usual_level(self) -> str:
        genre = self.genre_choice
        return str(genre.controls.get("adventurousness", {}).get("default", "")) if genre else ""

    def _voices_off(self) -> list[str]:
        """The parts of the chosen type whose switch is off; those written out, where there were no switches."""
        chosen = self.cleaned_data
        if not chosen["voices_shown"]:
            return [part for part in chosen["voices_off"].split(",") if part]
        ensemble = self.genre_choice.ensemble(chosen["ensemble"]) if self.genre_choice else None
        switched_on = self._voices_on()
        return [part["part"] for part in (ensemble.parts if ensemble else []) if part["part"] not in switched_on]

    def _voices_on(self) -> list[str]:
        return self.data.getlist("voices") if isinstance(self.data, QueryDict) else []

    def add_service_errors(self, error: ValidationError) -> None:
        """Puts what a service complained about where the user sees it."""
        messages = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for field, sentences in messages.items():
            name = FORM_FIELDS.get(field, field)
            self.add_error(name if name in self.fields and name != "form_token" else None, sentences)

    # ---- for the page -----------------------------------------------------------------------------------------------

    @property
    def error_sentences(self) -> dict[str, str]:
        """The first sentence of each field that has one."""
        return {name: str(sentences[0]) for name, sentences in self.errors.items()} if self.is_bound else {}

    @property
    def has_more(self) -> bool:
        """Whether something behind "More options" was chosen or is wrong."""
        if MORE & self.error_sentences.keys():
            return True
        usual = {"takes": "1", "adventurousness": self._usual_level()}
        written = {name: str(self[name].value() or "") for name in MORE - {"primer"}}
        if self["start"].value() == "midi":
            return True
        return any(value and value != usual.get(name) for name, value in written.items())

    def genre_fields(self) -> list[GenreFields]:
        """One entry a genre. The chosen one holds what was written, the others their models' defaults."""
        chosen = self.genre_choice
        return [self._fields_of(genre, is_chosen=genre is chosen) for genre in self.genres]

    def _fields_of(self, genre: GenreChoice, *, is_chosen: bool) -> GenreFields:
        level = genre.controls.get("adventurousness", {}).get("default", "")
        values: dict[str, Any] = {"ensemble": genre.default_ensemble, "adventurousness": level}
        off: list[str] = []
        if is_chosen:
            names = [name for name in (*OF_A_GENRE, "key") if name in self.fields]
            values |= {name: value for name in names if (value := self[name].value()) not in (None, "")}
            values["ensemble"] = self["ensemble"].value()
            off = str(self["voices_off"].value() or "").split(",")
            if key := str(values.get("key", "")).split():
                values |= {"tonic": key[0], "mode": key[-1] if len(key) > 1 else "major"}
        values["voices"] = (
            self._voices_on()
            if is_chosen and self["voices_shown"].value()
            else [part["part"] for part in genre.parts if part["part"] not in off]
        )
        errors = self.error_sentences if is_chosen else {}
        return GenreFields(genre, is_chosen, values, errors)


def plain_names(data: Mapping[str, Any]) -> QueryDict:
    """What was sent for the chosen genre under the names without its slug; what already had them stays."""
    plain = QueryDict(mutable=True)
    values = (
        data if isinstance(data, MultiValueDict) else MultiValueDict({name: [value] for name, value in data.items()})
    )
    slug = values.get("genre", "")
    for name, sent in values.lists():
        plain.setlist(name, sent)
    for name in OF_A_GENRE:
        if f"{slug}-{name}" in values:
            plain.setlist(name, values.getlist(f"{slug}-{name}"))
    return plain


def initial_choice(genres: list[GenreChoice], wanted: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """What the form shows at first: what the address asks for ("change the settings"), else each model's defaults; and
    what is to be said of that."""
    if not genres:
        return {}, ""
    found = reused(genres, wanted)
    return found.values | {"form_token": new_form_token()}, found.note


def piece_choice(genres: list[GenreChoice], piece: Piece) -> dict[str, Any]:
    """The form as it was filled in for a piece, for where asking for more of it goes wrong."""
    values, _ = initial_choice(genres, settings_of_piece(piece))
    # Where it starts from is said by the piece.
    return values | ({"start": "nothing"} if values.get("start") == "midi" else {})


STARTING_NOTES = range(21, 109)  # those of a piano


def form_context(form: ComposeForm) -> dict[str, Any]:
    """What the template of the form needs."""
    genres = form.genres
    octaves = sorted({pitch // 12 for pitch in STARTING_NOTES})
    return {
        "form": form,
        "genres": genres,
        "genre_fields": form.genre_fields(),
        "length_presets": [
            {"seconds": f"{one:g}", "label": clock(one)}
            for one in sorted({seconds for genre in genres for seconds in genre.presets})
        ],
        "length_min_label": clock(min((genre.min_seconds for genre in genres), default=0)),
        "length_max_label": clock(max((genre.max_seconds for genre in genres), default=0)),
        "starts": [{"key": key, "name": name} for key, name in STARTS.items()],
        "take_counts": [{"key": str(count), "name": str(count)} for count in range(1, MAX_TAKES + 1)],
        "octaves": [
            {
                # Middle C opens the fourth octave.
                "name": f"Octave {octave - 1}",
                "notes": [
                    {"pitch": pitch, "name": pitch_name(pitch)} for pitch in STARTING_NOTES if pitch // 12 == octave
                ],
            }
            for octave in octaves
        ],
        "midi_endings": MIDI_ENDINGS,
        "max_primer_bytes": MAX_PRIMER_BYTES,
        "max_primer_label": f"{MAX_PRIMER_BYTES // 2**20} MB",
    }
