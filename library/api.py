"""Pieces over the API: list, read, change, trash."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_base import JsonView
from accounts.api_problems import Problem
from accounts.owners import Owner, ensure_owner_of, owner_of
from library import api_schema as schemas
from library import services
from library.api_paging import page_of, page_response
from library.errors import PieceChanged
from library.filters import PieceFilters
from library.models import Piece
from library.querysets import PieceQuerySet
from library.serializers import (
    BulkSerializer,
    CountSerializer,
    FavouriteSerializer,
    IdsSerializer,
    PieceChangeSerializer,
    PieceSerializer,
    RatingSerializer,
    is_owned_by,
)

MEMBERS_TAG = "Sign up to tag pieces."


def etag_of(piece: Piece) -> str:
    return f'"{piece.version}"'


F = TypeVar("F", bound=Callable[..., Any])


class PieceView(JsonView):
    @property
    def owner(self) -> Owner:
        return owner_of(self.request)

    def answer(self, piece: Piece) -> Response:
        data = PieceSerializer(piece, context={"owner": self.owner}).data
        return Response(data, headers={"ETag": etag_of(piece)})

    def list_answer(self, pieces: PieceQuerySet, *, sort: str = "newest") -> Response:
        pieces = pieces.prefetch_related("tags")
        return page_response(self.request, pieces, PieceSerializer, sort=sort, context={"owner": self.owner})

    def mine(self, pk: UUID) -> Piece:
        """A piece in the caller's library."""
        return get_object_or_404(Piece.objects.in_library(self.owner), pk=pk)

    def mine_anywhere(self, pk: UUID) -> Piece:
        """A piece in the caller's library or trash."""
        return get_object_or_404(Piece.objects.owned_by(self.owner).not_expired(), pk=pk)


class PieceList(PieceView):
    @extend_schema(
        operation_id="pieces_list",
        summary="Your library, with the filters of its page",
        tags=["pieces"],
        parameters=schemas.FILTERS,
        responses=page_of("PiecePage", PieceSerializer(many=True)),
    )
    def get(self, request: Request) -> Response:
        filters = PieceFilters.from_query(request.query_params)
        return self.list_answer(Piece.objects.in_library(self.owner).filtered(filters), sort=filters.sort)


class TrashList(PieceView):
    @extend_schema(
        operation_id="trash_list",
        summary="Pieces in the trash, most recently trashed first",
        tags=["pieces"],
        parameters=schemas.PAGING,
        responses=page_of("TrashPage", PieceSerializer(many=True)),
    )
    def get(self, request: Request) -> Response:
        return self.list_answer(Piece.objects.in_trash(self.owner).order_by(), sort="trashed")

    @extend_schema(
        operation_id="trash_empty",
        summary="Empty the trash",
        description="Removes up to 2,000 pieces per request. Repeat until `count` is 0.",
        tags=["pieces"],
        responses={200: CountSerializer},
    )
    def delete(self, request: Request) -> Response:
        return Response({"count": services.trash_empty(owner=self.owner)})


