"""The trash, drafts that nobody keeps, and what is left when the storage is away."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.hand_over import guest_hand_over
from library.members import pieces_of_account_delete
from library.models import Piece, Rendering
from library.services import (
    drafts_trash,
    piece_delete,
    piece_restore,
    piece_trash,
    pieces_delete,
    pieces_expire,
    pieces_fill_facts,
    pieces_restore,
    pieces_trash,
)
from tests import factories
from tests.stored import is_stored

pytestmark = pytest.mark.django_db


def days_left(piece: Piece) -> float | None:
    piece.refresh_from_db()
    if piece.expires_at is None:
        return None
    return round((piece.expires_at - timezone.now()).total_seconds() / 86400, 2)


def in_days(days: float) -> Any:
    return timezone.now() + timedelta(days=days)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The storage answers to nothing."""

    def fail(name: str) -> None:
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", fail)
        yield patch


def test_to_the_trash_and_back(alice: Any) -> None:
    owner = factories.member(alice)
    piece, other = factories.make_piece(owner), factories.make_piece(owner)
    piece_trash(piece=piece)
    first = piece.trashed_at
    assert piece_trash(piece=piece).trashed_at == first
    assert list(Piece.objects.in_library(owner)) == list(Piece.objects.visible_to(owner)) == [other]
    assert list(Piece.objects.in_trash(owner)) == [piece]
    piece_restore(piece=piece)
    assert set(Piece.objects.in_library(owner)) == {piece, other}
    assert not Piece.objects.in_trash(owner).exists()


def test_a_trash_is_its_owners(alice: Any, bob: Any) -> None:
    piece = factories.make_piece(factories.member(alice), trashed_at=timezone.now())
    guests = factories.make_piece(trashed_at=timezone.now(), expires_at=in_days(1))
    assert list(Piece.objects.in_trash(factories.member(alice))) == [piece]
    assert list(Piece.objects.in_trash(factories.guest())) == [guests]
    for other in (factories.member(bob), factories.guest("guest-bob")):
        assert not Piece.objects.in_trash(other).exists()


def test_a_draft_can_be_taken_back_for_as_long_as_any_other_piece(alice: Any) -> None:
    draft = factories.make_piece(factories.member(alice), is_draft=True, expires_at=in_days(1))
    guests = factories.make_piece(is_draft=True, expires_at=in_days(1))
    kept = factories.make_piece(factories.member(alice))
    assert pieces_trash(pieces=Piece.objects.all()) == 3
    assert [days_left(piece) for piece in (draft, guests, kept)] == [30, 1, None]
    Piece.objects.filter(pk=draft.pk).update(expires_at=in_days(2))
    assert pieces_restore(pieces=Piece.objects.all()) == 3
    assert [days_left(piece) for piece in (draft, guests, kept)] == [30, 1, None]


def test_all_drafts_but_favourites(alice: Any, bob: Any) -> None:
    owner = factories.member(alice)
    draft = factories.make_piece(owner, is_draft=True, expires_at=in_days(1))
    stay = [
        factories.make_piece(owner),
        factories.make_piece(owner, is_draft=True, is_favourite=True, expires_at=in_days(1)),
        factories.make_piece(factories.member(bob), is_draft=True, expires_at=in_days(1)),
        factories.make_piece(is_draft=True, expires_at=in_days(1)),
    ]
    assert drafts_trash(pieces=Piece.objects.in_library(owner)) == [draft.pk]
    assert set(Piece.objects.not_trashed()) == set(stay)
    assert drafts_trash(pieces=Piece.objects.in_library(owner)) == []


def test_what_is_due_goes_and_nothing_else(alice: Any) -> None:
    owner, over = factories.member(alice), timezone.now() - timedelta(seconds=1)
    gone = [
        factories.make_piece(owner, trashed_at=in_days(-30)),
        factories.make_piece(owner, trashed_at=in_days(-31), is_draft=True, expires_at=in_days(1)),
        factories.make_piece(owner, is_draft=True, expires_at=over),
        factories.make_piece(trashed_at=over, expires_at=over),
    ]
    stay = [
        factories.make_piece(owner, trashed_at=in_days(-29.9)),
        factories.make_piece(owner, is_draft=True, expires_at=in_days(0.1)),
        factories.make_piece(owner),
    ]
    assert pieces_expire() == 4
    assert set(Piece.objects.all()) == set(stay)
    assert not any(is_stored(piece.midi) for piece in gone)
    assert all(is_stored(piece.midi) for piece in stay)


