"""OpenAPI schemas of genres and jobs; `generator.serializers` builds the responses."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema_field
from rest_framework import serializers

from accounts.api_schema import with_examples
from generator.engine.midi_inspect import PRIMER_LIMITS
from generator.models import MAX_TAKES, Generation
from generator.params import PARAMS
from generator.services.starts import KINDS
from library.serializers import PieceSerializer, VoiceSerializer

Number = serializers.FloatField
Text = serializers.CharField
Flag = serializers.BooleanField
Whole = serializers.IntegerField


class EnsembleSerializer(serializers.Serializer):
    key = Text()
    name = Text()
    voices = VoiceSerializer(many=True)


class LengthOfferSerializer(serializers.Serializer):
    min_seconds = Number()
    max_seconds = Number()
    default_seconds = Number()
    presets = serializers.ListField(child=Number())


_VOICE = {"name": "Grand piano", "program": 0, "is_drum": False}
GENRE = {
    "slug": "piano",
    "name": "Piano",
    "model": "piano-3",
    "ensembles": [{"key": "grand-piano", "name": "Grand piano", "voices": [_VOICE]}],
    "default_ensemble": "grand-piano",
    "length": {"min_seconds": 15, "max_seconds": 300, "default_seconds": 60, "presets": [30, 60, 120, 300]},
    "controls": {
        "takes": {"min": 1, "max": 4, "default": 1},
        "temperature": {"min": 0.5, "max": 1.5, "default": 1},
        "density": {"choices": [{"key": "sparse", "name": "Sparse"}, {"key": "dense", "name": "Dense"}]},
    },
}


@with_examples(answered=GENRE)
class GenreSerializer(serializers.Serializer):
    """A genre with its types and the controls of its active model."""

    slug = Text()
    name = Text()
    model = Text(help_text="Name of the active model.")
    ensembles = EnsembleSerializer(many=True)
    default_ensemble = Text()
    length = LengthOfferSerializer()
    controls = serializers.DictField(help_text="The available controls and their choices, by name.")


class TakeSerializer(serializers.Serializer):
    """One candidate. Every requested take has an entry, even before it is ranked."""

    id = Whole(allow_null=True)
    index = Whole()
    attempt = Whole()
    label = Text()  # type: ignore[assignment]
    rank = Whole(allow_null=True, help_text="1 is the best.")
    rank_label = Text()
    plays_live = Flag(help_text="Whether its notes are streamed while it is composed.")
    broken = Flag()
    broken_sentences = serializers.ListField(child=Text())
    replaces = Whole(allow_null=True, help_text="Index of the broken take it replaces.")
    is_draft = Flag()
    kept = Flag()
    facts = serializers.ListField(child=Text())
    originality = Text(allow_null=True)
    keep_url = Text(allow_null=True, help_text="POST here to keep it.")
    piece = PieceSerializer(allow_null=True)


_TAKE: dict[str, Any] = {
    "id": None,
    "index": 0,
    "attempt": 0,
    "label": "Take 1",
    "rank": None,
    "rank_label": "Unranked",
    "plays_live": True,
    "broken": False,
    "broken_sentences": [],
    "replaces": None,
    "is_draft": False,
    "kept": False,
    "facts": [],
    "originality": None,
    "keep_url": None,
    "piece": None,
}
GENERATION: dict[str, Any] = {
    "id": "15423f59-a3ca-4217-bd9b-46b7560eb85a",
    "url": "/generations/15423f59-a3ca-4217-bd9b-46b7560eb85a/",
    "status": "running",
    "attempts": 1,
    "title": "Your piece is being composed",
    "message": "0:12 of 1:00 composed.",
    "worker_seen": True,
    "queue_position": None,
    "seconds_composed": 12.0,
    "length_seconds": 60.0,
    "genre": "piano",
    "genre_name": "Piano",
    "ensemble": "grand-piano",
    "ensemble_name": "Grand piano",
    "voices": [_VOICE],
    "params": {"ensemble": "grand-piano", "length_seconds": 60},
    "seed": 7,
    "kind": "new",
    "source": None,
    "has_primer": False,
    "keep_primer": False,
    "error": None,
    "takes_asked": 1,
    "created_at": "2026-11-22T12:00:00Z",
    "started_at": "2026-11-22T12:00:01Z",
    "finished_at": None,
    "ranked": False,
    "takes": [_TAKE],
    "piece": None,
}


@with_examples(answered=GENERATION)
class GenerationSerializer(serializers.Serializer):
    """A request for music and its progress."""

    id = serializers.UUIDField()
    url = Text(help_text="The job's page.")
    status = serializers.ChoiceField(choices=Generation.Status.choices)
    attempts = Whole()
    title = Text()
    message = Text(help_text="The current state as one sentence.")
    worker_seen = Flag()
    queue_position = Whole(allow_null=True, help_text="1 is next in line.")
    seconds_composed = Number()
    length_seconds = Number(help_text="Length of the whole result.")
    genre = Text()
    genre_name = Text()
    ensemble = Text(help_text="Key of the type.")
    ensemble_name = Text()
    voices = VoiceSerializer(many=True)
    params = serializers.DictField()
    seed = Whole()
    kind = serializers.ChoiceField(choices=KINDS)
    source = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    has_primer = Flag()
    keep_primer = Flag()
    error = Text(allow_null=True)
    takes_asked = Whole()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    ranked = Flag()
    takes = TakeSerializer(many=True)
    piece = PieceSerializer(allow_null=True, help_text="Set if the job has exactly one take.")


@with_examples(answered=GENERATION)
class MadeGenerationSerializer(GenerationSerializer):
    guest_token = Text(
        required=False, help_text="For scripts without token or cookies: the only key to what they created."
    )


@with_examples(answered=GENERATION | {"next": 3, "notes": [[60, 80, 0, 480, 0]]})
class GenerationNotesSerializer(GenerationSerializer):
    next = Whole(help_text="Send it as `after` in the next request.")
    notes = serializers.ListField(
        child=serializers.ListField(child=Whole(), min_length=5, max_length=5),
        help_text="Each note is [pitch, velocity, start_ms, end_ms, voice].",
    )


def _field(schema: dict[str, Any]) -> serializers.Field:
    """A field for the schema only; `GenerationRequestSerializer` reads the value."""
    described = extend_schema_field(schema)(type("DescribedField", (serializers.Field,), {}))
    return described(required=False)


_LENGTH = {
    "oneOf": [{"type": "number"}, {"type": "string"}],
    "description": '90, "90", "1:30" or "2 min". Required without source and bars.',
}
_PARAM = {"oneOf": [{"type": "number"}, {"type": "string", "maxLength": 100}], "nullable": True}
_VOICES = {
    "type": "array",
    "items": {"type": "string"},
    "nullable": True,
    "description": "Instruments that do not play.",
}


@with_examples(sent={"genre": "piano", "ensemble": "grand-piano", "length_seconds": "1:00", "takes": 2})
class WishSerializer(serializers.Serializer):
    """A request for music. Omitted fields use the model's defaults, or the source piece's settings."""

    genre = Text(required=False, max_length=100, help_text="Slug of a genre. Required without source.")
    ensemble = Text(required=False, max_length=100, help_text="Key of a type. Required without source.")
    takes = Whole(required=False, min_value=1, max_value=MAX_TAKES)
    kind = serializers.ChoiceField(choices=KINDS, required=False)
    source = serializers.UUIDField(required=False, help_text="Id of the piece to continue, vary or imitate.")  # type: ignore[assignment]
    keep_primer = Flag(required=False, help_text="Whether the result starts with the file or piece.")
    form_token = Text(
        required=False, allow_blank=True, max_length=64, help_text="Like Idempotency-Key; used by the page's form."
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        fields["length_seconds"] = _field(_LENGTH)
        fields["seed"] = _field({"type": "integer", "minimum": 0, "nullable": True})
        for name in PARAMS:
            if name not in fields:
                fields[name] = _field(_VOICES if name == "voices_off" else _PARAM)
        return fields


@with_examples()
class WishWithFileSerializer(WishSerializer):
    primer = serializers.FileField(
        required=False, help_text=f"A MIDI file to start from, at most {PRIMER_LIMITS.max_bytes // 2**20} MB."
    )


STATUS = OpenApiParameter(
    "status", OpenApiTypes.STR, enum=Generation.Status.values, description="Only jobs with this status."
)
AFTER = OpenApiParameter("after", OpenApiTypes.INT, description="`next` from the previous response; 0 at first.")
