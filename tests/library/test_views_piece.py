"""What an owner does with one piece: its page, editing, rating, keeping, the trash."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from library.models import Collection, Piece, Rating
from library.services import collection_create, share_link_create
from tests.factories import guest, make_piece, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def others(bob: User, carol: User) -> list[Client]:
    """A visitor, another member, and staff, who is nobody's owner either."""
    clients = [Client(), Client(), Client()]
    clients[1].force_login(bob)
    clients[2].force_login(carol)
    return clients


def post(client: Client, piece: Piece, what: str, **data: Any) -> Any:
    return client.post(f"/pieces/{piece.pk}/{what}/", data)


class TestForAll:
    @pytest.mark.parametrize("what", ["edit", "keep", "favourite", "trash", "restore", "delete", "share"])
    def test_only_the_owner_and_only_by_post(self, alices: Client, alice: User, bob: User, carol: User, what: str):
        trashed_at = timezone.now() if what in ("restore", "delete") else None
        piece = make_piece(member(alice), is_draft=True, trashed_at=trashed_at)
        for client in others(bob, carol):
            assert post(client, piece, what, title="Taken").status_code == 404
        assert alices.get(f"/pieces/{piece.pk}/{what}/").status_code == 405
        assert alices.post(f"/pieces/{uuid.uuid4()}/{what}/").status_code == 404
        again = Piece.objects.get(pk=piece.pk)
        assert (again.title, again.is_draft, again.trashed_at) == (piece.title, True, piece.trashed_at)

    @pytest.mark.parametrize("what", ["edit", "keep", "favourite", "rate", "trash", "share"])
    def test_what_is_in_the_trash_is_left_there(self, alices: Client, alice: User, what: str):
        piece = make_piece(member(alice), trashed_at=timezone.now())
        assert post(alices, piece, what).status_code == 404
        assert alices.get(f"/pieces/{piece.pk}/").status_code == 404
        assert alices.get(f"/pieces/{piece.pk}/midi/").status_code == 404

    @pytest.mark.parametrize("what", ["restore", "delete"])
    def test_only_from_the_trash(self, alices: Client, alice: User, what: str):
        piece = make_piece(member(alice))
        assert post(alices, piece, what).status_code == 404
        assert Piece.objects.filter(pk=piece.pk).exists()


class TestEdit:
    def test_title_notes_tags_and_collections(self, alices: Client, alice: User):
        piece = make_piece(member(alice))
        old = collection_create(user=alice, title="Old")
        data = {"title": " A  new title ", "comment": "Play it\nslowly.", "tags": "Calm, night , calm,"}
        response = post(alices, piece, "edit", **data, collections=[old.pk], new_collection="New")
        assert (response.status_code, response["Location"]) == (302, f"/pieces/{piece.pk}/")
        piece.refresh_from_db()
        assert piece.title == "A new title"
        assert piece.comment == "Play it\nslowly."
        assert sorted(tag.name.lower() for tag in piece.tags.all()) == ["calm", "night"]
        assert {one.title for one in piece.collections.all()} == {"Old", "New"}
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        for wanted in ("A new title", "Play it<br>slowly.", "?tag=night", "Saved."):
            assert wanted in page
        post(alices, piece, "edit", title="A new title", comment="", tags="")
        assert not piece.tags.exists()
        assert not piece.collections.exists()
        assert Collection.objects.count() == 2

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            ({"title": ""}, "Enter a title."),
            ({"title": "x" * 201}, "at most 200 characters"),
            ({"title": "ok", "tags": "x" * 51}, "at most 50"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
        self, alices: Client, alice: User, data: dict[str, str], sentence: str
    ):
        piece = make_piece(member(alice), title="Before")
        response = post(alices, piece, "edit", comment="Written with care", **data)
        page = response.content.decode()
        assert response.status_code == 422
        assert sentence in page
        assert "Written with care" in page
        piece.refresh_from_db()
        assert (piece.title, piece.comment) == ("Before", "")

    def test_somebody_elses_collection_is_not_on_offer(self, alices: Client, alice: User, bob: User):
        piece, bobs = make_piece(member(alice)), collection_create(user=bob, title="Bobs")
        assert post(alices, piece, "edit", title="x", collections=[bobs.pk]).status_code == 422
        assert not bobs.items.exists()

    def test_a_guest_may_rename_but_has_no_tags(self, guest_client: Client):
        piece = make_piece(title="Before")
        post(guest_client, piece, "edit", title="After", comment="", tags="calm", new_collection="None")
        piece.refresh_from_db()
        assert piece.title == "After"
        assert not piece.tags.exists()
        assert not Collection.objects.exists()

    @pytest.mark.parametrize("title", ["\u202eevil", "<b>bold</b>", "../../etc", "🎹" * 50])
    def test_hostile_titles_are_text(self, alices: Client, alice: User, title: str):
        piece = make_piece(member(alice))
        assert post(alices, piece, "edit", title=title).status_code in (302, 422)
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        assert "<b>bold" not in page


