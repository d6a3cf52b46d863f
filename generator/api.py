"""Genres and generations over the API. The pages use the same endpoints."""

import contextlib
import hashlib
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError as ServiceError
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_base import JsonView, SmallJSONParser
from accounts.api_problems import Problem, answer_error
from accounts.api_schema import IDEMPOTENCY_KEY
from accounts.owners import Owner, ensure_owner_of, owner_of
from generator import api_schema as schemas
from generator.api_requests import GenerationRequestSerializer, asks_the_same
from generator.engine.names import unknown_sentence
from generator.errors import NoModelInstalled, QuotaExceeded
from generator.models import Generation, Genre, GenreModel, NoteChunk
from generator.serializers import GenerationListSerializer, generation_data, genre_data
from generator.services import generation_cancel, generation_create, generation_delete, generation_retry
from generator.services.primers import MAX_PRIMER_BYTES
from library.api_paging import PAGING, page_of, page_response

KEY = "Idempotency-Key"
MAX_KEY = 255
KEY_OF_NOBODY = (
    "An Idempotency-Key needs an owner. Get a guest token first (POST /api/v1/guest/) and send it with every request."
)
# The fields a retried job shares with the original.
AGAIN = ("genre_id", "kind", "source_piece_id", "start", "seed", "takes_asked")


def answer_generator_error(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, QuotaExceeded):
        wait = error.retry_after_seconds
        error = Problem(429, error.message, slug="quota", retry_after_seconds=wait)
    elif isinstance(error, NoModelInstalled):
        error = Problem(503, error.message, slug="no-model")
    return answer_error(error, context)


class GeneratorView(JsonView):
    def get_exception_handler(self) -> Any:
        return answer_generator_error

    def generation(self, pk: UUID) -> Generation:
        mine = Generation.objects.owned_by(owner_of(self.request)).listed()
        return get_object_or_404(mine.select_related("genre", "genre_model", "owner"), pk=pk)

    def made(self, generation: Generation) -> Response:
        """The response to a request that created a job, now or earlier."""
        code = status.HTTP_200_OK if generation.is_repeat else status.HTTP_201_CREATED
        token = getattr(self.request, "guest_token", None)
        data = generation_data(generation) | ({"guest_token": token} if token else {})
        location = self.request.build_absolute_uri(f"/api/v1/generations/{generation.pk}/")
        return Response(data, status=code, headers={"Location": location})


