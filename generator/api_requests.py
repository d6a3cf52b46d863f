"""Validation of API requests for music, before the model checks its own controls."""

import math
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers

from generator.engine.controls import MAX_SEED, QUARTERS_PER_BAR, parse_seed
from generator.engine.errors import ControlError
from generator.engine.lengths import LENGTH_REQUIRED, parse_length
from generator.engine.names import find_named
from generator.models import MAX_TAKES, Generation
from generator.params import PARAMS, params_chosen
from generator.services.starts import params_like
from library.models import Piece

FAR = 10**12  # seconds, beyond any length


class LengthField(serializers.Field):
    """Seconds as a number or in a common notation: 90, "90", "1:30", "2 min"."""

    default_error_messages = {"required": LENGTH_REQUIRED, "null": LENGTH_REQUIRED}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, (int, float)) and not isinstance(data, bool) and data == data:
            return float(max(-FAR, min(FAR, data)))  # whole numbers in JSON may be larger than any float
        if isinstance(data, str) and not data.strip():
            raise serializers.ValidationError(LENGTH_REQUIRED)
        try:
            return parse_length(data if isinstance(data, str) else "")
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None

    def to_representation(self, value: float) -> float:
        return value


def _name_field(sentence: str) -> serializers.CharField:
    wrong: dict[str, Any] = dict.fromkeys(("required", "null", "blank", "invalid", "max_length"), sentence)
    return serializers.CharField(max_length=100, error_messages=wrong)


class ParamField(serializers.Field):
    """A string or a number. The composing model checks whether it offers the value."""

    default_error_messages = {"invalid": "Expected text or a number."}

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, **options)

    def to_internal_value(self, data: Any) -> Any:
        is_text = isinstance(data, str) and len(data) <= 100
        if not (is_text or (isinstance(data, (int, float)) and not isinstance(data, bool))):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class VoicesField(ParamField):
    """Voices of an ensemble: a list, a repeated form field, or a comma-separated string."""

    default_error_messages = {"invalid": "Expected a list of instruments, such as bass, lead."}

    def get_value(self, dictionary: Any) -> Any:
        if hasattr(dictionary, "getlist"):
            return ",".join(dictionary.getlist(self.field_name)[:100])[:1000]
        return super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> list[str]:
        parts = data.split(",") if isinstance(data, str) else data
        if not isinstance(parts, list) or len(parts) > 100 or not all(isinstance(part, str) for part in parts):
            self.fail("invalid")
        return [part.strip() for part in parts if part.strip()]


class SeedField(serializers.Field):
    """An integer, as a number or a string."""

    def to_internal_value(self, data: Any) -> int:
        try:
            return parse_seed(str(data) if isinstance(data, str) or type(data) is int else "")
        except ControlError:
            raise serializers.ValidationError(f"Choose a seed from 0 to {MAX_SEED}.") from None

    def to_representation(self, value: int) -> int:
        return value


class KeepPrimerField(serializers.BooleanField):
    # A form without it leaves the choice to us, as JSON without it does.
    default_empty_form_html = serializers.empty


def _always(sentence: str, *names: str) -> dict[str, Any]:
    return dict.fromkeys(names, sentence)


_TAKES_SENTENCE = f"Choose 1 to {MAX_TAKES} takes."
_KEEP_SENTENCE = "Send true to include your file at the start of the piece, or false."
_SOURCE_SENTENCE = "There is no such piece, or it is not yours."


class GenerationRequestSerializer(serializers.Serializer):
    """A request for music. With a `source` all other fields are optional; `context["owner"]` must be able to see it."""

    genre = _name_field("Choose a genre.")
    ensemble = _name_field("Choose a type.")
    length_seconds = LengthField()
    takes = serializers.IntegerField(
        min_value=1,
        max_value=MAX_TAKES,
        default=1,
        error_messages=_always(_TAKES_SENTENCE, "invalid", "min_value", "max_value", "null", "max_string_length"),
    )
    seed = SeedField(required=False, allow_null=True)
    kind = serializers.CharField(max_length=20, default=Piece.Kind.NEW)
    primer = serializers.FileField(
        required=False,
        allow_empty_file=True,
        error_messages=_always("Send the MIDI file as a file of a form (multipart/form-data).", "invalid", "null"),
    )
    keep_primer = KeepPrimerField(
        default=True,
        error_messages=_always(_KEEP_SENTENCE, "invalid", "null"),
    )
    form_token = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for name in PARAMS:
            fields.setdefault(name, VoicesField() if name == "voices_off" else ParamField())
        fields["source"] = serializers.PrimaryKeyRelatedField(
            queryset=Piece.objects.visible_to(self.context["owner"]),
            pk_field=serializers.UUIDField(error_messages=_always(_SOURCE_SENTENCE, "invalid")),
            required=False,
            error_messages=_always(_SOURCE_SENTENCE, "null", "does_not_exist", "incorrect_type"),
        )
        optional = ("genre", "ensemble", "length_seconds") if self.initial_data.get("source") else ()
        for name in (*optional, *(["length_seconds"] if self.initial_data.get("bars") else [])):
            fields[name].required = False
        return fields

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields and name != "csrfmiddlewaretoken"]
        if unknown:
            raise serializers.ValidationError(
                {name[:100]: [f"There is no setting called {name[:100]}."] for name in unknown[:20]}
            )
        return super().to_internal_value(data)

    def validate_kind(self, kind: str) -> str:
        return kind.strip().lower()

    def params(self) -> dict[str, Any]:
        """The params the client sent."""
        return {name: self.validated_data[name] for name in PARAMS if name in self.validated_data}


def asks_the_same(generation: Generation, wanted: GenerationRequestSerializer) -> bool:
    """Whether a request repeated under one key asks for the same thing. Files are not compared, except for whether
    there is one."""
    values = wanted.validated_data
    source = values.get("source")
    genre = find_named([generation.genre], values.get("genre", ""), key="slug")
    told = (
        (source.genre if source else "") or (genre.slug if genre else ""),
        source.pk if source else None,
        values["kind"],
        values["takes"],
        values.get("seed", generation.seed) if values.get("seed") is not None else generation.seed,
        values.get("primer") is not None,
    )
    stored = (
        generation.genre.slug,
        generation.source_piece_id,
        generation.kind,
        generation.takes_asked,
        generation.seed,
        generation.start == Generation.Start.FILE,
    )
    if told != stored:
        return False
    if generation.genre_model is None:
        return True
    manifest, params = generation.genre_model.manifest, wanted.params()
    bars = generation.params.get("bars")
    # Bars last as long as they did then: their file is not read again.
    qpm = QUARTERS_PER_BAR * 60 * bars / generation.length_seconds if bars else None
    try:
        found = params_like(manifest, source, params, start_qpm=qpm) if source else None
        found = found or params_chosen(manifest, params, start_qpm=qpm)
        seconds = generation.params["length_seconds"]
        is_as_long = math.isclose(found["length_seconds"], seconds)
        return is_as_long and found | {"length_seconds": seconds} == generation.params
    except ValidationError:
        return False
