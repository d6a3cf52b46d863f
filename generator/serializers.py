"""What goes over the API, in and out."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from generator.forms import GenreChoice, voices_of
from generator.lengths import parse_length
from generator.models import Generation
from generator.progress import sentence_of, title_of, worker_seen
from library.models import Piece

FAR = 10**12  # seconds, beyond any length
LENGTH_REQUIRED = "Choose a length, or write one such as 1:30."


class LengthField(serializers.Field):
    """Seconds as a number, or as people write them: 90, "90", "1:30", "2 min"."""

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


class GenerationRequestSerializer(serializers.Serializer):
    genre = _name_field("Choose a style.")
    ensemble = _name_field("Choose a type.")
    length_seconds = LengthField()
    form_token = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class PieceSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField()
    midi_url = serializers.SerializerMethodField()

    class Meta:
        model = Piece
        fields = [
            "id", "title", "genre", "genre_name", "ensemble", "ensemble_name", "voices", "length_seconds",
            "notes_count", "qpm", "seed", "temperature", "top_p", "bundle_name", "bundle_sha256", "runtime",
            "size_bytes", "is_example", "created_at", "expires_at", "url", "midi_url",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, piece: Piece) -> str:
        return reverse("library:piece", args=[piece.pk])

    def get_midi_url(self, piece: Piece) -> str:
        return reverse("library:piece-midi", args=[piece.pk])


def genre_data(genre: GenreChoice) -> dict[str, Any]:
    """One genre with what its active model lets a visitor choose."""
    return {
        "slug": genre.slug,
        "name": genre.name,
        "model": genre.model_name,
        "ensembles": [{"key": one.key, "name": one.name, "voices": one.voices} for one in genre.ensembles],
        "default_ensemble": genre.default_ensemble,
        "length": {
            "min_seconds": genre.min_seconds,
            "max_seconds": genre.max_seconds,
            "default_seconds": genre.default_seconds,
            "presets": genre.presets,
        },
    }


def ensemble_of(generation: Generation) -> dict[str, Any]:
    """The ensemble that was asked for, from the manifest of the model that composes."""
    manifest = generation.genre_model.manifest if generation.genre_model else {"ensembles": []}
    key = generation.params["ensemble"]
    found = next((one for one in manifest["ensembles"] if one["key"] == key), {"name": key, "voices": []})
    return {"key": key, "name": found["name"], "voices": voices_of(found)}


def generation_data(generation: Generation) -> dict[str, Any]:
    """Where a job stands, for a page that watches it."""
    piece = generation.piece if generation.status == Generation.Status.SUCCEEDED else None
    seen = worker_seen()
    ensemble = ensemble_of(generation)
    return {
        "id": str(generation.pk),
        "url": reverse("generator:generation", args=[generation.pk]),
        "status": generation.status,
        "attempts": generation.attempts,
        "title": title_of(generation),
        "message": sentence_of(generation, worker_seen=seen),
        "worker_seen": seen,
        "queue_position": generation.queue_position,
        "seconds_composed": generation.seconds_composed,
        "length_seconds": generation.length_seconds,
        "genre": generation.genre.slug,
        "genre_name": generation.genre.name,
        "ensemble": ensemble["key"],
        "ensemble_name": ensemble["name"],
        "voices": ensemble["voices"],
        "seed": generation.seed,
        "error": generation.error_message or None,
        "piece": PieceSerializer(piece).data if piece else None,
    }
