"""The pages of collections: the list, one of them, its order."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from library.models import Collection, Piece
from library.services import collection_add, collection_create
from tests.factories import make_piece, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def evening(alice: User) -> Collection:
    """Three pieces: A, B, C."""
    collection = collection_create(user=alice, title="Evening", description="When the light goes.")
    now = timezone.now()
    for number, title in enumerate("ABC"):
        piece = make_piece(member(alice), title=f"Piece {title}", created_at=now + timedelta(minutes=number))
        collection_add(collection=collection, pieces=Piece.objects.filter(pk=piece.pk))
    return collection


def titles(collection: Collection) -> str:
    items = collection.items.select_related("piece").order_by("position", "pk")
    return "".join(item.piece.title[-1] for item in items)


def ids(collection: Collection) -> dict[str, str]:
    return {item.piece.title[-1]: str(item.piece_id) for item in collection.items.select_related("piece")}


class TestList:
    def test_own_ones_with_their_pieces(self, alices: Client, evening: Collection, bob: User):
        collection_create(user=bob, title="Bobs")
        Piece.objects.filter(title="Piece C").update(trashed_at=timezone.now())
        page = alices.get("/collections/").content.decode()
        assert "Evening" in page
        assert "2 pieces · 0:30" in page
        assert "Bobs" not in page

    @pytest.mark.parametrize("path", ["/library/", "/collections/", "/generations/", "/library/trash/"])
    def test_every_part_of_the_library_is_marked_in_the_navigation(self, alices: Client, path: str):
        assert '<a href="/library/" aria-current="page">Library</a>' in alices.get(path).content.decode()

    def test_making_one(self, alices: Client, alice: User):
        response = alices.post("/collections/", {"title": " Morning ", "description": "Bright"})
        made = Collection.objects.of(alice).get()
        assert (response.status_code, response["Location"]) == (302, f"/collections/{made.pk}/")
        assert (made.title, made.description) == ("Morning", "Bright")

    @pytest.mark.parametrize("title", ["", "   ", "x" * 201])
    def test_a_name_is_needed(self, alices: Client, title: str):
        response = alices.post("/collections/", {"title": title, "description": "Bright"})
        assert response.status_code == 422
        assert "Bright" in response.content.decode()
        assert 'aria-invalid="true"' in response.content.decode()
        assert not Collection.objects.exists()

    def test_guests_are_asked_to_sign_in(self, guest_client: Client, evening: Collection):
        for address in ("/collections/", f"/collections/{evening.pk}/"):
            response = guest_client.get(address)
            assert (response.status_code, response["Location"]) == (302, f"/account/login/?next={address}")
        assert guest_client.post("/collections/", {"title": "Mine"}).status_code == 302
        assert Collection.objects.count() == 1

    def test_more_of_them_ask_the_database_no_more(self, alices: Client, alice: User):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                alices.get("/collections/")
            return len(captured)

        collection_create(user=alice, title="One")
        alices.get("/collections/")
        few = queries()
        for number in range(5):
            collection_create(user=alice, title=f"More {number}")
        assert queries() == few


class TestOne:
    def test_its_pieces_in_order(self, alices: Client, evening: Collection):
        page = alices.get(f"/collections/{evening.pk}/").content.decode()
        assert page.index("Piece A") < page.index("Piece B") < page.index("Piece C")
        assert "When the light goes." in page
        assert "3 pieces, 0:45" in page
        assert page.count("data-play-item") == 3

    def test_an_empty_one(self, alices: Client, alice: User):
        empty = collection_create(user=alice, title="Empty")
        assert "No pieces yet" in alices.get(f"/collections/{empty.pk}/").content.decode()

    def test_nobody_else_sees_or_changes_it(self, evening: Collection, bob: User, carol: User):
        piece = ids(evening)["A"]
        for user in (bob, carol):
            client = Client()
            client.force_login(user)
            assert client.get(f"/collections/{evening.pk}/").status_code == 404
            for ending in ("edit", "delete", "order", f"pieces/{piece}/remove"):
                assert client.post(f"/collections/{evening.pk}/{ending}/", {"title": "x"}).status_code == 404
                assert Client().post(f"/collections/{evening.pk}/{ending}/", {"title": "x"}).status_code == 404
        evening.refresh_from_db()
        assert (evening.title, titles(evening)) == ("Evening", "ABC")

    def test_wrong_methods_and_ids(self, alices: Client, evening: Collection):
        piece = ids(evening)["A"]
        for ending in ("edit", "delete", "order", f"pieces/{piece}/remove"):
            assert alices.get(f"/collections/{evening.pk}/{ending}/").status_code == 405
            assert alices.post(f"/collections/{evening.pk + 1}/{ending}/").status_code == 404
        assert alices.post(f"/collections/{evening.pk}/").status_code == 405
        assert alices.get("/collections/99999999999999999999/").status_code == 404

    def test_more_pieces_ask_the_database_no_more(self, alices: Client, alice: User, evening: Collection):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                alices.get(f"/collections/{evening.pk}/")
            return len(captured)

        few = queries()
        more = [make_piece(member(alice)).pk for _ in range(10)]
        collection_add(collection=evening, pieces=Piece.objects.filter(pk__in=more))
        assert queries() == few


class TestChanges:
    def test_renaming(self, alices: Client, evening: Collection):
        response = alices.post(f"/collections/{evening.pk}/edit/", {"title": "Night", "description": ""})
        assert response.status_code == 302
        evening.refresh_from_db()
        assert (evening.title, evening.description) == ("Night", "")
        assert alices.post(f"/collections/{evening.pk}/edit/", {"title": ""}).status_code == 422

    def test_deleting_leaves_the_pieces(self, alices: Client, alice: User, evening: Collection):
        page = alices.post(f"/collections/{evening.pk}/delete/", follow=True).content.decode()
        assert "Its pieces are still in your library." in page
        assert not Collection.objects.exists()
        assert Piece.objects.in_library(member(alice)).count() == 3

    def test_taking_a_piece_out(self, alices: Client, evening: Collection):
        alices.post(f"/collections/{evening.pk}/pieces/{ids(evening)['B']}/remove/")
        assert titles(evening) == "AC"

    @pytest.mark.parametrize(
        ("piece", "by", "order"),
        [("B", "-1", "BAC"), ("B", "1", "ACB"), ("A", "-1", "ABC"), ("C", "1", "ABC"), ("A", "7", "ABC")],
    )
    def test_moving_by_the_buttons(self, alices: Client, evening: Collection, piece: str, by: str, order: str):
        response = alices.post(f"/collections/{evening.pk}/order/", {"move": f"{ids(evening)[piece]} {by}"})
        assert (response.status_code, titles(evening)) == (302, order)

    @pytest.mark.parametrize(("wanted", "order"), [("CAB", "CAB"), ("C", "CAB"), ("", "ABC")])
    def test_a_whole_new_order(self, alices: Client, evening: Collection, wanted: str, order: str):
        known = ids(evening)
        alices.post(f"/collections/{evening.pk}/order/", {"order": ",".join(known[letter] for letter in wanted)})
        assert titles(evening) == order

    @pytest.mark.parametrize("data", [{}, {"move": "x"}, {"move": " "}, {"order": "x,,y"}])
    def test_nonsense_changes_nothing(self, alices: Client, evening: Collection, data: dict[str, Any]):
        assert alices.post(f"/collections/{evening.pk}/order/", data).status_code == 302
        assert titles(evening) == "ABC"
