"""Pieces and genres over the API."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import guest, make_genre, make_piece, member

pytestmark = pytest.mark.django_db
URL = "/api/v1/pieces/"


def titles(client: Client, query: str = "") -> list[str]:
    return [piece["title"] for piece in client.get(f"{URL}{query}").json()["results"]]


def test_the_list_holds_the_own_pieces_newest_first(guest_client: Client, alice: Any):
    now = timezone.now()
    make_piece(title="Old", created_at=now - timedelta(hours=1))
    make_piece(title="New", created_at=now)
    make_piece(title="Expired", expires_at=now - timedelta(seconds=1))
    make_piece(guest("guest-bob"), title="Bob's")
    make_piece(member(alice), title="Alice's")
    make_piece(guest(""), title="Example", is_example=True)
    assert titles(guest_client) == ["New", "Old"]
    assert titles(Client()) == []
    member_client = Client()
    member_client.force_login(alice)
    assert titles(member_client) == ["Alice's"]


def test_the_list_is_paged(guest_client: Client):
    for number in range(21):
        make_piece(title=str(number))
    first = guest_client.get(URL).json()
    assert len(first["results"]) == 20
    second = guest_client.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (1, None)
    found = {piece["id"] for piece in (*first["results"], *second["results"])}
    assert len(found) == 21
    response = guest_client.get(f"{URL}?after=nowhere")
    assert (response.status_code, list(response.json()["errors"])) == (400, ["after"])


def test_one_piece_with_its_facts(guest_client: Client):
    piece = make_piece(title="Mine", seed=7)
    data = guest_client.get(f"{URL}{piece.pk}/").json()
    assert (data["title"], data["seed"], data["bundle_name"]) == ("Mine", 7, "piano-1")
    assert "guest_key" not in data
    assert "owner" not in data
    assert "midi" not in data


def test_a_piece_of_someone_else_is_not_found_and_an_example_is(client: Client, bob: Any):
    mine, example = make_piece(guest("guest-alice")), make_piece(guest(""), is_example=True)
    for user in (None, bob):
        if user:
            client.force_login(user)
        assert client.get(f"{URL}{mine.pk}/").status_code == 404
        assert client.get(f"{URL}{example.pk}/").status_code == 200
    assert client.get(f"{URL}{uuid.uuid4()}/").status_code == 404


def test_genres_come_with_what_their_models_offer(client: Client):
    make_genre()
    make_genre("rock", with_model=False)
    (piano,) = client.get("/api/v1/genres/").json()
    assert (piano["slug"], piano["name"], piano["default_ensemble"]) == ("piano", "Piano", "grand-piano")
    assert {"grand-piano", "electric-piano", "harpsichord"} <= {one["key"] for one in piano["ensembles"]}
    assert piano["ensembles"][0]["voices"] == [{"name": "Grand piano", "program": 0, "is_drum": False}]
    assert piano["length"]["min_seconds"] == 15
    assert client.post("/api/v1/genres/").status_code == 405