class TestSigns:
    def test_favourite_and_back(self, alices: Client, alice: User):
        piece = make_piece(member(alice))
        for value, wanted in (("1", True), ("1", True), ("0", False)):
            post(alices, piece, "favourite", is_favourite=value)
            piece.refresh_from_db()
            assert piece.is_favourite is wanted

    def test_the_owners_thumb_stands_on_the_piece(self, alices: Client, alice: User):
        piece = make_piece(member(alice))
        for value in ("1", "-1", "0"):
            assert post(alices, piece, "rate", value=value).status_code == 302
            piece.refresh_from_db()
            assert piece.rating == int(value)

    def test_others_may_rate_what_they_may_hear(self, alices: Client, alice: User, bob: User, carol: User):
        example, private = make_piece(guest(""), is_example=True), make_piece(member(alice))
        for client in others(bob, carol):
            assert post(client, example, "rate", value="1").status_code == 302
            assert post(client, private, "rate", value="1").status_code == 404
            page = client.get(f"/pieces/{example.pk}/").content.decode()
            assert 'name="value" value="0" aria-pressed="true" aria-label="Like"' in page
        assert Rating.objects.filter(piece=example, value=1).count() == 3
        example.refresh_from_db()
        assert example.rating == 0

    @pytest.mark.parametrize("value", ["2", "x", ""])
    def test_no_other_thumbs(self, alices: Client, alice: User, value: str):
        assert post(alices, make_piece(member(alice)), "rate", value=value).status_code == 400


class TestWords:
    def test_what_is_written_about_a_piece_is_no_number_of_notes(self, alices: Client, alice: User):
        piece = make_piece(member(alice), comment="For the train", notes_count=442)
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        assert '<label for="piece-comment">Comments</label>' in page
        assert 'aria-label="Comments"><p><bdi>For the train' in page
        assert page.count(">Notes<") == 1
        assert "<dt>Notes</dt><dd>442</dd>" in page


class TestKeep:
    def test_a_draft_becomes_a_piece_of_its_owner(self, alices: Client, alice: User):
        piece = make_piece(member(alice), is_draft=True, expires_at=timezone.now() + timedelta(days=1))
        assert "This is a draft" in alices.get(f"/pieces/{piece.pk}/").content.decode()
        response = post(alices, piece, "keep")
        assert (response.status_code, response["Location"]) == (302, f"/pieces/{piece.pk}/")
        assert "This is a draft" not in alices.get(f"/pieces/{piece.pk}/").content.decode()

    def test_a_guest_is_promised_nothing_that_only_an_account_holds(self, guest_client: Client):
        piece = make_piece(is_draft=True, expires_at=timezone.now() + timedelta(days=1))
        page = guest_client.get(f"/pieces/{piece.pk}/").content.decode()
        assert "unless you save it with an account" in page
        assert 'href="#keep-title" data-save-with-account>Save with an account</a>' in page
        assert 'id="keep-title"' in page
        assert "data-keep-here" not in page

    def test_a_member_keeps(self, alices: Client, alice: User):
        piece = make_piece(member(alice), is_draft=True, expires_at=timezone.now() + timedelta(days=1))
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        assert "data-keep-here" in page
        assert "Save with an account" not in page


