"""What two tabs of one member, or a page and a script, change at the same moment: nothing of either is lost."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from library.models import Collection, Piece, Rating, Tag
from library.services import collection_create
from tests.at_once import at_once
from tests.factories import make_piece, member

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 6


@pytest.fixture
def piece(alice: User) -> Piece:
    return make_piece(member(alice), title="Ode")


@pytest.fixture
def browsers(alice: User) -> list[Client]:
    """Of alice, signed in."""
    clients = [Client() for _ in range(AT_ONCE)]
    for client in clients:
        client.force_login(alice)
    return clients


def statuses(browsers: list[Client], act: Callable[[Client, int], Any]) -> list[int]:
    """Of the answers that the browsers get, who all act at the same moment."""
    acts = [partial(act, browser, index) for index, browser in enumerate(browsers)]
    return [response.status_code for response in at_once(*acts)]


def test_tags_put_on_one_piece(browsers: list[Client], piece: Piece) -> None:
    def tag(client: Client, index: int) -> Any:
        body = {"ids": [str(piece.pk)], "action": "tag", "tags": [f"tag {index}", "shared"]}
        return client.post("/api/v1/pieces/bulk/", body, content_type="application/json")

    assert statuses(browsers, tag) == [200] * AT_ONCE
    names = {f"tag {index}" for index in range(AT_ONCE)} | {"shared"}
    assert set(piece.tags.values_list("name", flat=True)) == names
    assert Tag.objects.count() == AT_ONCE + 1
    piece.refresh_from_db()
    assert all(name in piece.search_text for name in names)


def test_a_tag_taken_off_here_and_put_on_there(browsers: list[Client], piece: Piece, alice: User) -> None:
    others = [make_piece(member(alice)) for _ in range(AT_ONCE)]
    for one in (piece, *others[::2]):
        one.tags.add(Tag.objects.get_or_create(owner=alice, name="idea")[0])

    def change(client: Client, index: int) -> Any:
        action = "untag" if index % 2 == 0 else "tag"
        body = {"ids": [str(others[index].pk)], "action": action, "tags": ["idea"]}
        return client.post("/api/v1/pieces/bulk/", body, content_type="application/json")

    assert statuses(browsers, change) == [200] * AT_ONCE
    assert set(Piece.objects.filter(tags__name="idea")) == {piece, *others[1::2]}


def test_one_piece_put_into_one_collection(browsers: list[Client], piece: Piece, alice: User) -> None:
    collection = collection_create(user=alice, title="Best of")
    others = [make_piece(member(alice)) for _ in range(AT_ONCE)]

    def add(client: Client, index: int) -> Any:
        body = {"ids": [str(piece.pk), str(others[index].pk)]}
        return client.post(f"/api/v1/collections/{collection.pk}/pieces/", body, content_type="application/json")

    assert set(statuses(browsers, add)) <= {200, 201}
    items = list(Collection.objects.get().items.order_by("position"))
    assert {item.piece for item in items} == {piece, *others}
    assert [item.position for item in items] == list(range(AT_ONCE + 1))


def test_one_person_rates_twice(browsers: list[Client], piece: Piece) -> None:
    def rate(client: Client, index: int) -> Any:
        body = {"rating": 1 if index % 2 else -1}
        return client.put(f"/api/v1/pieces/{piece.pk}/rating/", body, content_type="application/json")

    assert statuses(browsers, rate) == [200] * AT_ONCE
    piece.refresh_from_db()
    assert Rating.objects.get().value == piece.rating


def test_a_star_and_a_new_title(browsers: list[Client], piece: Piece) -> None:
    def change(client: Client, index: int) -> Any:
        if index % 2:
            starred = {"is_favourite": True}
            return client.put(f"/api/v1/pieces/{piece.pk}/favourite/", starred, content_type="application/json")
        body = {"title": "Ode to spring", "comment": "", "tags": "spring"}
        return client.post(reverse("library:piece-edit", args=[piece.pk]), body)

    assert set(statuses(browsers, change)) == {200, 302}
    piece.refresh_from_db()
    assert (piece.title, piece.is_favourite) == ("Ode to spring", True)
    assert [tag.name for tag in piece.tags.all()] == ["spring"]


def test_of_changes_to_one_version_one_counts(browsers: list[Client], piece: Piece) -> None:
    etag = browsers[0].get(f"/api/v1/pieces/{piece.pk}/")["ETag"]

    def change(client: Client, index: int) -> Any:
        url = f"/api/v1/pieces/{piece.pk}/"
        if index == 0:
            return client.post(f"{url}trash/")
        return client.patch(
            url, {"title": f"Title {index}"}, content_type="application/json", headers={"If-Match": etag}
        )

    trashed, *changed = statuses(browsers, change)
    assert trashed == 200
    assert changed.count(200) <= 1 and set(changed) <= {200, 404, 412}
    piece.refresh_from_db()
    assert piece.trashed_at is not None
    assert (piece.title != "Ode") == (200 in changed)
