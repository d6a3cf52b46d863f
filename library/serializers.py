"""Pieces, collections, tags, share links and files as the API sends them."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api_schema import with_examples
from accounts.owners import Owner
from library import api_schema as examples
from library.downloads import MAX_ZIP_PIECES
from library.models import Collection, Piece, Rendering, ShareLink, Tag
from library.services import BULK_AT_MOST


class VoiceSerializer(serializers.Serializer):
    """One instrument of an ensemble; `program` is the General MIDI program, counted from 0."""

    name = serializers.CharField()
    program = serializers.IntegerField()
    is_drum = serializers.BooleanField()


def is_owned_by(piece: Piece, owner: Owner) -> bool:
    if owner.user is not None:
        return piece.owner_id == owner.user.pk
    return bool(owner.guest_key) and piece.owner_id is None and piece.guest_key == owner.guest_key


@with_examples(answered=examples.PIECE)
class PieceSerializer(serializers.ModelSerializer):
    """A piece with its details. Only its owner (`context["owner"]`) gets comment, favourite, rating and file name."""

    # Declared here because the model's fields would be described as never empty. (`style` is a class attribute too.)
    genre = serializers.CharField(read_only=True, help_text="Slug of the genre; empty for an uploaded piece.")
    ensemble = serializers.CharField(read_only=True, help_text="Key of the type; empty for an uploaded piece.")
    style = serializers.CharField(  # type: ignore[assignment]
        read_only=True, help_text="Key of the style; empty if none was chosen."
    )
    url = serializers.SerializerMethodField(help_text="The piece's page.")
    midi_url = serializers.SerializerMethodField(help_text="Its MIDI file, for a browser with a session.")
    tags = serializers.SerializerMethodField(help_text="Names, in alphabetical order.")
    voices = serializers.SerializerMethodField()
    params = serializers.SerializerMethodField(help_text="The chosen settings, named as in `genres/`.")
    facts = serializers.SerializerMethodField(help_text="Sentences about the music.")
    faults = serializers.SerializerMethodField(help_text="Problems that the automatic check found; usually empty.")
    originality = serializers.SerializerMethodField()
    borrowed = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField(help_text="The measurements behind the sentences.")
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
        extra_kwargs = {
            "comment": {"help_text": "The owner's comment."},
            "rating": {"help_text": "Your rating: 1, -1, or 0 for none."},
            "qpm": {"help_text": "Tempo in quarter notes per minute; null for music off the grid."},
            "key": {"help_text": "For example C minor; empty if unknown."},
        }

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {
            "source": serializers.PrimaryKeyRelatedField(
                source="source_piece", read_only=True, allow_null=True, help_text="The piece it was made from."
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


@with_examples(sent={"title": "Copper River", "tags": ["calm"]})
class PieceChangeSerializer(serializers.Serializer):
    """The fields an owner can change. The services enforce the maximum lengths."""

    title = serializers.CharField(required=False, help_text="At most 200 characters.")
    comment = serializers.CharField(required=False, allow_blank=True, help_text="Comments, at most 10,000 characters.")
    is_favourite = serializers.BooleanField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False, help_text="Members only; at most 30.")


@with_examples(sent={"is_favourite": True})
class FavouriteSerializer(serializers.Serializer):
    is_favourite = serializers.BooleanField()


_RATE = "Use 1 or -1, or 0 to remove your rating."


@with_examples(sent={"rating": 1}, answered={"rating": 1})
class RatingSerializer(serializers.Serializer):
    rating = serializers.IntegerField(
        min_value=-1,
        max_value=1,
        error_messages=dict.fromkeys(("required", "null", "invalid", "min_value", "max_value"), _RATE),
    )


@with_examples(sent=examples.IDS, answered=examples.IDS)
class IdsSerializer(serializers.Serializer):
    ids = serializers.ListField(child=serializers.UUIDField(), max_length=BULK_AT_MOST)


@with_examples(sent=examples.IDS)
class ZipSerializer(serializers.Serializer):
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MAX_ZIP_PIECES)


@with_examples(answered={"count": 2})
class CountSerializer(serializers.Serializer):
    count = serializers.IntegerField()


@with_examples(sent=examples.IDS | {"action": "tag", "tags": ["calm"]})
class BulkSerializer(IdsSerializer):
    action = serializers.ChoiceField(choices=["keep", "trash", "restore", "delete", "tag", "untag"])
    tags = serializers.ListField(child=serializers.CharField(), required=False, default=list)


@with_examples(sent={"title": "For the train"}, answered=examples.COLLECTION)
class CollectionSerializer(serializers.ModelSerializer):
    """An ordered list of pieces; `pieces_count` excludes trashed ones."""

    title = serializers.CharField(help_text="At most 200 characters.")
    description = serializers.CharField(required=False, allow_blank=True, help_text="At most 10,000 characters.")
    pieces_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Collection
        fields = ["id", "title", "description", "pieces_count", "created_at", "updated_at"]
        read_only_fields = ["id", "pieces_count", "created_at", "updated_at"]


@with_examples(answered={"name": "calm", "pieces_count": 3})
class TagSerializer(serializers.ModelSerializer):
    """A tag and the number of library pieces that have it."""

    pieces_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Tag
        fields = ["name", "pieces_count"]
        read_only_fields = fields


@with_examples(sent={"expires_at": "2026-12-31T23:00:00Z"}, answered=examples.SHARE_LINK)
class ShareLinkSerializer(serializers.ModelSerializer):
    """A link that lets anyone who has it open one piece."""

    url = serializers.SerializerMethodField(help_text="The link to share.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Null or absent: never expires.")

    class Meta:
        model = ShareLink
        fields = ["id", "url", "created_at", "expires_at", "views_count"]
        read_only_fields = ["id", "url", "created_at", "views_count"]

    def get_url(self, link: ShareLink) -> str:
        return self.context["request"].build_absolute_uri(f"/s/{link.token}/")


@with_examples(answered={"format": "mp3", "status": "running", "share": 0.4, "error": None, "size_bytes": 0})
class RenderingSerializer(serializers.ModelSerializer):
    """A sound file of a piece and its progress."""

    share = serializers.FloatField(read_only=True, help_text="Progress from 0 to 1.")
    error = serializers.SerializerMethodField(help_text="Why it failed, in one sentence.")

    class Meta:
        model = Rendering
        fields = ["format", "status", "share", "error", "size_bytes"]
        read_only_fields = fields

    def get_error(self, rendering: Rendering) -> str | None:
        return rendering.error_message or None


class UploadSerializer(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True, help_text="A MIDI file, or a zip of MIDI files.")


class UploadResultSerializer(serializers.Serializer):
    """The result for one file."""

    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["accepted", "there", "refused", "failed", "skipped"])
    sentence = serializers.CharField(help_text="Why the file was not added; empty if it was.")
    piece = PieceSerializer(allow_null=True)


@with_examples(answered={"results": [examples.REFUSED]})
class UploadResultsSerializer(serializers.Serializer):
    results = UploadResultSerializer(many=True)
