"""Who sees which pieces."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.owners import Owner
from library.models import Piece
from library.services import piece_delete
from tests import factories

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
    path = Path(piece.midi.path)
    piece_delete(piece=piece)
    assert not path.exists()
    assert not Piece.objects.exists()
