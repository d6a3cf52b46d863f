"""The waiting page and its cancel button."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from generator.models import Generation, WorkerBeat
from tests.browser.midi_bytes import midi_bytes, scale
from tests.factories import guest, make_generation, make_genre, make_piece, make_succeeded_generation, member

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
    assert "You&#x27;re next." in page_of(guest_client, first)
    assert "1 piece ahead of yours." in page_of(guest_client, second)
    assert "2 pieces ahead of yours." in page_of(guest_client, third)


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
    assert "It has been deleted." in page
    assert "http-equiv" not in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": Status.FAILED, "error_message": "The disk is full."}, "The disk is full."),
        ({"status": Status.CANCELLED}, "Cancelled"),
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


class TestTakes:
    @pytest.fixture
    def generation(self) -> Generation:
        """Three takes: the second is best, the first went wrong while it was heard and was composed again."""
        generation = make_generation(status=Status.SUCCEEDED, attempts=1, takes_asked=2)
        for rank, (index, attempt, faults) in enumerate(
            [(1, 0, []), (0, 1, []), (0, 0, ["Nothing sounds for 3.4 seconds."])], start=1
        ):
            piece = make_piece(is_draft=True, qpm=96.0, key="Bb minor", facts={"originality": f"Sentence {rank}."})
            generation.takes.create(
                index=index, attempt=attempt, seed=1, rank=rank, faults=faults, replaces_heard=attempt == 1, piece=piece
            )
        return generation

    def test_they_are_shown_best_first_with_what_is_known_of_them(self, guest_client: Client, generation: Generation):
        page = page_of(guest_client, generation)
        labels = re.findall(r'data-label="([^"]+)"', page)
        assert labels == ["Take 2", "Take 1, second try", "Take 1"]
        said = ["Best · Take 2", "2nd · Take 1, second try", "Has errors · Take 1"]
        assert re.findall(r'<span class="eyebrow">([^<]+)</span>', page) == said
        for wanted in ("Nothing sounds for 3.4 seconds.", "Sentence 1.", "96 BPM", "B♭ minor"):
            assert wanted in page
        assert "http-equiv" not in page
        assert page.count("data-save-with-account") == 3

    def test_the_script_gets_the_same_as_a_part_of_a_page(self, guest_client: Client, generation: Generation):
        part = guest_client.get(f"/generations/{generation.pk}/result/").content.decode()
        assert part.count("data-take ") == 3
        assert "<html" not in part
        assert Client().get(f"/generations/{generation.pk}/result/").status_code == 404

    def test_one_piece_comes_with_its_facts_and_what_can_be_made_of_it(self, guest_client: Client):
        piece = make_piece(facts={"sentences": ["It plays in C."], "originality": "It borrows little."})
        generation = make_succeeded_generation(piece=piece)
        part = guest_client.get(f"/generations/{generation.pk}/result/").content.decode()
        for wanted in ("It plays in C.", "It borrows little.", "Continue", "Vary", "Another like this"):
            assert wanted in part

    def test_a_job_that_is_not_done_has_no_result_yet(self, guest_client: Client):
        part = guest_client.get(f"/generations/{make_generation().pk}/result/")
        assert part.status_code == 200
        assert not part.content.decode().strip()


class TestMoreOfAPiece:
    def test_each_kind_makes_a_job_that_knows_its_source(self, guest_client: Client):
        make_genre()
        piece = make_piece(midi=midi_bytes(scale(15)))
        for kind in ("continue", "vary", "another"):
            response = guest_client.post(f"/pieces/{piece.pk}/more/", {"kind": kind, "form_token": kind})
            generation = Generation.objects.get(form_token=kind)
            assert (response.status_code, response["Location"]) == (302, f"/generations/{generation.pk}/")
            assert (generation.kind, generation.source_piece) == (kind, piece)
            generation.delete()

    def test_the_same_button_pressed_twice_is_one_job(self, guest_client: Client):
        make_genre()
        piece = make_piece()
        for _ in range(2):
            guest_client.post(f"/pieces/{piece.pk}/more/", {"kind": "another", "form_token": "one"})
        assert Generation.objects.count() == 1

    @pytest.mark.parametrize("kind", ["", "new", "steal"])
    def test_another_kind_is_refused_on_the_form_of_the_piece(self, guest_client: Client, kind: str):
        make_genre()
        response = guest_client.post(f"/pieces/{make_piece(ensemble='harpsichord').pk}/more/", {"kind": kind})
        assert response.status_code == 422
        assert response.context["form"].non_field_errors()
        assert response.context["form"]["ensemble"].value() == "harpsichord"
        assert not Generation.objects.exists()

    def test_a_piece_whose_genre_is_no_longer_offered(self, guest_client: Client):
        make_genre()
        response = guest_client.post(f"/pieces/{make_piece(genre='polka').pk}/more/", {"kind": "another"})
        assert response.status_code == 422

    def test_only_those_who_may_hear_a_piece(self, guest_client: Client, bob: Any):
        make_genre()
        piece = make_piece()
        other = Client()
        other.force_login(bob)
        for stranger in (Client(), other):
            assert stranger.post(f"/pieces/{piece.pk}/more/", {"kind": "another"}).status_code == 404
        assert guest_client.get(f"/pieces/{piece.pk}/more/").status_code == 405
        assert guest_client.post(f"/pieces/{uuid.uuid4()}/more/").status_code == 404
        assert not Generation.objects.exists()
        example = make_piece(guest(""), is_example=True)
        assert other.post(f"/pieces/{example.pk}/more/", {"kind": "another"}).status_code == 302
        assert Generation.objects.get().owner == bob
