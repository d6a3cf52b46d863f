"""The administration pages open and their actions go through the services."""

from typing import Any

import pytest
from django.test import Client

from generator.models import Generation, Genre
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
