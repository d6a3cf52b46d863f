"""What goes over the API about pieces."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.owners import Owner
from library.models import Piece


class VoiceSerializer(serializers.Serializer):
    """One instrument line of an ensemble; the program is General MIDI's, from 0."""

    name = serializers.CharField()
    program = serializers.IntegerField()
    is_drum = serializers.BooleanField()


def is_owned_by(piece: Piece, owner: Owner) -> bool:
    if owner.user is not None:
        return piece.owner_id == owner.user.pk
    return bool(owner.guest_key) and piece.owner_id is None and piece.guest_key == owner.guest_key


class PieceSerializer(serializers.ModelSerializer):
    """A piece with its facts. What its owner alone wrote about it is there for its owner (`context["owner"]`) alone."""

    url = serializers.SerializerMethodField(help_text="The page of the piece.")
    midi_url = serializers.SerializerMethodField(help_text="Its MIDI file, for a browser with a session.")
    tags = serializers.SerializerMethodField(help_text="Names, in the order of the alphabet.")
    voices = serializers.SerializerMethodField()
    params = serializers.SerializerMethodField(help_text="What was chosen, by the names of `genres/`.")
    facts = serializers.SerializerMethodField(help_text="Sentences about the music.")
    faults = serializers.SerializerMethodField(help_text="Why the critic holds it for broken; mostly empty.")
    originality = serializers.SerializerMethodField()
    borrowed = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField(help_text="The numbers behind the sentences.")
    is_mine = serializers.SerializerMethodField()

    class Meta:
        model = Piece
        fields = [
            "id", "title", "comment", "is_favourite", "rating", "tags", "genre", "genre_name", "ensemble",
            "ensemble_name", "style", "style_name", "voices", "length_seconds", "notes_count", "qpm", "key", "metre",
            "bars", "seed", "temperature", "top_p", "params", "bundle_name", "bundle_sha256", "runtime", "size_bytes",
            "file_name", "facts", "faults", "originality", "borrowed", "figures", "kind", "is_draft", "is_example",
            "is_mine", "created_at", "expires_at", "trashed_at", "url", "midi_url",
        ]  # fmt: skip
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {
            "source": serializers.PrimaryKeyRelatedField(
                source="source_piece", read_only=True, allow_null=True, help_text="The piece that it came from."
            )
        }

    def to_representation(self, instance: Piece) -> dict[str, Any]:
        data = super().to_representation(instance)
        if not data["is_mine"]:
            data |= {"comment": "", "is_favourite": False, "rating": 0, "file_name": ""}
        return data

    def get_is_mine(self, piece: Piece) -> bool:
        return is_owned_by(piece, self.context["owner"])

    def get_tags(self, piece: Piece) -> list[str]:
        if not is_owned_by(piece, self.context["owner"]):
            return []
        return sorted((tag.name for tag in piece.tags.all()), key=str.lower)

    def get_url(self, piece: Piece) -> str:
        return reverse("library:piece", args=[piece.pk])

    def get_midi_url(self, piece: Piece) -> str:
        return reverse("library:piece-midi", args=[piece.pk])

    @extend_schema_field(VoiceSerializer(many=True))
    def get_voices(self, piece: Piece) -> list[dict[str, Any]]:
        return list(piece.voices)

    def get_params(self, piece: Piece) -> dict[str, Any]:
        return dict(piece.params)

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
