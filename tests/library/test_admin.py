"""The administration of the library: found quickly, shown whole, changed through the services alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from library.models import Piece, Rendering, ShareLink
from library.services import collection_add, collection_create, pieces_tag, share_link_create
from tests import factories

pytestmark = pytest.mark.django_db
LISTS = ["piece", "tag", "collection", "sharelink", "rendering"]


@pytest.fixture
def staff(client: Client, carol: Any) -> Client:
    client.force_login(carol)
    return client


def fill(*users: Any) -> None:
    for user in users:
        piece = factories.make_piece(factories.member(user), title=f"<i>{user.username}'s</i>")
        this = Piece.objects.filter(pk=piece.pk)
        pieces_tag(pieces=this, user=user, names=["Late", user.username])
        collection_add(collection=collection_create(user=user, title="Set"), pieces=this)
        share_link_create(piece=piece)
        Rendering.objects.create(piece=piece, format="mp3")


@pytest.mark.parametrize("name", LISTS)
def test_lists_ask_as_much_for_many_as_for_one(staff: Client, alice: Any, name: str) -> None:
    fill(alice)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = staff.get(f"/admin/library/{name}/").content.decode()
        counts.append(len(queries))
        assert "alice" in page and "<i>" not in page
        fill(*(factories.make_user() for _ in range(4)))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", LISTS)
def test_a_row_is_shown_whole_and_cannot_be_written(staff: Client, alice: Any, name: str) -> None:
    fill(alice)
    listing = staff.get(f"/admin/library/{name}/").content.decode()
    row: Any = {"piece": Piece, "sharelink": ShareLink, "rendering": Rendering}.get(name)
    pk = row.objects.get().pk if row else listing.partition(f"/admin/library/{name}/")[2].partition("/")[0]
    if not row:
        pk = alice.tags.first().pk if name == "tag" else alice.collections.get().pk
    address = f"/admin/library/{name}/{pk}/change/"
    page = staff.get(address)
    assert page.status_code == 200
    assert ShareLink.objects.get().token not in page.content.decode() + listing
    assert staff.post(address, {"title": "Mine"}).status_code == 403
    assert staff.get(f"/admin/library/{name}/add/").status_code == 403


def test_pieces_are_found_by_words_name_and_id(staff: Client, alice: Any, bob: Any) -> None:
    fill(alice, bob)
    piece = Piece.objects.get(owner=alice)
    Piece.objects.filter(pk=piece.pk).update(title="The wanted one", search_text=" the wanted one")
    for words in ("want one", "alice", str(piece.pk), "\u202ealice"):
        page = staff.get("/admin/library/piece/", {"q": words}).content.decode()
        assert "The wanted one" in page and "bob&#x27;s" not in page, words
    assert "The wanted one" not in staff.get("/admin/library/piece/", {"q": "nothing"}).content.decode()


def test_states(staff: Client, alice: Any) -> None:
    owner, now = factories.member(alice), timezone.now()
    states: dict[str, dict[str, Any]] = {
        "A kept one": {},
        "A draft": {"is_draft": True, "expires_at": now + timedelta(days=1)},
        "A trashed one": {"trashed_at": now},
        "An old one": {"trashed_at": now - timedelta(days=31)},
    }
    for title, fields in states.items():
        factories.make_piece(owner, title=title, **fields)
    for state, titles in {
        "kept": {"A kept one"},
        "draft": {"A draft"},
        "trash": {"A trashed one", "An old one"},
        "due": {"An old one"},
    }.items():
        page = staff.get("/admin/library/piece/", {"state": state}).content.decode()
        assert {title for title in ("A kept one", "A draft", "A trashed one", "An old one") if title in page} == titles


def test_actions_go_through_the_services(staff: Client, alice: Any) -> None:
    fill(alice)
    piece = Piece.objects.get()

    def act(name: str, action: str, pk: Any) -> None:
        values = {"action": action, "_selected_action": [str(pk)], "post": "yes"}
        assert staff.post(f"/admin/library/{name}/", values).status_code == 302

    act("sharelink", "revoke", ShareLink.objects.get().pk)
    assert ShareLink.objects.get().revoked_at
    act("piece", "move_to_trash", piece.pk)
    assert Piece.objects.get().trashed_at
    act("piece", "take_from_trash", piece.pk)
    assert not Piece.objects.get().trashed_at
    act("piece", "delete_selected", piece.pk)
    assert not Piece.objects.exists()
    assert not piece.midi.storage.exists(str(piece.midi.name))


@pytest.mark.parametrize("name", LISTS)
def test_members_have_no_business_there(client: Client, alice: Any, name: str) -> None:
    client.force_login(alice)
    assert client.get(f"/admin/library/{name}/").status_code == 302
