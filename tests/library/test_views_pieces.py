"""A piece's page as everyone sees it, and its MIDI file."""

import re
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from library.models import Piece
from tests.factories import TINY_MIDI, guest, make_piece

pytestmark = pytest.mark.django_db


def strangers(bob: Any) -> list[Client]:
    other = Client()
    other.force_login(bob)
    return [Client(), other]


class TestPage:
    def test_it_shows_the_facts_and_where_to_go_on(self, guest_client: Client):
        piece = make_piece(
            title="Nocturne of a machine",
            length_seconds=90.2,
            seed=1234567,
            ensemble="harpsichord",
            ensemble_name="Harpsichord",
        )
        response = guest_client.get(f"/pieces/{piece.pk}/")
        assert response.status_code == 200
        page = response.content.decode()
        for wanted in ("Nocturne of a machine", "Harpsichord", "1:30", "1234567", "piano-1", "neural network"):
            assert wanted in page
        assert f'href="/pieces/{piece.pk}/midi/"' in page
        assert 'href="/?genre=piano&amp;length=1%3A30&amp;ensemble=harpsichord&amp;' in page
        assert f'data-src="/pieces/{piece.pk}/midi/?inline"' in page

    def test_a_title_is_escaped(self, guest_client: Client):
        piece = make_piece(title="<script>alert(1)</script>")
        assert "<script>alert" not in guest_client.get(f"/pieces/{piece.pk}/").content.decode()

    @pytest.mark.parametrize("ending", ["", "midi/"])
    def test_it_is_not_found_by_others(self, guest_client: Client, bob: Any, ending: str):
        piece = make_piece()
        assert guest_client.get(f"/pieces/{piece.pk}/{ending}").status_code == 200
        for client in strangers(bob):
            assert client.get(f"/pieces/{piece.pk}/{ending}").status_code == 404

    @pytest.mark.parametrize("ending", ["", "midi/"])
    def test_an_example_is_open_to_all(self, client: Client, bob: Any, ending: str):
        piece = make_piece(guest(""), is_example=True)
        for stranger in strangers(bob):
            assert stranger.get(f"/pieces/{piece.pk}/{ending}").status_code == 200

    @pytest.mark.parametrize("ending", ["", "midi/"])
    def test_an_expired_piece_is_gone(self, guest_client: Client, ending: str):
        piece = make_piece(expires_at=timezone.now() - timedelta(seconds=1))
        assert guest_client.get(f"/pieces/{piece.pk}/{ending}").status_code == 404

    @pytest.mark.parametrize("ending", ["", "midi/"])
    def test_bad_ids_and_methods(self, guest_client: Client, ending: str):
        assert guest_client.get(f"/pieces/{uuid.uuid4()}/{ending}").status_code == 404
        assert guest_client.get(f"/pieces/7/{ending}").status_code == 404
        assert guest_client.post(f"/pieces/{make_piece().pk}/{ending}").status_code == 405


