"""The description of the API is whole, true, and what programs find there never meets a server error."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from typing import Any, cast

import pytest
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import ApiToken
from accounts.tokens import token_create
from generator.api_requests import GenerationRequestSerializer
from generator.api_schema import WishWithFileSerializer
from library.services import collection_create, share_link_create
from musicgen_site import api_docs
from tests import factories

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return api_docs.schema()


def operations(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, found in description["paths"].items()
        for method, operation in found.items()
        if method in METHODS
    ]


def test_it_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO(), stderr=StringIO())


def api_patterns(resolver: Any = None, prefix: str = "/") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for pattern in (resolver or get_resolver()).url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += api_patterns(pattern, address)
        elif isinstance(pattern, URLPattern) and address.startswith("/api/v1/"):
            found.append((address, pattern.callback))
    return found


def test_every_address_and_method_is_described(description: dict[str, Any]) -> None:
    described = {(path, method) for path, method, _ in operations(description)}
    there = set()
    for address, callback in api_patterns():
        view = getattr(callback, "cls", None)
        if view is None or view.schema is None:
            continue
        path = re.sub(r"<\w+:(\w+)>", r"{\1}", address).replace("{pk}", "{id}")
        there |= {(path, method) for method in METHODS if hasattr(view, method)}
    assert there == described
    assert len(there) > 25


def test_every_operation_has_a_summary_and_says_how_it_fails(description: dict[str, Any]) -> None:
    for path, method, operation in operations(description):
        assert operation.get("summary"), f"{method} {path}"
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
        assert set(operation["responses"]) & {"200", "201", "202", "204"}, f"{method} {path}"
        for code, answer in operation["responses"].items():
            if code != "default":
                assert "RateLimit-Remaining" in answer["headers"]


def fits(description: dict[str, Any], value: Any, schema: dict[str, Any], where: str) -> None:
    """An example has the fields that are described, and values of their choices."""
    for one in schema.get("allOf", []):
        schema = one
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if value is None or "oneOf" in schema:
        return
    kind = schema.get("type")
    if kind == "array":
        for item in value:
            fits(description, item, schema["items"], where)
    elif kind == "object" and "properties" in schema:
        assert set(schema.get("required", [])) <= set(value) <= set(schema["properties"]), where
        for name, inner in value.items():
            fits(description, inner, schema["properties"][name], f"{where} {name}")
    elif "enum" in schema:
        assert value in schema["enum"], where


def test_every_body_in_json_has_an_example_that_fits(description: dict[str, Any]) -> None:
    count = 0
    for path, method, operation in operations(description):
        bodies = {"sent": operation.get("requestBody", {})}
        bodies |= {code: answer for code, answer in operation["responses"].items() if code != "default"}
        for place, body in bodies.items():
            found = body.get("content", {}).get("application/json")
            if found is not None:
                where = f"{method} {path} {place}"
                assert found.get("examples"), where
                for example in found["examples"].values():
                    fits(description, example["value"], found["schema"], where)
                count += 1
    assert count > 40


@pytest.mark.django_db
def test_what_can_be_asked_for_is_what_is_described() -> None:
    taken = GenerationRequestSerializer(data={}, context={"owner": factories.guest()})
    assert set(WishWithFileSerializer().fields) == set(taken.fields)


@pytest.mark.django_db
class TestPages:
    def test_the_description_is_json(self, client: Client, description: dict[str, Any]) -> None:
        response = client.get("/api/v1/schema/")
        assert response["Content-Type"] == "application/json"
        assert response.json() == description

    def test_the_page_lists_every_operation_without_a_script_or_style_in_it(
        self, client: Client, description: dict[str, Any]
    ) -> None:
        response = client.get("/api/v1/docs/")
        page = response.content.decode()
        for _, _, operation in operations(description):
            assert f'id="{operation["operationId"]}"' in page
        for name in description["components"]["schemas"]:
            assert f'id="object-{name}"' in page
        assert "<style" not in page
        assert " style=" not in page
        assert "<script>" not in page
        assert "://" not in page.replace("http://localhost:8000/", "").replace(
            "https://music.example.org/", ""
        ).replace("http://www.w3.org/2000/svg", ""), "no address of another site"


@pytest.mark.django_db
class TestAnswers:
    """Each answer of the ones that programs ask most for has exactly the fields that are described."""

    def check(self, description: dict[str, Any], name: str, data: dict[str, Any]) -> None:
        component = description["components"]["schemas"][name]
        assert set(component["required"]) <= set(data), name
        assert set(data) <= set(component["properties"]), name

    def test_jobs_takes_pieces_and_genres(self, guest_client: Client, description: dict[str, Any]) -> None:
        generation = factories.make_succeeded_generation()
        data = guest_client.get(f"/api/v1/generations/{generation.pk}/").json()
        self.check(description, "Generation", data)
        self.check(description, "Take", data["takes"][0])
        self.check(description, "Piece", data["piece"])
        self.check(description, "Genre", guest_client.get("/api/v1/genres/").json()[0])
        (line,) = guest_client.get("/api/v1/generations/").json()["results"]
        self.check(description, "GenerationList", line)
        notes = guest_client.get(f"/api/v1/generations/{generation.pk}/notes/").json()
        self.check(description, "GenerationNotes", notes)


def token_for(user: Any) -> str:
    _, plain = token_create(user=user, name="test", scopes=ApiToken.Scope.values)
    return plain


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """Requests in this thread leave the database connection of the test open, as those of Django's test client do."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("one_connection")
def test_nothing_that_fits_the_description_or_not_meets_a_server_error(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made-up requests, the same ones each time, from somebody who owns one of everything."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    from generator import tasks

    # The web process writes privately from then on; this one goes on as it is.
    monkeypatch.setattr(os, "umask", lambda mode: mode)
    from musicgen_site.wsgi import application

    monkeypatch.setattr(tasks.compose, "delay", lambda pk: None)
    factories.make_genre()
    owner = factories.member(alice)
    generation = factories.make_succeeded_generation(owner)
    piece = generation.piece
    assert piece is not None
    collection = collection_create(user=alice, title="Mine")
    own = {
        "generations": generation.pk,
        "pieces": piece.pk,
        "collections": collection.pk,
        "share-links": share_link_create(piece=piece).pk,
    }
    headers = {"Authorization": f"Bearer {token_for(alice)}", "Host": "localhost"}
    # Over WSGI, schemathesis asks for compressed answers and does not unpack them.
    headers["Accept-Encoding"] = "identity"
    held = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.response_headers_conformance,
        checks.unsupported_method,
    ]
    answers: Counter[int] = Counter()

    def ask(case: Any) -> None:
        response = case.call(headers=headers)
        answers[response.status_code] += 1
        if response.status_code >= 400:
            assert response.headers["content-type"] == ["application/problem+json"]
            assert response.json()["status"] == response.status_code
        case.validate_response(response, checks=held)

    def try_operation(operation: Any, mode: GenerationMode, count: int) -> None:
        @settings(
            max_examples=count,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def try_it(case: Any) -> None:
            ask(case)
            kind = operation.path.split("/")[3]
            if "id" in case.path_parameters and kind in own:
                case.path_parameters["id"] = str(own[kind])
                ask(case)

        try_it()

    api = schemathesis.openapi.from_wsgi("/api/v1/schema/", application)
    for found in api.get_all_operations():
        operation = cast("Any", found).ok()  # an invalid one raises, as it should
        try_operation(operation, GenerationMode.POSITIVE, 5)
        if operation.body or operation.query:
            try_operation(operation, GenerationMode.NEGATIVE, 3)
    assert answers[200] > 50
    assert answers[400] > 20
