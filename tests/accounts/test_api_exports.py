"""Exports over the API: asked for, watched, stopped, downloaded."""

import io
import uuid
import zipfile
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from accounts.exports import export_claim, export_make
from accounts.models import DataExport, User
from accounts.tokens import token_create
from tests.accounts.conftest import later

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exports_folder")]

URL = "/api/v1/exports/"


@pytest.fixture(autouse=True)
def _no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.tasks import make_exports

    monkeypatch.setattr(make_exports, "delay", lambda: None)


def headers_of(user: User, *scopes: str) -> dict[str, Any]:
    _, token = token_create(user=user, name="t", scopes=scopes or ("read", "write"))
    return {"headers": {"Authorization": f"Bearer {token}"}}


@pytest.fixture
def client(client: Client, alice: User) -> Client:
    """Alice's browser, just signed in."""
    client.force_login(alice)
    return client


def finish() -> None:
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_make(export=claimed)


def test_it_is_asked_for_watched_and_downloaded(alice: User, client: Client) -> None:
    asked = client.post(URL)
    assert (asked.status_code, asked.json()["status"], asked.json()["size_bytes"]) == (202, "waiting", 0)
    address = asked["Location"].removeprefix("http://testserver")
    assert client.post(URL).json()["id"] == asked.json()["id"], "the one that is being collected"
    early = client.get(f"{address}file/")
    assert (early.status_code, early["Content-Type"]) == (409, "application/problem+json")
    assert early["Retry-After"]
    finish()
    ready = client.get(address).json()
    assert (ready["status"], ready["share"]) == ("ready", 1.0)
    file = client.get(f"{address}file/")
    assert (file.status_code, file["Content-Type"]) == (200, "application/zip")
    data = file.getvalue()
    assert len(data) == ready["size_bytes"]
    assert "account.json" in zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert [one["id"] for one in client.get(URL).json()] == [ready["id"]]


def test_it_is_stopped(alice: User, client: Client) -> None:
    address = client.post(URL)["Location"]
    for _ in range(2):
        assert client.delete(address).status_code == 204
    assert client.get(address).json()["status"] == "stopped"
    assert client.get(f"{address}file/").status_code == 404


def test_five_a_day_are_enough(alice: User, client: Client) -> None:
    for _ in range(5):
        client.delete(client.post(URL)["Location"])
    refused = client.post(URL)
    assert (refused.status_code, refused.json()["type"]) == (429, "/api/v1/docs/#problem-quota")
    assert int(refused["Retry-After"]) > 0
    assert DataExport.objects.count() == 5


def test_a_token_gets_no_export_whatever_its_scopes(alice: User, client: Client) -> None:
    """It holds what no other answer does, the email address and the sessions, and a token is easily lost."""
    script, whole = Client(), headers_of(alice)
    refused = script.post(URL, **whole)
    assert (refused.status_code, refused.json()["type"]) == (403, "/api/v1/docs/#problem-people-only")
    assert not DataExport.objects.exists()
    address = client.post(URL)["Location"]
    finish()
    assert script.get(f"{address}file/", **whole).status_code == 403
    assert script.get(address, **whole).json()["status"] == "ready", "how far it is may be told"
    assert client.get(f"{address}file/").status_code == 200


def test_a_session_confirms_before_it_asks_or_downloads(alice: User, client: Client, settings: Any) -> None:
    address = client.post(URL)["Location"]
    finish()
    later(client, settings.REAUTHENTICATION_SECONDS)
    for refused in (client.post(URL), client.get(f"{address}file/")):
        assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
        assert refused.json()["type"] == "/api/v1/docs/#problem-confirm"
        assert refused.json()["confirm_url"] == "http://testserver/account/again/?next=/account/export/"
    assert DataExport.objects.count() == 1
    assert client.get(address).status_code == 200
    client.post("/account/again/", {"password": "secret-enough"})
    assert client.get(f"{address}file/").status_code == 200


def test_nobody_else_gets_it(alice: User, bob: User, client: Client) -> None:
    address = client.post(URL)["Location"]
    finish()
    client.logout()
    for ending in ("", "file/"):
        assert client.get(address + ending, **headers_of(bob)).status_code == 404
        assert client.get(address + ending).status_code == 401
    assert client.delete(address, **headers_of(bob)).status_code == 404
    assert client.get(URL, **headers_of(bob)).json() == []
    assert client.get(f"{URL}{uuid.uuid4()}/", **headers_of(alice)).status_code == 404


@pytest.mark.parametrize(("error", "status"), [(OSError("away"), 503), (FileNotFoundError("gone"), 404)])
def test_a_storage_that_is_away_or_lost_it(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch, error: OSError, status: int
) -> None:
    address = f"{client.post(URL)['Location']}file/"
    finish()

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(default_storage, "open", fail)
    response = client.get(address)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
