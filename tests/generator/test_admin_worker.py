"""From an uploaded bundle to what composes, with real workers: checked, rebuilt, activated, and back under way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from generator.engine.bundles import read_bundle, write_bundle
from generator.models import BundleUpload, Generation, Genre, NoteChunk
from generator.services import (
    bundle_upload_create,
    generation_create,
    genre_model_activate,
    genre_model_import,
    genre_roll_back,
)
from tests import factories
from tests.tiny_bundle import other_tiny_bundle, tiny_bundle, tiny_manifest
from tests.waiting import wait_until
from tests.workers import WorkerProcess

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]

StartWorker = Callable[..., WorkerProcess]


def ask_for_a_piece(seconds: float) -> Generation:
    params = {"length_seconds": seconds}
    return generation_create(owner=factories.guest(), genre_slug="piano", params=params, form_token=None, seed=5)


def has_ended(row: Generation | BundleUpload) -> bool:
    row.refresh_from_db()
    return row.is_finished


def test_an_uploaded_bundle_is_rebuilt_and_composes(start_worker: StartWorker, client: Client, tmp_path: Path) -> None:
    worker = start_worker()
    bundle = read_bundle(tiny_bundle())
    path = tmp_path / "foreign.bundle"
    write_bundle(path, tiny_manifest("foreign"), bundle.weights, b"\0\0\0\0TFL3 nobody runs this")
    client.force_login(factories.make_user("carol", staff=True))
    file = SimpleUploadedFile("foreign.bundle", path.read_bytes())
    page = client.post("/admin/generator/bundleupload/add/", {"bundle": file}).headers["Location"]
    upload = BundleUpload.objects.get()
    wait_until(lambda: has_ended(upload), what=f"the check has ended\n{worker.log_text()}", deadline_seconds=600)
    assert upload.status == BundleUpload.Status.READY, f"{upload.message}\n{worker.log_text()}"
    model = upload.genre_model
    assert model is not None
    assert model.sha256 != upload.sha256
    with model.bundle.open("rb") as stream:
        assert read_bundle(stream.read()).step_function == bundle.step_function
    assert upload.facts["rebuilt"]
    assert 0 <= upload.facts["divergence"] < 0.02
    assert "rebuilt from its weights" in client.get(page).content.decode()
    assert not list(Path(settings.VAR_DIR).glob("checks/*"))

    client.post(f"/admin/generator/genremodel/{model.pk}/activate/")
    generation = ask_for_a_piece(15)
    wait_until(lambda: has_ended(generation), what="the piece is done")
    assert generation.piece is not None, worker.log_text()
    assert generation.piece.bundle_name == "foreign"


def test_a_check_whose_worker_is_killed_is_done_by_another(start_worker: StartWorker) -> None:
    first = start_worker()
    upload = bundle_upload_create(file=SimpleUploadedFile("b", tiny_bundle().read_bytes()), user=None)

    def is_building() -> bool:
        upload.refresh_from_db()
        return upload.step.startswith("Building")

    wait_until(is_building, what=f"the check is under way\n{first.log_text()}")
    first.kill()
    # The next one finds a bundle that needs no TensorFlow: its manifest is wrong.
    with upload.file.open("wb") as stream:
        stream.write(b"PK\x03\x04 damaged")
    start_worker()
    wait_until(lambda: has_ended(upload), what="the second worker has checked it")
    assert (upload.status, upload.attempts) == (BundleUpload.Status.REJECTED, 2)


def test_returning_while_a_job_runs_fails_nothing(start_worker: StartWorker, tmp_path: Path) -> None:
    old, _ = genre_model_import(path=tiny_bundle(), activate=True)
    new, _ = genre_model_import(path=other_tiny_bundle(tmp_path), activate=True)
    worker = start_worker()
    running = ask_for_a_piece(300)
    wait_until(lambda: NoteChunk.objects.exists(), what=f"the job is under way\n{worker.log_text()}")
    genre_roll_back(genre=Genre.objects.get())
    assert not has_ended(running), "too late to prove anything"
    wait_until(lambda: f"Loaded {old.name} on" in worker.log_text(), what="the worker has followed")
    asked_after = ask_for_a_piece(15)
    wait_until(lambda: has_ended(running) and has_ended(asked_after), what=f"both are done\n{worker.log_text()}")
    assert running.status == asked_after.status == Generation.Status.SUCCEEDED
    assert {take.piece.bundle_name for take in running.takes.all() if take.piece} == {new.name}
    assert asked_after.piece is not None
    assert asked_after.piece.bundle_name == old.name
    genre_model_activate(genre_model=new)
    assert Genre.objects.get().active_model == new
