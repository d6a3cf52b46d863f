"""Collections, tags and share links over the API, for members."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_base import MemberView
from accounts.owners import owner_of
from library import services
from library.api_paging import PAGING, page_of, page_response
from library.models import Collection, Piece, ShareLink, Tag
from library.serializers import (
    CollectionSerializer,
    CountSerializer,
    IdsSerializer,
    PieceSerializer,
    ShareLinkSerializer,
    TagSerializer,
)


class CollectionView(MemberView):
    def collection(self, pk: int) -> Collection:
        return get_object_or_404(Collection.objects.of(self.member).with_counts(), pk=pk)

    def answer(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        return Response(CollectionSerializer(self.collection(pk)).data, status=code)


class CollectionList(CollectionView):
    @extend_schema(
        operation_id="collections_list",
        summary="Your collections, by title",
        tags=["collections"],
        parameters=PAGING,
        responses=page_of("CollectionPage", CollectionSerializer(many=True)),
    )
    def get(self, request: Request) -> Response:
        mine = Collection.objects.of(self.member).with_counts()
        return page_response(request, mine, CollectionSerializer, sort="title")

    @extend_schema(
        operation_id="collections_create",
        summary="Create a collection",
        tags=["collections"],
        request=CollectionSerializer,
        responses={201: CollectionSerializer},
    )
    def post(self, request: Request) -> Response:
        collection = services.collection_create(user=self.member, **self.wanted(CollectionSerializer))
        return self.answer(collection.pk, status.HTTP_201_CREATED)


class CollectionDetail(CollectionView):
    @extend_schema(
        operation_id="collections_read",
        summary="Get a collection",
        tags=["collections"],
        responses=CollectionSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(pk)

    @extend_schema(
        operation_id="collections_change",
        summary="Change a collection's title or description",
        tags=["collections"],
        request=CollectionSerializer(partial=True),
        responses=CollectionSerializer,
    )
    def patch(self, request: Request, pk: int) -> Response:
        collection = self.collection(pk)
        services.collection_edit(collection=collection, **self.wanted(CollectionSerializer, partial=True))
        return self.answer(pk)

    @extend_schema(
        operation_id="collections_delete",
        summary="Delete a collection; its pieces stay",
        tags=["collections"],
        responses={204: None},
    )
    def delete(self, request: Request, pk: int) -> Response:
        services.collection_delete(collection=self.collection(pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CollectionPieces(CollectionView):
    def ids(self) -> list[UUID]:
        return list(self.wanted(IdsSerializer)["ids"])

    @extend_schema(
        operation_id="collections_pieces",
        summary="Pieces of a collection, in order",
        tags=["collections"],
        parameters=PAGING,
        responses=page_of("CollectedPage", PieceSerializer(many=True)),
    )
    def get(self, request: Request, pk: int) -> Response:
        pieces = Piece.objects.owned_by(owner_of(request)).in_collection(self.collection(pk))
        pieces = pieces.prefetch_related("tags")
        return page_response(request, pieces, PieceSerializer, sort="position", context={"owner": owner_of(request)})

    @extend_schema(
        operation_id="collections_add",
        summary="Add pieces at the end of a collection",
        description="Pieces that are already in it stay where they are; `count` is the number added.",
        tags=["collections"],
        request=IdsSerializer,
        responses=CountSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        collection = self.collection(pk)
        pieces = Piece.objects.in_library(owner_of(request)).filter(pk__in=self.ids())
        return Response({"count": services.collection_add(collection=collection, pieces=pieces)})

    @extend_schema(
        operation_id="collections_order",
        summary="Reorder a collection",
        description="Pieces you leave out follow in their previous order.",
        tags=["collections"],
        request=IdsSerializer,
        responses={204: None},
    )
    def put(self, request: Request, pk: int) -> Response:
        collection = self.collection(pk)
        services.collection_order(collection=collection, piece_ids=self.ids())
        return Response(status=status.HTTP_204_NO_CONTENT)


class CollectionPiece(CollectionView):
    @extend_schema(
        operation_id="collections_remove",
        summary="Remove a piece from a collection; the piece stays",
        tags=["collections"],
        responses={204: None},
    )
    def delete(self, request: Request, pk: int, piece: UUID) -> Response:
        collection = self.collection(pk)
        there = get_object_or_404(Piece.objects.owned_by(owner_of(request)), pk=piece, collections=collection)
        services.collection_remove(collection=collection, pieces=Piece.objects.filter(pk=there.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TagList(MemberView):
    @extend_schema(
        operation_id="tags_list",
        summary="Your tags, and how many pieces have each",
        description="A tag exists as long as a piece has it. To tag a piece, change the piece.",
        tags=["tags"],
        responses=TagSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(TagSerializer(Tag.objects.of(self.member).with_counts(), many=True).data)


class ShareLinks(MemberView):
    def piece(self, pk: UUID) -> Piece:
        return get_object_or_404(Piece.objects.in_library(owner_of(self.request)), pk=pk)

    @extend_schema(
        operation_id="share_links_list",
        summary="Active links to a piece",
        tags=["share links"],
        responses=ShareLinkSerializer(many=True),
    )
    def get(self, request: Request, pk: UUID) -> Response:
        links = ShareLink.objects.open().filter(piece=self.piece(pk))
        return Response(ShareLinkSerializer(links, many=True, context={"request": request}).data)

    @extend_schema(
        operation_id="share_links_create",
        summary="Create a link to a piece",
        description="Sharing a draft keeps it.",
        tags=["share links"],
        request=ShareLinkSerializer,
        responses={201: ShareLinkSerializer},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        piece = self.piece(pk)
        link = services.share_link_create(piece=piece, **self.wanted(ShareLinkSerializer))
        data = ShareLinkSerializer(link, context={"request": request}).data
        return Response(data, status=status.HTTP_201_CREATED)


class ShareLinkDetail(MemberView):
    @extend_schema(
        operation_id="share_links_revoke",
        summary="Revoke a link",
        tags=["share links"],
        responses={204: None},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        link = get_object_or_404(ShareLink.objects.filter(piece__owner=self.member), pk=pk)
        services.share_link_revoke(link=link)
        return Response(status=status.HTTP_204_NO_CONTENT)
