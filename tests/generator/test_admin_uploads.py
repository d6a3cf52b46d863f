"""Uploading a bundle: the form, the check as its page shows it, stopping, and what is left when a worker is lost."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from generator import tasks
from generator.engine import limited_process
from generator.engine.errors import BundleError
from generator.models import BundleUpload, Genre, GenreModel
from generator.services import (
    bundle_upload_check,
    bundle_upload_claim,
    bundle_upload_create,
    bundle_upload_stop,
    bundle_uploads,
    bundle_uploads_sweep,
    bundle_uploads_wait,
)
from generator.services.bundle_checks import CheckedBundle, CheckStopped, bundle_checked
from generator.services.bundle_uploads import bundle_uploads_clean_up
from tests import factories
from tests.stored import empty_stored, stored_names
from tests.tiny_bundle import other_tiny_bundle, tiny_bundle

pytestmark = pytest.mark.django_db
ADD = "/admin/generator/bundleupload/add/"
FACTS = {"rebuilt": True, "divergence": 0.001, "originality": False, "seed": 1, "notes": 90, "length_seconds": 14.5}


@pytest.fixture(autouse=True)
def messages_sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    empty_stored("uploads")  # of earlier tests, whose rows are gone
    monkeypatch.setattr(tasks.check_bundles, "delay", lambda: sent.append("check"))
    return sent


@pytest.fixture
def staff(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check finds every bundle sound."""

    @contextmanager
    def checked(path: Path, **options: Any) -> Iterator[CheckedBundle]:
        options["on_step"]("Composing", 0.5)
        yield CheckedBundle(path, FACTS)

    monkeypatch.setattr(bundle_uploads, "bundle_checked", checked)


def bundle_file(data: bytes | None = None, name: str = "mine.bundle") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, tiny_bundle().read_bytes() if data is None else data)


def uploaded(data: bytes | None = None) -> BundleUpload:
    return bundle_upload_create(file=bundle_file(data), user=None)


def claimed() -> BundleUpload:
    upload = bundle_upload_claim(worker_id="elsewhere:1:aa")
    assert upload is not None
    return upload


def page_of(client: Client, upload: BundleUpload) -> Any:
    return client.get(f"/admin/generator/bundleupload/{upload.pk}/change/")


def fails_with(error: Exception) -> Callable[..., None]:
    def fails(*args: Any, **options: Any) -> None:
        raise error

    return fails


def stored_uploads() -> list[str]:
    return stored_names("uploads")


class TestTheForm:
    def test_it_takes_a_bundle_and_shows_the_check(
        self, staff: Client, messages_sent: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = staff.post(ADD, {"bundle": bundle_file()})
        upload = BundleUpload.objects.get()
        assert response.headers["Location"] == f"/admin/generator/bundleupload/{upload.pk}/change/"
        assert (upload.status, upload.file_name, messages_sent) == ("waiting", "mine.bundle", ["check"])
        page = page_of(staff, upload)
        assert page["Refresh"] == "2"
        assert "No worker is running" in page.content.decode()
        assert "Stop the check" in page.content.decode()

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"MThd, a piece", "This is not a bundle. A bundle is a zip file made by train_genre_model."),
            (b"", "The submitted file is empty."),
            (
                b"PK\x03\x04" + bytes(32 * 2**20),
                "Expected a bundle of at most 32 MB; got 32.1 MB.",
            ),
        ],
    )
    def test_it_says_what_is_wrong(self, staff: Client, data: bytes, sentence: str) -> None:
        response = staff.post(ADD, {"bundle": bundle_file(data)})
        assert response.status_code == 200
        assert sentence in response.content.decode()
        assert not BundleUpload.objects.exists()
        assert not stored_uploads()

    def test_the_largest_bundle_passes_here_and_nowhere_else(self, staff: Client) -> None:
        data = b"PK\x03\x04" + bytes(32 * 2**20 - 4)
        assert staff.post("/", {"bundle": bundle_file(data)}).status_code == 413
        assert staff.post(ADD, {"bundle": bundle_file(data)}).status_code == 302
        upload = BundleUpload.objects.get()
        assert upload.size_bytes == 32 * 2**20
        bundle_upload_stop(upload=upload)

    def test_one_that_is_installed_needs_no_check(self, staff: Client, piano: GenreModel) -> None:
        response = staff.post(ADD, {"bundle": bundle_file()}, follow=True)
        assert "piano-tiny is already installed, as version 1 of Piano." in response.content.decode()
        assert "Refresh" not in response
        assert not stored_uploads()

    def test_only_who_may_gets_in(self, client: Client, alice: User, bob: User) -> None:
        client.force_login(alice)
        assert client.get(ADD).status_code == 302
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        assert client.get(ADD).status_code == 403
        assert client.post(ADD, {"bundle": bundle_file()}).status_code == 403
        bob.user_permissions.add(Permission.objects.get(codename="add_bundleupload"))
        assert client.get(ADD).status_code == 200
        assert not BundleUpload.objects.exists()


