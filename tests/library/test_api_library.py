"""The library over the API: finding, changing without losing others' changes, the trash, files."""

import io
import uuid
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.api_guests import guest_key_of_token, guest_token_new
from accounts.models import User
from accounts.tokens import token_create
from library.models import Piece, Rating, Rendering
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/pieces/"
ZIP = f"{URL}zip/"


@pytest.fixture
def client_of_alice(alice: User, client: Client) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def piece(alice: User) -> Piece:
    return factories.make_piece(factories.member(alice), title="Before")


def send(client: Client, method: str, address: str, body: Any = None, **headers: str) -> Any:
    return getattr(client, method)(address, body or {}, content_type="application/json", headers=headers)


def titles(client: Client, address: str = URL) -> list[str]:
    return [piece["title"] for piece in client.get(address).json()["results"]]


class TestFinding:
    def test_the_filters_of_the_page(self, client_of_alice: Client, alice: User) -> None:
        owner = factories.member(alice)
        now = timezone.now()
        factories.make_piece(owner, title="Slow", qpm=60, is_favourite=True, created_at=now)
        factories.make_piece(owner, title="Fast", qpm=180, is_draft=True, created_at=now - timedelta(days=2))
        factories.make_piece(owner, title="Trashed", trashed_at=now)
        factories.make_piece(factories.guest(), title="A guest's")
        for query, found in {
            "": ["Slow", "Fast"],
            "?sort=oldest": ["Fast", "Slow"],
            "?qpm_min=100": ["Fast"],
            "?favourite=1": ["Slow"],
            "?state=draft": ["Fast"],
            "?genre=rock": [],
        }.items():
            assert titles(client_of_alice, URL + query) == found, query

    @pytest.mark.parametrize(
        ("query", "field"),
        [("qpm_min=x", "qpm_min"), ("sort=loudest", "sort"), ("from=yesterday", "from"), ("after=x", "after"),
         ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("rating=5", "rating")],
    )  # fmt: skip
    def test_a_filter_that_is_none_names_itself(self, client_of_alice: Client, query: str, field: str) -> None:
        response = client_of_alice.get(f"{URL}?{query}")
        assert (response.status_code, list(response.json()["errors"])) == (400, [field])

    def test_pages_follow_the_address_that_each_names(self, client_of_alice: Client, alice: User) -> None:
        for number in range(5):
            factories.make_piece(factories.member(alice), title=f"T{number}", genre="rock" if number else "piano")
        address, found, pages = f"{URL}?sort=title&genre=rock&limit=3", [], 0
        while address:
            data = client_of_alice.get(address).json()
            found += [piece["title"] for piece in data["results"]]
            address, pages = data["next"], pages + 1
            assert pages < 5
        assert (found, pages) == (["T1", "T2", "T3", "T4"], 2)

    def test_a_list_costs_as_many_queries_however_long_it_is(
        self, client_of_alice: Client, alice: User, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(12):
            made = factories.make_piece(factories.member(alice))
            send(client_of_alice, "patch", f"{URL}{made.pk}/", {"tags": [f"t{number}", "all"]}, **{"If-Match": "*"})
        with django_assert_max_num_queries(5):
            data = client_of_alice.get(URL).json()
        assert all(len(piece["tags"]) == 2 for piece in data["results"])


class TestChanging:
    def test_a_change_of_the_version_that_was_read(self, client_of_alice: Client, piece: Piece) -> None:
        address = f"{URL}{piece.pk}/"
        etag = client_of_alice.get(address)["ETag"]
        change = {"title": "After", "comment": "Nice.", "is_favourite": True, "tags": ["calm", "Calm", "late"]}
        response = send(client_of_alice, "patch", address, change, **{"If-Match": etag})
        data = response.json()
        assert (response.status_code, data["title"], data["comment"], data["is_favourite"]) == (
            200, "After", "Nice.", True,
        )  # fmt: skip
        assert data["tags"] == ["calm", "late"]
        assert response["ETag"] != etag
        assert client_of_alice.get(address)["ETag"] == response["ETag"]

    def test_nobodys_change_is_lost(self, client_of_alice: Client, piece: Piece) -> None:
        address = f"{URL}{piece.pk}/"
        read = client_of_alice.get(address)["ETag"]
        assert send(client_of_alice, "patch", address, {"title": "First"}, **{"If-Match": read}).status_code == 200
        late = send(client_of_alice, "patch", address, {"title": "Second"}, **{"If-Match": read})
        assert (late.status_code, late.json()["type"]) == (412, "/api/v1/docs/#problem-changed-meanwhile")
        piece.refresh_from_db()
        assert piece.title == "First"

    @pytest.mark.parametrize(
        ("given", "status"), [("", 428), ('"999"', 412), ('W/"1"', 412), ('"999", "1"', 200), ("*", 200), ("1", 412)]
    )
    def test_which_version_is_meant(self, client_of_alice: Client, piece: Piece, given: str, status: int) -> None:
        assert piece.version == 1
        headers = {"If-Match": given} if given else {}
        assert send(client_of_alice, "patch", f"{URL}{piece.pk}/", {"title": "x"}, **headers).status_code == status

    def test_every_step_makes_a_version(self, client_of_alice: Client, piece: Piece) -> None:
        address = f"{URL}{piece.pk}/"
        seen = {client_of_alice.get(address)["ETag"]}
        for method, step, body in (
            ("put", "favourite/", {"is_favourite": True}), ("put", "rating/", {"rating": 1}), ("post", "trash/", {}),
            ("post", "restore/", {}),
        ):  # fmt: skip
            etag = send(client_of_alice, method, address + step, body)["ETag"]
            assert etag not in seen, step
            seen.add(etag)

    def test_what_is_unchanged_is_not_sent_again(self, client_of_alice: Client, piece: Piece) -> None:
        address = f"{URL}{piece.pk}/"
        etag = client_of_alice.get(address)["ETag"]
        same = client_of_alice.get(address, headers={"If-None-Match": etag})
        assert (same.status_code, same.content, same["ETag"]) == (304, b"", etag)
        assert client_of_alice.get(address, headers={"If-None-Match": '"x"'}).status_code == 200

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"title": ""}, "title"), ({"title": "x" * 201}, "title"), ({"title": "\u200b"}, "title"),
         ({"title": None}, "title"), ({"comment": "x" * 10_001}, "comment"), ({"tags": "calm"}, "tags"),
         ({"tags": ["a,b"]}, "tags"), ({"tags": ["x" * 51]}, "tags"), ({"is_favourite": "perhaps"}, "is_favourite")],
    )  # fmt: skip
    def test_what_is_wrong_is_told_by_field_and_changes_nothing(
        self, client_of_alice: Client, piece: Piece, change: dict[str, Any], field: str
    ) -> None:
        response = send(client_of_alice, "patch", f"{URL}{piece.pk}/", change, **{"If-Match": "*"})
        assert (response.status_code, list(response.json()["errors"])) == (400, [field])
        piece.refresh_from_db()
        assert (piece.title, piece.version) == ("Before", 1)

    def test_an_example_shows_nothing_of_its_owners_words(self, bob: User, piece: Piece, client: Client) -> None:
        Piece.objects.filter(pk=piece.pk).update(is_example=True, comment="Mine alone", is_favourite=True, rating=-1)
        client.force_login(bob)
        data = client.get(f"{URL}{piece.pk}/").json()
        assert (data["is_mine"], data["comment"], data["is_favourite"], data["rating"]) == (False, "", False, 0)
        assert send(client, "patch", f"{URL}{piece.pk}/", {"title": "x"}, **{"If-Match": "*"}).status_code == 404

    def test_guests_have_no_tags(self, guest_client: Client) -> None:
        mine = factories.make_piece()
        response = send(guest_client, "patch", f"{URL}{mine.pk}/", {"tags": ["x"]}, **{"If-Match": "*"})
        assert response.json()["errors"] == {"tags": ["Sign up to tag pieces."]}