class PieceDetail(PieceView):
    @extend_schema(
        operation_id="pieces_read",
        summary="One of your pieces, or an example",
        tags=["pieces"],
        parameters=[schemas.ETAG],
        responses=PieceSerializer,
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        piece = get_object_or_404(Piece.objects.visible_to(self.owner), pk=pk)
        response = self.answer(piece)
        # Checked before rendering: a response without a body has nothing to render.
        unchanged = get_conditional_response(request._request, etag=etag_of(piece))
        return Response(status=304, headers={"ETag": etag_of(piece)}) if unchanged else response

    @extend_schema(
        operation_id="pieces_change",
        summary="Change title, comments, tags or favourite",
        description="Changes only the fields you send. `tags` replaces all tags of the piece.",
        tags=["pieces"],
        parameters=[schemas.IF_MATCH, schemas.ETAG],
        request=PieceChangeSerializer,
        responses=PieceSerializer,
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        piece = self.mine(pk)
        values = self.wanted(PieceChangeSerializer)
        if "tags" in values and self.owner.is_guest:
            raise ValidationError({"tags": [MEMBERS_TAG]})
        version = _version_wanted(request, piece)
        try:
            services.piece_edit(piece=piece, version=version, **values)
        except PieceChanged as error:
            raise _changed() from error
        except Piece.DoesNotExist as error:
            raise NotFound from error
        return self.answer(piece)

    @extend_schema(
        operation_id="pieces_delete",
        summary="Delete a piece in the trash forever",
        description="409 if the piece is not in the trash.",
        tags=["pieces"],
        responses={204: None},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        piece = self.mine_anywhere(pk)
        if piece.trashed_at is None:
            raise Problem(409, "Only pieces in the trash can be deleted. Move it there first.")
        services.piece_delete(piece=piece)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _version_wanted(request: Request, piece: Piece) -> int | None:
    """The version the client wants to change; None for any."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        sentence = "Send the ETag of the version you read as If-Match, so that no other change is lost."
        raise Problem(428, sentence, slug="version-missing")
    if given == "*":
        return None
    if etag_of(piece) not in parse_etags(given):
        raise _changed()
    return piece.version


def _changed() -> Problem:
    return Problem(412, PieceChanged.message, slug="changed-meanwhile")


def _act(name: str, summary: str, description: str = "", request: Any = None) -> Callable[[F], F]:
    """The schema of an action that returns the piece."""
    return extend_schema(
        operation_id=f"pieces_{name}",
        summary=summary,
        description=description,
        tags=["pieces"],
        request=request,
        responses=PieceSerializer,
    )


class PieceKeep(PieceView):
    @_act("keep", "Keep a draft", "Has no effect on a piece that is already kept.")
    def post(self, request: Request, pk: UUID) -> Response:
        return self.answer(services.piece_keep(piece=self.mine(pk)))


class PieceTrash(PieceView):
    @_act(
        "trash",
        "Move a piece to the trash",
        f"It is deleted after {settings.TRASH_DAYS} days, or, for guests, when it expires. Repeating the request has "
        "no effect.",
    )
    def post(self, request: Request, pk: UUID) -> Response:
        return self.answer(services.piece_trash(piece=self.mine_anywhere(pk)))


class PieceRestore(PieceView):
    @_act("restore", "Restore a piece from the trash", "Repeating the request has no effect.")
    def post(self, request: Request, pk: UUID) -> Response:
        return self.answer(services.piece_restore(piece=self.mine_anywhere(pk)))


class PieceFavourite(PieceView):
    @_act("favourite", "Mark or unmark a piece as a favourite", request=FavouriteSerializer)
    def put(self, request: Request, pk: UUID) -> Response:
        piece = self.mine(pk)
        return self.answer(services.piece_favourite(piece=piece, **self.wanted(FavouriteSerializer)))


class PieceRating(PieceView):
    @extend_schema(
        operation_id="pieces_rate",
        summary="Rate one of your pieces or an example: 1, -1, or 0 to remove the rating",
        tags=["pieces"],
        request=RatingSerializer,
        responses=RatingSerializer,
    )
    def put(self, request: Request, pk: UUID) -> Response:
        piece = get_object_or_404(Piece.objects.visible_to(self.owner), pk=pk)
        value = self.wanted(RatingSerializer)["rating"]
        person = ensure_owner_of(request)
        services.piece_rate(piece=piece, person=person, value=value)
        headers = {"ETag": etag_of(piece)} if is_owned_by(piece, person) else {}
        return Response({"rating": services.rating_of(piece=piece, person=person)}, headers=headers)


class PiecesBulk(PieceView):
    @extend_schema(
        operation_id="pieces_bulk",
        summary="Apply one action to many of your pieces",
        description="`tag` and `untag` need `tags`. Ids of pieces that are not yours are ignored; `count` is the "
        "number of pieces changed.",
        tags=["pieces"],
        request=BulkSerializer,
        responses=CountSerializer,
    )
    def post(self, request: Request) -> Response:
        values = self.wanted(BulkSerializer)
        pieces = Piece.objects.owned_by(self.owner).not_expired().filter(pk__in=values["ids"])
        match values["action"]:
            case "keep":
                count = services.pieces_keep(pieces=pieces.not_trashed())
            case "trash":
                count = services.pieces_trash(pieces=pieces)
            case "restore":
                count = services.pieces_restore(pieces=pieces)
            case "delete":
                count = services.pieces_delete(pieces=pieces.exclude(trashed_at=None))
            case action:
                if self.owner.user is None:
                    raise ValidationError({"tags": [MEMBERS_TAG]})
                names = {"names" if action == "tag" else "remove": values["tags"]}
                count = services.pieces_tag(pieces=pieces.not_trashed(), user=self.owner.user, **names)
        return Response({"count": count})


class DraftsTrash(PieceView):
    @extend_schema(
        operation_id="drafts_trash",
        summary="Move drafts except favourites to the trash",
        description=f"Moves up to {services.BULK_AT_MOST:,} at a time, the oldest first, and answers with their ids, "
        "so that you can restore them. With the filters of `pieces/`, only drafts that match.",
        tags=["pieces"],
        parameters=schemas.CHOICES,
        request=None,
        responses=IdsSerializer,
    )
    def post(self, request: Request) -> Response:
        filters = PieceFilters.from_query(request.query_params)
        pieces = Piece.objects.in_library(self.owner).filtered(filters)
        return Response({"ids": services.drafts_trash(pieces=pieces)})
