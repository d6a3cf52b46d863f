"""A member's library on the servers of production: what is stored, what is sent, and a bucket that goes away meanwhile.

What each page does is tested on a bucket by the run of tests/services/on_production.py; here are the processes.
"""

import io
import secrets
import zipfile
from typing import Any

import pytest

from generator.engine.midi import write_midi
from generator.engine.music import Note, Voice
from tests.services.conftest import StartWorker
from tests.services.production import Answer, Browser, Production
from tests.services.test_outage import shut
from tests.waiting import wait_until

SOUND = "SELECT status, attempts, error_message FROM library_rendering WHERE piece_id = %s AND format = %s"
EXPORT = "SELECT status, attempts, id FROM accounts_dataexport ORDER BY created_at DESC LIMIT 1"


@pytest.fixture
def member(guest: Browser) -> Browser:
    password = secrets.token_hex(8)
    signed_up = guest.send("/account/signup/", username=f"member-{secrets.token_hex(4)}", password1=password)
    assert signed_up.status == 200, signed_up.body
    return guest


def midi(pitch: int, seconds: int = 2) -> bytes:
    music = [
        Note(pitch + 12 * voice, 80, start, start + 0.9, voice)
        for start in map(float, range(seconds))
        for voice in (0, 1)
    ]
    return write_midi(music, [Voice("Piano", 0), Voice("Strings", 48)])