class TestRating:
    def test_each_person_has_one(self, client_of_alice: Client, guest_client: Client) -> None:
        example = factories.make_piece(factories.guest(""), is_example=True)
        address, other = f"{URL}{example.pk}/rating/", Client()
        for value in (1, -1):
            assert send(guest_client, "put", f"{URL}{example.pk}/rating/", {"rating": value}).json() == {
                "rating": value
            }
        made = send(other, "put", f"{URL}{example.pk}/rating/", {"rating": 1})
        assert made["Guest-Token"]
        assert sorted(Rating.objects.values_list("value", flat=True)) == [-1, 1]
        send(guest_client, "put", address, {"rating": 0})
        assert Rating.objects.count() == 1

    @pytest.mark.parametrize("value", [2, -2, "x", None, True])
    def test_there_are_two_thumbs(self, client_of_alice: Client, piece: Piece, value: Any) -> None:
        response = send(client_of_alice, "put", f"{URL}{piece.pk}/rating/", {"rating": value})
        assert (response.status_code, list(response.json()["errors"])) == (400, ["rating"])


class TestTrash:
    def test_there_and_back_and_for_good(self, client_of_alice: Client, piece: Piece) -> None:
        address = f"{URL}{piece.pk}/"
        assert client_of_alice.delete(address).status_code == 409
        for _ in range(2):
            assert send(client_of_alice, "post", f"{address}trash/").json()["trashed_at"]
        assert titles(client_of_alice) == []
        assert titles(client_of_alice, "/api/v1/trash/") == ["Before"]
        assert client_of_alice.get(address).status_code == 404
        assert send(client_of_alice, "post", f"{address}restore/").json()["trashed_at"] is None
        assert titles(client_of_alice) == ["Before"]
        send(client_of_alice, "post", f"{address}trash/")
        assert client_of_alice.delete(address).status_code == 204
        assert not Piece.objects.exists()
        assert not default_storage.exists(str(piece.midi.name))

    def test_many_at_once_are_ones_own(self, client_of_alice: Client, piece: Piece, bob: User) -> None:
        of_bob = factories.make_piece(factories.member(bob))
        ids = [str(piece.pk), str(of_bob.pk), str(uuid.uuid4())]
        for action in ("tag", "trash", "delete"):
            body = {"ids": ids, "action": action, "tags": ["x"]}
            assert send(client_of_alice, "post", f"{URL}bulk/", body).json() == {"count": 1}, action
        of_bob.refresh_from_db()
        assert (of_bob.trashed_at, of_bob.tags.count(), Piece.objects.count()) == (None, 0, 1)

    def test_many_are_kept_at_once(self, client_of_alice: Client, alice: User) -> None:
        token = guest_token_new()
        guest = factories.guest(guest_key_of_token(token) or "")
        for owner, client, headers in (
            (factories.member(alice), client_of_alice, {}), (guest, Client(), {"Authorization": f"Guest {token}"}),
        ):  # fmt: skip
            soon = timezone.now() + timedelta(hours=1)
            draft = factories.make_piece(owner, is_draft=True, expires_at=soon)
            kept = factories.make_piece(owner)
            body = {"ids": [str(draft.pk), str(kept.pk)], "action": "keep"}
            assert send(client, "post", f"{URL}bulk/", body, **headers).json() == {"count": 1}
            draft.refresh_from_db()
            assert not draft.is_draft
            assert (draft.expires_at is None) == (owner.user is not None)
            assert draft.expires_at is None or draft.expires_at > soon

    def test_all_of_it_for_good(self, client_of_alice: Client, piece: Piece, alice: User, bob: User) -> None:
        mine, theirs = (factories.make_piece(owner, trashed_at=timezone.now())
                        for owner in (factories.member(alice), factories.member(bob)))  # fmt: skip
        for count in (1, 0):
            assert client_of_alice.delete("/api/v1/trash/").json() == {"count": count}
        assert set(Piece.objects.values_list("pk", flat=True)) == {piece.pk, theirs.pk}
        assert not default_storage.exists(str(mine.midi.name))

    def test_all_drafts_but_favourites(self, client_of_alice: Client, alice: User) -> None:
        owner = factories.member(alice)
        draft = factories.make_piece(owner, is_draft=True)
        factories.make_piece(owner, is_draft=True, is_favourite=True)
        factories.make_piece(owner)
        assert send(client_of_alice, "post", "/api/v1/drafts/trash/?genre=rock").json() == {"ids": []}
        assert send(client_of_alice, "post", "/api/v1/drafts/trash/?genre=").json() == {"ids": [str(draft.pk)]}
        assert len(titles(client_of_alice)) == 2