class TestTheCheck:
    def test_a_sound_bundle_becomes_the_next_version_and_composes_nothing_yet(
        self, staff: Client, sound: None, piano: GenreModel, tmp_path: Path
    ) -> None:
        upload = uploaded(other_tiny_bundle(tmp_path).read_bytes())
        bundle_upload_check(upload=claimed())
        upload.refresh_from_db()
        assert upload.status == "ready", upload.message
        assert upload.message == "Installed piano-tiny-2 as version 2 of Piano."
        assert Genre.objects.get().active_model == piano
        assert not stored_uploads()
        page = page_of(staff, upload).content.decode()
        assert f"/admin/generator/genremodel/{upload.genre_model_id}/activate/" in page
        assert "rebuilt from its weights" in page

    def test_a_genre_that_is_new_comes_last(self, sound: None) -> None:
        factories.make_genre("drums", position=3)
        uploaded()
        bundle_upload_check(upload=claimed())
        assert [(genre.slug, genre.position) for genre in Genre.objects.all()] == [("drums", 3), ("piano", 4)]
        assert [genre.slug for genre in Genre.objects.with_active_model()] == ["drums"]

    def test_one_that_is_not_sound_is_rejected_with_the_reason(self, staff: Client) -> None:
        upload = uploaded(tiny_bundle().read_bytes()[:-30])
        bundle_upload_check(upload=claimed())  # in a process of its own
        upload.refresh_from_db()
        assert (upload.status, upload.message) == ("rejected", "The bundle is damaged: it is not a complete zip file.")
        assert upload.message in page_of(staff, upload).content.decode()
        assert not stored_uploads()
        assert not Genre.objects.exists()
        assert not list(Path(settings.VAR_DIR).glob("checks/*"))

    def test_something_unforeseen_is_a_sentence_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*args: Any, **options: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(bundle_uploads, "bundle_checked", fails)
        upload = uploaded()
        bundle_upload_check(upload=claimed())
        upload.refresh_from_db()
        assert upload.status == "rejected"
        assert upload.message.startswith("The check failed unexpectedly")

    def test_a_storage_that_is_away_is_waited_for_three_times(
        self, sound: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = uploaded()
        with monkeypatch.context() as away:
            away.setattr(default_storage, "open", fails_with(OSError("away")))
            away.setattr(default_storage, "delete", fails_with(OSError("away")))
            for attempt in (1, 2, 3):
                assert bundle_uploads_wait()
                bundle_upload_check(upload=claimed())
                upload.refresh_from_db()
                assert upload.attempts == attempt
                assert bundle_upload_claim(worker_id="b") is None, "not at once again"
                if attempt < 3:
                    assert (upload.status, upload.message) == ("waiting", "")
                    long_ago = timezone.now() - timedelta(seconds=60)
                    BundleUpload.objects.update(heartbeat_at=long_ago)
        assert upload.status == "rejected"
        assert upload.message.startswith("The site's storage did not respond.")
        assert stored_uploads(), "it could not be removed"
        bundle_uploads_clean_up()
        assert not stored_uploads()

    def test_one_whose_file_is_gone_is_not_waited_for(self, sound: None) -> None:
        upload = uploaded()
        default_storage.delete(str(upload.file.name))
        bundle_upload_check(upload=claimed())
        upload.refresh_from_db()
        assert (upload.status, upload.message) == (
            "rejected",
            "The uploaded file is no longer in storage. Upload it again.",
        )

    def test_two_workers_do_not_check_one_upload(self) -> None:
        uploaded()
        assert bundle_upload_claim(worker_id="a") is not None
        assert bundle_upload_claim(worker_id="b") is None


class TestStopping:
    def test_one_that_waits_ends_at_once(self, staff: Client) -> None:
        upload = uploaded()
        staff.post(f"/admin/generator/bundleupload/{upload.pk}/stop/")
        upload.refresh_from_db()
        assert upload.status == "stopped"
        assert not stored_uploads()
        assert bundle_upload_claim(worker_id="a") is None

    def test_one_that_runs_ends_its_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[subprocess.Popen[str]] = []
        popen = subprocess.Popen

        def start(*args: Any, **options: Any) -> subprocess.Popen[str]:
            started.append(popen(*args, **options))
            return started[-1]

        monkeypatch.setattr(limited_process.subprocess, "Popen", start)
        uploaded()
        upload = claimed()
        bundle_upload_stop(upload=upload)
        bundle_upload_check(upload=upload)
        upload.refresh_from_db()
        assert (upload.status, upload.message) == ("stopped", "Stopped by an admin.")
        assert started[0].returncode == -9
        assert not stored_uploads()

    def test_a_worker_that_ends_leaves_it_to_another(self) -> None:
        upload = uploaded()
        bundle_upload_check(upload=claimed(), should_end=lambda: True)
        upload.refresh_from_db()
        assert (upload.status, upload.attempts, upload.worker_id) == ("waiting", 0, "")
        assert stored_uploads()
        bundle_upload_stop(upload=upload)

    def test_a_row_that_is_deleted_ends_the_check(self, staff: Client) -> None:
        uploaded()
        upload = claimed()
        staff.post(f"/admin/generator/bundleupload/{upload.pk}/delete/", {"post": "yes"})
        assert not stored_uploads()
        bundle_upload_check(upload=upload)
        assert not BundleUpload.objects.exists()
        assert not Genre.objects.exists()


class TestALostWorker:
    @pytest.fixture
    def lost(self) -> Callable[..., BundleUpload]:
        def make(**fields: Any) -> BundleUpload:
            upload = uploaded()
            long_ago = timezone.now() - timedelta(seconds=60)
            values = {"status": "checking", "worker_id": "gone:1:aa", "heartbeat_at": long_ago, "attempts": 1, **fields}
            BundleUpload.objects.filter(pk=upload.pk).update(**values)
            return upload

        return make

    def test_its_check_waits_again(self, lost: Callable[..., BundleUpload]) -> None:
        upload = lost()
        assert bundle_uploads_sweep() == 1
        upload.refresh_from_db()
        assert (upload.status, upload.attempts) == ("waiting", 1)
        assert claimed().attempts == 2
        bundle_upload_stop(upload=upload)

    def test_three_lost_workers_are_enough(self, lost: Callable[..., BundleUpload]) -> None:
        upload = lost(attempts=3)
        bundle_uploads_sweep()
        upload.refresh_from_db()
        assert upload.status == "rejected"
        assert "stopped 3 times" in upload.message
        assert not stored_uploads()

    def test_one_that_was_to_stop_has_stopped(self, lost: Callable[..., BundleUpload]) -> None:
        upload = lost(stop_requested_at=timezone.now())
        bundle_uploads_sweep()
        upload.refresh_from_db()
        assert upload.status == "stopped"

    def test_one_that_lives_is_left_alone(self, lost: Callable[..., BundleUpload]) -> None:
        upload = lost(heartbeat_at=timezone.now())
        assert bundle_uploads_sweep() == 0
        bundle_upload_stop(upload=upload)


class TestItsProcess:
    def test_it_may_not_compute_for_ever(self) -> None:
        with (
            pytest.raises(BundleError, match="more computing time than allowed"),
            bundle_checked(tiny_bundle(), limits={"cpu_seconds": 1}),
        ):
            pass
        assert not list(Path(settings.VAR_DIR).glob("checks/*"))

    def test_it_may_not_take_for_ever(self) -> None:
        with (
            pytest.raises(BundleError, match="longer than the 0 s allowed"),
            bundle_checked(tiny_bundle(), wall_seconds=0),
        ):
            pass

    def test_it_can_be_stopped(self) -> None:
        with pytest.raises(CheckStopped), bundle_checked(tiny_bundle(), should_stop=lambda: True):
            pass
