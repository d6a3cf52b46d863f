"""Accounts and workers: a guest who becomes a member while a piece is composed, and exports after a worker was lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.exports import export_claim, export_create
from accounts.models import DataExport, User
from generator.live_notes import LiveNotes
from generator.models import Generation, GenreModel
from generator.services import generation_compose
from library.models import Piece
from tests import factories
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
def test_a_real_worker_makes_what_a_lost_one_left(
    start_worker: Callable[..., WorkerProcess],  # noqa: F811
    exports_folder: str,
    alice: User,
) -> None:
    export = export_create(user=alice)
    assert export_claim(worker_id="lost") is not None
    DataExport.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    worker = start_worker()

    def is_ready() -> bool:
        assert worker.process.poll() is None, worker.log_text()
        return DataExport.objects.filter(pk=export.pk, status=DataExport.Status.READY, attempts=2).exists()

    wait_until(is_ready, what="the export is ready")
    assert stored_names("exports") == [f"{export.pk}.zip"]
