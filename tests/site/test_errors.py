"""What a visitor is told when nobody caught an error."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
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
    assert b"t responding. Your pieces are safe." in response.content
    assert response["Content-Type"].startswith("application/problem+json" if path.startswith("/api/") else "text/html")


def test_a_fault_of_ours_is_500(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Genre.objects.__class__, "get_queryset", raising(ValueError("wrong")))
    response = client.get("/")
    assert response.status_code == 500
    assert b"Something went wrong on our side" in response.content


@pytest.fixture
def strict_client(db: None) -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize(
    ("headers", "cookie", "said"),
    [
        ({"Origin": "null"}, True, "didn&#x27;t confirm that the form came from this site"),
        ({"Origin": "https://elsewhere.example"}, True, "didn&#x27;t confirm that the form came from this site"),
        ({}, False, "Allow cookies for this site"),
        ({}, True, "sign in or out in another tab"),
    ],
)
def test_a_refused_form_names_its_cause(
    strict_client: Client, headers: dict[str, str], cookie: bool, said: str
) -> None:
    if cookie:
        strict_client.get("/account/login/")
    before = {"Referer": "http://testserver/account/login/"}
    response = strict_client.post("/account/login/", {"login": "alice"}, headers=before | headers)
    page = response.content.decode().replace("'", "&#x27;")
    assert response.status_code == 403
    assert said in page
    assert 'href="http://testserver/account/login/">Reload the page' in page


def test_a_refused_form_leads_to_no_other_site(strict_client: Client) -> None:
    response = strict_client.post("/account/login/", headers={"Referer": "https://elsewhere.example/x"})
    assert response.status_code == 403
    assert b"elsewhere" not in response.content


def test_a_page_that_is_not_there_says_how_long_pieces_of_guests_are_kept(client: Client, db: None, settings: Any):
    settings.GUEST_DAYS = 12
    response = client.get("/nothing/")
    assert response.status_code == 404
    assert b"kept for 12 days" in response.content


BANNED = ("whoever", "anew", "by itself", "by themselves", "it may", "too often", "open to you", "not just now")


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500", "500_proxy", "503", "503_database"])
def test_pages_of_errors_speak_plainly(name: str) -> None:
    text = (Path(site_settings.BASE_DIR) / "templates" / f"{name}.html").read_text().lower()
    assert not [word for word in BANNED if word in text]
    assert "<h1>" in text
