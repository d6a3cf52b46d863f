"""A library to look at."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from library.models import Collection, Piece, Rating, Tag
from tests import factories
from tests.music import notes_of_midi

pytestmark = pytest.mark.django_db


def test_it_fills_a_library_with_music_that_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo", "--pieces", "60", "--user", "dora")
    dora = User.objects.get(username="dora")
    password = capsys.readouterr().out.splitlines()[0].rpartition(" ")[2]
    assert dora.check_password(password)
    pieces = Piece.objects.filter(owner=dora)
    assert pieces.count() == 60
    assert {piece.genre for piece in pieces} == {"piano", "drums", "rock", "electronic"}
    for piece in pieces.order_by("pk")[:8]:
        piece.full_clean()
        assert len(notes_of_midi(piece.midi.open("rb").read())) == piece.notes_count
        assert piece.roll
        assert list(Piece.objects.found_by(piece.title).filter(pk=piece.pk)) == [piece]
    assert pieces.drafts().exists() and Tag.objects.of(dora).exists() and Collection.objects.of(dora).count() == 5
    assert Rating.objects.filter(user=dora).count() == pieces.exclude(rating=0).count()


def test_a_second_time_adds_to_what_is_there(alice: Any) -> None:
    kept = factories.make_piece(factories.member(alice))
    for _ in range(2):
        call_command("seed_demo", "--pieces", "5", "--user", "alice")
    assert Piece.objects.filter(owner=alice).count() == 11
    assert Piece.objects.filter(pk=kept.pk).exists()
    names = list(Piece.objects.values_list("midi", flat=True))
    assert len(set(names)) == 11, "each has a file of its own"


def test_a_site_that_serves_others_is_asked_first(settings: Any) -> None:
    settings.SERVES_OTHERS = True
    with pytest.raises(CommandError, match="--yes"):
        call_command("seed_demo", "--pieces", "2")
    assert not Piece.objects.exists()
    call_command("seed_demo", "--pieces", "2", "--yes")
    assert Piece.objects.count() == 2


@pytest.mark.parametrize("count", ["0", "-1", "100001"])
def test_a_number_that_makes_no_sense_is_refused(count: str) -> None:
    with pytest.raises(CommandError, match="Expected"):
        call_command("seed_demo", "--pieces", count)