def zip_of(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.mid", data)
    return stream.getvalue()


def names_in(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def uploaded(member: Browser, *files: tuple[str, bytes]) -> list[dict[str, Any]]:
    answer = member.send("/library/upload/", *files)
    assert answer.status == 200, answer.body
    return list(answer.json["results"])


def id_of(result: dict[str, Any]) -> str:
    assert result["outcome"] in ("accepted", "there"), result
    return str(result["url"].split("/")[-2])


def name_of(piece: str, folder: str = "pieces", ending: str = "mid") -> str:
    return f"{folder}/{piece.replace('-', '')[:2]}/{piece}.{ending}"


def rows_and_files_agree(production: Production) -> None:
    production.python("manage.py", "check_library")


def test_everything_that_a_member_stores_and_takes_away(
    production: Production, start_worker: StartWorker, member: Browser, other_guest: Browser
) -> None:
    before = production.names_in_bucket()
    (one,) = uploaded(member, ("Evening.mid", midi(48)))
    piece = id_of(one)
    packed = uploaded(member, ("all.zip", zip_of(a=midi(50), b=midi(48), c=b"no music")))
    assert [result["outcome"] for result in packed] == ["accepted", "there", "refused"]
    assert id_of(packed[1]) == piece
    stored = {name_of(piece), name_of(id_of(packed[0]))}
    assert production.names_in_bucket() - before == stored, "what is known or refused leaves nothing"

    worker = start_worker(SYNTHESIZER="tinysoundfont")
    for ending, begins in (("wav", b"RIFF"), ("mp3", b"ID3"), ("ogg", b"OggS")):
        assert member.send(f"/pieces/{piece}/audio/{ending}/").status == 200
        wait_until(
            lambda ending=ending: production.rows(SOUND, piece, ending)[0][0] == "succeeded",  # type: ignore[misc]
            what=f"the {ending} is made\n{worker.log.read_text()}",
        )
        sound = member.get(f"/pieces/{piece}/audio/{ending}/")
        assert sound.body.startswith(begins)
        part = member.get(f"/pieces/{piece}/audio/{ending}/", Range="bytes=100-199", If_Range=sound.headers["ETag"])
        assert (part.status, part.body) == (206, sound.body[100:200])
        assert member.get(f"/pieces/{piece}/audio/{ending}/", If_None_Match=sound.headers["ETag"]).status == 304
        assert name_of(piece, "renderings", ending) in production.names_in_bucket()

    assert names_in(member.get(f"/pieces/{piece}/voices/")) == ["evening/01-piano.mid", "evening/02-strings.mid"]
    chosen = member.send("/library/zip/", piece=piece)
    assert names_in(chosen) == ["README.txt", "evening.mid"]

    assert member.send(f"/pieces/{piece}/share/").status == 200
    ((token,),) = production.rows("SELECT token FROM library_sharelink WHERE piece_id = %s", piece)
    assert other_guest.get(f"/s/{token}/").status == 200
    assert other_guest.get(f"/s/{token}/picture.png").body.startswith(b"\x89PNG")
    assert other_guest.get(f"/s/{token}/midi", Range="bytes=0-3").body == b"MThd"
    assert other_guest.get(f"/s/{token}/audio/mp3").body == member.get(f"/pieces/{piece}/audio/mp3/").body
    assert other_guest.get(f"/pieces/{piece}/midi/").status == 404

    assert member.send("/account/export/").status == 200
    wait_until(lambda: production.rows(EXPORT)[0][0] == "ready", what=f"the export is made\n{worker.log.read_text()}")
    names = names_in(member.get(f"/account/export/{production.rows(EXPORT)[0][2]}/download/"))
    assert len([name for name in names if name.startswith("midi/")]) == 2
    rows_and_files_agree(production)


def test_a_bucket_that_goes_away_while_all_of_it_is_used(
    production: Production, start_worker: StartWorker, member: Browser
) -> None:
    """Each is tried again or says so at once; when the bucket is back everything is finished, and nothing is lost."""
    rendered, deleted = (id_of(uploaded(member, ("a.mid", midi(pitch, 60)))[0]) for pitch in (40, 41))
    worker = start_worker(SYNTHESIZER="tinysoundfont")
    member.send(f"/pieces/{rendered}/audio/ogg/")
    wait_until(
        lambda: production.rows(SOUND, rendered, "ogg")[0][0] == "running",
        what=f"the sound file is being made\n{worker.log.read_text()}",
    )
    with shut(production.gate):
        assert member.send("/account/export/").status == 200
        (single,) = uploaded(member, ("b.mid", midi(42)))
        packed = uploaded(member, ("b.zip", zip_of(c=midi(43))))
        for result in (single, *packed):
            assert (result["outcome"], "could not be saved" in result["sentence"]) == ("failed", True)
        for step in ("trash", "delete"):
            assert member.send(f"/pieces/{deleted}/{step}/").status < 400
        assert member.get(f"/pieces/{deleted}/").status == 404
        assert member.get(f"/pieces/{rendered}/midi/").status == 503
        assert member.get(f"/pieces/{rendered}/voices/").status == 503
        assert set(names_in(member.send("/library/zip/", piece=rendered))) == {"README.txt", "missing.txt"}
        wait_until(
            lambda: production.rows(SOUND, rendered, "ogg")[0][:2] == ("queued", 1),
            what=f"the sound file could not be stored and waits\n{worker.log.read_text()}",
        )
        wait_until(
            lambda: production.rows(EXPORT)[0][:2] == ("waiting", 1),
            what=f"the export could not be made and waits\n{worker.log.read_text()}",
        )
        assert production.rows("SELECT count(*) FROM library_piece WHERE id = %s", deleted) == [(1,)]
    accepted = [*uploaded(member, ("b.mid", midi(42))), *uploaded(member, ("b.zip", zip_of(c=midi(43))))]
    assert [result["outcome"] for result in accepted] == ["accepted", "accepted"]
    production.python(
        "-c", "import django; django.setup(); from library.services import pieces_expire; pieces_expire()"
    )
    assert production.rows("SELECT count(*) FROM library_piece WHERE id = %s", deleted) == [(0,)]
    assert name_of(deleted) not in production.names_in_bucket()
    wait_until(
        lambda: production.rows(SOUND, rendered, "ogg")[0][0] == "succeeded",
        what=f"the sound file is made\n{worker.log.read_text()}",
    )
    wait_until(lambda: production.rows(EXPORT)[0][0] == "ready", what=f"the export is made\n{worker.log.read_text()}")
    names = names_in(member.get(f"/account/export/{production.rows(EXPORT)[0][2]}/download/"))
    assert [name for name in names if rendered.replace("-", "")[:8] in name], (
        "with what was there when it was asked for"
    )
    assert member.get(f"/pieces/{rendered}/audio/ogg/").body.startswith(b"OggS")
    rows_and_files_agree(production)
