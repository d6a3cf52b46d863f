"""What owners do with their pieces: naming, tagging, rating, sharing; hostile text on the way."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from library.errors import PieceChanged
from library.models import Collection, Piece, Rating, ShareLink, Tag
from library.services import (
    BULK_AT_MOST,
    collection_add,
    collection_create,
    collection_delete,
    collection_edit,
    collection_order,
    collection_remove,
    ids_of,
    piece_delete,
    piece_edit,
    piece_favourite,
    piece_rate,
    piece_tag,
    piece_trash,
    pieces_tag,
    rating_of,
    share_link_create,
    share_link_revoke,
    share_link_seen,
)
from tests import factories

pytestmark = pytest.mark.django_db


def mine(owner: Any, **fields: Any) -> Piece:
    return factories.make_piece(factories.member(owner), **fields)


def these(*pieces: Piece) -> Any:
    return Piece.objects.filter(pk__in=[piece.pk for piece in pieces])


def names(piece: Piece) -> list[str]:
    return sorted(tag.name for tag in piece.tags.all())


def refused(field: str | None, change: Any, **arguments: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        change(**arguments)
    if field is not None:
        assert list(caught.value.message_dict) == [field]
    return str(caught.value.messages[0])


class TestEditing:
    def test_what_is_given_changes_and_the_rest_stays(self, alice: Any) -> None:
        piece = mine(alice, comment="Old")
        assert piece_edit(piece=piece, title="  A new\tname ", tags=["Late", "slow"]) is piece
        piece.refresh_from_db()
        assert (piece.title, piece.comment, names(piece)) == ("A new name", "Old", ["Late", "slow"])
        piece_favourite(piece=piece, is_favourite=True)
        piece.refresh_from_db()
        assert (piece.is_favourite, piece.title, names(piece)) == (True, "A new name", ["Late", "slow"])
        assert piece.search_text == " a new name late slow old"

    def test_two_windows_do_not_overwrite_each_other_unseen(self, alice: Any) -> None:
        piece = mine(alice)
        there = Piece.objects.get()
        piece_edit(piece=piece, title="First", version=1)
        with pytest.raises(PieceChanged):
            piece_edit(piece=there, title="Second", version=1)
        piece_edit(piece=there, comment="Beside it")
        piece.refresh_from_db()
        assert (piece.title, piece.comment, piece.version) == ("First", "Beside it", 3)

    def test_a_guest_names_too_but_has_no_tags(self) -> None:
        piece = piece_edit(piece=factories.make_piece(), title="Mine", tags=["x"])
        assert (piece.title, names(piece), Tag.objects.count()) == ("Mine", [], 0)
        assert "Sign up" in refused("tags", piece_tag, piece=piece, add=["x"])

    def test_a_wrong_field_changes_nothing_at_all(self, alice: Any) -> None:
        piece = mine(alice, title="Old")
        refused("tags", piece_edit, piece=piece, title="New", tags=["a,b"])
        assert (Piece.objects.get().title, Tag.objects.count()) == ("Old", 0)

    @pytest.mark.parametrize("title", ["", " \n ", "\u202e\u200b", "\x00\x07", "\u200d\ufe0f", "\ud800"])
    def test_a_title_has_something_to_see(self, alice: Any, title: str) -> None:
        assert refused("title", piece_edit, piece=mine(alice), title=title) == "Enter a title."

    def test_long_text_is_refused_by_field(self, alice: Any) -> None:
        piece = mine(alice)
        assert "200" in refused("title", piece_edit, piece=piece, title="é" * 10_000)
        assert "10,000" in refused("comment", piece_edit, piece=piece, comment="x" * 10_001)
        assert "50" in refused("tags", piece_edit, piece=piece, tags=["x" * 51])
        piece_edit(piece=piece, title="é" * 200, comment="x" * 10_000, tags=["x" * 50])

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("شب‌های روشن", "شب‌های روشن"),
            ("👩‍🎤 🎵", "👩‍🎤 🎵"),
            ("exe.\u202egnp.scr", "exe.gnp.scr"),
            ("a\x00b\x1b[31m\u2028c", "ab[31m c"),
            ("\ud83dbroken", "broken"),
            ("e\u0301", "é"),
            ("../../etc/passwd", "../../etc/passwd"),
            ("<b>&amp;", "<b>&amp;"),
        ],
    )
    def test_hostile_text_is_kept_without_what_deceives(self, alice: Any, given: str, kept: str) -> None:
        piece = piece_edit(piece=mine(alice), title=given, tags=[given], comment=f"{given}\r\n\r\n\r\n\tx")
        piece.refresh_from_db()
        assert (piece.title, names(piece)) == (kept, [kept])
        assert piece.comment.splitlines()[0] == kept


class TestTags:
    def test_upper_and_lower_case_are_one_and_unused_ones_go(self, alice: Any, bob: Any) -> None:
        one, two, bobs = mine(alice), mine(alice), mine(bob)
        piece_tag(piece=one, add=["Jazz", "jazz", "Évening"])
        piece_tag(piece=two, add=["JAZZ", "évening"])
        piece_tag(piece=bobs, add=["jazz"])
        assert names(two) == ["Jazz", "Évening"]
        assert Tag.objects.of(alice).count() == 2
        piece_tag(piece=one, remove=["jAZZ", "never there"])
        assert Tag.objects.of(alice).count() == 2
        piece_tag(piece=two, remove=["jazz"])
        assert [tag.name for tag in Tag.objects.of(alice)] == ["Évening"]
        assert names(bobs) == ["jazz"]

    def test_many_at_once_and_never_others(self, alice: Any, bob: Any) -> None:
        pieces, bobs = [mine(alice) for _ in range(3)], mine(bob)
        assert pieces_tag(pieces=these(*pieces, bobs), user=alice, names=["a", "b"], remove=["c"]) == 3
        assert [names(piece) for piece in (*pieces, bobs)] == [["a", "b"]] * 3 + [[]]
        assert Piece.objects.found_by("b").count() == 3
        assert pieces_tag(pieces=these(*pieces[:2]), user=alice, remove=["B"]) == 2
        assert list(Piece.objects.found_by("b")) == pieces[2:]

    def test_a_piece_holds_so_many(self, alice: Any) -> None:
        piece = piece_tag(piece=mine(alice), add=[f"tag {number}" for number in range(30)])
        refused("tags", piece_tag, piece=piece, add=["one more"])
        assert Tag.objects.of(alice).count() == 30
        refused("tags", piece_edit, piece=piece, tags=[f"other {number}" for number in range(31)])

    def test_counts_are_of_what_the_library_shows(self, alice: Any) -> None:
        pieces = [mine(alice) for _ in range(3)]
        pieces_tag(pieces=these(*pieces), user=alice, names=["a"])
        piece_trash(piece=pieces[0])
        tag: Any = Tag.objects.of(alice).with_counts().get()
        assert tag.pieces_count == 2

    def test_a_tag_goes_with_its_last_piece(self, alice: Any) -> None:
        piece = piece_tag(piece=mine(alice), add=["a"])
        piece_trash(piece=piece)
        assert Tag.objects.exists(), "it may come back"
        piece_delete(piece=piece)
        assert not Tag.objects.exists()


class TestRatings:
    def test_one_a_person_and_changeable(self, alice: Any, bob: Any) -> None:
        piece = mine(alice)
        people = [factories.member(alice), factories.member(bob), factories.guest(), factories.guest("guest-bob")]
        for person, value in zip(people, (1, -1, -1, 1), strict=True):
            piece_rate(piece=piece, person=person, value=value)
        piece_rate(piece=piece, person=people[1], value=1)
        piece_rate(piece=piece, person=people[2], value=0)
        assert [rating_of(piece=piece, person=person) for person in people] == [1, 1, 0, 1]
        assert Rating.objects.count() == 3
        piece.refresh_from_db()
        assert piece.rating == 1, "the owner's own"
        piece_rate(piece=piece, person=people[0], value=0)
        assert Piece.objects.get().rating == 0

    def test_a_guest_rates_an_own_piece(self) -> None:
        piece = piece_rate(piece=factories.make_piece(), person=factories.guest(), value=-1)
        assert (piece.rating, Piece.objects.get().rating) == (-1, -1)

    @pytest.mark.parametrize("value", [2, -5, True, "1", None])
    def test_other_values_are_refused(self, alice: Any, value: Any) -> None:
        refused("rating", piece_rate, piece=mine(alice), person=factories.member(alice), value=value)


class TestCollections:
    def test_pieces_are_put_in_ordered_and_taken_out(self, alice: Any, bob: Any) -> None:
        one, two, three, bobs = mine(alice), mine(alice), mine(alice), mine(bob)
        collection = collection_create(user=alice, title=" For  later ", description="Why\x00")
        assert (collection.title, collection.description) == ("For later", "Why")
        assert collection_add(collection=collection, pieces=these(one, two, bobs)) == 2
        assert collection_add(collection=collection, pieces=these(two, three)) == 1
        collection_order(collection=collection, piece_ids=[three.pk, uuid.uuid4(), bobs.pk, three.pk])
        assert list(Piece.objects.in_collection(collection)) == [three, one, two]
        assert collection_remove(collection=collection, pieces=these(one, bobs)) == 1
        assert list(Piece.objects.in_collection(collection)) == [three, two]
        other = collection_create(user=alice, title="Other")
        collection_add(collection=other, pieces=these(two))
        piece_trash(piece=two)
        counted: list[Any] = list(Collection.objects.of(alice).by_title().with_counts())
        assert [(one.title, one.pieces_count) for one in counted] == [("For later", 1), ("Other", 0)]
        collection_delete(collection=collection)
        assert Piece.objects.count() == 4

    def test_whose_they_are(self, alice: Any, bob: Any) -> None:
        collection = collection_create(user=alice, title="A")
        assert list(Collection.objects.owned_by(factories.member(alice))) == [collection]
        assert not Collection.objects.owned_by(factories.member(bob)).exists()
        assert not Collection.objects.owned_by(factories.guest()).exists()

    def test_text_is_looked_at(self, alice: Any) -> None:
        collection = collection_create(user=alice, title="A")
        refused("title", collection_edit, collection=collection, title="\u202e")
        refused("title", collection_create, user=alice, title="x" * 201)
        refused("description", collection_edit, collection=collection, description="x" * 10_001)
        collection_edit(collection=collection, description="new")
        collection.refresh_from_db()
        assert (collection.title, collection.description) == ("A", "new")


class TestSharing:
    def test_a_link_is_unguessable_and_open_until_it_is_not(self, alice: Any) -> None:
        piece = mine(alice, is_draft=True, expires_at=timezone.now() + timedelta(days=1))
        link = share_link_create(piece=piece, expires_at=timezone.now() + timedelta(days=1))
        assert len(link.token) == 32
        assert not Piece.objects.get().is_draft, "what is shared is kept"
        share_link_seen(link=link)
        share_link_seen(link=link)
        assert ShareLink.objects.open().get().views_count == 2
        ShareLink.objects.update(expires_at=timezone.now())
        assert not ShareLink.objects.open().exists()
        again = share_link_create(piece=piece)
        assert again.token != link.token
        share_link_revoke(link=again)
        first = again.revoked_at
        assert share_link_revoke(link=again).revoked_at == first
        assert not ShareLink.objects.open().exists()

    def test_it_is_closed_while_the_piece_is_in_the_trash_or_its_owner_is_leaving(self, alice: Any) -> None:
        piece = mine(alice)
        share_link_create(piece=piece)
        piece_trash(piece=piece)
        assert not ShareLink.objects.open().exists()
        refused(None, share_link_create, piece=piece)
        Piece.objects.update(trashed_at=None)
        assert ShareLink.objects.open().exists()
        type(alice).objects.update(is_active=False)
        assert not ShareLink.objects.open().exists()

    def test_what_cannot_be_shared(self, alice: Any) -> None:
        refused(None, share_link_create, piece=factories.make_piece())
        refused("expires_at", share_link_create, piece=mine(alice), expires_at=timezone.now())


def test_what_is_done_to_many_has_a_size(alice: Any) -> None:
    pieces = [mine(alice) for _ in range(3)]
    assert len(ids_of(these(*pieces), at_most=3)) == 3
    assert "Select fewer" in refused(None, ids_of, pieces=these(*pieces), at_most=2)
    assert BULK_AT_MOST >= 1000


def test_the_database_holds_to_it_too(alice: Any) -> None:
    piece = mine(alice)
    for row in (
        Rating(piece=piece, user=alice, value=3),
        Tag(owner=alice, name="JAZZ"),
    ):
        Tag.objects.get_or_create(owner=alice, name="jazz")
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()
