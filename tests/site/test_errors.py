"""What a visitor is told when nobody caught an error."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from generator.models import Genre


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def raising(error: Exception) -> Any:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("connection already closed")])
@pytest.mark.parametrize("path", ["/", "/api/v1/genres/"])
def test_a_database_that_is_away_is_said_and_asked_for_again(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch, error: Exception, path: str
) -> None:
    monkeypatch.setattr(Genre.objects.__class__, "all", raising(error))
    monkeypatch.setattr(Genre.objects.__class__, "get_queryset", raising(error))
    response = client.get(path)
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert b"The database does not answer just now." in response.content
    assert response["Content-Type"].startswith("application/problem+json" if path.startswith("/api/") else "text/html")


def test_a_fault_of_ours_is_500(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Genre.objects.__class__, "get_queryset", raising(ValueError("wrong")))
    response = client.get("/")
    assert response.status_code == 500
    assert b"Something went wrong on our side" in response.content
