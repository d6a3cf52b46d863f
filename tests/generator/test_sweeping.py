"""What the sweep and the clean-up do, and what they leave alone."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from accounts.side_worker import this_worker_id
from generator.models import Generation, NoteChunk, WorkerBeat
from generator.services import SweepResult, clean_up, generations_sweep
from generator.workers import beat, say_goodbye, this_host
from library.models import Piece
from tests import factories
from tests.generator.conftest import Outbox
from tests.stored import is_stored

pytestmark = pytest.mark.django_db


def running(*, silent_seconds: float = 0, **fields: Any) -> Generation:
    return factories.make_generation(
        status="running",
        attempts=fields.pop("attempts", 1),
        worker_id=fields.pop("worker_id", "elsewhere:1:aa"),
        heartbeat_at=timezone.now() - timedelta(seconds=silent_seconds),
        **fields,
    )


def queued(*, due_seconds_ago: float, **fields: Any) -> Generation:
    return factories.make_generation(deliver_after=timezone.now() - timedelta(seconds=due_seconds_ago), **fields)


def test_a_job_whose_worker_is_silent_is_queued_again(outbox: Outbox) -> None:
    lost, alive = running(silent_seconds=settings.GENERATION_STALE_SECONDS + 1), running(silent_seconds=1)
    assert generations_sweep() == SweepResult(requeued=1)
    lost.refresh_from_db()
    alive.refresh_from_db()
    assert (lost.status, lost.worker_id, lost.attempts) == ("queued", "", 1)
    assert alive.status == "running"
    assert outbox == [str(lost.pk)]


def test_a_dead_process_of_this_host_is_not_waited_for(outbox: Outbox) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    WorkerBeat.objects.create(worker_id="dead", hostname=this_host(), pid=process.pid)
    WorkerBeat.objects.create(worker_id="alive", hostname=this_host(), pid=os.getppid())
    WorkerBeat.objects.create(worker_id="far", hostname="elsewhere", pid=process.pid)
    lost = running(worker_id="dead")
    others = [running(worker_id="alive"), running(worker_id="far")]
    assert generations_sweep() == SweepResult(requeued=1)
    assert outbox == [str(lost.pk)]
    assert {generation.status for generation in Generation.objects.filter(pk__in=[o.pk for o in others])} == {"running"}
    assert not WorkerBeat.objects.filter(worker_id="dead").exists()


def test_a_process_id_that_is_ours_now_belonged_to_the_dead(outbox: Outbox) -> None:
    """In a container every worker is process 1, the one before this one too."""
    WorkerBeat.objects.create(worker_id="before", hostname=this_host(), pid=os.getpid())
    running(worker_id="before")
    beat()
    mine = running(worker_id=this_worker_id())
    assert generations_sweep().requeued == 1
    mine.refresh_from_db()
    assert mine.status == "running"
    say_goodbye()
    assert not WorkerBeat.objects.exists()


def test_the_third_lost_worker_ends_the_job(outbox: Outbox) -> None:
    lost = running(silent_seconds=999, attempts=settings.GENERATION_MAX_ATTEMPTS)
    assert generations_sweep() == SweepResult(failed=1)
    lost.refresh_from_db()
    assert (lost.status, lost.error_code) == ("failed", "lost")
    assert lost.error_message.endswith(".")
    assert lost.finished_at
    assert outbox == []


def test_a_lost_job_that_nobody_wants_is_cancelled(outbox: Outbox) -> None:
    lost = running(silent_seconds=999, cancel_requested_at=timezone.now())
    assert generations_sweep() == SweepResult(cancelled=1)
    lost.refresh_from_db()
    assert lost.status == "cancelled"


def test_a_worker_with_nothing_to_do_sends_lost_messages_again(outbox: Outbox) -> None:
    older, newer = queued(due_seconds_ago=5), queued(due_seconds_ago=1)
    queued(due_seconds_ago=-5)
    assert generations_sweep(idle=True) == SweepResult(redelivered=2)
    assert outbox == [str(older.pk), str(newer.pk)]
    assert generations_sweep(idle=True) == SweepResult(), "the new message is given time to arrive"


def test_a_busy_worker_leaves_messages_their_time(outbox: Outbox) -> None:
    queued(due_seconds_ago=5)
    waiting_long = queued(due_seconds_ago=55)
    tried_before = queued(due_seconds_ago=1, attempts=1)
    assert generations_sweep(idle=False).redelivered == 2
    assert set(outbox) == {str(waiting_long.pk), str(tried_before.pk)}


def test_the_command_does_the_same(outbox: Outbox, capsys: pytest.CaptureFixture[str]) -> None:
    running(silent_seconds=999)
    call_command("sweep")
    assert capsys.readouterr().out.startswith("1 requeued, 0 failed")


def test_notes_are_kept_for_pages_that_still_poll() -> None:
    now = timezone.now()
    for minutes in (5, 11):
        generation = factories.make_succeeded_generation(finished_at=now - timedelta(minutes=minutes))
        NoteChunk.objects.create(generation=generation, index=0, notes=[[60, 100, 0, minutes, 0]])
    NoteChunk.objects.create(generation=running(silent_seconds=1), index=0, notes=[])
    clean_up()
    assert sorted(len(chunk.notes) for chunk in NoteChunk.objects.all()) == [0, 1]
    assert NoteChunk.objects.filter(notes=[[60, 100, 0, 5, 0]]).exists()


def test_hashed_addresses_are_dropped_after_a_week() -> None:
    now = timezone.now()
    old = factories.make_generation(client_hash="a" * 64, created_at=now - timedelta(days=8))
    new = factories.make_generation(client_hash="b" * 64, created_at=now - timedelta(days=6))
    clean_up()
    assert Generation.objects.get(pk=old.pk).client_hash == ""
    assert Generation.objects.get(pk=new.pk).client_hash == "b" * 64


def test_guests_pieces_go_when_their_time_is_over(alice: Any) -> None:
    over, until = timezone.now() - timedelta(minutes=1), timezone.now() + timedelta(days=1)
    gone = factories.make_piece(expires_at=over)
    kept = [factories.make_piece(expires_at=until), factories.make_piece(factories.member(alice))]
    assert is_stored(gone.midi)
    clean_up()
    assert set(Piece.objects.all()) == set(kept)
    assert not is_stored(gone.midi)


def test_sessions_that_are_over_go() -> None:
    for key, days in (("over", -1), ("open", 1)):
        session = SessionStore(key)
        session["guest_key"] = key
        session.set_expiry(timedelta(days=days))
        session.save()
    clean_up()
    assert [session.get_decoded()["guest_key"] for session in Session.objects.all()] == ["open"]


def test_a_worker_that_was_lost_with_its_machine_is_forgotten_after_a_day() -> None:
    for name, hours in (("lost", 25), ("silent", 1)):
        seen_at = timezone.now() - timedelta(hours=hours)
        WorkerBeat.objects.create(worker_id=name, hostname="elsewhere", pid=1, seen_at=seen_at)
    clean_up()
    assert [beat.worker_id for beat in WorkerBeat.objects.all()] == ["silent"]


def test_consumed_messages_are_removed_after_an_hour() -> None:
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["processed_folder"])
    old, new = folder / "1_a.compose.msg", folder / "2_b.compose.msg"
    for file in (old, new):
        file.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    clean_up()
    assert not old.exists()
    assert new.exists()
    new.unlink()
