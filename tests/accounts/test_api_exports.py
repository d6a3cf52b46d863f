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

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exports_folder")]

URL = "/api/v1/exports/"


@pytest.fixture(autouse=True)
def _no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.tasks import make_exports

    monkeypatch.setattr(make_exports, "delay", lambda: None)


def headers_of(user: User, *scopes: str) -> dict[str, Any]:
    _, token = token_create(user=user, name="t", scopes=scopes or ("read", "write"))
    return {"headers": {"Authorization": f"Bearer {token}"}}


def finish() -> None:
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_make(export=claimed)


def test_it_is_asked_for_watched_and_downloaded(alice: User, client: Client) -> None:
    whole = headers_of(alice)
    asked = client.post(URL, **whole)
    assert (asked.status_code, asked.json()["status"], asked.json()["size_bytes"]) == (202, "waiting", 0)
    address = asked["Location"].removeprefix("http://testserver")
    assert client.post(URL, **whole).json()["id"] == asked.json()["id"], "the one that is being collected"
    early = client.get(f"{address}file/", **whole)
    assert (early.status_code, early["Content-Type"]) == (409, "application/problem+json")
    assert early["Retry-After"]
    finish()
    ready = client.get(address, **whole).json()
    assert (ready["status"], ready["share"]) == ("ready", 1.0)
    file = client.get(f"{address}file/", **whole)
    assert (file.status_code, file["Content-Type"]) == (200, "application/zip")
    data = file.getvalue()
    assert len(data) == ready["size_bytes"]
    assert "account.json" in zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert [one["id"] for one in client.get(URL, **whole).json()] == [ready["id"]]


def test_it_is_stopped(alice: User, client: Client) -> None:
    whole = headers_of(alice)
    address = client.post(URL, **whole)["Location"]
    for _ in range(2):
        assert client.delete(address, **whole).status_code == 204
    assert client.get(address, **whole).json()["status"] == "stopped"
    assert client.get(f"{address}file/", **whole).status_code == 404


def test_five_a_day_are_enough(alice: User, client: Client) -> None:
    whole = headers_of(alice)
    for _ in range(5):
        client.delete(client.post(URL, **whole)["Location"], **whole)
    refused = client.post(URL, **whole)
    assert (refused.status_code, refused.json()["type"]) == (429, "/api/v1/docs/#problem-quota")
    assert int(refused["Retry-After"]) > 0
    assert DataExport.objects.count() == 5


def test_the_file_is_for_tokens_that_may_do_all(alice: User, client: Client) -> None:
    """It holds what no other answer does: the e-mail address and the sessions."""
    address = f"{client.post(URL, **headers_of(alice))['Location']}file/"
    finish()
    for scope in ("read", "write"):
        assert client.get(address, **headers_of(alice, scope)).status_code == 403
    client.force_login(alice)
    assert client.get(address).status_code == 200


def test_nobody_else_gets_it(alice: User, bob: User, client: Client) -> None:
    address = client.post(URL, **headers_of(alice))["Location"]
    finish()
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
    whole = headers_of(alice)
    address = f"{client.post(URL, **whole)['Location']}file/"
    finish()

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(default_storage, "open", fail)
    response = client.get(address, **whole)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
