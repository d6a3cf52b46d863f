"""Accounts and workers: a guest who becomes a member while a piece is composed, and exports after a worker was lost."""

import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.exports import export_create
from accounts.models import DataExport, User
from generator.live_notes import LiveNotes
from generator.models import Generation, GenreModel
from generator.services import generation_compose
from library.models import Piece
from tests import factories, kill_points
from tests.accounts.conftest import stored_names
from tests.generator.conftest import bundle_path, no_messages, piano, start_worker  # noqa: F401  fixtures
from tests.waiting import wait_until
from tests.workers import WorkerProcess


@pytest.mark.django_db
def test_signing_up_while_a_piece_is_composed(
    guest_client: Client,
    piano: GenreModel,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker read the job as a guest's. What it stores is the member's all the same."""
    generation = factories.make_generation(factories.guest(), genre=piano.genre, seed=3, takes_asked=2)
    write = LiveNotes._write

    def sign_up_then_write(live_notes: LiveNotes) -> None:
        if not User.objects.exists():
            guest_client.post("/account/signup/", {"username": "alice", "password1": "ships-and-harps"})
        write(live_notes)

    monkeypatch.setattr(LiveNotes, "_write", sign_up_then_write)
    generation_compose(pk=generation.pk, worker_id="w")
    generation.refresh_from_db()
    alice = User.objects.get()
    assert (generation.status, generation.owner) == (Generation.Status.SUCCEEDED, alice)
    pieces = Piece.objects.all()
    assert len(pieces) == 2
    assert {(piece.owner, piece.guest_key) for piece in pieces} == {(alice, "")}
    assert guest_client.get(f"/generations/{generation.pk}/").status_code == 200


@pytest.mark.worker
@pytest.mark.parametrize("kill_point", kill_points.ALL_OF_EXPORTS)
def test_an_export_whose_worker_is_killed_is_made_by_another(
    start_worker: Callable[..., WorkerProcess],  # noqa: F811
    exports_folder: str,
    alice: User,
    kill_point: str,
) -> None:
    factories.make_piece(factories.member(alice), title="Hers")
    first = start_worker(kill_point=kill_point)
    export = export_create(user=alice)
    first.wait_until_stopped_at_kill_point()
    first.kill()
    assert not DataExport.objects.filter(status=DataExport.Status.READY).exists()
    # As if it were long ago.
    DataExport.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    second = start_worker()

    def is_ready() -> bool:
        assert second.process.poll() is None, second.log_text()
        return DataExport.objects.filter(pk=export.pk, status=DataExport.Status.READY, attempts=2).exists()

    wait_until(is_ready, what=f"the export is ready\n{second.log_text()}")
    assert stored_names("exports") == [f"{export.pk}.zip"]
    with default_storage.open(f"exports/{export.pk}.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert {"README.txt", "account.json"} < set(archive.namelist())
    export.refresh_from_db()
    assert export.size_bytes == default_storage.size(f"exports/{export.pk}.zip")
    # What the first one had collected went with it.
    assert not list((Path(settings.VAR_DIR) / "exports").glob("*"))
