"""Whether the process lives, and whether everything is there that it needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from generator.workers import beat, say_goodbye
from musicgen_site import health
from tests.stored import on_disk_alone


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    health.readiness.forget()
    yield
    health.readiness.forget()


@pytest.fixture
def details(settings: Any) -> dict[str, str]:
    """The header of somebody who has the token."""
    settings.READY_TOKEN = "let-me-see"
    return {"Authorization": "Bearer let-me-see"}


def test_a_process_that_answers_lives_even_without_its_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"live": True})
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


def test_a_site_is_ready_once_a_worker_is_there(client: Client, db: None, details: dict[str, str]) -> None:
    answer = client.get("/readyz", headers=details)
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "checks": {
            "database": "ok",
            "broker": "ok",
            "storage": "ok",
            "worker": "LookupError: no worker is running",
        },
    }
    beat()
    health.readiness.forget()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    say_goodbye()


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic let-me-see", "Bearer let-me-séé"])
def test_strangers_hear_no_details(client: Client, db: None, details: dict[str, str], header: str | None) -> None:
    answer = client.get("/readyz", headers={"Authorization": header} if header else {})
    assert answer.json() == {"ready": False}


def test_without_a_token_nobody_hears_details(client: Client, db: None, settings: Any) -> None:
    settings.READY_TOKEN = ""
    assert client.get("/readyz", headers={"Authorization": "Bearer "}).json() == {"ready": False}


def test_a_database_that_is_away_is_said(client: Client, details: dict[str, str], monkeypatch: Any) -> None:
    def away() -> None:
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(health.readiness, "_looks", {"database": away})
    answer = client.get("/readyz", headers=details)
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "OperationalError: connection refused"}


@pytest.mark.parametrize(
    ("setting", "name"), [pytest.param("MEDIA_ROOT", "storage", marks=on_disk_alone), ("BROKER_DIR", "broker")]
)
def test_a_folder_that_cannot_be_written_is_said(
    client: Client, db: None, details: dict[str, str], settings: Any, tmp_path: Path, setting: str, name: str
) -> None:
    (tmp_path / "file").write_text("")
    setattr(settings, setting, tmp_path / "file" / "below")
    checks = client.get("/readyz", headers=details).json()["checks"]
    assert "is not writable" in checks.pop(name)
    checks.pop("worker")
    assert set(checks.values()) == {"ok"}


def test_services_are_not_asked_for_every_visitor(client: Client, monkeypatch: Any) -> None:
    asked: list[int] = []
    monkeypatch.setattr(health.readiness, "_looks", {"storage": lambda: asked.append(1)})
    for _ in range(5):
        assert client.get("/readyz").status_code == 200
    assert len(asked) == 1
