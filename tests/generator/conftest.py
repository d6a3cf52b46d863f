"""Fixtures of jobs: a genre model that really composes, and worker processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from generator import tasks
from generator.models import GenreModel
from generator.services import genre_model_import
from tests.tiny_bundle import tiny_bundle
from tests.workers import WorkerProcess


@pytest.fixture(scope="session")
def bundle_path() -> Path:
    return tiny_bundle()


@pytest.fixture
def piano(db: None, bundle_path: Path) -> GenreModel:
    """The tiny piano model, installed and active."""
    model, _ = genre_model_import(path=bundle_path, activate=True)
    return model


class Outbox(list[str]):
    """Ids of the jobs whose message was sent."""


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    sent = Outbox()
    monkeypatch.setattr(tasks.compose, "delay", sent.append)
    return sent


@pytest.fixture
def no_messages() -> None:
    """Messages of earlier tests name rows that are gone."""
    for message in (Path(settings.BROKER_DIR) / "messages").glob("*.msg"):
        message.unlink()


@pytest.fixture
def start_worker(transactional_db: None, no_messages: None, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts worker processes and ends them with the test."""
    started: list[WorkerProcess] = []

    def start(**options: Any) -> WorkerProcess:
        worker = WorkerProcess(tmp_path, **options)
        started.append(worker)
        return worker.wait_until_ready()

    yield start
    for worker in started:
        worker.kill_if_running()
