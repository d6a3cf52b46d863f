"""The waiting page and its cancel button."""

import uuid
from typing import Any

import pytest
from django.test import Client

from generator.models import Generation, WorkerBeat
from tests.factories import guest, make_generation, make_piece, make_succeeded_generation, member

pytestmark = pytest.mark.django_db
Status = Generation.Status


def page_of(client: Client, generation: Generation) -> str:
    response = client.get(f"/generations/{generation.pk}/")
    assert response.status_code == 200
    return response.content.decode()


def test_while_it_is_composed_the_page_renews_itself_and_shows_how_far_it_is(guest_client: Client):
    generation = make_generation(status=Status.RUNNING, length_seconds=60.0, seconds_composed=23.4)
    page = page_of(guest_client, generation)
    assert "0:23 of 1:00 composed." in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert 'max="60.00" value="23.40"' in page


def test_a_queued_job_says_how_many_are_before_it(guest_client: Client):
    WorkerBeat.objects.create(worker_id="w", hostname="h", pid=1)
    first, second, third = (make_generation() for _ in range(3))
    assert "Your piece is next." in page_of(guest_client, first)
    assert "1 piece before yours." in page_of(guest_client, second)
    assert "2 pieces before yours." in page_of(guest_client, third)


def test_without_a_worker_the_page_says_that_the_piece_stays_queued(guest_client: Client):
    assert "No worker is running" in page_of(guest_client, make_generation())


def test_a_finished_job_leads_to_its_piece(guest_client: Client):
    piece = make_piece()
    generation = make_succeeded_generation(piece=piece)
    response = guest_client.get(f"/generations/{generation.pk}/")
    assert (response.status_code, response["Location"]) == (302, f"/pieces/{piece.pk}/")


def test_a_finished_job_whose_piece_is_gone_says_so(guest_client: Client):
    piece = make_piece()
    generation = make_succeeded_generation(piece=piece)
    piece.delete()
    page = page_of(guest_client, generation)
    assert "no longer kept" in page
    assert "http-equiv" not in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": Status.FAILED, "error_message": "The disk is full."}, "The disk is full."),
        ({"status": Status.CANCELLED}, "Composing was cancelled"),
    ],
)
def test_a_job_without_a_piece_says_why_and_renews_no_more(guest_client: Client, fields: dict[str, Any], sentence: str):
    page = page_of(guest_client, make_generation(**fields))
    assert sentence in page
    assert "http-equiv" not in page
    assert "Compose another" in page


def test_only_the_owner_finds_it(guest_client: Client, client: Client, alice: Any, bob: Any):
    of_guest, of_alice = make_generation(guest("guest-alice")), make_generation(member(alice))
    assert Client().get(f"/generations/{of_guest.pk}/").status_code == 404
    assert guest_client.get(f"/generations/{of_alice.pk}/").status_code == 404
    other = Client()
    other.force_login(bob)
    assert other.get(f"/generations/{of_alice.pk}/").status_code == 404
    assert other.get(f"/generations/{of_guest.pk}/").status_code == 404
    other.force_login(alice)
    assert other.get(f"/generations/{of_alice.pk}/").status_code == 200


def test_bad_ids_and_methods(guest_client: Client):
    generation = make_generation()
    assert guest_client.get(f"/generations/{uuid.uuid4()}/").status_code == 404
    assert guest_client.get("/generations/7/").status_code == 404
    assert guest_client.post(f"/generations/{generation.pk}/").status_code == 405
    assert guest_client.get(f"/generations/{generation.pk}/cancel/").status_code == 405


def test_cancelling_without_javascript_comes_back_to_the_page(guest_client: Client):
    generation = make_generation()
    response = guest_client.post(f"/generations/{generation.pk}/cancel/")
    assert (response.status_code, response["Location"]) == (302, f"/generations/{generation.pk}/")
    generation.refresh_from_db()
    assert generation.status == Status.CANCELLED


def test_somebody_elses_job_cannot_be_cancelled(guest_client: Client):
    generation = make_generation(guest("guest-bob"))
    assert guest_client.post(f"/generations/{generation.pk}/cancel/").status_code == 404
    generation.refresh_from_db()
    assert generation.status == Status.QUEUED
