"""The administration pages open and their actions go through the services."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from generator.models import Generation, Genre
from library.models import Piece
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, carol: Any) -> Client:
    client.force_login(carol)
    return client


@pytest.mark.parametrize(
    "page",
    ["accounts/user", "library/piece", "generator/genre", "generator/genremodel", "generator/generation"],
)
def test_lists_open(staff: Client, page: str) -> None:
    factories.make_succeeded_generation()
    assert staff.get(f"/admin/{page}/").status_code == 200


def test_each_opens(staff: Client) -> None:
    generation = factories.make_succeeded_generation()
    assert generation.piece
    for page in (
        f"library/piece/{generation.piece.pk}",
        f"generator/generation/{generation.pk}",
        f"generator/genre/{generation.genre.pk}",
        f"generator/genremodel/{generation.genre.active_model_id}",
        f"accounts/user/{User.objects.get().pk}",
    ):
        assert staff.get(f"/admin/{page}/change/").status_code == 200, page


@pytest.mark.parametrize("form", [{"action": "delete_selected"}, {}])
def test_a_piece_is_deleted_with_its_file(staff: Client, form: dict[str, str]) -> None:
    piece = factories.make_piece()
    path = Path(piece.midi.path)
    page = "/admin/library/piece/" if form else f"/admin/library/piece/{piece.pk}/delete/"
    staff.post(page, {**form, "_selected_action": [str(piece.pk)], "post": "yes"})
    assert not Piece.objects.exists()
    assert not path.exists()


def test_members_do_not_get_in(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert client.get("/admin/generator/genre/").status_code == 302


def test_a_model_is_activated(staff: Client) -> None:
    genre = factories.make_genre()
    other = factories.make_genre_model(genre)
    staff.post("/admin/generator/genremodel/", {"action": "activate", "_selected_action": [other.pk]})
    assert Genre.objects.get().active_model == other


def test_a_job_is_cancelled(staff: Client) -> None:
    generation = factories.make_generation()
    staff.post("/admin/generator/generation/", {"action": "cancel", "_selected_action": [str(generation.pk)]})
    assert Generation.objects.get().status == "cancelled"
