"""What is done with many pieces at once, by the form of the library."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from library.models import Collection, Piece
from library.services import collection_create
from tests.factories import make_piece, member

pytestmark = pytest.mark.django_db
URL = "/library/bulk/"


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def send(client: Client, do: str, pieces: list[Piece], **data: Any) -> Any:
    return client.post(URL, {"do": do, "piece": [str(piece.pk) for piece in pieces], **data}, follow=True)


def test_tagging(alices: Client, alice: User):
    pieces = [make_piece(member(alice)) for _ in range(3)]
    page = send(alices, "tag", pieces[:2], tags="calm, late night").content.decode()
    assert "2 pieces tagged." in page
    assert [sorted(tag.name for tag in piece.tags.all()) for piece in pieces] == [["calm", "late night"]] * 2 + [[]]
    assert "Enter a tag first." in send(alices, "tag", pieces, tags=" , ").content.decode()
    assert "at most 50" in send(alices, "tag", pieces, tags="x" * 51).content.decode()


def test_collecting_into_one_that_is_there_and_a_new_one(alices: Client, alice: User, bob: User):
    pieces = [make_piece(member(alice)) for _ in range(2)]
    mine, bobs = collection_create(user=alice, title="Evening"), collection_create(user=bob, title="Bobs")
    assert "2 pieces added to “Evening”." in send(alices, "collect", pieces, collection=mine.pk).content.decode()
    send(alices, "collect", pieces[:1], collection=mine.pk)
    assert mine.items.count() == 2
    send(alices, "collect", pieces[:1], collection="")
    assert Collection.objects.of(alice).count() == 2
    for wrong in (bobs.pk, 10**9, "x", "-1", "9" * 30):
        assert send(alices, "collect", pieces, collection=wrong).status_code == 404
    assert not bobs.items.exists()


def test_keeping(alices: Client, alice: User):
    draft, kept = make_piece(member(alice), is_draft=True), make_piece(member(alice))
    assert "1 piece kept." in send(alices, "keep", [draft, kept]).content.decode()
    draft.refresh_from_db()
    assert not draft.is_draft


def test_trash_and_undo(alices: Client, alice: User):
    pieces = [make_piece(member(alice)) for _ in range(3)]
    page = send(alices, "trash", pieces[:2]).content.decode()
    assert "2 pieces moved to trash." in page
    assert Piece.objects.in_library(member(alice)).count() == 1
    moment = Piece.objects.exclude(trashed_at=None).values_list("trashed_at", flat=True)[0]
    assert moment
    back = alices.post("/library/undo/", {"trashed_at": moment.isoformat()}, follow=True)
    assert "2 pieces restored." in back.content.decode()
    assert Piece.objects.in_library(member(alice)).count() == 3


@pytest.mark.parametrize("do", ["tag", "collect", "keep", "trash"])
def test_pieces_of_others_are_passed_over(alices: Client, bob: User, do: str):
    theirs = make_piece(member(bob), is_draft=True)
    page = send(alices, do, [theirs], tags="calm", collection="").content.decode()
    assert "Select some pieces first." in page
    again = Piece.objects.get(pk=theirs.pk)
    assert (again.trashed_at, again.is_draft, again.tags.count(), again.collections.count()) == (None, True, 0, 0)


def test_guests_have_the_trash_but_no_tags_and_no_collections(guest_client: Client):
    piece = make_piece()
    for do in ("tag", "collect"):
        assert send(guest_client, do, [piece], tags="calm").status_code == 404
    assert "1 piece moved to trash." in send(guest_client, "trash", [piece]).content.decode()


def test_nonsense(alices: Client, alice: User):
    piece = make_piece(member(alice))
    assert send(alices, "explode", [piece]).status_code == 400
    assert alices.post(URL, {"do": "trash", "piece": ["x", "", str(piece.pk) + "x"]}).status_code == 302
    assert alices.post(URL, {"do": "trash"}).status_code == 302
    assert alices.get(URL).status_code == 405
    assert Piece.objects.in_library(member(alice)).count() == 1


def test_visitors_change_nothing(client: Client, alice: User):
    piece = make_piece(member(alice))
    assert "Select some pieces first." in send(client, "trash", [piece]).content.decode()
    assert Piece.objects.in_library(member(alice)).exists()
