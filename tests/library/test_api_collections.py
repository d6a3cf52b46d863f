"""Collections, tags and links to share over the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from library.models import Collection, Piece, ShareLink
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/collections/"


@pytest.fixture
def client_of_alice(alice: User, client: Client) -> Client:
    client.force_login(alice)
    return client


def send(client: Client, method: str, address: str, body: Any = None) -> Any:
    return getattr(client, method)(address, body or {}, content_type="application/json")


@pytest.fixture
def pieces(alice: User) -> list[Piece]:
    return [factories.make_piece(factories.member(alice), title=title) for title in ("One", "Two", "Three")]


def ids(pieces: list[Piece]) -> dict[str, list[str]]:
    return {"ids": [str(piece.pk) for piece in pieces]}


def test_a_collection_from_its_beginning_to_its_end(client_of_alice: Client, pieces: list[Piece]) -> None:
    made = send(client_of_alice, "post", URL, {"title": "For the train"})
    assert (made.status_code, made.json()["pieces_count"]) == (201, 0)
    address = f"{URL}{made.json()['id']}/"
    assert send(client_of_alice, "post", f"{address}pieces/", ids(pieces)).json() == {"count": 3}
    assert send(client_of_alice, "post", f"{address}pieces/", ids(pieces)).json() == {"count": 0}
    one, two, three = pieces
    assert send(client_of_alice, "put", f"{address}pieces/", ids([three, one])).status_code == 204
    assert [piece["title"] for piece in client_of_alice.get(f"{address}pieces/?limit=2").json()["results"]] == [
        "Three", "One",
    ]  # fmt: skip
    following = client_of_alice.get(client_of_alice.get(f"{address}pieces/?limit=2").json()["next"]).json()
    assert [piece["title"] for piece in following["results"]] == ["Two"]
    assert client_of_alice.delete(f"{address}pieces/{two.pk}/").status_code == 204
    assert client_of_alice.delete(f"{address}pieces/{two.pk}/").status_code == 404
    changed = send(client_of_alice, "patch", address, {"description": "Loud."}).json()
    assert (changed["title"], changed["description"], changed["pieces_count"]) == ("For the train", "Loud.", 2)
    assert client_of_alice.delete(address).status_code == 204
    assert Piece.objects.count() == 3


def test_only_ones_own_pieces_come_in(client_of_alice: Client, bob: User) -> None:
    made = send(client_of_alice, "post", URL, {"title": "Mine"}).json()
    others = [factories.make_piece(factories.member(bob)), factories.make_piece(factories.guest(""), is_example=True)]
    assert send(client_of_alice, "post", f"{URL}{made['id']}/pieces/", ids(others)).json() == {"count": 0}


@pytest.mark.parametrize("title", ["", "x" * 201, "\u202e", None, 5 * ["x"]])
def test_a_title_that_is_none(client_of_alice: Client, title: Any) -> None:
    response = send(client_of_alice, "post", URL, {"title": title})
    assert (response.status_code, list(response.json()["errors"])) == (400, ["title"])
    assert not Collection.objects.exists()


def test_the_list_is_by_title_and_ones_own(client_of_alice: Client, alice: User, bob: User) -> None:
    for owner, title in ((alice, "b"), (alice, "A"), (bob, "c")):
        Collection.objects.create(owner=owner, title=title)
    assert [one["title"] for one in client_of_alice.get(URL).json()["results"]] == ["A", "b"]


def test_tags_with_how_many_pieces_have_them(client_of_alice: Client, pieces: list[Piece], bob: User) -> None:
    for piece, tags in zip(pieces, (["calm"], ["calm", "late"], []), strict=True):
        client_of_alice.patch(
            f"/api/v1/pieces/{piece.pk}/", {"tags": tags}, content_type="application/json", headers={"If-Match": "*"}
        )
    expected = [{"name": "calm", "pieces_count": 2}, {"name": "late", "pieces_count": 1}]
    assert client_of_alice.get("/api/v1/tags/").json() == expected
    other = Client()
    other.force_login(bob)
    assert other.get("/api/v1/tags/").json() == []


class TestShareLinks:
    def test_a_link_is_made_used_and_closed(self, client_of_alice: Client, pieces: list[Piece]) -> None:
        address = f"/api/v1/pieces/{pieces[0].pk}/share-links/"
        link = send(client_of_alice, "post", address).json()
        assert Client().get(link["url"]).status_code == 200
        (listed,) = client_of_alice.get(address).json()
        assert (listed["id"], listed["views_count"], listed["expires_at"]) == (link["id"], 1, None)
        assert client_of_alice.delete(f"/api/v1/share-links/{link['id']}/").status_code == 204
        assert Client().get(link["url"]).status_code == 410
        assert client_of_alice.get(address).json() == []

    def test_it_may_end_by_itself(self, client_of_alice: Client, pieces: list[Piece]) -> None:
        address = f"/api/v1/pieces/{pieces[0].pk}/share-links/"
        past = (timezone.now() - timedelta(days=1)).isoformat()
        assert list(send(client_of_alice, "post", address, {"expires_at": past}).json()["errors"]) == ["expires_at"]
        later = timezone.now() + timedelta(days=1)
        assert send(client_of_alice, "post", address, {"expires_at": later.isoformat()}).status_code == 201
        assert ShareLink.objects.get().expires_at == later
