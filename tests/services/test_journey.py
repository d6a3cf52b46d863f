"""From the click to the file, on the servers of production: every hand-over between processes is a real one."""

import threading

from tests.music import notes_of_midi
from tests.services.conftest import StartWorker
from tests.services.production import Answer, Browser, Production


def test_a_guest_composes_and_keeps_a_piece(
    production: Production, start_worker: StartWorker, guest: Browser, other_guest: Browser
) -> None:
    before = production.names_in_bucket()
    asked = guest.ask_for_music(30)
    assert asked.status == 201, asked.body
    generation = asked.json
    assert generation["status"] == "queued"
    assert production.redis.client.llen("compose") == 1, "the message waits in Redis, and nowhere else"

    start_worker()
    last, notes = guest.follow(generation["id"])
    assert last["status"] == "succeeded", last
    assert last["worker_seen"]
    piece = last["piece"]

    assert production.names_in_bucket() - before == {f"pieces/{piece['id'].replace('-', '')[:2]}/{piece['id']}.mid"}
    downloaded = guest.get(piece["midi_url"])
    assert downloaded.status == 200
    assert downloaded.headers["Content-Type"] == "audio/midi"
    assert downloaded.headers["Content-Disposition"].startswith("attachment; ")
    composed = notes_of_midi(downloaded.body)
    assert composed
    assert sorted((note.pitch, note.velocity) for note in composed) == sorted((row[0], row[1]) for row in notes)

    assert guest.get(piece["url"]).status == 200
    for path in (
        *(piece["url"], piece["midi_url"], f"/api/v1/pieces/{piece['id']}/"),
        *(f"/api/v1/generations/{generation['id']}/", f"/api/v1/generations/{generation['id']}/notes/"),
    ):
        assert other_guest.get(path).status == 404, path


def test_the_check_of_the_containers_health_finds_the_web_process(production: Production) -> None:
    production.python("docker/is_live.py")


def test_a_form_that_is_sent_four_times_at_once_is_one_job(guest: Browser) -> None:
    first = guest.ask_for_music(15, "first")  # makes the guest, whom all clicks belong to
    assert first.status == 201
    answers: list[Answer] = []
    begin = threading.Barrier(4)

    def click() -> None:
        begin.wait()
        answers.append(guest.ask_for_music(15, "clicked-at-once"))

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 201], [one.body for one in answers]
    assert len({answer.json["id"] for answer in answers}) == 1
    for answer in (first, answers[0]):
        cancelled = guest.post(f"/api/v1/generations/{answer.json['id']}/cancel/", {})
        assert cancelled.json["status"] == "cancelled", "no other test shall find a job of this one"