def test_at_most_so_many_at_once(alice: Any) -> None:
    for _ in range(3):
        factories.make_piece(factories.member(alice), trashed_at=in_days(-31))
    assert [pieces_expire(at_most=2) for _ in range(3)] == [2, 1, 0]


def test_sound_files_go_with_their_piece(alice: Any) -> None:
    piece = factories.make_piece(factories.member(alice))
    name = default_storage.save("renderings/test.wav", ContentFile(b"RIFF"))
    Rendering.objects.create(piece=piece, format="wav", file=name)
    piece_delete(piece=piece)
    assert not default_storage.exists(name)
    assert not Rendering.objects.exists()


def test_nothing_is_lost_while_the_storage_is_away(alice: Any, away: Any) -> None:
    owner = factories.member(alice)
    piece, other = factories.make_piece(owner), factories.make_piece(owner)
    piece_delete(piece=piece)
    assert list(Piece.objects.in_library(owner)) == [other]
    assert not Piece.objects.in_trash(owner).exists()
    assert pieces_restore(pieces=Piece.objects.all()) == 0, "deleted for ever is for ever"
    assert pieces_expire() == 0
    assert Piece.objects.filter(pk=piece.pk).exists(), "the row says what is still to be removed"
    away.undo()
    assert pieces_expire() == 1
    assert list(Piece.objects.all()) == [other]
    assert not is_stored(piece.midi)


def test_one_that_cannot_be_removed_holds_up_no_other(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, _ = (factories.make_piece(factories.member(alice), trashed_at=in_days(-31)) for _ in range(2))
    delete = default_storage.delete

    def fail_for_one(name: str) -> None:
        if name == stuck.midi.name:
            raise OSError("denied")
        delete(name)

    monkeypatch.setattr(default_storage, "delete", fail_for_one)
    assert pieces_expire() == 1
    assert list(Piece.objects.all()) == [stuck]


def test_many_are_gone_from_the_pages_at_once(alice: Any) -> None:
    owner = factories.member(alice)
    for _ in range(25):
        factories.make_piece(owner)
    assert pieces_delete(pieces=Piece.objects.all()) == 25
    assert not Piece.objects.in_library(owner).exists()
    assert not Piece.objects.in_trash(owner).exists()
    pieces_expire()
    assert not Piece.objects.exists()


class TestAccounts:
    def test_what_a_guest_deleted_does_not_come_back(self, alice: Any, away: Any) -> None:
        deleted, trashed = (factories.make_piece(is_draft=True, expires_at=in_days(1)) for _ in range(2))
        piece_delete(piece=deleted)
        piece_trash(piece=trashed)
        guest_hand_over(guest_key="guest-alice", user=alice)
        assert list(Piece.objects.in_trash(factories.member(alice))) == [trashed]
        assert days_left(trashed) == 30

    def test_an_accounts_pieces_go_when_the_storage_is_back(self, alice: Any, bob: Any, away: Any) -> None:
        piece, bobs = factories.make_piece(factories.member(alice)), factories.make_piece(factories.member(bob))
        with pytest.raises(OSError, match="account"):
            pieces_of_account_delete(alice)
        assert Piece.objects.filter(pk=piece.pk).exists()
        away.undo()
        pieces_of_account_delete(alice)
        assert list(Piece.objects.all()) == [bobs]
        assert not is_stored(piece.midi)


class TestOldRows:
    def test_they_get_their_facts_from_their_files(self, alice: Any) -> None:
        old: dict[str, Any] = {"file_sha256": "", "search_text": "", "roll": []}
        piece = factories.make_piece(
            factories.member(alice), title="Funk, 0:15", params={"style": "new-wave"}, qpm=120.0, **old
        )
        broken = factories.make_piece(midi=b"no MIDI", **old)
        gone = factories.make_piece(**old)
        default_storage.delete(str(gone.midi.name))
        assert pieces_fill_facts() == 2
        assert pieces_fill_facts() == 0
        piece.refresh_from_db()
        assert len(piece.file_sha256) == 64
        assert (piece.style, piece.style_name, piece.metre, piece.bars) == ("new-wave", "New wave", "4/4", 8)
        assert piece.roll and list(Piece.objects.found_by("funk")) == [piece]
        broken.refresh_from_db()
        assert (broken.roll, broken.metre, broken.bars) == ([], "", None)
