"""The JSON interface under /api/v1/. The page itself uses it; every error is one sentence."""

import contextlib
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.core.exceptions import ValidationError as ServiceError
from django.db.models import QuerySet
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError, UnsupportedMediaType, ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from accounts.owners import ensure_owner_of, owner_of
from generator.errors import NoModelInstalled, QuotaExceeded
from generator.models import Generation, Genre, GenreModel, NoteChunk
from generator.serializers import GenerationRequestSerializer, PieceSerializer, generation_data, genre_data
from generator.services import generation_cancel, generation_create
from generator.services.primers import MAX_PRIMER_BYTES
from library.models import Piece
from library.services import piece_keep

MAX_BODY_BYTES = 64 * 1024
UNREADABLE = "The form cannot be read, or it has too many fields or files."


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Errors as JSON: {field: [sentence]} for what was sent, {"detail": sentence} for everything else."""
    if isinstance(error, QuotaExceeded):
        headers = {"Retry-After": str(error.retry_after_seconds)}
        return Response({"detail": error.message}, status=status.HTTP_429_TOO_MANY_REQUESTS, headers=headers)
    if isinstance(error, NoModelInstalled):
        return Response({"detail": error.message}, status=status.HTTP_503_SERVICE_UNAVAILABLE)
    if isinstance(error, ServiceError):
        fields = error.message_dict if hasattr(error, "error_dict") else {"detail": error.messages[0]}
        return Response(fields, status=status.HTTP_400_BAD_REQUEST)
    if isinstance(error, (SuspiciousOperation, MultiPartParserError)):
        # Django found it while it looked for the CSRF token in the form.
        return Response({"detail": UNREADABLE}, status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(error, context)
    if response is not None and isinstance(error, ParseError):
        response.data = {"detail": "The body of the request is not valid JSON."}
    elif response is not None and isinstance(error, UnsupportedMediaType):
        response.data = {"detail": "Send JSON, with the header Content-Type: application/json, or a form with a file."}
    elif response is not None and response.status_code == status.HTTP_404_NOT_FOUND:
        response.data = {"detail": "There is nothing here, or it belongs to someone else."}
    return response


class SmallJSONParser(JSONParser):
    """Refuses before it reads: Django's own limit does not hold for a body that a parser reads as a stream."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        if int(parser_context["request"].META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
            raise BodyTooLarge
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError from error


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body of a request may have at most {MAX_BODY_BYTES // 1024} kB."


@method_decorator(never_cache, name="dispatch")
class JsonView(APIView):
    """Session and CSRF token for everyone, guests too (see the authentication class in the settings)."""

    parser_classes = [SmallJSONParser]

    def get_exception_handler(self) -> Any:
        return answer_error

    def generation(self, pk: UUID) -> Generation:
        mine = Generation.objects.owned_by(owner_of(self.request)).select_related("genre", "genre_model")
        return get_object_or_404(mine, pk=pk)


class GenreList(JsonView):
    def get(self, request: Request) -> Response:
        offered = []
        for genre in Genre.objects.with_active_model():
            # One model that this version cannot read takes none of the others away; the log has the reason.
            with contextlib.suppress(ServiceError):
                offered.append(genre_data(genre, cast(GenreModel, genre.active_model)))
        return Response(offered)


class GenerationList(JsonView):
    """Asks for music: JSON, or a form where a MIDI file to start from comes along."""

    parser_classes = [SmallJSONParser, MultiPartParser]

    def post(self, request: Request) -> Response:
        if not isinstance(request.data, dict):
            raise ParseError
        wanted = GenerationRequestSerializer(data=request.data, context={"owner": owner_of(request)})
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        upload = values.get("primer")
        generation = generation_create(
            owner=ensure_owner_of(request),
            genre_slug=values.get("genre", ""),
            params=wanted.params(),
            form_token=values["form_token"] or None,
            seed=values.get("seed"),
            takes=values["takes"],
            source=values.get("source"),
            kind=values["kind"],
            # One byte too many is enough to see that a file is too large.
            primer=upload.read(MAX_PRIMER_BYTES + 1) if upload else None,
            keep_primer=values["keep_primer"],
        )
        code = status.HTTP_200_OK if generation.is_repeat else status.HTTP_201_CREATED
        return Response(generation_data(generation), status=code)


class GenerationDetail(JsonView):
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(generation_data(self.generation(pk)))


class GenerationNotes(JsonView):
    """What was composed since the chunk numbered `after`, asked for twice a second while the page plays."""

    def get(self, request: Request, pk: UUID) -> Response:
        generation = self.generation(pk)
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 10):
            raise ValidationError({"after": ["Give the number that the last answer called next."]})
        # Read after the row: a job that has succeeded has all its chunks. Read once: a worker appends meanwhile.
        stored = NoteChunk.objects.filter(generation=generation, take=0)
        chunks = list(stored.filter(index__gte=int(after)).order_by("index"))
        following = int(after)
        if chunks:
            following = chunks[-1].index + 1
        elif following and not stored.exists():
            following = 0  # deleted: the job is long finished, or starts over
        notes = [note for chunk in chunks for note in chunk.notes]
        return Response({**generation_data(generation), "next": following, "notes": notes})


class GenerationCancel(JsonView):
    def post(self, request: Request, pk: UUID) -> Response:
        generation = self.generation(pk)
        generation_cancel(generation=generation)
        return Response(generation_data(self.generation(pk)))


class PieceList(JsonView, ListAPIView):
    serializer_class = PieceSerializer

    def get_queryset(self) -> QuerySet[Piece]:
        return Piece.objects.owned_by(owner_of(self.request)).not_expired().kept().newest_first()


class PieceKeep(JsonView):
    """Makes a draft a piece of the library; of a piece that is kept already it changes nothing."""

    def post(self, request: Request, pk: UUID) -> Response:
        mine = Piece.objects.owned_by(owner_of(request)).not_expired()
        piece = piece_keep(piece=get_object_or_404(mine, pk=pk))
        return Response(PieceSerializer(piece).data)


class PieceDetail(JsonView, RetrieveAPIView):
    serializer_class = PieceSerializer

    def get_queryset(self) -> QuerySet[Piece]:
        return Piece.objects.visible_to(owner_of(self.request))


class Missing(JsonView):
    """Any other address under /api/v1/ answers in JSON too."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound
