"""Sound files of pieces as jobs: asked for, claimed, made, cancelled, lost, kept and thrown away."""

from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.logs import JobFilter
from accounts.models import User
from accounts.owners import Owner
from generator.engine.midi import write_midi
from library.models import Piece, Rendering
from library.render_process import RenderStopped, rendered
from library.render_worker import RenderWorker
from library.score import RenderError
from library.services import piece_delete, rendering_cancel, rendering_request, renderings_clean_up
from library.services.renderings import (
    MAX_ATTEMPTS,
    MAX_UNFINISHED,
    STALE_SECONDS,
    mark_of,
    rendering_claim,
    rendering_make,
    renderings_sweep,
)
from tests import factories
from tests.at_once import at_once
from tests.music import GRAND_PIANO, scale

pytestmark = pytest.mark.django_db
MIDI = write_midi(scale(4), [GRAND_PIANO])


@pytest.fixture(autouse=True)
def _tinysoundfont(settings: Any) -> None:
    settings.SYNTHESIZER = "tinysoundfont"


@pytest.fixture
def piece(alice: User) -> Piece:
    return factories.make_piece(factories.member(alice), midi=MIDI, notes_count=4)


def owner_of(piece: Piece) -> Owner:
    assert piece.owner
    return factories.member(piece.owner)


def ask(piece: Piece, audio_format: str = "ogg") -> Rendering:
    return rendering_request(piece=piece, audio_format=audio_format, owner=owner_of(piece))


def make(rendering: Rendering, **options: Any) -> Rendering:
    claimed = rendering_claim(worker_id="worker")
    assert claimed == rendering
    rendering_make(rendering=claimed, **options)
    rendering.refresh_from_db()
    return rendering


def made(piece: Piece, audio_format: str, size: int = 1000, **fields: Any) -> Rendering:
    """As if a worker had made it."""
    from django.core.files.base import ContentFile

    name = default_storage.save(f"renderings/{piece.pk}.{audio_format}", ContentFile(b"x" * size))
    return Rendering.objects.create(
        piece=piece, format=audio_format, status="succeeded", file=name, size_bytes=size, **fields
    )


class TestAsking:
    def test_makes_one_row_however_often_it_is_asked(self, piece: Piece) -> None:
        first, again = ask(piece), ask(piece)
        assert first == again
        assert (first.status, first.share, first.attempts) == ("queued", 0, 0)
        assert ask(piece, "mp3") != first

    def test_tells_a_worker_once_the_row_can_be_seen(
        self, piece: Piece, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr("library.tasks.render_pieces.delay", lambda: sent.append("sent"))
        with django_capture_on_commit_callbacks(execute=True):
            ask(piece)
            assert sent == []
        assert sent == ["sent"]

    def test_one_that_is_ready_stays_so_while_the_storage_is_away(
        self, piece: Piece, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ready = made(piece, "wav")

        def away(name: str) -> bool:
            raise OSError("away")

        monkeypatch.setattr(default_storage, "exists", away)
        assert ask(piece, "wav").pk == ready.pk
        ready.refresh_from_db()
        assert ready.status == "succeeded"

    def test_a_broker_that_is_away_is_no_error(
        self, piece: Piece, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise ConnectionRefusedError

        monkeypatch.setattr("library.tasks.render_pieces.delay", fail)
        with django_capture_on_commit_callbacks(execute=True):
            rendering = ask(piece)
        assert rendering_claim(worker_id="worker") == rendering

    @pytest.mark.parametrize(
        ("facts", "sentence"),
        [
            ({"notes_count": 0}, "no notes"),
            ({"notes_count": 100_001}, "limited to pieces of 100,000 notes. This one has 100,001"),
            ({"length_seconds": 1800.0}, "limited to pieces of 20 minutes. This one has 30 minutes"),
        ],
    )
    def test_what_cannot_be_rendered_is_said_at_once(self, piece: Piece, facts: dict[str, Any], sentence: str) -> None:
        Piece.objects.filter(pk=piece.pk).update(**facts)
        piece.refresh_from_db()
        with pytest.raises(ValidationError, match=sentence):
            ask(piece)
        assert not Rendering.objects.exists()

    def test_a_format_that_is_none_of_ours_is_refused(self, piece: Piece) -> None:
        with pytest.raises(ValidationError):
            ask(piece, "exe")

    def test_one_owner_waits_for_a_few_at_a_time_and_others_do_not_wait_for_them(
        self, alice: User, bob: User, piece: Piece
    ) -> None:
        for _ in range(MAX_UNFINISHED):
            ask(factories.make_piece(factories.member(alice)))
        with pytest.raises(ValidationError, match="9 audio files in progress"):
            ask(piece)
        assert ask(factories.make_piece(factories.member(bob))).status == "queued"

    @pytest.mark.parametrize("status", ["failed", "cancelled"])
    def test_what_failed_or_was_cancelled_can_be_asked_for_again(self, piece: Piece, status: str) -> None:
        Rendering.objects.create(piece=piece, format="ogg", status=status, attempts=3, error_message="Once.", share=0.5)
        again = ask(piece)
        assert (again.status, again.attempts, again.error_message, again.share) == ("queued", 0, "", 0)
        assert rendering_claim(worker_id="worker") == again

    def test_what_is_ready_stays_ready_and_is_made_anew_where_its_file_is_gone(self, piece: Piece) -> None:
        ready = made(piece, "ogg")
        assert ask(piece).status == "succeeded"
        default_storage.delete(str(ready.file.name))
        assert ask(piece).status == "queued"


class TestMaking:
    def test_stores_the_sound_and_then_the_row(self, piece: Piece) -> None:
        rendering = make(ask(piece))
        assert (rendering.status, rendering.share, rendering.attempts) == ("succeeded", 1, 1)
        data = default_storage.open(str(rendering.file.name)).read()
        assert data[:4] == b"OggS"
        assert rendering.size_bytes == len(data)
        assert (
            f"Composed by a recurrent neural network (Musicgen). Model: piano-1. Seed: {piece.seed}.".encode() in data
        )

    def test_what_was_uploaded_is_not_said_to_be_composed_by_a_machine(self, piece: Piece) -> None:
        piece.kind = Piece.Kind.UPLOAD
        assert "neural network" not in mark_of(piece)

    def test_two_workers_never_make_one(self, piece: Piece) -> None:
        rendering = ask(piece)
        assert rendering_claim(worker_id="one") == rendering
        assert rendering_claim(worker_id="two") is None

    def test_the_oldest_comes_first(self, piece: Piece) -> None:
        old, new = ask(piece, "wav"), ask(piece, "mp3")
        assert [rendering_claim(worker_id="w"), rendering_claim(worker_id="w")] == [old, new]

    def test_a_piece_that_cannot_be_played_fails_with_a_sentence(self, alice: User) -> None:
        broken = factories.make_piece(factories.member(alice), midi=MIDI[:60])
        rendering = make(ask(broken))
        assert rendering.status == "failed"
        assert "damaged" in rendering.error_message

    def test_a_piece_whose_midi_file_is_gone_fails_with_a_sentence(self, piece: Piece) -> None:
        default_storage.delete(str(piece.midi.name))
        rendering = make(ask(piece))
        assert (rendering.status, "is missing" in rendering.error_message) == ("failed", True)

    def test_a_storage_that_is_away_is_tried_again_later_and_given_up_at_last(
        self, piece: Piece, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*args: Any) -> str:
            raise OSError("away")

        rendering = ask(piece)
        # Without a process each time: what is tested comes after it.
        sound = tmp_path / "sound.wav"
        sound.write_bytes(MIDI)
        monkeypatch.setattr("library.services.renderings.rendered", lambda *args, **options: nullcontext(sound))
        monkeypatch.setattr(default_storage, "save", fail)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            make(rendering)
            assert rendering.attempts == attempt
            # Not at once: the storage needs a moment.
            assert rendering_claim(worker_id="worker") is None
            Rendering.objects.filter(status="queued").update(heartbeat_at=timezone.now() - timedelta(minutes=1))
        assert (rendering.status, "could not be saved" in rendering.error_message) == ("failed", True)

    def test_an_error_that_nobody_foresaw_ends_the_job_alone(
        self, piece: Piece, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("library.services.renderings.rendered", lambda *args, **options: 1 / 0)
        rendering = make(ask(piece))
        assert (rendering.status, "on our side" in rendering.error_message) == ("failed", True)

    def test_a_worker_that_ends_leaves_it_to_another(self, piece: Piece) -> None:
        rendering = make(ask(piece), should_end=lambda: True)
        assert (rendering.status, rendering.attempts) == ("queued", 0)
        assert rendering_claim(worker_id="another") == rendering

    def test_a_piece_that_goes_meanwhile_leaves_no_file(self, piece: Piece, monkeypatch: pytest.MonkeyPatch) -> None:
        rendering = ask(piece)
        save, names = default_storage.save, []

        def save_and_delete(name: str, content: Any) -> str:
            names.append(save(name, content))
            piece_delete(piece=piece)
            return names[-1]

        monkeypatch.setattr(default_storage, "save", save_and_delete)
        claimed = rendering_claim(worker_id="worker")
        assert claimed == rendering
        rendering_make(rendering=claimed)
        assert not Rendering.objects.exists()
        assert not default_storage.exists(names[0])


class TestCancelling:
    def test_one_that_waits_ends_at_once(self, piece: Piece) -> None:
        rendering = ask(piece)
        rendering_cancel(rendering=rendering)
        rendering.refresh_from_db()
        assert rendering.status == "cancelled"
        assert rendering_claim(worker_id="worker") is None

    def test_one_that_runs_ends_when_its_worker_looks(self, piece: Piece) -> None:
        rendering = ask(piece)
        claimed = rendering_claim(worker_id="worker")
        assert claimed
        rendering_cancel(rendering=rendering)
        rendering_make(rendering=claimed)
        rendering.refresh_from_db()
        assert rendering.status == "cancelled"
        assert not rendering.file

    def test_one_that_is_ready_stays(self, piece: Piece) -> None:
        ready = made(piece, "ogg")
        rendering_cancel(rendering=ready)
        ready.refresh_from_db()
        assert (ready.status, ready.cancel_requested_at) == ("succeeded", None)


class TestSweeping:
    def lost(self, piece: Piece, **fields: Any) -> Rendering:
        long_ago = timezone.now() - timedelta(seconds=STALE_SECONDS + 5)
        values = {"status": "running", "attempts": 1, "worker_id": "dead", "heartbeat_at": long_ago} | fields
        return Rendering.objects.create(piece=piece, format="ogg", **values)

    def test_one_whose_worker_was_lost_is_made_again(self, piece: Piece) -> None:
        rendering = self.lost(piece)
        renderings_sweep()
        assert make(rendering).status == "succeeded"
        assert rendering.attempts == 2

    def test_one_whose_worker_lives_is_left_alone(self, piece: Piece) -> None:
        rendering = self.lost(piece, heartbeat_at=timezone.now())
        renderings_sweep()
        rendering.refresh_from_db()
        assert rendering.status == "running"

    def test_one_that_cost_three_workers_is_given_up(self, piece: Piece) -> None:
        rendering = self.lost(piece, attempts=MAX_ATTEMPTS)
        renderings_sweep()
        rendering.refresh_from_db()
        assert (rendering.status, "stopped each time" in rendering.error_message) == ("failed", True)

    def test_one_that_was_cancelled_is_not_begun_again(self, piece: Piece) -> None:
        rendering = self.lost(piece, cancel_requested_at=timezone.now())
        renderings_sweep()
        rendering.refresh_from_db()
        assert rendering.status == "cancelled"

    def test_a_worker_that_comes_back_stores_nothing(self, piece: Piece) -> None:
        rendering = ask(piece)
        slow = rendering_claim(worker_id="slow")
        assert slow
        Rendering.objects.filter(pk=rendering.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        renderings_sweep()
        quick = rendering_claim(worker_id="quick")
        assert quick
        rendering_make(rendering=slow)
        rendering.refresh_from_db()
        assert (rendering.status, rendering.worker_id) == ("running", "quick")


class TestCleaningUp:
    def test_what_nobody_asks_for_goes_with_its_file(self, piece: Piece, settings: Any) -> None:
        days = timedelta(days=settings.RENDERING_DAYS)
        old = made(piece, "ogg", used_at=timezone.now() - days - timedelta(hours=1))
        fresh = made(piece, "mp3", used_at=timezone.now() - days + timedelta(hours=1))
        assert renderings_clean_up() == 1
        assert list(Rendering.objects.all()) == [fresh]
        assert not default_storage.exists(str(old.file.name))
        assert default_storage.exists(str(fresh.file.name))

    def test_the_longest_unused_go_while_all_are_too_many(self, piece: Piece, settings: Any) -> None:
        settings.RENDERINGS_MAX_MB = 1
        now = timezone.now()
        old = made(piece, "wav", size=700_000, used_at=now - timedelta(days=2))
        new = made(piece, "mp3", size=700_000, used_at=now)
        waiting = ask(piece)
        renderings_clean_up()
        assert set(Rendering.objects.all()) == {new, waiting}
        assert not default_storage.exists(str(old.file.name))

    def test_a_storage_that_is_away_keeps_the_row_for_the_next_round(
        self, piece: Piece, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(name: str) -> None:
            raise OSError("away")

        old = made(piece, "ogg", used_at=timezone.now() - timedelta(days=400))
        with monkeypatch.context() as patch:
            patch.setattr(default_storage, "delete", fail)
            assert renderings_clean_up() == 0
        assert Rendering.objects.filter(pk=old.pk).exists()
        assert renderings_clean_up() == 1

    def test_sound_files_go_with_their_piece(self, piece: Piece) -> None:
        ready = made(piece, "ogg")
        piece_delete(piece=piece)
        assert not default_storage.exists(str(ready.file.name))
        assert not Rendering.objects.exists()


class TestProcess:
    def test_a_process_that_takes_too_long_is_ended(self) -> None:
        with (
            pytest.raises(RenderError, match="took too long"),
            rendered(MIDI, audio_format="wav", wall_seconds=-1),
        ):
            pass

    def test_a_process_that_is_not_wanted_is_ended_and_leaves_nothing(self, settings: Any) -> None:
        with pytest.raises(RenderStopped), rendered(MIDI, audio_format="wav", should_stop=lambda: True):
            pass
        assert list(Path(settings.VAR_DIR, "renderings").iterdir()) == []

    def test_what_the_process_says_of_its_limits_is_said_to_the_user(self) -> None:
        with (
            pytest.raises(RenderError, match="limited to pieces of 2 notes"),
            rendered(MIDI, audio_format="wav", limits={"max_notes": 2}),
        ):
            pass


@pytest.mark.django_db(transaction=True)
def test_a_worker_makes_all_that_wait_in_a_thread_of_its_own(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(JobFilter())
    piece = factories.make_piece(factories.member(alice), midi=MIDI)
    asked = [ask(piece, audio_format) for audio_format in ("wav", "ogg")]
    worker = RenderWorker()
    worker.look()
    assert worker._thread is not None
    worker._thread.join(timeout=60)
    assert {Rendering.objects.get(pk=one.pk).status for one in asked} == {"succeeded"}
    jobs = {vars(record)["job"] for record in caplog.records if record.name == "library.services.renderings"}
    assert jobs == {f"{piece.pk}.wav", f"{piece.pk}.ogg"}, "each line of the log says which it is of"
    worker.stop()
    ask(piece, "mp3")
    worker.look()
    assert Rendering.objects.get(format="mp3").status == "queued", "a worker that is ending begins nothing"


@pytest.mark.django_db(transaction=True)
def test_of_many_asked_for_at_once_only_a_few_wait(alice: User) -> None:
    owner = factories.member(alice)
    pieces = [factories.make_piece(owner, midi=MIDI, notes_count=4) for _ in range(MAX_UNFINISHED + 3)]

    def is_taken(piece: Piece) -> bool:
        try:
            return bool(rendering_request(piece=piece, audio_format="mp3", owner=owner))
        except ValidationError:
            return False

    assert sum(at_once(*(partial(is_taken, piece) for piece in pieces))) == MAX_UNFINISHED
    assert Rendering.objects.count() == MAX_UNFINISHED
