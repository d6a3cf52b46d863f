"""kill -9 of a worker in the middle of a piece, on the servers of production."""

import os
import signal
from pathlib import Path

from tests import kill_points
from tests.music import notes_of_midi
from tests.services.conftest import StartWorker
from tests.services.production import Browser, Production
from tests.waiting import wait_until


def test_another_worker_finishes_what_a_killed_one_began(
    production: Production, start_worker: StartWorker, guest: Browser, tmp_path: Path
) -> None:
    before = production.names_in_bucket()
    reached = tmp_path / "reached"
    first = start_worker(KILL_POINT=kill_points.BETWEEN_CHUNKS, KILL_FILE=str(reached))
    generation_id = guest.ask_for_music(60).json["id"]
    wait_until(reached.exists, what="the first worker has written notes")
    assert guest.get(f"/api/v1/generations/{generation_id}/").json["status"] == "running"
    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait()

    second = start_worker()
    last, notes = guest.follow(generation_id)
    assert last["status"] == "succeeded", second.log.read_text()
    assert production.rows("SELECT attempts FROM generator_generation WHERE id = %s", generation_id) == [(2,)]
    takes = production.rows("SELECT piece_id FROM generator_take WHERE generation_id = %s", generation_id)
    assert [str(piece_id) for (piece_id,) in takes] == [last["piece"]["id"]]
    (name,) = production.names_in_bucket() - before
    assert name.endswith(f"/{last['piece']['id']}.mid")
    composed = notes_of_midi(guest.get(last["piece"]["midi_url"]).body)
    assert sorted((note.pitch, note.velocity) for note in composed) == sorted((row[0], row[1]) for row in notes)
