"""API errors as problem details (RFC 9457): one sentence, plus messages by field."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as ServiceError
from django.http import Http404, JsonResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import (
    APIException,
    MethodNotAllowed,
    NotFound,
    ParseError,
    Throttled,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
UNREADABLE = "The form cannot be read, or it has too many fields or files."
NOT_FOUND = "Not found, or it belongs to someone else."
MAX_SENTENCE = 500


class Problem(APIException):
    """Raised by views where no exception of the framework fits."""

    def __init__(
        self,
        status_code: int,
        detail: str,
        *,
        slug: str = "",
        errors: dict[str, list[str]] | None = None,
        retry_after_seconds: int | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.more = more
        self.status_code = status_code
        self.slug = slug
        self.errors = errors
        self.wait = retry_after_seconds


def problem_data(
    status: int, detail: str, *, slug: str = "", errors: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """The members of a problem; `type` is about:blank if the status says it all (RFC 9457, 4.2.1)."""
    data: dict[str, Any] = {
        "type": f"/api/v1/docs/#problem-{slug}" if slug else "about:blank",
        "title": TITLES.get(slug) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return data | ({"errors": errors} if errors is not None else {})


# Problem types that say more than the status code; docs/api.md and the API reference list them.
TITLES = {
    "invalid": "Invalid request",
    "changed-meanwhile": "Changed since you read it",
    "version-missing": "If-Match is missing",
    "key-reused": "Idempotency-Key already used for another request",
    "quota": "Quota exceeded",
    "too-many-requests": "Too many requests",
    "no-model": "No genre model is installed",
    "confirm": "Confirm it's you first",
    "people-only": "Not for personal tokens",
}


def problem_response(status: int, detail: str, *, headers: dict[str, str] | None = None) -> JsonResponse:
    """For code outside the API views."""
    return JsonResponse(problem_data(status, detail), status=status, headers=headers, content_type=CONTENT_TYPE)


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """The response to an error the client can act on; None (a logged 500) for all others."""
    problem = _problem_of(error)
    if problem is None:
        return None
    set_rollback()
    headers = {}
    if getattr(problem, "auth_header", None):
        headers["WWW-Authenticate"] = problem.auth_header
    if getattr(problem, "wait", None):
        headers["Retry-After"] = str(int(problem.wait))
    data = problem_data(
        problem.status_code,
        str(problem.detail),
        slug=getattr(problem, "slug", ""),
        errors=getattr(problem, "errors", None),
    )
    data |= getattr(problem, "more", None) or {}
    return Response(data, status=problem.status_code, headers=headers, content_type=CONTENT_TYPE)


def _problem_of(error: Exception) -> Any:
    match error:
        case Problem():
            return error
        case ValidationError():
            return _invalid(_sentences_by_field(error.detail))
        case ServiceError():
            by_field = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
            return _invalid(by_field)
        case SuspiciousOperation() | MultiPartParserError():
            # Raised by Django while it looks for the CSRF token in the form.
            return Problem(400, UNREADABLE)
        case ParseError():
            return Problem(400, "The body of the request is not valid JSON.")
        case UnsupportedMediaType():
            return Problem(415, "Send JSON, with the header Content-Type: application/json, or a form with a file.")
        case Http404() | NotFound():
            return Problem(404, NOT_FOUND)
        case MethodNotAllowed():
            return Problem(405, "This address doesn't support that method.")
        case PermissionDenied():
            return Problem(403, "You don't have permission to do that.")
        case Throttled():
            wait = int(getattr(error, "wait", None) or 1)
            sentence = f"Too many requests. Try again in {wait} second{'' if wait == 1 else 's'}."
            return Problem(429, sentence, slug="too-many-requests", retry_after_seconds=wait)
        case APIException():
            return error
    return None


def _invalid(by_field: dict[str, list[str]]) -> Problem:
    fields = {name: [one[:MAX_SENTENCE] for one in told] for name, told in by_field.items() if name not in _WHOLE}
    whole = [sentence for name in _WHOLE for sentence in by_field.get(name, [])]
    sentences = whole or [_by_itself(name, sentence) for name, told in fields.items() for sentence in told]
    return Problem(400, sentences[0] if sentences else "", slug="invalid", errors=fields)


def _by_itself(name: str, sentence: str) -> str:
    """Prefix the field name to messages of the framework that start with "This field"."""
    return f"{name}: {sentence}" if sentence.startswith(_BESIDE_ITS_NAME) else sentence


_BESIDE_ITS_NAME = (
    "This field ",
    "This list ",
    "Ensure this ",
    "Not a valid ",
    "A valid ",
    "Must be a ",
    "Expected a ",
    '"',
)
_WHOLE = ("__all__", "detail", api_settings.NON_FIELD_ERRORS_KEY)


def _sentences_by_field(detail: Any) -> dict[str, list[str]]:
    if not isinstance(detail, dict):
        return {"detail": _flat(detail)}
    return {str(name): _flat(told) for name, told in detail.items()}


def _flat(told: Any) -> list[str]:
    """Messages from any depth: an error in a list item is an error of the list."""
    if isinstance(told, dict):
        told = list(told.values())
    if isinstance(told, list | tuple):
        return list(dict.fromkeys(sentence for one in told for sentence in _flat(one)))
    return [str(told)]
