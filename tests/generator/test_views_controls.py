"""The controls of each genre on the compose page, as a browser without JavaScript sends them: all genres at once."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from generator.models import Generation, Genre
from tests.factories import make_genre, make_genre_model
from tests.generator.test_views_compose import checked, text_of
from tests.manifests import band_manifest

pytestmark = pytest.mark.django_db

# What the browser sends when nothing was touched, beside the fields of the genre.
USUAL = {
    "length_preset": "60",
    "length": "",
    "start": "nothing",
    "starting_note": "",
    "keep_primer": "true",
    "takes": "1",
    "seed": "",
    "form_token": "token-1",
    "piano-ensemble": "grand-piano",
}
PARTS = ["drums", "bass", "rhythm", "keys", "lead"]


@pytest.fixture
def rock() -> Genre:
    """Beside the piano a band that offers every control."""
    make_genre(position=1)
    genre = make_genre("rock", with_model=False, position=2)
    make_genre_model(genre, active=True, manifest=band_manifest().as_dict())
    return genre


def of_rock(**fields: Any) -> dict[str, Any]:
    """The page as sent with rock chosen."""
    own: dict[str, Any] = {
        "ensemble": "full-band",
        "adventurousness": "",
        "tonic": "",
        "mode": "major",
        "bars": "",
        "qpm": "",
    }
    own |= {
        "density": "",
        "feel": "",
        "style": "",
        "voices_shown": "1",
        "voices": PARTS,
        "temperature": "",
        "top_p": "",
    }
    common = {name: fields.pop(name) for name in list(fields) if name in USUAL or name == "primer"}
    return {"genre": "rock"} | USUAL | common | {f"rock-{name}": value for name, value in (own | fields).items()}


def params_of(client: Client, **fields: Any) -> dict[str, Any]:
    """Params of the generation that comes of a form."""
    response = client.post("/", of_rock(**fields))
    assert response.status_code == 302, response.context["form"].errors
    return Generation.objects.get().params


def test_each_genre_has_the_controls_that_its_model_declares(client: Client, rock: Genre):
    page = text_of(client.get("/"))
    for wanted in ('name="rock-qpm"', 'name="rock-tonic"', 'name="rock-bars"', 'name="rock-voices"', "Ballad", "Swing"):
        assert wanted in page
    for missing in ('name="piano-qpm"', 'name="piano-bars"', 'name="piano-voices"', 'name="piano-style"'):
        assert missing not in page
    # Every field of a genre says whose it is: of two genres none may be mixed up.
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_untouched_the_band_plays_as_its_model_usually_does(client: Client, rock: Genre):
    params = params_of(client)
    assert params == {"ensemble": "full-band", "length_seconds": 60.0, "temperature": 1.0, "top_p": 0.95}


def test_every_control_reaches_the_job(client: Client, rock: Genre):
    params = params_of(
        client,
        qpm="96.5",
        tonic="Bb",
        mode="dorian",
        density="dense",
        feel="swing",
        style="punk",
        adventurousness="wild",
        voices=["drums", "bass", "lead"],
        start="note",
        starting_note="60",
        takes="3",
        seed="7",
    )
    assert (params["qpm"], params["key"], params["density"]) == (96.5, "Bb dorian", "dense")
    assert (params["feel"], params["style"], params["adventurousness"]) == ("swing", "punk", "wild")
    assert sorted(params["voices_off"]) == ["keys", "rhythm"]
    assert params["starting_note"] == 60
    generation = Generation.objects.get()
    assert (generation.takes_asked, generation.seed) == (3, 7)


def test_bars_count_more_than_a_length(client: Client, rock: Genre):
    assert params_of(client, bars="16", qpm="120")["length_seconds"] == 32.0


def test_switches_of_voices_that_the_type_does_not_have_change_nothing(client: Client, rock: Genre):
    """A trio has no keys: a page without script shows their switch all the same."""
    assert "voices_off" not in params_of(client, ensemble="trio", voices=["drums", "bass", "rhythm"])


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"qpm": "20"}, "qpm", "60 to 200 BPM"),
        ({"qpm": "fast"}, "qpm", "60 to 200 BPM"),
        ({"bars": "1"}, "bars", "number of bars"),
        ({"style": "polka"}, "style", "Unknown style"),
        ({"temperature": "9"}, "temperature", "0.5 to 1.5"),
        ({"voices": []}, "voices_off", "Leave at least one instrument on"),
        ({"takes": "9"}, "takes", "1 to 4 takes"),
        ({"seed": "-1"}, "seed", "Choose a seed"),
        ({"start": "note"}, "starting_note", "Choose a note"),
        ({"start": "note", "starting_note": "127"}, "starting_note", "starting note from"),
        ({"start": "midi"}, "primer", "Choose a MIDI file"),
    ],
)
def test_a_choice_that_is_not_on_offer_is_said_at_its_field(
    client: Client, rock: Genre, fields: dict[str, Any], field: str, sentence: str
):
    response = client.post("/", of_rock(**fields))
    assert response.status_code == 422
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert sentence in form.errors[field][0]
    page = text_of(response)
    assert "data-more open" in page or field == "bars"
    shown = re.findall(r'<p class="field-error" id="error-([^"]+)"[^>]* autofocus>([^<]+)', page)
    assert [name.removeprefix("rock-") for name, _ in shown] == [field]
    assert not Generation.objects.exists()


def test_what_was_chosen_stays_chosen_in_its_own_genre(client: Client, rock: Genre):
    response = client.post("/", of_rock(density="dense", voices=["bass"], qpm="20", tonic="Eb", mode="minor"))
    on = checked(response)
    assert ("rock-density", "dense") in on
    assert ("piano-density", "dense") not in on
    page = text_of(response)
    assert 'value="20"' in page
    assert re.search(r'<option value="Eb" selected>', page)
    switches = dict(re.findall(r'name="rock-voices" value="(\w+)" id="[^"]+"( checked)?', page))
    assert [part for part, on in switches.items() if on] == ["bass"]


def test_a_file_that_is_no_midi_file_is_refused_with_a_sentence(client: Client, rock: Genre):
    upload = SimpleUploadedFile("song.mid", b"this is no music", "audio/midi")
    response = client.post("/", of_rock(start="midi", primer=upload))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["primer"]
    assert "MIDI" in response.context["form"].errors["primer"][0]


def test_a_file_counts_only_where_it_is_what_to_start_from(client: Client, rock: Genre):
    upload = SimpleUploadedFile("song.mid", b"this is no music", "audio/midi")
    assert client.post("/", of_rock(primer=upload)).status_code == 302
    assert not Generation.objects.get().primer


def test_a_genre_that_no_code_knows_is_composed_like_any_other(client: Client, rock: Genre):
    polka = make_genre("polka", with_model=False, position=9)
    manifest = band_manifest("polka-1", genre="polka", genre_name="Polka").as_dict()
    make_genre_model(polka, active=True, manifest=manifest)
    page = text_of(client.get("/"))
    assert "Polka" in page
    assert "genre-art-polka" in page
    fields = {name.replace("rock-", "polka-"): value for name, value in of_rock(qpm="140").items()} | {"genre": "polka"}
    assert client.post("/", fields).status_code == 302
    generation = Generation.objects.get()
    assert (generation.genre, generation.params["qpm"]) == (polka, 140)


def test_one_model_that_cannot_be_read_takes_no_other_genre_away(client: Client, rock: Genre):
    make_genre_model(make_genre("broken", with_model=False), active=True, manifest={"format": 99})
    response = client.get("/")
    assert response.status_code == 200
    assert "genre-rock" in text_of(response)
    assert "genre-broken" not in text_of(response)


def test_the_settings_of_a_piece_come_back_into_the_form(client: Client, rock: Genre):
    query = "genre=rock&ensemble=trio&length=0:45&qpm=96&key=F%23+dorian&style=punk&voices_off=drums&temperature=1"
    response = client.get(f"/?{query}")
    page = text_of(response)
    assert {("genre", "rock"), ("rock-ensemble", "trio"), ("rock-style", "punk")} <= checked(response)
    assert re.search(r'name="rock-qpm"[^>]* value="96"', page)
    assert re.search(r'<option value="F#" selected>', page)
    assert re.search(r'<option value="dorian" selected>', page)
    assert not re.search(r'id="rock-voices-drums" checked', page)
    assert "data-more open" in page
    # The model's usual temperature is no choice.
    assert "data-advanced open" not in page
