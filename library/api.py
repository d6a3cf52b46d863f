"""Pieces over the API."""

from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_base import JsonView
from accounts.api_paging import NewestFirst
from accounts.owners import owner_of
from library.models import Piece
from library.serializers import PieceSerializer
from library.services import piece_keep


class PieceView(JsonView):
    def answer(self, piece: Piece) -> Response:
        return Response(PieceSerializer(piece, context={"owner": owner_of(self.request)}).data)

    def mine(self, pk: UUID) -> Piece:
        return get_object_or_404(Piece.objects.in_library(owner_of(self.request)), pk=pk)


class PieceList(PieceView, ListAPIView):
    serializer_class = PieceSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Piece]:
        return Piece.objects.in_library(owner_of(self.request)).kept().prefetch_related("tags")

    def get_serializer_context(self) -> dict[str, object]:
        return super().get_serializer_context() | {"owner": owner_of(self.request)}


class PieceDetail(PieceView):
    def get(self, request: Request, pk: UUID) -> Response:
        return self.answer(get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk))


class PieceKeep(PieceView):
    """Makes a draft a piece of the library; of a piece that is kept already it changes nothing."""

    def post(self, request: Request, pk: UUID) -> Response:
        return self.answer(piece_keep(piece=self.mine(pk)))