class TestFiles:
    def test_the_midi_file_and_its_parts(self, client_of_alice: Client, piece: Piece) -> None:
        response = client_of_alice.get(f"{URL}{piece.pk}/midi/")
        assert (response["Content-Type"], response.content) == ("audio/midi", factories.TINY_MIDI)
        assert response["Content-Disposition"] == 'attachment; filename="before.mid"'
        part = client_of_alice.get(f"{URL}{piece.pk}/midi/", headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.content) == (206, b"MThd")
        behind = client_of_alice.get(f"{URL}{piece.pk}/midi/", headers={"Range": "bytes=999999-"})
        assert (behind.status_code, behind["Content-Type"]) == (416, "application/problem+json")
        assert behind["Content-Range"] == f"bytes */{piece.size_bytes}"

    def test_a_file_that_is_gone_is_a_problem_not_a_page(self, client_of_alice: Client, piece: Piece) -> None:
        default_storage.delete(str(piece.midi.name))
        for ending in ("midi/", "voices/"):
            response = client_of_alice.get(f"{URL}{piece.pk}/{ending}")
            assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")

    def test_a_storage_that_is_away(self, client_of_alice: Client, piece: Piece, monkeypatch: Any) -> None:
        def away(*args: Any, **kwargs: Any) -> None:
            raise OSError("away")

        for name in ("open", "stream"):
            monkeypatch.setattr(default_storage, name, away)
        for ending in ("midi/", "voices/"):
            response = client_of_alice.get(f"{URL}{piece.pk}/{ending}")
            assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")

    def test_voices_come_as_a_zip(self, client_of_alice: Client, piece: Piece) -> None:
        response = client_of_alice.get(f"{URL}{piece.pk}/voices/")
        assert response["Content-Type"] == "application/zip"
        assert len(zipfile.ZipFile(io.BytesIO(response.content)).namelist()) == 1

    def test_many_come_as_the_zip_of_the_page(
        self, client_of_alice: Client, piece: Piece, alice: User, bob: User
    ) -> None:
        new = factories.make_piece(factories.member(alice), title="Before")
        of_bob = factories.make_piece(factories.member(bob), title="Bob's")
        in_trash = factories.make_piece(factories.member(alice), trashed_at=timezone.now())
        ids = [str(one.pk) for one in (piece, of_bob, in_trash, new)]
        response = send(client_of_alice, "post", ZIP, {"ids": ids})
        assert response["Content-Type"] == "application/zip"
        assert response["Content-Disposition"] == 'attachment; filename="pieces.zip"'
        data = response.getvalue()
        assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["README.txt", "before.mid", "before-2.mid"]
        assert client_of_alice.post("/library/zip/", {"piece": ids}).getvalue() == data

    def test_a_zip_has_a_size_and_something_in_it(self, client_of_alice: Client, piece: Piece, bob: User) -> None:
        of_bob = factories.make_piece(factories.member(bob))
        assert send(client_of_alice, "post", ZIP, {"ids": [str(of_bob.pk)]}).status_code == 404
        for wrong in ([], ["x"], [str(uuid.uuid4()) for _ in range(501)], None):
            response = send(client_of_alice, "post", ZIP, {"ids": wrong})
            assert (response.status_code, list(response.json()["errors"])) == (400, ["ids"])

    def test_a_token_that_only_reads_may_have_the_zip(self, alice: User, piece: Piece) -> None:
        for scope, status in (("read", 200), ("write", 403)):
            _, token = token_create(user=alice, name="t", scopes=[scope])
            headers = {"Authorization": f"Bearer {token}"}
            assert send(Client(), "post", ZIP, {"ids": [str(piece.pk)]}, **headers).status_code == status

    def test_a_sound_file_is_asked_for_watched_and_cancelled(self, client_of_alice: Client, piece: Piece) -> None:
        address = f"{URL}{piece.pk}/audio/mp3/"
        assert client_of_alice.get(address).status_code == 404
        made = send(client_of_alice, "post", address)
        assert (made.status_code, made.json()["status"]) == (202, "queued")
        assert int(made["Retry-After"]) > 0
        assert client_of_alice.get(address).status_code == 202
        assert [one["format"] for one in client_of_alice.get(f"{URL}{piece.pk}/audio/").json()] == ["mp3"]
        assert client_of_alice.delete(address).status_code == 204
        assert client_of_alice.get(address).status_code == 404
        assert send(client_of_alice, "post", f"{URL}{piece.pk}/audio/exe/").status_code == 404

    def test_a_sound_file_that_failed_says_why(self, client_of_alice: Client, piece: Piece) -> None:
        Rendering.objects.create(piece=piece, format="wav", status="failed", error_message="No sound for that.")
        response = client_of_alice.get(f"{URL}{piece.pk}/audio/wav/")
        assert (response.status_code, response.json()["detail"]) == (409, "No sound for that.")


