"""The parts of the OpenAPI schema that all endpoints share."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiTypes, extend_schema_serializer

from accounts.api_problems import CONTENT_TYPE, TITLES

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Any text, at most 255 characters. The same key gives the same job instead of a second one. Keys "
    "belong to their sender, so a new script needs a guest token first.",
)


F = TypeVar("F", bound=Callable[..., Any])


def with_examples(*, sent: Any = None, answered: Any = None) -> Callable[[F], F]:
    """Attaches example bodies to a serializer: one for requests, one for responses."""
    examples = []
    if sent is not None:
        examples.append(OpenApiExample("Request", sent, request_only=True))
    if answered is not None:
        codes = ["200", "201", "202"]
        examples.append(OpenApiExample("Response", answered, response_only=True, status_codes=codes))
    return extend_schema_serializer(examples=examples)


class Described:
    definition: dict[str, Any]

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return self.definition


class PersonalTokenScheme(Described, OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.PersonalTokenAuthentication"
    name = "personalToken"
    definition = {
        "type": "http",
        "scheme": "bearer",
        "description": "A personal token from your account page, with the scopes read, write or both.",
    }


class GuestTokenScheme(Described, OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.GuestTokenAuthentication"
    name = "guestToken"
    definition = {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Guest ` and the token from `guest/`, or from the response to your first request.",
    }


class SessionScheme(Described, OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.GuestSessionAuthentication"
    name = "session"
    definition = {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A browser session. Changes also need the header X-CSRFToken.",
    }


PROBLEM_EXAMPLE = {
    "type": "/api/v1/docs/#problem-invalid",
    "title": TITLES["invalid"],
    "status": 400,
    "detail": "Choose a length, or write one such as 1:30.",
    "errors": {"length_seconds": ["Choose a length, or write one such as 1:30."]},
}

LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests of this kind (read or write) allowed per minute.",
    "RateLimit-Remaining": "Requests left in this minute.",
    "RateLimit-Reset": "Seconds until the next minute starts.",
}


def describe_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Adds the error response and the rate-limit headers to every operation."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    components["headers"] = {
        name: {"description": text, "schema": {"type": "integer"}} for name, text in LIMIT_HEADERS.items()
    }
    components["responses"] = {
        "Problem": {
            "description": "An error, as problem details (RFC 9457).",
            "headers": {
                "Retry-After": {"description": "Seconds to wait; sent with 429.", "schema": {"type": "integer"}}
            },
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": PROBLEM_EXAMPLE}},
        }
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                headers = {name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_HEADERS}
                answer.setdefault("headers", {}).update(headers)
            operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    return result


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "An error, as problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "description": "A URL that identifies the kind of error, or about:blank if the status says it all.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong, as one sentence."},
        "errors": {
            "type": "object",
            "description": "Error messages by field name.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
