"""Everything of an account as a zip file: what is in it, how it is made, and who gets it."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts import exports as services
from accounts.clean_up import accounts_clean_up
from accounts.exporter import Exporter
from accounts.exports import (
    as_cell,
    export_claim,
    export_create,
    export_delete,
    export_make,
    export_stop,
    exports_expire,
    exports_of_account_delete,
    exports_sweep,
)
from accounts.models import DataExport, User
from accounts.registry import registry
from library.models import Collection, CollectionItem, Piece, Rating, Tag
from tests import factories
from tests.accounts.conftest import stored_names
from tests.at_once import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exports_folder")]

URL = "/account/export/"
Status = DataExport.Status


@pytest.fixture(autouse=True)
def messages_sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    from accounts.tasks import make_exports

    sent: list[str] = []
    monkeypatch.setattr(make_exports, "delay", lambda: sent.append("make_exports"))
    return sent


def made(user: User) -> DataExport:
    export = export_create(user=user)
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_make(export=claimed)
    export.refresh_from_db()
    return export


def opened(export: DataExport) -> zipfile.ZipFile:
    with export.file.open("rb") as stored:
        return zipfile.ZipFile(io.BytesIO(stored.read()))


@pytest.fixture
def library(alice: User) -> Iterator[Piece]:
    """Alice has two pieces, one with everything, and Bob has one that must not be in her export."""
    owner = factories.member(alice)
    piece = factories.make_piece(owner, title='=HYPERLINK("x") Ünïcödé/../', comment="so", rating=1)
    piece.tags.add(Tag.objects.create(owner=alice, name="quiet"))
    collection = Collection.objects.create(owner=alice, title="Evenings")
    CollectionItem.objects.create(collection=collection, piece=piece)
    Rating.objects.create(piece=piece, user=alice, value=1)
    factories.make_piece(owner, is_draft=True)
    primer = default_storage.save("primers/export-test.mid", ContentFile(factories.TINY_MIDI))
    factories.make_succeeded_generation(owner, piece=factories.make_piece(owner), primer=primer)
    factories.make_succeeded_generation(factories.member(factories.make_user("mallory")))
    yield piece
    default_storage.delete(primer)


def test_everything_is_in_it_and_nothing_of_others(alice: User, library: Piece) -> None:
    export = made(alice)
    assert (export.status, export.share, export.message) == (Status.READY, 1.0, "")
    with opened(export) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        pieces = json.loads(archive.read("pieces.json"))
        account = json.loads(archive.read("account.json"))
        generations = json.loads(archive.read("generations.json"))
        collections = json.loads(archive.read("collections.json"))
        rows = list(csv.DictReader(io.StringIO(archive.read("pieces.csv").decode("utf-8-sig"))))
        midi = [archive.read(name) for name in names if name.startswith("midi/")]
        assert archive.read(generations[0]["started_from"]) == factories.TINY_MIDI
        assert json.loads(archive.read("ratings.json")) == [
            {
                "piece_id": str(library.pk),
                "value": 1,
                "rated_at": json.loads(archive.read("ratings.json"))[0]["rated_at"],
            }
        ]
    assert len(names) == len(set(names))
    assert all(".." not in name and not name.startswith("/") and name.isascii() for name in names)
    assert midi == [factories.TINY_MIDI] * 3
    assert {piece["id"] for piece in pieces} == {
        str(pk) for pk in Piece.objects.filter(owner=alice).values_list("pk", flat=True)
    }
    whole = next(piece for piece in pieces if piece["id"] == str(library.pk))
    assert whole["title"].startswith("=HYPERLINK") and whole["tags"] == ["quiet"] and whole["comment"] == "so"
    assert next(row for row in rows if row["id"] == str(library.pk))["title"].startswith("'=HYPERLINK")
    assert account["name"] == "alice"
    assert len(generations) == 1
    assert collections[0]["pieces"] == [str(library.pk)]
    assert not [name for name in names if "mallory" in name]


def test_an_account_with_nothing_has_an_export_too(alice: User) -> None:
    with opened(made(alice)) as archive:
        assert json.loads(archive.read("pieces.json")) == []
        assert "README.txt" in archive.namelist()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("\tx", "'\tx"),
        (-1, "-1"),
        (None, ""),
        ("a", "a"),
        (True, "True"),
    ],
)
def test_no_cell_is_a_formula(value: Any, cell: str) -> None:
    assert as_cell(value) == cell


def test_a_file_that_is_gone_is_named_and_the_rest_is_there(alice: User, library: Piece) -> None:
    default_storage.delete(str(library.midi.name))
    with opened(made(alice)) as archive:
        assert library.pk.hex[:8] in archive.read("missing.txt").decode()
        assert len([name for name in archive.namelist() if name.startswith("midi/")]) == 2


def test_a_storage_that_is_away_is_waited_for_three_times(
    alice: User, library: Piece, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(name: str, mode: str = "rb") -> None:
        raise OSError("on purpose")

    monkeypatch.setattr(default_storage, "open", away)
    export = made(alice)
    assert export.status == Status.WAITING and export.claim_after > timezone.now()
    assert export_claim(worker_id="w") is None, "not at once"
    for _ in range(2):
        DataExport.objects.update(claim_after=timezone.now())
        claimed = export_claim(worker_id="w")
        assert claimed is not None
        export_make(export=claimed)
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert "isn't responding" in export.message
    assert stored_names("exports") == []


def test_one_that_cannot_be_removed_is_out_of_reach_and_goes_later(
    alices: Client, alice: User, exports_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of an account that is gone stays behind: its row goes after its files."""
    export = made(alice)

    def away(name: str) -> None:
        raise OSError("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(default_storage, "delete", away)
        assert not export_delete(export=export)
        with pytest.raises(OSError, match="account"):
            exports_of_account_delete(alice)
    assert alices.get(f"/account/export/{export.pk}/download/").status_code == 404
    assert stored_names("exports") == [f"{export.pk}.zip"]
    assert exports_expire() == 1
    assert stored_names("exports") == []
    assert not DataExport.objects.exists()


def test_a_storage_that_cannot_be_written_leaves_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str, content: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", full)
    assert made(alice).status == Status.WAITING


def test_an_unforeseen_error_is_told_in_a_sentence(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(user: User) -> Iterator[Any]:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(services, "_files", fail)
    export = made(alice)
    assert export.status == Status.FAILED
    assert "Something went wrong" in export.message


# --- claims


def test_an_export_is_claimed_once(alice: User) -> None:
    export_create(user=alice)
    assert export_claim(worker_id="a") is not None
    assert export_claim(worker_id="b") is None


def test_asked_twice_is_one(alice: User, messages_sent: list[str], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first = export_create(user=alice)
        second = export_create(user=alice)
    assert first == second
    assert messages_sent == ["make_exports"]


def test_a_lost_workers_export_is_made_by_another(alice: User) -> None:
    export = export_create(user=alice)
    lost = export_claim(worker_id="lost")
    assert lost is not None
    assert exports_sweep() == 0, "it may still live"
    DataExport.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    assert exports_sweep() == 1
    again = export_claim(worker_id="other")
    assert again is not None and again.attempts == 2
    export_make(export=lost)
    export.refresh_from_db()
    assert export.status == Status.RUNNING, "the lost one came back and holds nothing any more"
    export_make(export=again)
    export.refresh_from_db()
    assert export.status == Status.READY
    with opened(export) as archive:
        assert archive.testzip() is None


def test_three_lost_workers_are_enough(alice: User) -> None:
    export = export_create(user=alice)
    for number in range(3):
        assert export_claim(worker_id=f"lost-{number}") is not None
        DataExport.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        exports_sweep()
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert "stopped several times" in export.message


def test_a_worker_that_ends_puts_it_back(alice: User) -> None:
    export = export_create(user=alice)
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_make(export=claimed, should_end=lambda: True)
    export.refresh_from_db()
    assert (export.status, export.attempts) == (Status.WAITING, 0)


def test_an_export_that_waits_is_stopped_at_once(alice: User) -> None:
    export = export_create(user=alice)
    export_stop(export=export)
    export.refresh_from_db()
    assert export.status == Status.STOPPED
    assert export_claim(worker_id="w") is None


def test_an_export_that_runs_is_stopped_by_its_worker(alice: User, library: Piece) -> None:
    export = export_create(user=alice)
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_stop(export=export)
    export_make(export=claimed)
    export.refresh_from_db()
    assert (export.status, export.message) == (Status.STOPPED, "Stopped.")
    assert stored_names("exports") == []


def test_a_stop_whose_worker_was_lost_ends_in_the_sweep(alice: User) -> None:
    export = export_create(user=alice)
    export_claim(worker_id="lost")
    export_stop(export=export)
    DataExport.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    exports_sweep()
    export.refresh_from_db()
    assert export.status == Status.STOPPED


def test_a_new_export_replaces_the_old_one(alice: User) -> None:
    made(alice)
    second = made(alice)
    assert DataExport.objects.get() == second
    assert stored_names("exports") == [f"{second.pk}.zip"]


def test_exports_are_removed_after_a_week(alice: User) -> None:
    export = made(alice)
    assert export.expires_at is not None and export.expires_at - timezone.now() > timedelta(days=6)
    accounts_clean_up()
    assert DataExport.objects.exists()
    DataExport.objects.update(expires_at=timezone.now())
    accounts_clean_up()
    assert not DataExport.objects.exists()
    assert stored_names("exports") == []


def test_an_export_goes_with_its_account(alice: User) -> None:
    made(alice)
    for delete in registry.deleted:
        delete(alice)
    assert stored_names("exports") == []


# --- pages


def test_the_page_offers_waits_and_hands_out(alices: Client, alice: User) -> None:
    assert ">Export data</button>" in alices.get(URL).content.decode()
    assert alices.post(URL)["Location"] == URL
    export = DataExport.objects.get()
    assert "Queued." in alices.get(URL).content.decode()
    assert 'data-export-state="waiting"' in alices.get(f"{URL}{export.pk}/status/").content.decode()
    assert alices.get(f"{URL}{export.pk}/download/").status_code == 404, "not yet"
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    export_make(export=claimed)
    assert f"{URL}{export.pk}/download/" in alices.get(URL).content.decode()
    answer = alices.get(f"{URL}{export.pk}/download/")
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="musicgen-')
    assert zipfile.ZipFile(io.BytesIO(answer.getvalue())).testzip() is None


def test_the_page_stops_it(alices: Client, alice: User) -> None:
    export = export_create(user=alice)
    assert alices.post(f"{URL}{export.pk}/stop/")["Location"] == URL
    export.refresh_from_db()
    assert export.status == Status.STOPPED


def test_nobody_else_gets_it(alice: User, bobs: Client, client: Client) -> None:
    export = made(alice)
    for page in ("status", "download"):
        assert bobs.get(f"{URL}{export.pk}/{page}/").status_code == 404
        assert client.get(f"{URL}{export.pk}/{page}/").status_code == 302
    assert bobs.post(f"{URL}{export.pk}/stop/").status_code == 404


@pytest.mark.parametrize("page", ["status", "download"])
def test_a_bad_id_is_404(alices: Client, page: str) -> None:
    assert alices.get(f"{URL}{UUID(int=1)}/{page}/").status_code == 404
    assert alices.get(f"{URL}nonsense/{page}/").status_code == 404


def test_after_a_week_it_is_gone(alices: Client, alice: User) -> None:
    export = made(alice)
    DataExport.objects.update(expires_at=timezone.now())
    assert alices.get(f"{URL}{export.pk}/download/").status_code == 404


def test_a_storage_that_is_away_says_so(alices: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(name: str, mode: str = "rb") -> None:
        raise OSError("on purpose")

    export = made(alice)
    monkeypatch.setattr(default_storage, "open", away)
    assert alices.get(f"{URL}{export.pk}/download/").status_code == 503


def test_a_few_exports_a_day_are_enough(alices: Client, alice: User) -> None:
    for _ in range(services.MAX_A_DAY):
        DataExport.objects.create(user=alice, status=Status.FAILED)
    answer = alices.post(URL)
    assert answer.status_code == 422
    assert "Come back tomorrow" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_exporter_makes_what_waits_in_a_thread_of_its_own(alice: User) -> None:
    export = export_create(user=alice)
    exporter = Exporter()
    exporter.look()
    assert exporter._thread is not None
    exporter._thread.join(timeout=60)
    export.refresh_from_db()
    assert export.status == Status.READY
    exporter.stop()
    export_create(user=alice)
    exporter.look()
    assert DataExport.objects.waiting().exists(), "an exporter that has stopped begins nothing"


def test_exports_that_newer_ones_replaced_count_towards_the_day(alices: Client, alice: User) -> None:
    for _ in range(services.MAX_A_DAY):
        made(alice)
    assert DataExport.objects.count() == 1, "the older ones are seen no more"
    for answer in (alices.post(URL), alices.post("/api/v1/exports/")):
        assert answer.status_code in (422, 429)
    assert len(alices.get("/api/v1/exports/").json()) == 1
    assert stored_names("exports") == [f"{DataExport.objects.get().pk}.zip"]


def test_removed_exports_are_forgotten_after_their_day(alice: User) -> None:
    for _ in range(services.MAX_A_DAY):
        made(alice)
    DataExport.with_removed.update(created_at=timezone.now() - timedelta(hours=25))
    accounts_clean_up()
    assert DataExport.with_removed.count() == 1, "the newest, which can be downloaded"
    assert export_create(user=alice)


@pytest.mark.django_db(transaction=True)
def test_of_many_that_ask_and_stop_at_once_only_five_pass(alice: User) -> None:
    def ask_and_stop() -> bool:
        try:
            export_stop(export=export_create(user=alice))
        except ValidationError:
            return False
        return True

    for _ in range(3):
        at_once(*[ask_and_stop] * 4)
    assert DataExport.with_removed.count() == services.MAX_A_DAY


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_one_export(alice: User) -> None:
    assert len({export.pk for export in at_once(*[partial(export_create, user=alice)] * 4)}) == 1