class TestMidi:
    def get(self, client: Client, piece: Piece, query: str = "", **headers: str) -> Any:
        return client.get(f"/pieces/{piece.pk}/midi/{query}", headers=headers)

    def test_the_file_comes_as_it_is_stored(self, guest_client: Client):
        response = self.get(guest_client, make_piece(title="Étude No. 3 / for “you”"))
        assert response.content == TINY_MIDI
        assert response["Content-Type"] == "audio/midi"
        assert response["Content-Disposition"] == 'attachment; filename="etude-no-3-for-you.mid"'
        assert response["Content-Length"] == str(len(TINY_MIDI))
        assert response["X-Content-Type-Options"] == "nosniff"

    def test_a_length_in_a_title_is_still_one_in_the_files_name(self, guest_client: Client):
        response = self.get(guest_client, make_piece(title="Piano: Strings, 1:30"))
        assert response["Content-Disposition"] == 'attachment; filename="piano-strings-1-30.mid"'

    @pytest.mark.parametrize("title", ['"\r\nSet-Cookie: a=b', "ピアノ", "../../etc/passwd", " "])
    def test_a_title_never_breaks_the_header(self, guest_client: Client, title: str):
        disposition = self.get(guest_client, make_piece(title=title))["Content-Disposition"]
        name = re.fullmatch(r"""attachment; (?:filename="([\w-]+).mid"|filename\*=utf-8''([\w%-]+).mid)""", disposition)
        assert name, disposition
        assert disposition.isascii()
        assert unquote(name[1] or name[2]).replace("-", "").isalnum()

    def test_the_player_gets_it_inline(self, guest_client: Client):
        assert self.get(guest_client, make_piece(), "?inline")["Content-Disposition"].startswith("inline; ")

    def test_a_browser_that_has_it_is_told_so(self, guest_client: Client):
        piece = make_piece()
        etag = self.get(guest_client, piece)["ETag"]
        again = self.get(guest_client, piece, if_none_match=etag)
        assert (again.status_code, again.content) == (304, b"")
        assert self.get(guest_client, piece, if_none_match='"other"').status_code == 200

    def test_somebody_elses_etag_opens_nothing(self, guest_client: Client, bob: Any):
        piece = make_piece()
        etag = self.get(guest_client, piece)["ETag"]
        for client in strangers(bob):
            response = self.get(client, piece, if_none_match=etag)
            assert response.status_code == 404
            assert "ETag" not in response

    def test_shared_caches_keep_nothing(self, guest_client: Client):
        assert "private" in self.get(guest_client, make_piece())["Cache-Control"]

    def test_a_file_that_is_lost_is_said_to_be_lost(self, guest_client: Client):
        piece = make_piece()
        default_storage.delete(str(piece.midi.name))
        response = self.get(guest_client, piece)
        assert response.status_code == 404
        assert "file is missing" in response.content.decode()

    def test_a_storage_that_does_not_answer_is_said_to_be_away(
        self, guest_client: Client, monkeypatch: pytest.MonkeyPatch
    ):
        def away(self: object, name: str) -> None:
            raise OSError("the bucket does not answer")

        piece = make_piece()
        monkeypatch.setattr(default_storage.__class__, "stream", away)
        response = self.get(guest_client, piece)
        assert response.status_code == 503
        assert "The storage isn't responding. Your pieces are safe. Try again in a minute." in response.content.decode()


class TestFacts:
    def test_tempo_key_originality_and_source_are_told(self, guest_client: Client):
        source = make_piece(title="The first one")
        facts = {"sentences": ["It plays in E flat."], "originality": "It borrows little."}
        piece = make_piece(qpm=96.4, key="Eb dorian", facts=facts, kind="continue", source_piece=source)
        page = guest_client.get(f"/pieces/{piece.pk}/").content.decode()
        for wanted in (
            "96 BPM",
            "E♭ dorian",
            "It plays in E flat.",
            "It borrows little.",
            "Continues",
            "The first one",
        ):
            assert wanted in page
        row = guest_client.get("/library/").content.decode()
        assert "96 BPM · E♭ dorian" in row

    def test_what_is_broken_about_a_piece_is_said(self, guest_client: Client):
        whole, broken = make_piece(), make_piece(facts={"faults": ["Nothing sounds for 3.4 seconds."]})
        assert "Problems:" not in guest_client.get(f"/pieces/{whole.pk}/").content.decode()
        assert "Nothing sounds for 3.4 seconds." in guest_client.get(f"/pieces/{broken.pk}/").content.decode()

    def test_the_settings_lead_back_to_the_form(self, guest_client: Client):
        params = {"ensemble": "trio", "length_seconds": 30.0, "qpm": 96.5, "key": "F# minor", "voices_off": ["bass"]}
        piece = make_piece(genre="rock", ensemble="trio", length_seconds=29.8, params=params)
        page = guest_client.get(f"/pieces/{piece.pk}/").content.decode()
        # In any order: PostgreSQL keeps none in JSON.
        query = {"genre=rock", "ensemble=trio", "length=0%3A30", "qpm=96.5", "key=F%23+minor", "voices_off=bass"}
        query.add("again=1")
        links = [link.partition('"')[0].split("&amp;") for link in page.split('href="/?')[1:]]
        assert query in map(set, links)
