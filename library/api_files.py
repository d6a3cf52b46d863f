"""Files of pieces over the API: for clients that have a token and no session."""

from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.api_base import JsonView
from accounts.api_problems import NOT_FOUND, Problem
from accounts.owners import owner_of
from library import api_schema as schemas
from library.models import Piece
from library.views.files import midi_response


class FileView(JsonView):
    def piece(self, pk: UUID) -> Piece:
        return get_object_or_404(Piece.objects.visible_to(owner_of(self.request)), pk=pk)

    def told(self, response: HttpResponseBase) -> HttpResponseBase:
        """What the pages say about a file that is away, said as the API does."""
        if response.status_code == 404:
            raise Problem(404, NOT_FOUND)
        if response.status_code == 503:
            raise Problem(503, "The file cannot be read at the moment. Try again in a few minutes.")
        return response


class PieceMidi(FileView):
    @extend_schema(
        operation_id="pieces_midi",
        summary="The MIDI file",
        tags=["files"],
        responses=schemas.MIDI_FILE,
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        return self.told(midi_response(request._request, self.piece(pk)))
