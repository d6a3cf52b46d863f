"""Errors of the API are problem details, wherever they come from."""

from typing import Any, cast

import pytest
from django.core.exceptions import ValidationError as ServiceError
from django.test import Client
from rest_framework.exceptions import ValidationError

from accounts.api_problems import answer_error
from library import api

pytestmark = pytest.mark.django_db


def problem(response: Any) -> dict[str, Any]:
    assert response["Content-Type"] == "application/problem+json"
    data = response.json()
    assert {"type", "title", "status", "detail"} <= set(data)
    assert data["status"] == response.status_code
    assert data["detail"].endswith(".")
    return dict(data)


def test_a_fault_of_ours_says_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(query: Any) -> None:
        raise RuntimeError("the secret of the database")

    monkeypatch.setattr(api.PieceFilters, "from_query", broken)
    response = Client(raise_request_exception=False).get("/api/v1/pieces/")
    assert response.status_code == 500
    assert "secret" not in str(problem(response))


@pytest.mark.parametrize("address", ["", "nothing/", "pieces/7/", "pieces/00000000-0000-0000-0000-000000000001/"])
def test_nothing_there(client: Client, address: str) -> None:
    data = problem(client.get(f"/api/v1/{address}"))
    assert (data["status"], data["type"], data["title"]) == (404, "about:blank", "Not Found")


@pytest.mark.parametrize("accept", ["audio/midi", "text/html", "image/png;q=0.3", "nonsense"])
def test_whatever_is_accepted_there_is_one_answer(client: Client, accept: str) -> None:
    response = client.get("/api/v1/pieces/?format=x", headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert problem(client.get("/api/v1/pieces/?limit=x", headers={"Accept": accept}))["status"] == 400


def test_a_method_that_is_not_taken(client: Client) -> None:
    response = client.post("/api/v1/genres/")
    assert problem(response)["status"] == 405
    assert response["Allow"].startswith("GET")


@pytest.mark.parametrize(
    ("error", "detail", "errors"),
    [
        (ServiceError("Not now."), "Not now.", {}),
        (ServiceError({"title": ["Too long."]}), "Too long.", {"title": ["Too long."]}),
        (ServiceError({"title": "No.", "__all__": "Not at all."}), "Not at all.", {"title": ["No."]}),
        # As rest_framework numbers the wrong ones of a list.
        (ValidationError({"tags": cast("Any", {0: ["A."], 2: ["A.", "B."]})}), "A.", {"tags": ["A.", "B."]}),
        (ValidationError(["One."]), "One.", {}),
        (ValidationError({"non_field_errors": ["All."], "x": ["X."]}), "All.", {"x": ["X."]}),
        (
            ValidationError({"ids": ["This field is required."]}),
            "ids: This field is required.",
            {"ids": ["This field is required."]},
        ),
        (ValidationError({"x": ["y" * 9000]}), "y" * 500, {"x": ["y" * 500]}),
    ],
)
def test_sentences_by_field(error: Exception, detail: str, errors: dict[str, list[str]]) -> None:
    response = answer_error(error, {})
    assert response is not None
    assert (response.status_code, response.data["detail"], response.data["errors"]) == (400, detail, errors)
    assert response.data["type"] == "/api/v1/docs/#problem-invalid"


def test_the_types_lead_to_what_they_mean(client: Client) -> None:
    kind = client.get("/api/v1/pieces/?sort=x").json()["type"]
    address, _, place = kind.partition("#")
    assert f'id="{place}"' in client.get(address).content.decode()