class TestUpload:
    def upload(self, client: Client, data: bytes, name: str = "my song.mid") -> Any:
        return client.post(f"{URL}upload/", {"file": SimpleUploadedFile(name, data)})

    def test_a_file_becomes_a_piece_once(self, client_of_alice: Client) -> None:
        made = self.upload(client_of_alice, factories.TINY_MIDI)
        assert made.status_code == 201
        (result,) = made.json()["results"]
        assert (result["outcome"], result["piece"]["kind"], result["piece"]["file_name"]) == (
            "accepted", "upload", "my song.mid",
        )  # fmt: skip
        again = self.upload(client_of_alice, factories.TINY_MIDI, "other.mid")
        assert (again.status_code, again.json()["results"][0]["outcome"]) == (200, "there")
        assert again.json()["results"][0]["piece"]["id"] == result["piece"]["id"]
        assert Piece.objects.count() == 1

    def test_a_zip_is_told_file_by_file(self, client_of_alice: Client) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("good.mid", factories.TINY_MIDI)
            archive.writestr("bad.mid", b"no music")
            archive.writestr("cover.png", b"")
            archive.writestr("__MACOSX/._good.mid", b"")
        response = self.upload(client_of_alice, stream.getvalue(), "all.zip")
        outcomes = {result["name"]: result["outcome"] for result in response.json()["results"]}
        assert (response.status_code, outcomes) == (201, {
            "good.mid": "accepted", "bad.mid": "refused", "cover.png": "skipped", "1 system file skipped": "skipped",
        })  # fmt: skip

    def test_a_file_of_the_system_alone_is_no_music(self, client_of_alice: Client) -> None:
        response = self.upload(client_of_alice, factories.TINY_MIDI, "._Rain.mid")
        assert response.status_code == 400
        assert response.json()["errors"]["file"][0].startswith("1 system file skipped")

    @pytest.mark.parametrize("data", [b"", b"no music", b"PK no zip", b"MThd" + 2**20 * b"x"], ids=range(4))
    def test_what_is_no_music_is_told_beside_the_field(self, client_of_alice: Client, data: bytes) -> None:
        response = self.upload(client_of_alice, data)
        assert (response.status_code, list(response.json()["errors"])) == (400, ["file"])
        assert not Piece.objects.exists()

    def test_guests_are_told_to_sign_up(self, guest_client: Client) -> None:
        assert self.upload(guest_client, factories.TINY_MIDI).status_code == 401
