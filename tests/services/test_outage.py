"""A broker that stops answering without closing a connection, as behind a broken network."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.services.conftest import StartWorker
from tests.services.production import Browser, Production
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
