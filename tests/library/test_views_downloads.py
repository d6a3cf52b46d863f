"""The block of downloads, sound files and zips over HTTP."""

import io
import uuid
import zipfile
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from accounts.models import User
from generator.engine.midi import write_midi
from library.models import Piece, Rendering
from library.services import share_link_create, share_link_revoke
from tests import factories
from tests.music import GRAND_PIANO, scale

pytestmark = pytest.mark.django_db
SOUND = b"OggS" + bytes(range(256)) * 10


@pytest.fixture
def piece(alice: User) -> Piece:
    midi = write_midi(scale(4), [GRAND_PIANO])
    return factories.make_piece(factories.member(alice), midi=midi, notes_count=4, title="Night Rain")


@pytest.fixture
def hers(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def url(name: str, piece: Piece | uuid.UUID, *more: str) -> str:
    return reverse(f"library:{name}", args=[getattr(piece, "pk", piece), *more])


def ready(piece: Piece, audio_format: str = "ogg") -> Rendering:
    name = default_storage.save(f"renderings/{piece.pk}.{audio_format}", ContentFile(SOUND))
    return Rendering.objects.create(
        piece=piece, format=audio_format, status="succeeded", file=name, size_bytes=len(SOUND)
    )


class TestBlock:
    def test_offers_each_file_in_the_state_that_it_is_in(self, hers: Client, piece: Piece) -> None:
        ready(piece, "mp3")
        Rendering.objects.create(piece=piece, format="wav", status="running", share=0.25)
        Rendering.objects.create(piece=piece, format="ogg", status="failed", error_message="It <b>broke</b>.")
        page = hers.get(url("piece-downloads", piece)).content.decode()
        assert f'href="{url("piece-midi", piece)}"' in page
        assert f'href="{url("piece-audio", piece, "mp3")}"' in page
        assert 'value="0.250"' in page
        assert f'action="{url("piece-audio-cancel", piece, "wav")}"' in page
        assert "It &lt;b&gt;broke&lt;/b&gt;." in page
        assert "Try again" in page
        assert "data-running" in page
        assert url("piece-voices", piece) not in page, "a piece of one voice has nothing to take apart"

    def test_stands_on_the_page_of_the_piece(self, hers: Client, piece: Piece) -> None:
        Piece.objects.filter(pk=piece.pk).update(voices=[*factories.PIANO_VOICES * 2])
        page = hers.get(url("piece", piece)).content.decode()
        assert "<piece-downloads" in page
        assert f'href="{url("piece-voices", piece)}"' in page
        assert page.count("csrfmiddlewaretoken") >= 3
        assert "data-running" not in page.split("<piece-downloads")[1].split(">")[0]

    def test_counts_the_voices_that_play(self, hers: Client, alice: User) -> None:
        parts = ("drums", "bass", "keys")
        voices = [{"name": part.title(), "program": 0, "is_drum": part == "drums", "part": part} for part in parts]
        piece = factories.make_piece(factories.member(alice), voices=voices, params={"voices_off": ["keys"]})
        page = hers.get(url("piece", piece)).content.decode()
        assert "each of the 2 voices" in page
        assert "<dd>Drums, Bass</dd>" in page

    def test_asks_the_database_as_often_however_many_files_there_are(
        self, hers: Client, piece: Piece, django_assert_max_num_queries: Any
    ) -> None:
        for audio_format in ("wav", "mp3", "ogg"):
            ready(piece, audio_format)
        with django_assert_max_num_queries(6):
            hers.get(url("piece-downloads", piece))


class TestAskingForSound:
    def test_without_a_script_leads_back_to_the_page(self, hers: Client, piece: Piece) -> None:
        answer = hers.post(url("piece-audio", piece, "mp3"))
        assert (answer.status_code, answer["Location"]) == (302, url("piece", piece) + "#downloads")
        assert Rendering.objects.get().status == "queued"
        page = hers.get(url("piece", piece)).content.decode()
        assert "Queued." in page
        assert "<progress" in page

    def test_with_the_script_the_answer_is_the_block(self, hers: Client, piece: Piece) -> None:
        answer = hers.post(url("piece-audio", piece, "mp3"), headers={"X-Block": "downloads"})
        assert answer.status_code == 200
        assert b"<progress" in answer.content
        assert b"<html" not in answer.content

    def test_what_cannot_be_is_said_in_both(self, hers: Client, piece: Piece) -> None:
        Piece.objects.filter(pk=piece.pk).update(notes_count=0)
        block = hers.post(url("piece-audio", piece, "mp3"), headers={"X-Block": "downloads"})
        assert (block.status_code, b"no notes to play" in block.content) == (422, True)
        page = hers.post(url("piece-audio", piece, "mp3"), follow=True)
        assert b"no notes to play" in page.content

    def test_an_example_may_be_had_by_anybody(self, client: Client) -> None:
        example = factories.make_piece(is_example=True, guest_key="")
        assert client.post(url("piece-audio", example, "wav")).status_code == 302
        assert Rendering.objects.get().piece == example

    def test_an_unknown_format_is_not_found(self, hers: Client, piece: Piece) -> None:
        assert hers.post(url("piece-audio", piece, "exe")).status_code == 404
        assert hers.get(url("piece-audio", piece, "flac")).status_code == 404


class TestSound:
    def test_is_sent_whole_in_parts_and_not_twice(self, hers: Client, piece: Piece) -> None:
        ready(piece)
        whole = hers.get(url("piece-audio", piece, "ogg"))
        assert whole.getvalue() == SOUND
        assert whole["Content-Type"] == "audio/ogg"
        assert whole["Content-Disposition"] == 'attachment; filename="night-rain.ogg"'
        part = hers.get(url("piece-audio", piece, "ogg"), headers={"Range": "bytes=4-9"})
        assert (part.status_code, part.getvalue()) == (206, SOUND[4:10])
        again = hers.get(url("piece-audio", piece, "ogg"), headers={"If-None-Match": whole["ETag"]})
        assert again.status_code == 304

    def test_that_is_not_ready_leads_to_the_page(self, hers: Client, piece: Piece) -> None:
        assert hers.get(url("piece-audio", piece, "ogg"))["Location"] == url("piece", piece) + "#downloads"

    def test_whose_file_is_gone_can_be_asked_for_again(self, hers: Client, piece: Piece) -> None:
        default_storage.delete(str(ready(piece).file.name))
        assert hers.get(url("piece-audio", piece, "ogg")).status_code == 404
        assert "Create it again" in hers.get(url("piece-downloads", piece)).content.decode()

    def test_that_is_downloaded_is_kept_for_longer(self, hers: Client, piece: Piece) -> None:
        from datetime import timedelta

        from django.utils import timezone

        rendering = ready(piece)
        Rendering.objects.update(used_at=timezone.now() - timedelta(days=20))
        hers.get(url("piece-audio", piece, "ogg"))
        rendering.refresh_from_db()
        assert timezone.now() - rendering.used_at < timedelta(minutes=1)


class TestCancelling:
    def test_works_for_its_owner(self, hers: Client, piece: Piece) -> None:
        Rendering.objects.create(piece=piece, format="wav")
        assert hers.post(url("piece-audio-cancel", piece, "wav")).status_code == 302
        assert Rendering.objects.get().status == "cancelled"
        assert hers.get(url("piece-audio-cancel", piece, "wav")).status_code == 405

    def test_of_an_example_is_for_nobody(self, hers: Client) -> None:
        example = factories.make_piece(is_example=True, guest_key="")
        Rendering.objects.create(piece=example, format="wav")
        assert hers.post(url("piece-audio-cancel", example, "wav")).status_code == 404
        assert "Cancel" not in hers.get(url("piece-downloads", example)).content.decode()


class TestVoices:
    def test_come_as_a_zip(self, hers: Client, piece: Piece) -> None:
        answer = hers.get(url("piece-voices", piece))
        assert answer["Content-Disposition"] == 'attachment; filename="night-rain-voices.zip"'
        assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["night-rain/01-grand-piano.mid"]

    def test_of_a_file_that_is_gone_or_away_or_damaged(
        self, hers: Client, piece: Piece, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        damaged = factories.make_piece(factories.member(alice), midi=b"MThd")
        assert b"damaged" in hers.get(url("piece-voices", damaged), follow=True).content
        default_storage.delete(str(piece.midi.name))
        assert hers.get(url("piece-voices", piece)).status_code == 404

        def fail(*args: Any) -> None:
            raise OSError("away")

        monkeypatch.setattr(default_storage, "open", fail)
        assert hers.get(url("piece-voices", piece)).status_code == 503


class TestBulkZip:
    def test_holds_the_own_pieces_among_the_chosen(self, hers: Client, piece: Piece, bob: User) -> None:
        of_bob = factories.make_piece(factories.member(bob), title="Of Bob")
        answer = hers.post(reverse("library:bulk-zip"), {"piece": [piece.pk, of_bob.pk, "no id"]})
        assert answer["Content-Disposition"] == 'attachment; filename="pieces.zip"'
        names = zipfile.ZipFile(io.BytesIO(answer.getvalue())).namelist()
        assert names == ["README.txt", "night-rain.mid"]

    def test_of_nothing_leads_back(self, hers: Client) -> None:
        assert hers.post(reverse("library:bulk-zip"), {}).status_code == 302
        assert hers.get(reverse("library:bulk-zip")).status_code == 405


NAMES = [("piece-downloads",), ("piece-voices",), ("piece-audio", "ogg")]


@pytest.mark.parametrize("name", NAMES)
def test_others_find_nothing_of_it(client: Client, bob: User, piece: Piece, name: tuple[str, ...]) -> None:
    ready(piece)
    address = url(name[0], piece, *name[1:])
    assert client.get(address).status_code == 404
    client.force_login(bob)
    assert client.get(address).status_code == 404
    assert client.get(url(name[0], uuid.uuid4(), *name[1:])).status_code == 404


def test_others_ask_for_nothing_and_cancel_nothing(client: Client, bob: User, piece: Piece) -> None:
    Rendering.objects.create(piece=piece, format="wav")
    for who in (None, bob):
        if who:
            client.force_login(who)
        assert client.post(url("piece-audio", piece, "mp3")).status_code == 404
        assert client.post(url("piece-audio-cancel", piece, "wav")).status_code == 404
    assert Rendering.objects.get().status == "queued"


def test_what_lies_in_the_trash_is_not_handed_out(hers: Client, piece: Piece) -> None:
    from library.services import piece_trash

    ready(piece)
    piece_trash(piece=piece)
    assert hers.get(url("piece-audio", piece, "ogg")).status_code == 404


class TestByLink:
    """Whoever has a link that shares the piece may have its files, without being anybody."""

    @pytest.fixture
    def token(self, piece: Piece) -> str:
        return share_link_create(piece=piece, expires_at=None).token

    def test_the_shared_page_offers_every_file_by_addresses_of_the_link(
        self, client: Client, piece: Piece, token: str
    ) -> None:
        ready(piece, "mp3")
        Rendering.objects.create(piece=piece, format="wav", status="running")
        page = client.get(f"/s/{token}/").content.decode()
        assert f'href="/s/{token}/audio/mp3"' in page
        assert f'action="/s/{token}/audio/ogg"' in page
        assert f'data-block="/s/{token}/downloads"' in page
        assert "Cancel" not in page
        assert str(piece.pk) not in page.split("<piece-downloads")[1].split("</piece-downloads>")[0]

    def test_sound_is_asked_for_and_fetched(self, client: Client, piece: Piece, token: str) -> None:
        asked = client.post(f"/s/{token}/audio/ogg")
        assert (asked.status_code, asked["Location"]) == (302, f"/s/{token}/#downloads")
        assert Rendering.objects.get().status == "queued"
        Rendering.objects.all().delete()
        ready(piece)
        assert client.get(f"/s/{token}/audio/ogg").getvalue() == SOUND
        assert client.get(f"/s/{token}/voices")["Content-Type"] == "application/zip"
        block = client.get(f"/s/{token}/downloads")
        assert f"/s/{token}/audio/ogg" in block.content.decode()
        assert block["X-Robots-Tag"] == "noindex"

    def test_a_link_that_was_closed_leads_to_none(self, client: Client, piece: Piece, token: str) -> None:
        ready(piece)
        share_link_revoke(link=piece.share_links.get())
        for address in ("downloads", "voices", "audio/ogg"):
            assert client.get(f"/s/{token}/{address}").status_code == 410
        assert client.post(f"/s/{token}/audio/mp3").status_code == 410
        assert client.get("/s/nobody-made-this/voices").status_code == 404
        assert Rendering.objects.count() == 1
