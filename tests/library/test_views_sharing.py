"""Links to share: made and revoked by members, opened by whoever has them."""

import re
import struct
import uuid
import zlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from library.models import Piece, ShareLink
from library.pictures import roll_png
from library.services import piece_trash, share_link_create, share_link_revoke
from tests.factories import TINY_MIDI, make_piece, member

pytestmark = pytest.mark.django_db
ENDINGS = ["", "midi", "picture.png"]


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def link(alice: User) -> ShareLink:
    piece = make_piece(member(alice), title="Nocturne & co", comment="My secret note", roll=[[0, 4, 10]])
    return share_link_create(piece=piece)


class TestMaking:
    @pytest.mark.parametrize(("days", "lasts"), [("", None), ("7", 7)])
    def test_with_and_without_an_end(self, alices: Client, alice: User, days: str, lasts: int | None):
        piece = make_piece(member(alice))
        response = alices.post(f"/pieces/{piece.pk}/share/", {"days": days})
        assert (response.status_code, response["Location"]) == (302, f"/pieces/{piece.pk}/")
        made = piece.share_links.get()
        if lasts is None:
            assert made.expires_at is None
        else:
            assert made.expires_at
            assert timedelta(days=lasts - 1) < made.expires_at - timezone.now() < timedelta(days=lasts, hours=1)
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        assert f"http://testserver/s/{made.token}/" in page

    @pytest.mark.parametrize("days", ["-1", "x", "3650"])
    def test_no_other_ends(self, alices: Client, alice: User, days: str):
        piece = make_piece(member(alice))
        assert alices.post(f"/pieces/{piece.pk}/share/", {"days": days}).status_code == 400
        assert not ShareLink.objects.exists()

    def test_guests_have_no_links(self, guest_client: Client):
        piece = make_piece()
        assert guest_client.post(f"/pieces/{piece.pk}/share/").status_code == 404
        assert "/share/" not in guest_client.get(f"/pieces/{piece.pk}/").content.decode()

    def test_revoking_closes_at_once(self, alices: Client, link: ShareLink):
        assert Client().get(f"/s/{link.token}/").status_code == 200
        response = alices.post(f"/share-links/{link.pk}/revoke/")
        assert (response.status_code, response["Location"]) == (302, f"/pieces/{link.piece_id}/")
        assert Client().get(f"/s/{link.token}/").status_code == 410
        assert link.token not in alices.get(f"/pieces/{link.piece_id}/").content.decode()

    def test_only_the_owner_revokes(self, link: ShareLink, bob: User, carol: User):
        clients: list[Any] = [Client(), Client(), Client()]
        clients[1].force_login(bob)
        clients[2].force_login(carol)
        for client in clients:
            assert client.post(f"/share-links/{link.pk}/revoke/").status_code == 404
        assert clients[0].get(f"/share-links/{link.pk}/revoke/").status_code == 405
        assert clients[1].post(f"/share-links/{uuid.uuid4()}/revoke/").status_code == 404
        assert ShareLink.objects.open().exists()


class TestOpening:
    def test_anyone_hears_and_downloads_it_and_learns_that_a_machine_made_it(self, client: Client, link: ShareLink):
        response = client.get(f"/s/{link.token}/")
        page = response.content.decode()
        assert "Nocturne &amp; co" in page
        assert "Composed by a recurrent neural network" in page
        assert f'data-src="/s/{link.token}/midi?inline"' in page
        assert f'href="/s/{link.token}/midi" download' in page
        midi = client.get(f"/s/{link.token}/midi")
        assert b"".join(midi) == TINY_MIDI
        assert midi["Content-Disposition"] == 'attachment; filename="nocturne-co.mid"'

    def test_nothing_of_the_owner_is_told(self, client: Client, link: ShareLink):
        page = client.get(f"/s/{link.token}/").content.decode()
        for private in ("alice", "My secret note", str(link.piece_id), "/pieces/"):
            assert private not in page

    def test_for_those_who_paste_the_link(self, client: Client, link: ShareLink):
        response = client.get(f"/s/{link.token}/")
        page = response.content.decode()
        assert '<meta property="og:title" content="Nocturne &amp; co">' in page
        picture = f"http://testserver/s/{link.token}/picture.png"
        assert f'<meta property="og:image" content="{picture}">' in page
        assert '<meta name="robots" content="noindex">' in page
        assert response["X-Robots-Tag"] == "noindex"
        assert response["Referrer-Policy"] == "same-origin", "no other site learns the link; our own forms still work"
        shown = client.get(f"/s/{link.token}/picture.png")
        assert shown["Content-Type"] == "image/png"
        assert shown.content.startswith(b"\x89PNG\r\n")

    def test_looks_of_others_are_counted(self, alices: Client, link: ShareLink):
        alices.get(f"/s/{link.token}/")
        Client().head(f"/s/{link.token}/")
        for _ in range(2):
            Client().get(f"/s/{link.token}/")
        link.refresh_from_db()
        assert link.views_count == 2
        assert "No expiry. 2 views." in alices.get(f"/pieces/{link.piece_id}/").content.decode()

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_closed_links(self, client: Client, link: ShareLink, ending: str):
        address = f"/s/{link.token}/{ending}"
        assert client.get(address).status_code == 200
        assert client.post(address).status_code == 405
        link.expires_at = timezone.now()
        link.save()
        assert client.get(address).status_code == 410
        link.expires_at = None
        link.save()
        piece_trash(piece=link.piece)
        assert client.get(address).status_code == 410
        Piece.objects.update(trashed_at=None)
        assert client.get(address).status_code == 200
        User.objects.filter(username="alice").update(is_active=False)
        assert client.get(address).status_code == 410
        User.objects.filter(username="alice").update(is_active=True)
        share_link_revoke(link=link)
        response = client.get(address)
        assert response.status_code == 410
        assert "Nocturne" not in response.content.decode()

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_links_that_never_were(self, client: Client, ending: str):
        response = client.get(f"/s/nothing/{ending}")
        assert response.status_code == 404
        assert "Check that you copied the whole link." in response.content.decode()

    def test_an_upload_has_no_mark(self, client: Client, alice: User):
        piece = make_piece(member(alice), kind="upload", genre="", genre_name="Uploaded", file_name="secret.mid")
        page = client.get(f"/s/{share_link_create(piece=piece).token}/").content.decode()
        assert "neural network, note by note" not in page
        assert "secret.mid" not in page


class TestPicture:
    def pixels(self, png: bytes) -> tuple[int, int, bytes]:
        width, height = struct.unpack(">II", png[16:24])
        data = b"".join(re.findall(rb"IDAT(.*?).{4}\x00\x00\x00\x00IEND", png, re.DOTALL))
        return width, height, zlib.decompress(data)

    def test_notes_stand_where_the_roll_has_them(self):
        width, height, rows = self.pixels(roll_png([[0, 0, 120], [120, 31, 120]]))
        assert (width, height, len(rows)) == (1200, 630, 630 * 1201)
        place = lambda x, y: rows[y * 1201 + 1 + x]  # noqa: E731
        assert place(300, 528) == 2  # the lowest note, on the left, at the bottom
        assert place(900, 102) == 33  # the highest, on the right, at the top
        assert place(900, 528) == 0
        assert place(300, 110) == 0

    @pytest.mark.parametrize("roll", [[], None, [["x"]], [[0, 99, 1]], [[0, 1, 1]] * 5000])
    def test_any_roll_gives_a_picture(self, roll: Any):
        assert self.pixels(roll_png(roll))[:2] == (1200, 630)