class TestTrash:
    def test_there_and_back_by_the_button_of_the_notice(self, alices: Client, alice: User):
        piece = make_piece(member(alice), title="Nocturne")
        response = alices.post(f"/pieces/{piece.pk}/trash/", follow=True)
        assert response.redirect_chain == [("/library/", 302)]
        page = response.content.decode()
        assert "“Nocturne” moved to trash." in page
        piece.refresh_from_db()
        assert piece.trashed_at is not None
        moment = piece.trashed_at.isoformat()
        assert f'formaction="/library/undo/" name="trashed_at" value="{moment}"' in page
        alices.post("/library/undo/", {"trashed_at": moment})
        piece.refresh_from_db()
        assert piece.trashed_at is None

    def test_a_title_in_the_notice_is_text(self, alices: Client, alice: User):
        piece = make_piece(member(alice), title="<b>x</b>")
        assert "<b>x</b>" not in alices.post(f"/pieces/{piece.pk}/trash/", follow=True).content.decode()

    def test_restore_and_delete(self, alices: Client, alice: User):
        kept, gone = (make_piece(member(alice), trashed_at=timezone.now()) for _ in range(2))
        page = alices.get("/library/trash/").content.decode()
        assert kept.title in page
        assert gone.title in page
        assert post(alices, kept, "restore")["Location"] == "/library/trash/"
        assert post(alices, gone, "delete")["Location"] == "/library/trash/"
        assert list(Piece.objects.in_library(member(alice))) == [kept]
        assert not Piece.objects.in_trash(member(alice)).exists()
        assert "The trash is empty" in alices.get("/library/trash/").content.decode()

    def test_the_page_shows_own_pieces_and_the_days_left(self, alices: Client, alice: User, bob: User):
        make_piece(member(alice), title="Mine", trashed_at=timezone.now() - timedelta(days=20, hours=1))
        make_piece(member(bob), title="Bobs", trashed_at=timezone.now())
        make_piece(member(alice), title="Not here")
        page = alices.get("/library/trash/").content.decode()
        assert "10 days left" in page
        for hidden in ("Bobs", "Not here"):
            assert hidden not in page
        assert "The trash is empty" in Client().get("/library/trash/").content.decode()
        assert alices.post("/library/trash/").status_code == 405

    def test_a_guest_is_told_that_pieces_expire_in_the_trash_too(self, guest_client: Client, settings: Any):
        settings.GUEST_DAYS, settings.TRASH_DAYS = 3, 30
        empty = guest_client.get("/library/trash/").content.decode()
        expires_at = timezone.now() + timedelta(days=1, hours=23)
        make_piece(guest(), expires_at=expires_at, trashed_at=timezone.now())
        full = guest_client.get("/library/trash/").content.decode()
        for page in (empty, full):
            assert "are deleted after 3 days, in the trash too." in page
            assert "30 days" not in page
        assert "2 days left" in full and "2 days left" not in empty

    def test_undo_takes_nothing_from_others(self, alices: Client, bob: User):
        piece = make_piece(member(bob), trashed_at=timezone.now())
        assert piece.trashed_at
        for moment in (piece.trashed_at.isoformat(), "x", "", "2026-13-45T00:00:00"):
            assert alices.post("/library/undo/", {"trashed_at": moment}).status_code == 302
        piece.refresh_from_db()
        assert piece.trashed_at

    def test_emptying(self, alices: Client, alice: User, bob: User):
        mine, bobs = (make_piece(member(who), trashed_at=timezone.now()) for who in (alice, bob))
        kept = make_piece(member(alice))
        assert alices.get("/library/trash/empty/").status_code == 405
        alices.post("/library/trash/empty/")
        assert not Piece.objects.filter(pk=mine.pk).exists()
        assert Piece.objects.filter(pk__in=[bobs.pk, kept.pk]).count() == 2

    def test_all_drafts_but_favourites_and_back_again(self, alices: Client, alice: User, bob: User):
        drafts = [make_piece(member(alice), is_draft=True) for _ in range(3)]
        left = [
            make_piece(member(alice), is_draft=True, is_favourite=True),
            make_piece(member(alice)),
            make_piece(member(bob), is_draft=True),
        ]
        page = alices.post("/library/drafts/trash/", follow=True)
        assert "3 drafts moved to trash." in page.content.decode()
        assert {one.pk for one in Piece.objects.exclude(trashed_at=None)} == {one.pk for one in drafts}
        assert Piece.objects.filter(trashed_at=None).count() == len(left)
        drafts[0].refresh_from_db()
        assert drafts[0].trashed_at
        alices.post("/library/undo/", {"trashed_at": drafts[0].trashed_at.isoformat()})
        assert not Piece.objects.exclude(trashed_at=None).exists()

    def test_the_drafts_that_are_shown(self, alices: Client, alice: User):
        make_piece(member(alice), is_draft=True, genre="rock", title="Rock draft")
        make_piece(member(alice), is_draft=True, genre="drums", title="Drum draft")
        make_piece(member(alice), is_draft=True, genre="drums", is_favourite=True)
        page = alices.get("/library/?genre=drums").content.decode()
        assert "2 matching drafts." in page
        assert "1 draft will move to the trash." in page
        assert '<input type="hidden" name="filters" value="genre=drums">' in page
        data = {"filters": "genre=drums", "next": "/library/?genre=drums"}
        answer = alices.post("/library/drafts/trash/", data)
        assert answer["Location"] == "/library/?genre=drums"
        assert [one.title for one in Piece.objects.exclude(trashed_at=None)] == ["Drum draft"]
        assert "no drafts to move" in alices.post("/library/drafts/trash/", data, follow=True).content.decode()

    def test_drafts_of_a_query_that_is_cut_off_stay(self, alices: Client, alice: User):
        make_piece(member(alice), is_draft=True)
        assert alices.post("/library/drafts/trash/", {"filters": "q=" + "a" * 5000}).status_code == 400
        assert not Piece.objects.exclude(trashed_at=None).exists()


