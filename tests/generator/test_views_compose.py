"""The page of the form, as a browser without JavaScript uses it."""

import re
from typing import Any

import pytest
from django.test import Client

from generator.models import Generation
from tests.factories import guest, make_generation, make_genre, make_piece

pytestmark = pytest.mark.django_db

CHOICE = {"genre": "piano", "ensemble": "grand-piano", "length_preset": "60", "length": "", "form_token": "token-1"}


def post(client: Client, **changes: Any) -> Any:
    return client.post("/", {key: value for key, value in {**CHOICE, **changes}.items() if value is not None})


def text_of(response: Any) -> str:
    return response.content.decode()


def checked(response: Any) -> set[tuple[str, str]]:
    """Name and value of each radio button that is on."""
    inputs = re.findall(r"<input type=\"radio\"[^>]*>", text_of(response))
    pairs = [
        (re.search(r'name="([^"]+)"', one), re.search(r'value="([^"]+)"', one), " checked" in one) for one in inputs
    ]
    return {(name[1], value[1]) for name, value, on in pairs if name and value and on}


def steps(response: Any) -> set[tuple[str, str]]:
    """What is on of the three steps that everyone sees."""
    return {(name, value) for name, value in checked(response) if name in ("genre", "piano-ensemble", "length_preset")}


def test_the_page_offers_what_the_active_model_offers(client: Client):
    make_genre()
    response = client.get("/")
    assert response.status_code == 200
    page = text_of(response)
    for wanted in ("Genre", "Type", "Length", "Generate", "Piano", "Grand piano", "Harpsichord", "0:15", "5:00"):
        assert wanted in page
    assert steps(response) == {("genre", "piano"), ("piano-ensemble", "grand-piano"), ("length_preset", "60")}
    assert "Every piece is new." in page


def test_a_genre_without_an_active_model_is_not_offered(client: Client):
    make_genre()
    make_genre("rock", with_model=False)
    assert "Rock" not in text_of(client.get("/"))


def test_without_any_model_the_page_says_which_command_to_run(client: Client):
    response = client.get("/")
    assert response.status_code == 200
    assert "python manage.py import_genre_model generator/bundles/piano.bundle --activate" in text_of(response)
    assert "<form" not in text_of(response)
    assert post(client).status_code == 503


def test_one_click_with_the_defaults_makes_a_job_and_leads_to_its_page(client: Client):
    make_genre()
    response = post(client)
    generation = Generation.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/generations/{generation.pk}/")
    assert generation.length_seconds == 60
    assert generation.params["ensemble"] == "grand-piano"
    assert generation.status == Generation.Status.QUEUED
    assert client.get(response["Location"]).status_code == 200


def test_a_written_length_counts_more_than_a_preset(client: Client):
    make_genre()
    post(client, length="1:30")
    assert Generation.objects.get().length_seconds == 90


def test_a_member_composes_under_the_own_name(client: Client, alice: Any):
    make_genre()
    client.force_login(alice)
    post(client)
    generation = Generation.objects.get()
    assert (generation.owner, generation.guest_key) == (alice, "")


def test_the_same_form_sent_twice_is_one_job(client: Client):
    make_genre()
    assert post(client)["Location"] == post(client)["Location"]
    assert Generation.objects.count() == 1


def test_each_page_has_a_token_of_its_own(client: Client):
    make_genre()
    tokens = {re.search(r'name="form_token" value="([^"]+)"', text_of(client.get("/")))[1] for _ in range(2)}  # type: ignore[index]
    assert len(tokens) == 2


def test_somebody_elses_token_is_refused_in_words(client: Client):
    make_genre()
    make_generation(guest("guest-bob"), form_token="token-1")
    response = post(client)
    assert response.status_code == 422
    assert "Reload" in text_of(response)
    assert Generation.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"length_preset": None, "length": ""}, "length", "Choose a length"),
        ({"length": "0"}, "length", "5:00"),
        ({"length": "-5"}, "length", "5:00"),
        ({"length": "14"}, "length", "5:00"),
        ({"length": "301"}, "length", "5:00"),
        ({"length": "999999999999"}, "length", "5:00"),
        ({"length": "soon"}, "length", "such as 90, 1:30 or 2 min"),
        ({"length": "9" * 5000}, "length", ""),
        ({"genre": None}, "genre", "Choose a genre."),
        ({"genre": "polka"}, "genre", "Use one of: piano."),
        ({"ensemble": None}, "ensemble", "Choose a type."),
        ({"ensemble": "kazoo"}, "ensemble", "type"),
    ],
)
def test_bad_input_is_answered_on_the_form_with_one_sentence(
    client: Client, changes: dict[str, Any], field: str, sentence: str
):
    make_genre()
    response = post(client, **changes)
    assert response.status_code == 422
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert len(form.errors[field]) == 1
    assert sentence in form.errors[field][0]
    page = text_of(response)
    assert "autofocus" in page
    assert "aria-describedby" in page
    assert not Generation.objects.exists()


