"""What goes over the API, in and out."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from generator.choices import voices_of
from generator.engine.controls import MAX_SEED, parse_seed
from generator.engine.errors import ControlError
from generator.lengths import parse_length
from generator.models import MAX_TAKES, Generation, Genre, GenreModel, Take
from generator.offers import controls_offered
from generator.params import PARAMS, manifest_of
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


class ParamField(serializers.Field):
    """A text or a number as it was sent. The model that will compose says whether it is on offer."""

    default_error_messages = {"invalid": "Expected a text or a number."}

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
    """Parts of an ensemble: a list, a repeated field of a form, or one text with commas."""

    default_error_messages = {"invalid": "Expected a list of voices."}

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
    """A whole number, as a number or as a text."""

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
_SOURCE_SENTENCE = "There is no such piece, or it belongs to someone else."


class GenerationRequestSerializer(serializers.Serializer):
    """What can be asked for. With a `source` everything else may be left out; `context["owner"]` must see it."""

    genre = _name_field("Choose a style.")
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
        default=True, error_messages=_always("Choose whether the piece keeps the file.", "invalid", "null")
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
                {name[:100]: [f"There is no control called {name[:100]}."] for name in unknown[:20]}
            )
        return super().to_internal_value(data)

    def params(self) -> dict[str, Any]:
        """What was said of the params of a generation."""
        return {name: self.validated_data[name] for name in PARAMS if name in self.validated_data}


class PieceSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField()
    midi_url = serializers.SerializerMethodField()
    facts = serializers.SerializerMethodField()
    faults = serializers.SerializerMethodField()
    originality = serializers.SerializerMethodField()
    borrowed = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField()

    class Meta:
        model = Piece
        fields = [
            "id", "title", "genre", "genre_name", "ensemble", "ensemble_name", "voices", "length_seconds",
            "notes_count", "qpm", "key", "seed", "temperature", "top_p", "params", "bundle_name", "bundle_sha256",
            "runtime", "size_bytes", "facts", "faults", "originality", "borrowed", "figures", "kind", "is_draft",
            "is_example", "created_at", "expires_at", "url", "midi_url",
        ]  # fmt: skip
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {
            "source": serializers.PrimaryKeyRelatedField(source="source_piece", read_only=True)
        }

    def get_url(self, piece: Piece) -> str:
        return reverse("library:piece", args=[piece.pk])

    def get_midi_url(self, piece: Piece) -> str:
        return reverse("library:piece-midi", args=[piece.pk])

    def get_facts(self, piece: Piece) -> list[str]:
        return list(piece.facts.get("sentences", []))

    def get_faults(self, piece: Piece) -> list[str]:
        return list(piece.facts.get("faults", []))

    def get_originality(self, piece: Piece) -> str | None:
        return piece.facts.get("originality")

    def get_borrowed(self, piece: Piece) -> dict[str, Any] | None:
        return piece.facts.get("borrowed")

    def get_figures(self, piece: Piece) -> dict[str, Any]:
        return dict(piece.facts.get("figures", {}))


def genre_data(genre: Genre, model: GenreModel) -> dict[str, Any]:
    """One genre with what its active model lets a visitor choose.

    Raises ValidationError where the model's manifest cannot be read.
    """
    manifest = manifest_of(model.manifest)
    length = manifest.controls.length
    return {
        "slug": genre.slug,
        "name": genre.name,
        "model": model.name,
        "ensembles": [
            {"key": one["key"], "name": one["name"], "voices": voices_of(one)} for one in model.manifest["ensembles"]
        ],
        "default_ensemble": manifest.defaults.ensemble,
        "length": {
            "min_seconds": length.min_seconds,
            "max_seconds": length.max_seconds,
            "default_seconds": length.default_seconds,
            "presets": list(length.presets),
        },
        "controls": controls_offered(manifest),
    }


def ensemble_of(generation: Generation) -> dict[str, Any]:
    """The ensemble that was asked for, from the manifest of the model that composes."""
    manifest = generation.genre_model.manifest if generation.genre_model else {"ensembles": []}
    key = generation.params["ensemble"]
    found = next((one for one in manifest["ensembles"] if one["key"] == key), {"name": key, "voices": []})
    return {"key": key, "name": found["name"], "voices": voices_of(found)}


def generation_data(generation: Generation) -> dict[str, Any]:
    """Where a job stands, for a page that watches it."""
    is_done = generation.status == Generation.Status.SUCCEEDED
    takes = list(generation.takes.select_related("piece")) if is_done else []
    piece = takes[0].piece if len(takes) == 1 else None
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
        "length_seconds": generation.total_seconds,
        "genre": generation.genre.slug,
        "genre_name": generation.genre.name,
        "ensemble": ensemble["key"],
        "ensemble_name": ensemble["name"],
        "voices": ensemble["voices"],
        "params": generation.params,
        "seed": generation.seed,
        "kind": generation.kind,
        "source": str(generation.source_piece_id) if generation.source_piece_id else None,
        "has_primer": bool(generation.primer),
        "keep_primer": generation.keep_primer,
        "error": generation.error_message or None,
        "takes_asked": generation.takes_asked,
        "ranked": is_done,
        "takes": takes_data(generation, takes),
        "piece": PieceSerializer(piece).data if piece else None,
    }


def takes_data(generation: Generation, takes: Sequence[Take]) -> list[dict[str, Any]]:
    """The takes of a job that are there to be heard, best first; before they are ranked, those that will be."""
    if not takes and not generation.is_finished:
        takes = [Take(generation=generation, index=index) for index in range(generation.takes_asked)]
    elif not any(take.piece for take in takes):
        return []
    return [_take_data(take) for take in takes if take.piece or not generation.is_finished]


def _take_data(take: Take) -> dict[str, Any]:
    piece = take.piece
    return {
        "id": take.pk,
        "index": take.index,
        "attempt": take.attempt,
        "label": f"Take {take.index + 1}{', composed again' if take.replaces_heard else ''}",
        "rank": take.rank,
        "rank_label": rank_label(take.rank),
        "plays_live": take.index == 0 and take.attempt == 0,
        "broken": take.is_broken,
        "broken_sentences": take.faults,
        "replaces": take.index if take.replaces_heard else None,
        "is_draft": piece is not None and piece.is_draft,
        "kept": piece is not None and not piece.is_draft,
        "facts": piece.facts.get("sentences", []) if piece else [],
        "originality": piece.facts.get("originality") if piece else None,
        "keep_url": reverse("api:piece-keep", args=[piece.pk]) if piece else None,
        "piece": PieceSerializer(piece).data if piece else None,
    }


def rank_label(rank: int | None) -> str:
    """How good a take is among its fellows, in a word."""
    if rank is None:
        return "Unranked"
    return {1: "Best", 2: "2nd", 3: "3rd"}.get(rank, f"{rank}th")
