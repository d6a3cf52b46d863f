"""Making, watching and cancelling jobs over the API, as the page does it."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from generator.models import Generation, NoteChunk, WorkerBeat
from tests.factories import (
    guest,
    make_generation,
    make_genre,
    make_genre_model,
    make_piece,
    make_succeeded_generation,
    member,
)
from tests.manifests import band_manifest

pytestmark = pytest.mark.django_db
Status = Generation.Status
URL = "/api/v1/generations/"
WISH = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 60, "form_token": "token-1"}


def post(client: Client, **changes: Any) -> Any:
    wish = {key: value for key, value in {**WISH, **changes}.items() if value is not ...}
    return client.post(URL, json.dumps(wish), content_type="application/json")


class TestCreate:
    def test_a_wish_becomes_a_queued_job(self, client: Client):
        make_genre()
        response = post(client)
        assert response.status_code == 201
        data = response.json()
        generation = Generation.objects.get(pk=data["id"])
        assert generation.length_seconds == 60
        assert (data["status"], data["queue_position"], data["seconds_composed"]) == ("queued", 1, 0)
        assert (data["genre"], data["ensemble"], data["piece"], data["error"]) == ("piano", "grand-piano", None, None)
        assert data["voices"] == [{"name": "Grand piano", "program": 0, "is_drum": False}]
        assert data["worker_seen"] is False

    def test_the_same_token_gives_the_same_job(self, client: Client):
        make_genre()
        first, second = post(client), post(client)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["id"] == second.json()["id"]
        assert Generation.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "code"), [("[" * 30_000, 400), ('{"genre": "' + "x" * 70_000 + '"}', 413), ("{", 400)]
    )
    def test_a_body_that_is_made_to_hurt_is_refused(self, client: Client, body: str, code: int):
        response = client.post(URL, body, content_type="application/json")
        assert response.status_code == code
        assert response.json()["detail"].endswith(".")
        assert not Generation.objects.exists()

    def test_without_a_token_each_wish_is_a_job(self, client: Client):
        make_genre()
        assert {post(client, form_token=...).json()["id"], post(client, form_token="").json()["id"]} == {
            str(pk) for pk in Generation.objects.values_list("pk", flat=True)
        }
        assert Generation.objects.count() == 2

    @pytest.mark.parametrize("written", ["90", "1:30", "1.5 min", 90, 90.0])
    def test_the_length_may_be_written_as_people_write_it(self, client: Client, written: Any):
        make_genre()
        assert post(client, length_seconds=written).json()["length_seconds"] == 90

    @pytest.mark.parametrize(
        ("changes", "field", "sentence"),
        [
            ({"length_seconds": ...}, "length_seconds", "Choose a length"),
            ({"length_seconds": None}, "length_seconds", "Choose a length"),
            ({"length_seconds": ""}, "length_seconds", "Choose a length"),
            ({"length_seconds": 0}, "length_seconds", "5:00"),
            ({"length_seconds": -1}, "length_seconds", "5:00"),
            ({"length_seconds": 1e300}, "length_seconds", "5:00"),
            ({"length_seconds": 10**400}, "length_seconds", "5:00"),
            ({"length_seconds": "soon"}, "length_seconds", "such as 90"),
            ({"length_seconds": True}, "length_seconds", "such as 90"),
            ({"length_seconds": [60]}, "length_seconds", "such as 90"),
            ({"genre": ...}, "genre", "Choose a genre."),
            ({"genre": ""}, "genre", "Choose a genre."),
            ({"genre": "polka"}, "genre", "Use one of: piano."),
            ({"genre": {"a": 1}}, "genre", "Choose a genre."),
            ({"ensemble": None}, "ensemble", "Choose a type."),
            ({"ensemble": "kazoo"}, "ensemble", "type"),
            ({"ensemble": "x" * 999}, "ensemble", "Choose a type."),
        ],
    )
    def test_bad_input_names_its_field_in_one_sentence(
        self, client: Client, changes: dict[str, Any], field: str, sentence: str
    ):
        make_genre()
        response = post(client, **changes)
        assert response.status_code == 400
        assert list(response.json()["errors"]) == [field]
        assert len(response.json()["errors"][field]) == 1
        assert sentence in response.json()["errors"][field][0]
        assert not Generation.objects.exists()

    @pytest.mark.parametrize(
        "body",
        ["{", "", "[]", '"text"', "null", '{"length_seconds": NaN}', "\udcff".encode("utf-8", "surrogateescape")],
    )
    def test_a_body_that_is_no_json_object_is_a_clear_400(self, client: Client, body: Any):
        make_genre()
        response = client.post(URL, body, content_type="application/json")
        assert response.status_code == 400
        assert all(isinstance(one, str) for one in [response.json().get("detail", "")])
        assert not Generation.objects.exists()

    def test_another_content_type_is_refused_in_words(self, client: Client):
        response = client.post(URL, "genre=piano", content_type="application/x-www-form-urlencoded")
        assert response.status_code == 415
        assert "Send JSON" in response.json()["detail"]

    def test_no_model_installed(self, client: Client):
        response = post(client)
        assert response.status_code == 503
        assert "import_genre_model" in response.json()["detail"]

    def test_too_much_music_in_an_hour(self, client: Client, settings: Any):
        settings.GUEST_SECONDS_PER_HOUR = 100
        make_genre()
        assert post(client).status_code == 201
        response = post(client, form_token="token-2")
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= 3600
        assert "come back in" in response.json()["detail"]

    def test_controls_takes_and_seed_are_taken(self, client: Client):
        make_genre_model(make_genre("rock", with_model=False), active=True, manifest=band_manifest().as_dict())
        sent = {"genre": "rock", "ensemble": "trio", "length_seconds": ..., "bars": 8, "key": "D dorian", "qpm": 100}
        response = post(client, **sent, voices_off=["bass"], takes=3, seed="77", style="", feel=None)
        assert response.status_code == 201
        data = response.json()
        assert data["params"] == {
            "ensemble": "trio", "bars": 8, "length_seconds": 19.2, "temperature": 1.0, "top_p": 0.95, "qpm": 100.0,
            "key": "D dorian", "voices_off": ["bass"],
        }  # fmt: skip
        assert (data["takes_asked"], data["seed"], data["kind"], data["source"]) == (3, 77, "new", None)
        assert [take["label"] for take in data["takes"]] == ["Take 1", "Take 2", "Take 3"]

    @pytest.mark.parametrize(
        ("changes", "field", "sentence"),
        [
            ({"takes": 0}, "takes", "Choose 1 to 4 takes."),
            ({"takes": 5}, "takes", "Choose 1 to 4 takes."),
            ({"takes": "many"}, "takes", "Choose 1 to 4 takes."),
            ({"takes": None}, "takes", "Choose 1 to 4 takes."),
            ({"seed": -1}, "seed", "Choose a seed"),
            ({"seed": 2**63}, "seed", "Choose a seed"),
            ({"seed": True}, "seed", "Choose a seed"),
            ({"temperature": 99}, "temperature", "Choose a temperature from 0.5 to 1.5."),
            ({"temperature": True}, "temperature", "Expected text or a number."),
            ({"style": {"a": 1}}, "style", "Expected text or a number."),
            ({"bars": "8"}, "bars", "Piano has no setting for length in bars."),
            ({"voices_off": ["bass"]}, "voices_off", "Piano has no setting for instruments."),
            ({"voices_off": [[]]}, "voices_off", "Expected a list of instruments, such as bass, lead."),
            ({"tempo": 90}, "tempo", "There is no setting called tempo."),
            ({"kind": "vary"}, "source", "Choose the piece to start from."),
            ({"kind": "cover"}, "kind", "Use one of: new, continue, vary, another."),
            ({"source": "x"}, "source", "There is no such piece"),
            ({"source": 7}, "source", "There is no such piece"),
            ({"source": str(uuid.uuid4())}, "source", "There is no such piece"),
            ({"primer": "bytes"}, "primer", "as a file of a form"),
            ({"keep_primer": "perhaps"}, "keep_primer", "Send true to include"),
        ],
    )
    def test_what_is_not_on_offer_names_its_field_in_one_sentence(
        self, client: Client, changes: dict[str, Any], field: str, sentence: str
    ):
        make_genre()
        response = post(client, **changes)
        assert response.status_code == 400
        assert list(response.json()["errors"]) == [field]
        (told,) = response.json()["errors"][field]
        assert sentence in told
        assert not Generation.objects.exists()

    def test_guests_and_members_need_the_csrf_token(self, alice: Any):
        make_genre()
        for user in (None, alice):
            client = Client(enforce_csrf_checks=True)
            client.get("/")
            if user:
                client.force_login(user)
            assert post(client).status_code == 403
        assert not Generation.objects.exists()


class TestDetail:
    def test_a_running_job(self, guest_client: Client):
        WorkerBeat.objects.create(worker_id="w", hostname="h", pid=1)
        generation = make_generation(status=Status.RUNNING, length_seconds=60.0, seconds_composed=12.5)
        data = guest_client.get(f"{URL}{generation.pk}/").json()
        assert (data["status"], data["queue_position"], data["worker_seen"]) == ("running", None, True)
        assert (data["seconds_composed"], data["length_seconds"]) == (12.5, 60)
        assert data["message"] == "0:13 of 1:00 composed."

    def test_a_finished_job_carries_its_piece(self, guest_client: Client):
        generation = make_succeeded_generation()
        piece = guest_client.get(f"{URL}{generation.pk}/").json()["piece"]
        assert piece["id"] == str(generation.piece and generation.piece.pk)
        assert piece["url"] == f"/pieces/{piece['id']}/"
        assert piece["midi_url"] == f"/pieces/{piece['id']}/midi/"
        assert guest_client.get(piece["midi_url"]).status_code == 200

    def test_a_failed_job_says_why(self, guest_client: Client):
        generation = make_generation(status=Status.FAILED, error_message="The disk is full.")
        assert guest_client.get(f"{URL}{generation.pk}/").json()["error"] == "The disk is full."

    @pytest.mark.parametrize("ending", ["", "notes/"])
    def test_only_the_owner_finds_it(self, guest_client: Client, alice: Any, bob: Any, ending: str):
        of_guest, of_alice = make_generation(guest("guest-alice")), make_generation(member(alice))
        anonymous, other = Client(), Client()
        other.force_login(bob)
        for client, generation in (
            (anonymous, of_guest),
            (anonymous, of_alice),
            (other, of_guest),
            (other, of_alice),
            (guest_client, of_alice),
        ):
            response = client.get(f"{URL}{generation.pk}/{ending}")
            assert response.status_code == 404
            assert "errors" not in response.json()

    def test_unknown_and_bad_ids_answer_in_json(self, client: Client):
        for address in (f"{URL}{uuid.uuid4()}/", f"{URL}7/", "/api/v1/", "/api/v1/nothing/"):
            response = client.get(address)
            assert response.status_code == 404
            assert response["Content-Type"] == "application/problem+json"

    def test_answers_are_not_cached(self, guest_client: Client):
        assert "no-store" in guest_client.get(f"{URL}{make_generation().pk}/notes/")["Cache-Control"]


class TestNotes:
    def notes(self, client: Client, generation: Generation, after: Any = 0) -> Any:
        return client.get(f"{URL}{generation.pk}/notes/?after={after}").json()

    def test_each_note_comes_once_and_in_order(self, guest_client: Client):
        generation = make_generation(status=Status.RUNNING)
        NoteChunk.objects.create(generation=generation, index=0, notes=[[60, 80, 0, 500, 0], [64, 80, 0, 500, 0]])
        NoteChunk.objects.create(generation=generation, index=1, notes=[[67, 80, 500, 900, 0]])
        first = self.notes(guest_client, generation)
        assert first["notes"] == [[60, 80, 0, 500, 0], [64, 80, 0, 500, 0], [67, 80, 500, 900, 0]]
        assert first["next"] == 2
        NoteChunk.objects.create(generation=generation, index=2, notes=[[72, 80, 900, 1000, 0]])
        second = self.notes(guest_client, generation, first["next"])
        assert (second["notes"], second["next"]) == ([[72, 80, 900, 1000, 0]], 3)
        third = self.notes(guest_client, generation, 3)
        assert (third["notes"], third["next"]) == ([], 3)

    def test_a_job_that_starts_over_counts_from_zero_again(self, guest_client: Client):
        assert self.notes(guest_client, make_generation(status=Status.RUNNING), 5)["next"] == 0

    def test_notes_of_another_job_stay_out(self, guest_client: Client):
        mine, other = make_generation(status=Status.RUNNING), make_generation(guest("guest-bob"))
        NoteChunk.objects.create(generation=other, index=0, notes=[[60, 80, 0, 500, 0]])
        assert self.notes(guest_client, mine)["notes"] == []

    @pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9" * 30, "²"])
    def test_a_number_that_is_none(self, guest_client: Client, after: str):
        response = guest_client.get(f"{URL}{make_generation().pk}/notes/", {"after": after})
        assert response.status_code == 400
        assert list(response.json()["errors"]) == ["after"]


class TestCancel:
    def test_a_queued_job_is_cancelled_at_once(self, guest_client: Client):
        generation = make_generation()
        response = guest_client.post(f"{URL}{generation.pk}/cancel/")
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")

    def test_a_running_job_is_asked_to_stop(self, guest_client: Client):
        generation = make_generation(status=Status.RUNNING)
        assert guest_client.post(f"{URL}{generation.pk}/cancel/").json()["status"] == "running"
        generation.refresh_from_db()
        assert generation.cancel_requested_at is not None

    def test_a_finished_job_stays_finished(self, guest_client: Client):
        generation = make_succeeded_generation(piece=make_piece())
        assert guest_client.post(f"{URL}{generation.pk}/cancel/").json()["status"] == "succeeded"

    def test_somebody_elses_job_is_not_found(self, client: Client, bob: Any):
        generation = make_generation()
        client.force_login(bob)
        assert client.post(f"{URL}{generation.pk}/cancel/").status_code == 404
        generation.refresh_from_db()
        assert generation.status == Status.QUEUED

    def test_it_is_a_post_with_a_csrf_token(self, guest_client: Client):
        generation = make_generation()
        assert guest_client.get(f"{URL}{generation.pk}/cancel/").status_code == 405
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = guest_client.cookies
        assert strict.post(f"{URL}{generation.pk}/cancel/").status_code == 403
