"""Servers that stop answering without a word, as behind a broken network, and connections that end under the site."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.services.conftest import StartWorker
from tests.services.production import DATABASE, Browser, Production
from tests.services.servers import Server


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