class GenreList(GeneratorView):
    @extend_schema(
        operation_id="genres_list",
        summary="Genres, their types, and their settings",
        tags=["genres"],
        responses=schemas.GenreSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        offered = []
        for genre in Genre.objects.with_active_model():
            # A model this version cannot read must not hide the others; the log has the reason.
            with contextlib.suppress(ServiceError):
                offered.append(genre_data(genre, cast(GenreModel, genre.active_model)))
        return Response(offered)


def key_sent(request: Request) -> str:
    """The Idempotency-Key, or "". A script without a guest token may not send one: if the response were lost, the
    retry would come from a new guest."""
    key = request.headers.get(KEY, "")
    if len(key) > MAX_KEY:
        raise ValidationError({KEY: [f"At most {MAX_KEY} characters."]})
    if key and getattr(request, "is_script", False) and owner_of(request).is_nobody:
        raise ValidationError({KEY: [KEY_OF_NOBODY]})
    return key


def token_of_key(key: str, owner: Owner) -> str | None:
    """The form token for a key; the same key gives another owner another token."""
    if not key:
        return None
    who = f"user {owner.user.pk}" if owner.user else f"guest {owner.guest_key}"
    return hashlib.sha256(f"{who}\n{key}".encode()).hexdigest()


class GenerationList(GeneratorView):
    """List your requests, or request music: as JSON, or as a form with a MIDI file."""

    parser_classes = [SmallJSONParser, MultiPartParser]

    @extend_schema(
        operation_id="generations_list",
        summary="Your requests, newest first",
        tags=["generations"],
        parameters=[schemas.STATUS, *PAGING],
        responses=page_of("GenerationPage", GenerationListSerializer(many=True)),
    )
    def get(self, request: Request) -> Response:
        mine = Generation.objects.owned_by(owner_of(request)).listed()
        wanted = request.query_params.get("status", "").strip().lower()
        if wanted and wanted not in Generation.Status.values:
            raise ValidationError({"status": [unknown_sentence("status", wanted, Generation.Status.values)]})
        found = mine.filter(status=wanted) if wanted else mine
        found = found.select_related("genre").prefetch_related("takes")
        return page_response(request, found, GenerationListSerializer)

    @extend_schema(
        operation_id="generations_create",
        summary="Request music",
        description="Creates a job. A script that sends neither a token nor cookies becomes a guest: `guest_token` in "
        "the response is its key to the job and everything it makes. To use an Idempotency-Key, get that token first, "
        "under `guest/`. Every choice can be given by its key or its name, in any case: `hiphop`, `Hip-hop` and "
        "`hip hop` are the same style.",
        tags=["generations"],
        parameters=[IDEMPOTENCY_KEY],
        request={
            "application/json": schemas.WishSerializer,
            "multipart/form-data": schemas.WishWithFileSerializer,
        },
        responses={201: schemas.MadeGenerationSerializer, 200: schemas.GenerationSerializer},
    )
    def post(self, request: Request) -> HttpResponseBase:
        wanted = GenerationRequestSerializer(data=self.sent(), context={"owner": owner_of(request)})
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        key = key_sent(request)
        owner = ensure_owner_of(request)
        upload = values.get("primer")
        generation = generation_create(
            owner=owner,
            genre_slug=values.get("genre", ""),
            params=wanted.params(),
            form_token=token_of_key(key, owner) or values["form_token"] or None,
            seed=values.get("seed"),
            takes=values["takes"],
            source=values.get("source"),
            kind=values["kind"],
            # One byte over the limit is enough to detect a file that is too large.
            primer=upload.read(MAX_PRIMER_BYTES + 1) if upload else None,
            keep_primer=values["keep_primer"],
        )
        if key and generation.is_repeat and not asks_the_same(generation, wanted):
            raise _key_reused()
        return self.made(generation)


class GenerationDetail(GeneratorView):
    @extend_schema(
        operation_id="generations_read",
        summary="Status of a job, and its takes",
        tags=["generations"],
        responses=schemas.GenerationSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(generation_data(self.generation(pk)))

    @extend_schema(
        operation_id="generations_delete",
        summary="Remove a finished job from the list",
        description="Its pieces stay. 409 while it is still in progress.",
        tags=["generations"],
        responses={204: None},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """Removes a finished job from the list; its pieces stay."""
        generation = self.generation(pk)
        _only_finished(generation)
        generation_delete(generation=generation)
        return Response(status=status.HTTP_204_NO_CONTENT)


class GenerationNotes(GeneratorView):
    """Notes composed since chunk `after`; the page polls this twice a second while it plays."""

    @extend_schema(
        operation_id="generations_notes",
        summary="Status of a job, and the notes of take 1 so far",
        tags=["generations"],
        parameters=[schemas.AFTER],
        responses=schemas.GenerationNotesSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        generation = self.generation(pk)
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 10):
            raise ValidationError({"after": ["Send the number `next` from the previous response."]})
        # Read after the row: a job that has succeeded has all its chunks. Read once: a worker appends meanwhile.
        stored = NoteChunk.objects.filter(generation=generation, take=0)
        chunks = list(stored.filter(index__gte=int(after)).order_by("index"))
        following = int(after)
        if chunks:
            following = chunks[-1].index + 1
        elif following and not stored.exists():
            following = 0  # deleted: the job finished long ago or restarted
        notes = [note for chunk in chunks for note in chunk.notes]
        return Response({**generation_data(generation), "next": following, "notes": notes})


class GenerationCancel(GeneratorView):
    @extend_schema(
        operation_id="generations_cancel",
        summary="Cancel a job",
        description="A running job stops within moments; a finished one stays as it is.",
        tags=["generations"],
        request=None,
        responses=schemas.GenerationSerializer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        generation = self.generation(pk)
        generation_cancel(generation=generation)
        return Response(generation_data(self.generation(pk)))


class GenerationRetry(GeneratorView):
    @extend_schema(
        operation_id="generations_retry",
        summary="Retry a job with the same settings and seed",
        tags=["generations"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={201: schemas.GenerationSerializer, 200: schemas.GenerationSerializer},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        generation = self.generation(pk)
        _only_finished(generation)
        key, owner = key_sent(request), owner_of(request)
        made = generation_retry(generation=generation, owner=owner, form_token=token_of_key(key, owner))
        if made.is_repeat and any(getattr(made, name) != getattr(generation, name) for name in AGAIN):
            raise _key_reused()
        return self.made(made)


def _key_reused() -> Problem:
    return Problem(422, "This Idempotency-Key was already used for a different request.", slug="key-reused")


def _only_finished(generation: Generation) -> None:
    if not generation.is_finished:
        raise Problem(409, "This is still in progress. Wait until it finishes, or cancel it first.")
