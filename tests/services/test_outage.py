"""Servers that stop answering without a word, as behind a broken network, and connections that end under the site."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import kill_points
from tests.music import notes_of_midi
from tests.services.conftest import StartWorker
from tests.services.gate import Gate
from tests.services.production import DATABASE, Answer, Browser, Production
from tests.services.servers import Server
from tests.waiting import wait_until


@contextmanager
def shut(gate: Gate) -> Iterator[None]:
    gate.shut()
    try:
        yield
    finally:
        gate.open()


@contextmanager
def answering_nothing(server: Server) -> Iterator[None]:
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_a_visitor_asks_for_music_while_redis_answers_nothing(
    production: Production, start_worker: StartWorker, guest: Browser
) -> None:
    with answering_nothing(production.redis.server):
        asked = guest.ask_for_music(15)
        assert asked.status == 201, "the row is written; its message is sent later"
        assert guest.get("/healthz").status == 200
    # Whatever of the message came through all the same.
    production.redis.client.flushdb()
    worker = start_worker()
    last, _ = guest.follow(asked.json["id"])
    assert last["status"] == "succeeded", worker.log.read_text()


def test_web_and_worker_outlive_their_database_connections(
    production: Production, start_worker: StartWorker, guest: Browser
) -> None:
    worker = start_worker()
    before = guest.ask_for_music(15)
    assert guest.follow(before.json["id"])[0]["status"] == "succeeded"
    ended = production.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
        DATABASE,
    )
    assert (True,) in ended, "PostgreSQL had connections to end, as it does when it is restarted"
    assert guest.get("/library/").status == 200
    asked = guest.ask_for_music(15)
    assert asked.status == 201
    last, _ = guest.follow(asked.json["id"])
    assert last["status"] == "succeeded", worker.log.read_text()


def test_a_bucket_that_is_away_while_a_piece_is_stored(
    production: Production, start_worker: StartWorker, guest: Browser, tmp_path: Path
) -> None:
    """The job waits and tries again; where the bucket stays away too long it says so, and can be asked for again."""
    reached = tmp_path / "reached"
    worker = start_worker(KILL_POINT=kill_points.BETWEEN_CHUNKS, KILL_FILE=str(reached))
    asked = guest.ask_for_music(60).json
    wait_until(reached.exists, what="the piece is being composed")
    with shut(production.gate):
        Path(f"{reached}.go").touch()
        wait_until(
            lambda: guest.get(f"/api/v1/generations/{asked['id']}/").json["status"] == "queued",
            what="the worker could not store the piece and put its job back",
        )
    last, notes = guest.follow(asked["id"])
    assert last["status"] == "succeeded", worker.log.read_text()
    composed = notes_of_midi(guest.get(last["piece"]["midi_url"]).body)
    assert len(composed) == len(notes)


def test_a_bucket_that_stays_away_ends_in_a_sentence(
    production: Production, start_worker: StartWorker, guest: Browser
) -> None:
    worker = start_worker()
    first = guest.ask_for_music(15).json
    assert guest.follow(first["id"])[0]["status"] == "succeeded"
    before = production.names_in_bucket()
    with shut(production.gate):
        asked = guest.ask_for_music(15).json
        last, _ = guest.follow(asked["id"])
        assert last["status"] == "failed", worker.log.read_text()
        assert last["error"].startswith("The piece was composed but could not be saved. Try again later")
    assert production.names_in_bucket() == before
    again = guest.ask_for_music(15).json
    assert guest.follow(again["id"])[0]["status"] == "succeeded"


def test_a_bucket_that_is_away_while_a_piece_is_read(production: Production, guest: Browser) -> None:
    ((piece_id,),) = production.rows("SELECT id FROM library_piece WHERE is_example")
    with shut(production.gate):
        assert guest.get(f"/pieces/{piece_id}/").status == 200, "the page itself needs no file"
        away = guest.get(f"/pieces/{piece_id}/midi/")
        assert away.status == 503
        assert b"Your pieces are safe" in away.body
    assert guest.get(f"/pieces/{piece_id}/midi/").status == 200


def test_a_database_that_is_restarted_during_requests(production: Production, guest: Browser) -> None:
    """Whoever asks meanwhile is told to come back; nobody sees a fault, and afterwards all is as before."""
    answers: list[Answer] = []
    over = threading.Event()

    def look_around() -> None:
        while not over.is_set():
            answers.append(guest.get("/api/v1/pieces/"))

    visitors = [threading.Thread(target=look_around) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    try:
        production.postgresql.restart()
        wait_until(lambda: answers[-1:] and answers[-1].status == 200, what="the site answers again")
    finally:
        over.set()
        for visitor in visitors:
            visitor.join()
    assert {answer.status for answer in answers} <= {200, 503}, {answer.body for answer in answers}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)


def test_a_database_that_is_restarted_during_a_job(
    production: Production, start_worker: StartWorker, guest: Browser, tmp_path: Path
) -> None:
    reached = tmp_path / "reached"
    worker = start_worker(KILL_POINT=kill_points.BETWEEN_CHUNKS, KILL_FILE=str(reached), GENERATION_STALE_SECONDS="5")
    asked = guest.ask_for_music(60).json
    wait_until(reached.exists, what="the piece is being composed")
    production.postgresql.restart()
    Path(f"{reached}.go").touch()
    last, notes = guest.follow(asked["id"])
    assert last["status"] == "succeeded", worker.log.read_text()
    assert production.rows("SELECT count(*) FROM generator_take WHERE generation_id = %s", asked["id"]) == [(1,)]
    composed = notes_of_midi(guest.get(last["piece"]["midi_url"]).body)
    assert sorted((note.pitch, note.velocity) for note in composed) == sorted((row[0], row[1]) for row in notes)


def test_readiness_says_which_service_is_away(production: Production, start_worker: StartWorker) -> None:
    start_worker()
    assert wait_until(lambda: production.ready()["ready"], what="everything is there")
    with shut(production.gate):
        wait_until(lambda: production.ready()["checks"]["storage"] != "ok", what="the bucket is missed")
        checks = production.ready()["checks"]
        assert (checks["database"], checks["broker"], checks["worker"]) == ("ok", "ok", "ok")
    wait_until(lambda: production.ready()["ready"], what="the bucket is there again")
    with answering_nothing(production.redis.server):
        wait_until(lambda: production.ready()["checks"]["broker"] != "ok", what="Redis is missed")


def test_a_worker_for_other_queues_composes_nothing(
    production: Production, start_worker: StartWorker, guest: Browser
) -> None:
    other = start_worker(WORKER_QUEUES="render,maintenance")
    asked = guest.ask_for_music(15).json
    assert not guest.get(f"/api/v1/generations/{asked['id']}/").json["worker_seen"]
    assert "Loaded" not in other.log.read_text(), "it holds no model either"
    composer = start_worker(WORKER_QUEUES="compose")
    assert guest.follow(asked["id"])[0]["status"] == "succeeded", composer.log.read_text()


def test_a_bucket_that_is_away_while_a_piece_is_deleted(
    production: Production, start_worker: StartWorker, guest: Browser
) -> None:
    """It is gone for its owner at once; the file follows when the bucket is back."""
    start_worker()
    piece = guest.follow(guest.ask_for_music(15).json["id"])[0]["piece"]
    name = f"pieces/{piece['id'].replace('-', '')[:2]}/{piece['id']}.mid"
    assert name in production.names_in_bucket()
    query = "SELECT count(*) FROM library_piece WHERE id = %s"
    with shut(production.gate):
        for step in ("trash", "delete"):
            assert guest.post(f"/pieces/{piece['id']}/{step}/", {}).status < 400
        assert guest.get(piece["url"]).status == 404
        assert production.rows(query, piece["id"]) == [(1,)], "the row still says what is to be removed"
    production.python(
        "-c", "import django; django.setup(); from library.services import pieces_expire; pieces_expire()"
    )
    assert production.rows(query, piece["id"]) == [(0,)]
    assert name not in production.names_in_bucket()
