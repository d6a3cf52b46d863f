"""Who sees which pieces."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.owners import Owner
from library.models import Piece
from library.services import piece_delete, piece_keep, piece_store, pieces_expire
from tests import factories
from tests.stored import is_stored

pytestmark = pytest.mark.django_db


def test_a_guest_sees_own_pieces_and_examples(alice: Any) -> None:
    mine, example = factories.make_piece(), factories.make_piece(Owner(), is_example=True)
    factories.make_piece(factories.guest("bob"))
    factories.make_piece(factories.member(alice))
    factories.make_piece(expires_at=timezone.now() - timedelta(seconds=1))
    assert set(Piece.objects.visible_to(factories.guest())) == {mine, example}
    assert set(Piece.objects.owned_by(factories.guest()).not_expired()) == {mine}


def test_a_member_sees_own_pieces_and_examples(alice: Any, bob: Any) -> None:
    mine, example = factories.make_piece(factories.member(alice)), factories.make_piece(Owner(), is_example=True)
    factories.make_piece(factories.member(bob))
    factories.make_piece()
    assert set(Piece.objects.visible_to(factories.member(alice))) == {mine, example}


def test_nobody_sees_the_examples_alone() -> None:
    factories.make_piece()
    example = factories.make_piece(Owner(), is_example=True)
    assert list(Piece.objects.visible_to(Owner())) == [example]
    assert not Piece.objects.owned_by(Owner()).exists()
    assert not Piece.objects.owned_by(Owner(guest_key="")).exists(), "no key is not everyone's key"


def test_newest_first() -> None:
    first, second = factories.make_piece(), factories.make_piece()
    assert list(Piece.objects.newest_first()) == [second, first]


def test_deleting_a_piece_deletes_its_file() -> None:
    piece = factories.make_piece()
    piece_delete(piece=piece)
    assert not is_stored(piece.midi)
    assert not Piece.objects.exists()


FACTS: dict[str, Any] = {
    "title": "A take",
    "genre": "piano",
    "genre_name": "Piano",
    "ensemble": "grand-piano",
    "ensemble_name": "Grand piano",
    "voices": factories.PIANO_VOICES,
    "length_seconds": 15.0,
    "notes_count": 1,
    "seed": 1,
    "temperature": 1.0,
    "top_p": 1.0,
    "bundle_name": "b",
    "bundle_sha256": "0" * 64,
    "runtime": "litert",
}


def store(owner: Owner, *, is_draft: bool) -> Piece:
    return piece_store(piece_id=uuid.uuid4(), owner=owner, midi=factories.TINY_MIDI, is_draft=is_draft, **FACTS)


def days_left(piece: Piece) -> float | None:
    if piece.expires_at is None:
        return None
    return round((piece.expires_at - timezone.now()).total_seconds() / 86400, 2)


def test_drafts_expire_for_members_too_until_they_are_kept(alice: Any) -> None:
    draft, piece = (store(factories.member(alice), is_draft=is_draft) for is_draft in (True, False))
    assert (days_left(draft), days_left(piece)) == (30, None)
    assert set(Piece.objects.kept()) == {piece}
    piece_keep(piece=draft)
    assert (draft.is_draft, draft.expires_at) == (False, None)
    assert set(Piece.objects.kept()) == {draft, piece}


def test_a_guest_keeps_a_draft_for_a_week_from_then() -> None:
    draft = store(factories.guest(), is_draft=True)
    Piece.objects.update(expires_at=timezone.now() + timedelta(days=1))
    piece_keep(piece=draft)
    assert days_left(draft) == 7
    Piece.objects.update(expires_at=timezone.now() + timedelta(days=1))
    draft.refresh_from_db()
    piece_keep(piece=draft)
    assert days_left(draft) == 1, "keeping twice is keeping once"


def test_what_is_over_is_removed_with_its_file_and_nothing_else(alice: Any) -> None:
    over = timezone.now() - timedelta(seconds=1)
    gone = [
        factories.make_piece(expires_at=over),
        factories.make_piece(factories.member(alice), is_draft=True, expires_at=over),
    ]
    stay = [
        factories.make_piece(factories.member(alice), expires_at=over),
        factories.make_piece(is_draft=True, expires_at=timezone.now() + timedelta(days=1)),
        factories.make_piece(Owner(), is_example=True),
    ]
    assert pieces_expire() == 2
    assert set(Piece.objects.all()) == set(stay)
    assert not any(is_stored(piece.midi) for piece in gone)


def test_a_piece_outlives_what_it_came_from() -> None:
    source = factories.make_piece()
    piece = factories.make_piece(source_piece=source, kind=Piece.Kind.CONTINUE)
    piece_delete(piece=source)
    piece.refresh_from_db()
    assert (piece.source_piece, piece.kind) == (None, Piece.Kind.CONTINUE)
