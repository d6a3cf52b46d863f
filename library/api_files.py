"""A piece's files over the API, for clients with a token and no session."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_base import JsonView, MemberView
from accounts.api_problems import NOT_FOUND, Problem, problem_response
from accounts.owners import owner_of
from library import services
from library.downloads import MAX_ZIP_PIECES, read_midi_file, voices_zip
from library.file_names import file_name_of
from library.models import Piece, Rendering
from library.serializers import RenderingSerializer, UploadResultsSerializer, UploadSerializer, ZipSerializer
from library.services.uploads import MAX_ZIP_BYTES, Outcome, is_system_file, piece_upload, skipped, zip_upload
from library.views.downloads import CONTENT_TYPES, attachment, audio_response, zip_response
from library.views.files import midi_response

AWAY = "The file can't be read right now. Try again in a few minutes."
ASK_AGAIN_SECONDS = 2

# Of a stored file: a part of it, nothing new, or where in the storage it lies.
RANGE = OpenApiParameter(
    "Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="For example bytes=0-99; answered with 206."
)
NOTHING_OR_ELSEWHERE = {304: None, 302: None}
FORMAT = OpenApiParameter("audio_format", OpenApiTypes.STR, OpenApiParameter.PATH, enum=Rendering.Format.values)


class FileView(JsonView):
    def piece(self, pk: UUID) -> Piece:
        return get_object_or_404(Piece.objects.visible_to(owner_of(self.request)), pk=pk)

    def told(self, response: HttpResponseBase) -> HttpResponseBase:
        """Turns the pages' responses for unavailable files into API errors."""
        if response.status_code == 404:
            raise Problem(404, NOT_FOUND)
        if response.status_code == 503:
            raise Problem(503, AWAY)
        if response.status_code == 416:
            size = {"Content-Range": response["Content-Range"]}
            return problem_response(416, "The requested range starts after the end of the file.", headers=size)
        return response


