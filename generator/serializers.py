"""Genres and jobs as the API sends them; the job pages use the same data."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from accounts.api_schema import with_examples
from accounts.owners import Owner
from generator.choices import voices_of
from generator.models import Generation, Genre, GenreModel, Take
from generator.offers import controls_offered
from generator.params import manifest_of
from generator.progress import sentence_of, title_of, worker_seen
from library.models import Piece
from library.serializers import PieceSerializer


def piece_data(piece: Piece, generation: Generation) -> dict[str, Any]:
    """A piece of a job, as the owner of the job sees it."""
    owner = Owner(user=generation.owner, guest_key=generation.guest_key or None)
    return PieceSerializer(piece, context={"owner": owner}).data


@with_examples(
    answered={
        "id": "15423f59-a3ca-4217-bd9b-46b7560eb85a",
        "url": "/generations/15423f59-a3ca-4217-bd9b-46b7560eb85a/",
        "status": "succeeded",
        "genre": "piano",
        "genre_name": "Piano",
        "ensemble": "grand-piano",
        "length_seconds": 60.0,
        "seconds_composed": 60.0,
        "params": {"ensemble": "grand-piano", "length_seconds": 60},
        "seed": 7,
        "kind": "new",
        "source": None,
        "takes_asked": 1,
        "error": None,
        "pieces": ["0d4f8a4c-5f5e-4b0e-9a53-2f6a1f0f7a11"],
        "created_at": "2026-11-22T12:00:00Z",
        "started_at": "2026-11-22T12:00:01Z",
        "finished_at": "2026-11-22T12:00:04Z",
    }
)
class GenerationListSerializer(serializers.ModelSerializer):
    """One line of the list of requests."""

    url = serializers.SerializerMethodField(help_text="The job's page.")
    genre = serializers.CharField(source="genre.slug")
    genre_name = serializers.CharField(source="genre.name")
    ensemble = serializers.SerializerMethodField(help_text="Key of the type.")
    length_seconds = serializers.FloatField(source="total_seconds", help_text="Length of the whole result.")
    source = serializers.UUIDField(source="source_piece_id", allow_null=True)  # type: ignore[assignment]
    error = serializers.SerializerMethodField(help_text="Why it failed, or null.")
    pieces = serializers.SerializerMethodField(help_text="Ids of its pieces that still exist, best first.")

    class Meta:
        model = Generation
        fields = [
            "id", "url", "status", "genre", "genre_name", "ensemble", "length_seconds", "seconds_composed", "params",
            "seed", "kind", "source", "takes_asked", "error", "pieces", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, generation: Generation) -> str:
        return reverse("generator:generation", args=[generation.pk])

    def get_ensemble(self, generation: Generation) -> str:
        return str(generation.params.get("ensemble", ""))

    def get_error(self, generation: Generation) -> str | None:
        return generation.error_message or None

    def get_pieces(self, generation: Generation) -> list[str]:
        return [str(take.piece_id) for take in generation.takes.all() if take.piece_id]


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
    takes = list(generation.takes.select_related("piece").prefetch_related("piece__tags")) if is_done else []
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
        "created_at": generation.created_at,
        "started_at": generation.started_at,
        "finished_at": generation.finished_at,
        "ranked": is_done,
        "takes": takes_data(generation, takes),
        "piece": piece_data(piece, generation) if piece else None,
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
        "label": f"Take {take.index + 1}{', second try' if take.replaces_heard else ''}",
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
        "piece": piece_data(piece, take.generation) if piece else None,
    }


def rank_label(rank: int | None) -> str:
    """How good a take is among its fellows, in a word."""
    if rank is None:
        return "Unranked"
    return {1: "Best", 2: "2nd", 3: "3rd"}.get(rank, f"{rank}th")
