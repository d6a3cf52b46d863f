"""The list of requests over the API: once a key, again, and taken off."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.api_guests import guest_token_new
from generator.engine.midi import write_midi
from generator.models import Generation
from generator.quota import seconds_this_hour
from library.models import Piece
from tests.at_once import at_once
from tests.factories import guest, make_generation, make_genre, make_piece, make_succeeded_generation, member
from tests.music import GRAND_PIANO, scale

pytestmark = pytest.mark.django_db
URL = "/api/v1/generations/"
WISH = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 60}
Status = Generation.Status


def post(client: Client, address: str = URL, body: Any = None, key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(address, body or {}, content_type="application/json", headers=headers)


class TestIdempotencyKey:
    def test_the_same_key_gives_the_same_job(self, guest_client: Client):
        make_genre()
        first, second = (post(guest_client, body=WISH, key="k1") for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["id"] == second.json()["id"]
        assert first["Location"].endswith(f"{URL}{first.json()['id']}/")
        assert post(guest_client, body=WISH, key="k2").json()["id"] != first.json()["id"]

    def test_somebody_elses_key_is_another(self, guest_client: Client, alice: Any):
        make_genre()
        other = Client()
        other.force_login(alice)
        made = {post(client, body=WISH, key="1").json()["id"] for client in (guest_client, other)}
        assert len(made) == 2

    @pytest.mark.parametrize("change", [{"length_seconds": 90}, {"takes": 2}, {"seed": 5}, {"temperature": 1.2}])
    def test_a_key_stands_for_one_request(self, guest_client: Client, change: dict[str, Any]):
        make_genre()
        post(guest_client, body=WISH, key="k")
        response = post(guest_client, body=WISH | change, key="k")
        assert (response.status_code, response.json()["type"]) == (422, "/api/v1/docs/#problem-key-reused")
        assert Generation.objects.count() == 1

    def test_the_same_in_other_words_is_the_same(self, guest_client: Client):
        make_genre()
        post(guest_client, body=WISH, key="k")
        assert post(guest_client, body=WISH | {"length_seconds": "1:00", "takes": 1}, key="k").status_code == 200

    def test_it_holds_for_an_upload_that_is_continued(self, alice: Any, client: Client):
        make_genre()
        client.force_login(alice)
        facts: dict[str, Any] = {
            "genre": "",
            "ensemble": "",
            "params": {},
            "seed": None,
            "temperature": None,
            "top_p": None,
        }
        upload = make_piece(member(alice), kind=Piece.Kind.UPLOAD, **facts)
        wish = WISH | {"source": str(upload.pk), "kind": "continue"}
        first, second = (post(client, body=wish, key="k") for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 200), first.content
        assert post(client, body=wish | {"takes": 3}, key="k").status_code == 422
        missing = {name: value for name, value in wish.items() if name != "genre"}
        assert list(post(client, body=missing).json()["errors"]) == ["genre"]

    def test_a_key_of_a_wish_is_none_for_asking_for_something_else_again(self, guest_client: Client):
        make_genre()
        old, other = make_succeeded_generation(seed=5), make_succeeded_generation(seed=6)
        again, twice = (post(guest_client, f"{URL}{old.pk}/retry/", key="k") for _ in range(2))
        assert (again.status_code, twice.status_code) == (201, 200)
        for wrong in (post(guest_client, f"{URL}{other.pk}/retry/", key="k"), post(guest_client, body=WISH, key="k")):
            assert (wrong.status_code, wrong.json()["type"]) == (422, "/api/v1/docs/#problem-key-reused")

    def test_a_key_has_a_length(self, guest_client: Client):
        make_genre()
        response = post(guest_client, body=WISH, key="k" * 256)
        assert list(response.json()["errors"]) == ["Idempotency-Key"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("primer", [None, b"file"])
def test_the_same_key_sent_twice_at_once_is_one_job(settings: Any, primer: bytes | None) -> None:
    """Though a guest may have one job alone: the second request is no other job, and so not one too many."""
    settings.GUEST_RUNNING_JOBS = 1
    make_genre()
    headers = {"Authorization": f"Guest {guest_token_new()}", "Idempotency-Key": "k"}

    def send() -> tuple[int, str]:
        body: Any = WISH
        if primer:
            body = WISH | {"primer": SimpleUploadedFile("a.mid", write_midi(scale(), [GRAND_PIANO]))}
        options: dict[str, Any] = {} if primer else {"content_type": "application/json"}
        response = Client().post(URL, body, headers=headers, **options)
        return response.status_code, response.json().get("id", response.content)

    answers = at_once(send, send, send)
    assert sorted(status for status, _ in answers) == [200, 200, 201], answers
    assert len({found for _, found in answers}) == 1
    assert Generation.objects.count() == 1


class TestList:
    def test_the_own_ones_newest_first(self, guest_client: Client, alice: Any):
        now = timezone.now()
        old = make_generation(created_at=now - timedelta(hours=2), status=Status.FAILED, error_message="No.")
        new = make_succeeded_generation(created_at=now)
        make_generation(guest("guest-bob"))
        make_generation(member(alice))
        data = guest_client.get(URL).json()
        assert [line["id"] for line in data["results"]] == [str(new.pk), str(old.pk)]
        assert data["results"][1]["error"] == "No."
        assert data["results"][0]["pieces"] == [str(new.piece and new.piece.pk)]
        assert [line["id"] for line in guest_client.get(f"{URL}?status=failed").json()["results"]] == [str(old.pk)]
        assert list(guest_client.get(f"{URL}?status=lost").json()["errors"]) == ["status"]

    def test_it_goes_on_where_the_page_ends(self, guest_client: Client, django_assert_max_num_queries: Any):
        for _ in range(5):
            make_succeeded_generation()
        with django_assert_max_num_queries(4):
            first = guest_client.get(f"{URL}?limit=3").json()
        second = guest_client.get(first["next"]).json()
        assert len({line["id"] for line in (*first["results"], *second["results"])}) == 5
        assert second["next"] is None


class TestRetry:
    def test_everything_is_as_it_was(self, guest_client: Client):
        old = make_generation(status=Status.FAILED, seed=7, takes_asked=2, length_seconds=30.0)
        response = post(guest_client, f"{URL}{old.pk}/retry/")
        assert response.status_code == 201
        made = Generation.objects.get(pk=response.json()["id"])
        assert (made.params, made.seed, made.takes_asked, made.status) == (old.params, 7, 2, "queued")
        assert made.pk != old.pk

    def test_twice_with_one_key_is_once(self, guest_client: Client):
        old = make_generation(status=Status.CANCELLED)
        made = {post(guest_client, f"{URL}{old.pk}/retry/", key="again").json()["id"] for _ in range(2)}
        assert len(made) == 1

    def test_what_is_in_the_making_is_not_asked_for_again(self, guest_client: Client):
        running = make_generation(status=Status.RUNNING)
        assert post(guest_client, f"{URL}{running.pk}/retry/").status_code == 409

    def test_a_piece_that_it_started_from_is_gone(self, guest_client: Client):
        source = make_piece()
        old = make_generation(status=Status.FAILED, kind=Piece.Kind.VARY, source_piece=source)
        source.delete()
        response = post(guest_client, f"{URL}{old.pk}/retry/")
        assert response.status_code == 400
        assert "has been deleted" in response.json()["detail"]


class TestDelete:
    def test_the_request_goes_and_its_piece_stays(self, guest_client: Client):
        generation = make_succeeded_generation(length_seconds=60.0)
        used = seconds_this_hour(guest())
        assert guest_client.delete(f"{URL}{generation.pk}/").status_code == 204
        assert guest_client.get(URL).json()["results"] == []
        for ending in ("", "notes/"):
            assert guest_client.get(f"{URL}{generation.pk}/{ending}").status_code == 404
        assert guest_client.get(f"/generations/{generation.pk}/").status_code == 404
        assert Piece.objects.count() == 1
        assert seconds_this_hour(guest()) == used == 60, "limits do not forget it"

    def test_what_is_in_the_making_is_cancelled_first(self, guest_client: Client):
        generation = make_generation()
        assert guest_client.delete(f"{URL}{generation.pk}/").status_code == 409
        post(guest_client, f"{URL}{generation.pk}/cancel/")
        assert guest_client.delete(f"{URL}{generation.pk}/").status_code == 204