class TestLineage:
    def test_both_ways_and_nothing_of_others(self, alices: Client, alice: User, bob: User):
        source = make_piece(member(alice), title="The first")
        piece = make_piece(member(alice), title="The second", kind="continue", source_piece=source)
        make_piece(member(alice), title="The third", kind="vary", source_piece=piece)
        make_piece(member(bob), title="Bobs own", kind="vary", source_piece=piece)
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        assert "Continues" in page
        assert "The first" in page
        assert "Varied in" in page
        assert "The third" in page
        assert "Bobs own" not in page

    def test_a_source_that_may_not_be_seen_has_no_title(self, alices: Client, alice: User, bob: User):
        source = make_piece(member(bob), title="Bobs secret")
        piece = make_piece(member(alice), kind="vary", source_piece=source)
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        assert "Bobs secret" not in page
        assert "a piece that no longer exists" in page


def test_tags_links_and_descendants_ask_the_database_no_more(alices: Client, alice: User):
    piece = make_piece(member(alice))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            alices.get(f"/pieces/{piece.pk}/")
        return len(captured)

    def grow(count: int) -> None:
        for number in range(count):
            make_piece(member(alice), kind="vary", source_piece=piece)
            share_link_create(piece=piece)
            tags = ", ".join(f"tag {one}" for one in range(count))
            post(alices, piece, "edit", title="x", tags=tags, new_collection=f"{count} {number}")

    grow(1)
    alices.get(f"/pieces/{piece.pk}/")
    few = queries()
    grow(4)
    assert queries() <= few <= 22


class TestUpload:
    def test_it_has_no_seed_and_no_mark(self, alices: Client, alice: User):
        piece = make_piece(
            member(alice), kind="upload", genre="", genre_name="Uploaded", ensemble="", ensemble_name="", seed=None,
            temperature=None, top_p=None, bundle_name="", file_name="my <song>.mid",
        )  # fmt: skip
        page = alices.get(f"/pieces/{piece.pk}/").content.decode()
        assert "my &lt;song&gt;.mid" in page
        assert "neural network, note by note" not in page
        assert "Seed" not in page