class PieceMidi(FileView):
    @extend_schema(
        operation_id="pieces_midi",
        summary="Download the MIDI file",
        tags=["files"],
        parameters=[RANGE],
        responses={
            (200, "audio/midi"): OpenApiTypes.BINARY,
            (206, "audio/midi"): OpenApiTypes.BINARY,
            **NOTHING_OR_ELSEWHERE,
        },
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        return self.told(midi_response(request._request, self.piece(pk)))


class PieceUpload(MemberView):
    """One MIDI file, or a zip of them. The response is an error only if no file was accepted."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="pieces_upload",
        summary="Upload a MIDI file, or a zip of them",
        description="201 if a piece was added, 200 if everything was in the library already. Files are compared by "
        "content. Every file of a zip is accounted for; skipped ones are not MIDI files.",
        tags=["files"],
        request={"multipart/form-data": UploadSerializer},
        responses={201: UploadResultsSerializer, 200: UploadResultsSerializer},
    )
    def post(self, request: Request) -> Response:
        sent = UploadSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        file = sent.validated_data["file"]
        name, data = str(file.name or ""), file.read(MAX_ZIP_BYTES + 1)
        if is_system_file(name):
            results = skipped([name])
        elif data[:2] == b"PK":
            results = zip_upload(user=self.member, data=data, file_name=name)
        else:
            results = [piece_upload(user=self.member, midi=data, file_name=name)]
        outcomes = {result.outcome for result in results}
        sentences = [f"{result.name}: {result.sentence}"[:300] for result in results][:20]
        if outcomes <= {Outcome.REFUSED, Outcome.SKIPPED}:
            raise ValidationError({"file": sentences})
        if not outcomes & {Outcome.ACCEPTED, Outcome.THERE}:
            raise Problem(503, sentences[0], retry_after_seconds=60)
        answer = UploadResultsSerializer({"results": results}, context={"owner": owner_of(request)})
        return Response(answer.data, status=201 if Outcome.ACCEPTED in outcomes else 200)


class PieceVoices(FileView):
    @extend_schema(
        operation_id="pieces_voices",
        summary="A zip with one MIDI file per voice",
        tags=["files"],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        piece = self.piece(pk)
        try:
            data = voices_zip(piece, read_midi_file(piece))
        except FileNotFoundError as error:
            raise Http404 from error
        except ValidationError as error:
            raise Problem(409, error.messages[0]) from error
        except OSError as error:
            raise Problem(503, AWAY) from error
        return attachment(HttpResponse(data, content_type="application/zip"), file_name_of(piece, "zip", part="voices"))


class PiecesZip(JsonView):
    only_reads = True

    @extend_schema(
        operation_id="pieces_zip",
        summary="A zip with the MIDI files of many of your pieces, newest first",
        description=f"Up to {MAX_ZIP_PIECES} pieces. The read scope is enough. Ids of pieces that are not yours are "
        "ignored; 404 if none is left. missing.txt in the zip lists files that could not be read.",
        tags=["files"],
        request=ZipSerializer,
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def post(self, request: Request) -> HttpResponseBase:
        ids = self.wanted(ZipSerializer)["ids"]
        response = zip_response(Piece.objects.in_library(owner_of(request)).filter(pk__in=ids))
        if response is None:
            raise Http404
        return response


class AudioView(FileView):
    def format(self, given: str) -> str:
        if given not in Rendering.Format.values:
            raise Http404
        return given


class PieceAudioList(FileView):
    @extend_schema(
        operation_id="pieces_audio_list",
        summary="Audio files of a piece, and their progress",
        tags=["files"],
        responses=RenderingSerializer(many=True),
    )
    def get(self, request: Request, pk: UUID) -> Response:
        renderings = self.piece(pk).renderings.order_by("format")
        return Response(RenderingSerializer(renderings, many=True).data)


class PieceAudio(AudioView):
    @extend_schema(
        operation_id="pieces_audio",
        summary="Download an audio file",
        description="202 with the progress while the file is being made; 404 if nobody has requested it. Downloads "
        "can redirect to the storage server.",
        tags=["files"],
        parameters=[FORMAT, RANGE],
        responses={
            **{(code, kind): OpenApiTypes.BINARY for code in (200, 206) for kind in CONTENT_TYPES.values()},
            (202, "application/json"): RenderingSerializer,
            **NOTHING_OR_ELSEWHERE,
        },
    )
    def get(self, request: Request, pk: UUID, audio_format: str) -> HttpResponseBase:
        piece = self.piece(pk)
        rendering = get_object_or_404(piece.renderings, format=self.format(audio_format))
        match rendering.status:
            case Rendering.Status.SUCCEEDED:
                return self.told(audio_response(request._request, piece, audio_format))
            case Rendering.Status.FAILED:
                raise Problem(409, rendering.error_message or "The audio file could not be made.")
            case Rendering.Status.CANCELLED:
                raise Http404
        return self.on_its_way(rendering)

    @extend_schema(
        operation_id="pieces_audio_make",
        summary="Create an audio file",
        description="200 if the file is ready, 202 while it is being made.",
        tags=["files"],
        parameters=[FORMAT],
        request=None,
        responses={200: RenderingSerializer, 202: RenderingSerializer},
    )
    def post(self, request: Request, pk: UUID, audio_format: str) -> Response:
        piece, audio_format = self.piece(pk), self.format(audio_format)
        rendering = services.rendering_request(piece=piece, audio_format=audio_format, owner=owner_of(request))
        if rendering.is_finished:
            return Response(RenderingSerializer(rendering).data)
        return self.on_its_way(rendering)

    @extend_schema(
        operation_id="pieces_audio_cancel",
        summary="Cancel an audio file of one of your pieces",
        tags=["files"],
        parameters=[FORMAT],
        responses={204: None},
    )
    def delete(self, request: Request, pk: UUID, audio_format: str) -> Response:
        piece = get_object_or_404(Piece.objects.in_library(owner_of(request)), pk=pk)
        rendering = get_object_or_404(piece.renderings, format=self.format(audio_format))
        services.rendering_cancel(rendering=rendering)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def on_its_way(self, rendering: Rendering) -> Response:
        headers: dict[str, Any] = {"Retry-After": str(ASK_AGAIN_SECONDS)}
        return Response(RenderingSerializer(rendering).data, status=status.HTTP_202_ACCEPTED, headers=headers)
