"""Pages of a list: the answer names the address of the next one, and no page costs more than the first."""

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from accounts.api_problems import Problem


class NewestFirst(CursorPagination):
    """By the time of creation. What is added meanwhile moves nothing from one page to the other."""

    ordering = ("-created_at", "-pk")
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    cursor_query_param = "after"
    cursor_query_description = "What the address under `next` of the last page says."
    page_size_query_description = "How many; at most 100."
    invalid_cursor_message = "This is no place in the list. Begin without it."

    def decode_cursor(self, request: Any) -> Any:
        try:
            return super().decode_cursor(request)
        except Exception as error:
            raise Problem(400, self.invalid_cursor_message, slug="invalid", errors={"after": []}) from error

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return page_schema(schema)


def page_schema(results: dict[str, Any]) -> dict[str, Any]:
    following = {
        "type": "string",
        "format": "uri",
        "nullable": True,
        "description": "Where the list goes on; null at its end.",
        "example": "https://music.example.org/api/v1/generations/?after=cD0yMDI2",
    }
    return {
        "type": "object",
        "required": ["next", "results"],
        "properties": {"next": following, "results": results},
    }
