"""The API reference: an OpenAPI schema for programs and an HTML page for people.

Swagger UI and Redoc each load a megabyte of script, need inline styles that our Content-Security-Policy forbids, and
show nothing without JavaScript. This page is rendered from the same schema, so the two cannot disagree.
"""

import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_base import JsonView
from accounts.api_problems import TITLES
from accounts.api_schema import LIMIT_HEADERS

METHODS = ("get", "post", "put", "patch", "delete")


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """Built once: it depends only on the code."""
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.loads(json.dumps(made, default=str))


class SchemaView(JsonView):
    schema = None

    def get(self, request: Request) -> Response:
        return Response(schema())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    context = {
        "groups": _groups(schema()),
        "objects": _objects(schema()),
        "problems": TITLES,
        "limit_headers": LIMIT_HEADERS,
        "reads": settings.API_READS_PER_MINUTE,
        "writes": settings.API_WRITES_PER_MINUTE,
        "site_url": settings.SITE_URL,
    }
    return render(request, "api_docs.html", context)


def _groups(description: dict[str, Any]) -> list[dict[str, Any]]:
    """Operations grouped by tag, in URL order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in description["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                for tag in operation["tags"]:
                    groups.setdefault(tag, []).append(_operation(path, method, operation))
    return [{"name": name, "operations": operations} for name, operations in groups.items()]


def _operation(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": _plain(operation.get("description", "")),
        "parameters": [
            {
                "name": one["name"],
                "where": {"query": "query", "path": "path", "header": "header"}[one["in"]],
                "type": _type(one["schema"]),
                "description": _plain(one.get("description", "")),
            }
            for one in operation.get("parameters", [])
        ],
        "bodies": [
            {"media": media, "type": _type(body["schema"]), "examples": _examples(body)}
            for media, body in content.items()
        ],
        "answers": [
            {
                "code": code,
                "types": [_type(body["schema"]) for body in answer.get("content", {}).values()],
                "examples": [example for body in answer.get("content", {}).values() for example in _examples(body)],
                "description": answer.get("description", ""),
            }
            for code, answer in operation["responses"].items()
            if code != "default"
        ],
        "curl": _curl(path, method, content),
    }


def _plain(text: str) -> str:
    return text.replace("`", "")


def _examples(body: dict[str, Any]) -> list[str]:
    found = [one["value"] for one in body.get("examples", {}).values()]
    return [json.dumps(one, indent=2, ensure_ascii=False) for one in found]


def _curl(path: str, method: str, content: dict[str, Any]) -> str:
    """The request as a curl command."""
    parts = ["curl"]
    if method != "get":
        parts.append(f"-X {method.upper()}")
    parts.append('-H "Authorization: Bearer $TOKEN"')
    if "application/json" in content:
        examples = content["application/json"].get("examples", {})
        body: Any = next((one["value"] for one in examples.values()), {})
        parts += ["--json", f"'{json.dumps(body)}'"]
    return " ".join([*parts, f"{settings.SITE_URL}{path}"])


def _objects(description: dict[str, Any]) -> list[dict[str, Any]]:
    """Every object and enum used in requests and responses."""
    found = []
    for name, one in sorted(description["components"]["schemas"].items()):
        required = one.get("required", [])
        fields = [
            {
                "name": field,
                "type": _type(what),
                "description": _plain(what.get("description", "")),
                "required": field in required,
            }
            for field, what in one.get("properties", {}).items()
        ]
        found.append(
            {"name": name, "description": one.get("description", ""), "fields": fields, "values": one.get("enum", [])}
        )
    return found


_WORDS = {"string": "string", "number": "number", "integer": "integer", "boolean": "boolean"}
_FORMATS = {"uuid": "UUID", "date-time": "date-time", "date": "date", "uri": "URL", "binary": "file"}


def _type(one: dict[str, Any]) -> dict[str, str]:
    """A type in words, around a link to at most one object documented on the page."""
    for several in ("allOf", "oneOf", "anyOf"):
        options = [_type(option) for option in one.get(several, []) if option.get("type") != "null"]
        if options:
            named = next((option for option in options if option["object"]), None)
            words = " or ".join(dict.fromkeys(option["before"] for option in options if option["before"]))
            return _or_null(named or {"before": words, "object": ""}, one)
    if "$ref" in one:
        return {"before": "", "object": one["$ref"].rsplit("/", 1)[1], "after": ""}
    if one.get("type") == "array":
        inner = _type(one.get("items", {}))
        return _or_null({"before": f"list of {inner['before']}", "object": inner["object"]}, one)
    if one.get("enum"):
        name = ", ".join(str(value) for value in one["enum"] if value not in (None, ""))
    elif one.get("type") == "object":
        name = "object"
    else:
        name = _FORMATS.get(one.get("format", "")) or _WORDS.get(one.get("type", ""), "anything")
    return _or_null({"before": name, "object": ""}, one)


def _or_null(found: dict[str, str], one: dict[str, Any]) -> dict[str, str]:
    return found | {"after": " or null" if one.get("nullable") else ""}
