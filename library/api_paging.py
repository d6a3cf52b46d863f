"""Cursor pagination for API lists: `next` is the URL of the following page."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.drainage import get_override
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_schema import with_examples
from library.paging import KeysetPage

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100

LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
    description="Maximum number of results.",
)
AFTER = OpenApiParameter("after", OpenApiTypes.STR, description="Taken from the `next` address of the previous page.")
PAGING = [LIMIT, AFTER]


def page_response(
    request: Request,
    queryset: QuerySet[Any],
    serializer: type[serializers.BaseSerializer],
    *,
    sort: str = "newest",
    context: dict[str, Any] | None = None,
) -> Response:
    """Raises ValidationError for an invalid `limit` or `after`."""
    page = KeysetPage.of(queryset, sort=sort, after=request.query_params.get("after", ""), size=_size(request))
    results = serializer(page.items, many=True, context=context or {}).data
    return Response({"next": _address(request, page.next), "results": results})


def _size(request: Request) -> int:
    given = request.query_params.get("limit", "") or str(PAGE_SIZE)
    if not (given.isascii() and given.isdigit() and len(given) < 5 and 1 <= int(given) <= MAX_PAGE_SIZE):
        raise ValidationError({"limit": [f"Enter a number from 1 to {MAX_PAGE_SIZE}."]})
    return int(given)


def _address(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    query = request.query_params.copy()
    query["after"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def page_of(name: str, serializer: Any) -> Any:
    """The description of such an answer, with the example of its items as the only one."""
    following = serializers.URLField(allow_null=True, help_text="Address of the next page; null on the last one.")
    page = inline_serializer(name, {"next": following, "results": serializer})
    shown = [one.value for one in get_override(serializer.child, "examples", []) if one.response_only]
    with_examples(answered={"next": None, "results": shown})(type(page))
    return page