def test_what_was_chosen_stays_chosen_after_an_error(client: Client):
    make_genre()
    response = post(client, ensemble="harpsichord", length="soon")
    assert ("piano-ensemble", "harpsichord") in checked(response)
    assert 'value="soon"' in text_of(response)
    assert 'aria-invalid="true"' in text_of(response)


def test_what_was_written_is_escaped(client: Client):
    make_genre()
    assert "<script>alert" not in text_of(post(client, length='"><script>alert(1)</script>'))


def test_a_guest_beyond_the_hours_music_is_told_when_to_come_back(client: Client, settings: Any):
    settings.GUEST_SECONDS_PER_HOUR = 100
    make_genre()
    assert post(client).status_code == 302
    response = post(client, form_token="token-2")
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 3600
    assert "come back in" in text_of(response)
    assert Generation.objects.count() == 1


def test_compose_again_fills_in_the_settings_of_a_piece(client: Client):
    make_genre()
    response = client.get("/?genre=piano&ensemble=harpsichord&length=2:00")
    assert steps(response) == {("genre", "piano"), ("piano-ensemble", "harpsichord"), ("length_preset", "120")}
    response = client.get("/?genre=piano&ensemble=harpsichord&length=1:35")
    assert 'value="1:35"' in text_of(response)
    assert "length_preset" not in dict(checked(response))


@pytest.mark.parametrize("query", ["genre=polka", "ensemble=kazoo", "length=soon", "length=0", "length=99999"])
def test_an_address_with_nonsense_shows_the_defaults(client: Client, query: str):
    make_genre()
    assert steps(client.get(f"/?{query}")) == {
        ("genre", "piano"),
        ("piano-ensemble", "grand-piano"),
        ("length_preset", "60"),
    }


def test_recent_pieces_are_the_own_ones_and_the_example_is_for_all(guest_client: Client):
    make_genre()
    make_piece(guest("guest-alice"), title="Mine")
    make_piece(guest("guest-bob"), title="Not mine")
    make_piece(guest(""), title="For everyone", is_example=True)
    page = text_of(guest_client.get("/"))
    assert "Mine" in page
    assert "Not mine" not in page
    assert "For everyone" in page


def test_a_recent_piece_without_a_type_leaves_no_gap_for_it(guest_client: Client):
    make_genre()
    make_piece(guest("guest-alice"), genre_name="Uploaded", ensemble="", ensemble_name="", length_seconds=11)
    page = text_of(guest_client.get("/"))
    assert "Uploaded · 0:11" in page


def test_the_example_is_of_the_first_style_that_has_one(guest_client: Client):
    make_genre(position=0)
    make_genre("rock", position=1)
    make_piece(guest(""), title="A rock example", genre="rock", is_example=True)
    assert "A rock example" in text_of(guest_client.get("/"))
    make_piece(guest(""), title="A piano example", genre="piano", is_example=True)
    make_piece(guest(""), title="A newer rock example", genre="rock", is_example=True)
    page = text_of(guest_client.get("/"))
    assert "A piano example" in page
    assert "rock example" not in page


def test_other_methods_and_a_missing_csrf_token_are_refused(client: Client):
    make_genre()
    assert client.put("/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/", CHOICE)
    assert response.status_code == 403
    assert "Forms on this site need cookies" in text_of(response)


def test_the_page_is_never_taken_from_a_cache(client: Client):
    assert "no-store" in client.get("/")["Cache-Control"]


def test_there_is_no_inline_script_or_style(client: Client):
    make_genre()
    page = text_of(client.get("/"))
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", page)
    assert "script-src 'self'" in client.get("/")["Content-Security-Policy"]
