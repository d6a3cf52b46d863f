"""Long lists in pages: every row once, whatever happens meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from library.models import Piece
from library.paging import KeysetPage
from library.services import collection_add, collection_create, pieces_trash
from tests import factories

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def pieces(alice: Any) -> list[Piece]:
    """Eleven, with twins in everything that a list can be sorted by."""
    return [
        factories.make_piece(
            factories.member(alice),
            title=["b", "B", "a", "Ä", "ß"][number % 5],
            created_at=START + timedelta(days=number // 3),
            length_seconds=10.0 + number // 4 + 0.1,
            qpm=None if number % 3 == 0 else 90.0 + number // 6,
        )
        for number in range(11)
    ]


def walk(queryset: Any, sort: str, size: int) -> tuple[list[list[Piece]], str | None]:
    found, page = [], KeysetPage.of(queryset, sort=sort, size=size)
    found.append(page.items)
    while page.next:
        page = KeysetPage.of(queryset, sort=sort, after=page.next, size=size)
        found.append(page.items)
    return found, page.previous


@pytest.mark.parametrize("sort", ["newest", "oldest", "title", "longest", "shortest", "tempo"])
def test_forth_and_back_every_row_comes_once(pieces: list[Piece], sort: str) -> None:
    there, previous = walk(Piece.objects.all(), sort, 3)
    assert [len(items) for items in there] == [3, 3, 3, 2]
    order = [piece for items in there for piece in items]
    assert order == list(Piece.objects.sorted_by(sort))
    assert len(set(order)) == len(pieces)
    back = []
    while previous:
        page = KeysetPage.of(Piece.objects.all(), sort=sort, after=previous, size=3)
        back.append(page.items)
        previous = page.previous
    assert back == there[2::-1]


def test_the_orders_are_what_they_say(pieces: list[Piece]) -> None:
    def values(sort: str, field: str) -> list[Any]:
        return list(Piece.objects.sorted_by(sort).values_list(field, flat=True))

    assert values("newest", "created_at") == sorted(values("newest", "created_at"), reverse=True)
    assert values("shortest", "length_seconds") == sorted(values("shortest", "length_seconds"))
    assert values("longest", "length_seconds") == sorted(values("longest", "length_seconds"), reverse=True)
    tempos = values("tempo", "qpm")
    assert tempos[-4:] == [None] * 4, "music without a tempo comes last"
    assert tempos[:-4] == sorted(tempos[:-4])
    titles = [title.lower() for title in values("title", "title") if title.isascii()]
    assert titles == sorted(titles)


def test_new_and_removed_rows_move_nothing(pieces: list[Piece], alice: Any) -> None:
    mine = Piece.objects.in_library(factories.member(alice))
    first = KeysetPage.of(mine, size=4)
    rest = list(mine.newest_first())[4:]
    factories.make_piece(factories.member(alice), created_at=timezone.now())
    pieces_trash(pieces=Piece.objects.filter(pk__in=[first.items[-1].pk, rest[0].pk]))
    assert KeysetPage.of(mine, after=first.next or "", size=4).items == rest[1:5]


def test_back_to_less_than_a_page_is_the_first_page(pieces: list[Piece], alice: Any) -> None:
    second = KeysetPage.of(Piece.objects.all(), after=KeysetPage.of(Piece.objects.all(), size=4).next or "", size=4)
    new = factories.make_piece(factories.member(alice), created_at=timezone.now())
    Piece.objects.filter(pk__in=[piece.pk for piece in Piece.objects.newest_first()[1:3]]).delete()
    page = KeysetPage.of(Piece.objects.all(), after=second.previous or "", size=4)
    assert page.items[0] == new
    assert (len(page.items), page.previous) == (4, None)


def test_what_was_beyond_is_gone(pieces: list[Piece]) -> None:
    cursor = KeysetPage.of(Piece.objects.all(), size=4).next or ""
    Piece.objects.all().delete()
    assert KeysetPage.of(Piece.objects.all(), after=cursor) == KeysetPage([], None, None)


@pytest.mark.parametrize("cursor", ["x", "eyJ9:aaa:bbb", "\x00", "a" * 10_000, "é:é:é", ":::", "[]"])
def test_a_forged_cursor_is_a_clear_error(pieces: list[Piece], cursor: str) -> None:
    with pytest.raises(ValidationError) as caught:
        KeysetPage.of(Piece.objects.all(), after=cursor)
    assert list(caught.value.message_dict) == ["after"]


def test_a_cursor_belongs_to_its_order_and_cannot_be_changed(pieces: list[Piece]) -> None:
    cursor = KeysetPage.of(Piece.objects.all(), sort="title", size=2).next or ""
    changed = ("A" if cursor[3] != "A" else "B").join((cursor[:3], cursor[4:]))
    for sort, after in (("newest", cursor), ("shortest", cursor), ("title", changed)):
        with pytest.raises(ValidationError):
            KeysetPage.of(Piece.objects.all(), sort=sort, after=after)


def test_a_collection_in_its_own_order_and_the_trash_by_its_dates(pieces: list[Piece], alice: Any) -> None:
    collection = collection_create(user=alice, title="A")
    other = collection_create(user=alice, title="B")
    for piece in reversed(pieces[:5]):
        collection_add(collection=collection, pieces=Piece.objects.filter(pk=piece.pk))
    collection_add(collection=other, pieces=Piece.objects.all())
    there, _ = walk(Piece.objects.in_collection(collection), "position", 2)
    assert [piece for items in there for piece in items] == pieces[4::-1]
    for piece in pieces[:3]:
        pieces_trash(pieces=Piece.objects.filter(pk=piece.pk))
    trash, _ = walk(Piece.objects.in_trash(factories.member(alice)), "trashed", 2)
    assert [piece for items in trash for piece in items] == pieces[2::-1]
    assert [piece for items in walk(Piece.objects.in_collection(collection), "position", 9)[0] for piece in items] == [
        pieces[4],
        pieces[3],
    ]
