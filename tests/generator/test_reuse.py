"""Asking again with the settings of an earlier request: request → address → form → request, the same."""

import json
import zipfile
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from generator.engine.genres import PROFILES
from generator.engine.midi import write_midi
from generator.models import Generation, Genre
from generator.reuse import again_url, again_url_of_piece
from tests import factories
from tests.generator.conftest import Outbox
from tests.generator.forms_sent import sent_by
from tests.manifests import band_manifest
from tests.music import GRAND_PIANO, scale

pytestmark = pytest.mark.django_db

URL = "/api/v1/generations/"
MIDI = write_midi(scale(64), [GRAND_PIANO], title="Mine")
GENRES = tuple(PROFILES)


@pytest.fixture(autouse=True)
def shipped(outbox: Outbox, db: None) -> None:
    for place, slug in enumerate(GENRES):
        with zipfile.ZipFile(f"{settings.SHIPPED_BUNDLES_DIR}/{slug}.bundle") as bundle:
            manifest = json.loads(bundle.read("manifest.json"))
        genre = factories.make_genre(slug, with_model=False, position=place)
        factories.make_genre_model(genre, active=True, manifest=manifest)


def requests_of(slug: str) -> list[dict[str, Any]]:
    """Requests that between them use every value of every control of a genre."""
    genre = factories.make_genre(slug)
    assert genre.active_model
    controls = genre.active_model.manifest["controls"]
    ensembles = genre.active_model.manifest["ensembles"]
    wishes: list[dict[str, Any]] = [{"ensemble": one["key"], "length_seconds": 30} for one in ensembles]
    first = ensembles[0]["key"]
    for name in ("style", "feel", "density"):
        for choice in (controls[name] or {"choices": []})["choices"]:
            wishes.append({"ensemble": first, "length_seconds": 90, name: choice["key"]})
    for level in controls["adventurousness"]:
        wishes.append({"ensemble": first, "length_seconds": 60, "adventurousness": level["key"]})
    wishes += [
        {"ensemble": first, "length_seconds": 61.123456789, "temperature": 0.7},
        {"ensemble": first, "length_seconds": 15, "top_p": 0.8765432109, "takes": 3},
        {"ensemble": first, "length_seconds": 300, "adventurousness": "wild", "temperature": 0.71, "takes": 4},
    ]
    if controls["key"]:
        keys = ("C major", "Bb minor", "F# dorian", "Gb major", "Cb lydian", "E mixolydian", "D# phrygian")
        wishes += [{"ensemble": first, "length_seconds": 60, "key": key} for key in keys]
    if controls["qpm"]:
        tempos = (controls["qpm"]["default"], controls["qpm"]["min"], 96.123456789)
        wishes += [{"ensemble": first, "length_seconds": 60, "qpm": qpm} for qpm in tempos]
    if controls["length"]["bars"]:
        wishes.append({"ensemble": first, "bars": 16})
        wishes.append({"ensemble": first, "bars": 12, "qpm": 131, "takes": 2})
    if controls["start"]["note"]:
        wishes.append({"ensemble": first, "length_seconds": 60, "starting_note": 60})
    for one in ensembles:
        parts = [voice["part"] for voice in one["voices"] if voice.get("part")]
        if len(parts) > 1:
            wishes += [{"ensemble": one["key"], "length_seconds": 60, "voices_off": [part]} for part in parts]
            wishes.append({"ensemble": one["key"], "length_seconds": 60, "voices_off": parts[1:]})
    return wishes


def ask(client: Client, **wish: Any) -> Generation:
    factories.Generation.objects.update(status="cancelled")
    response = client.post(URL, json.dumps(wish), content_type="application/json")
    assert response.status_code == 201, (wish, response.content)
    return Generation.objects.get(pk=response.json()["id"])


def send_form(client: Client, address: str, **more: Any) -> Generation:
    """Opens the address and presses Generate, as a browser without scripts does."""
    Generation.objects.update(status="cancelled")
    page = client.get(address)
    response = client.post("/", sent_by(page.content.decode(), "compose") | more)
    assert response.status_code == 302, (address, response.context["form"].errors)
    return Generation.objects.get(pk=response["Location"].split("/")[-2])


@pytest.mark.parametrize("slug", GENRES)
def test_every_control_of_every_shipped_genre_comes_back(client: Client, slug: str) -> None:
    for wish in requests_of(slug):
        first = ask(client, genre=slug, **wish)
        again = send_form(client, again_url(first))
        assert again.genre == first.genre
        assert (again.params, again.takes_asked) == (first.params, first.takes_asked), wish
        assert (again.length_seconds, again.start) == (first.length_seconds, first.start), wish


def test_a_piece_asks_for_what_its_request_asked_for(client: Client) -> None:
    first = ask(client, genre="rock", ensemble="power-trio", bars=16, adventurousness="wild", takes=3)
    piece = factories.make_piece(genre="rock", params=first.params, length_seconds=99.0)
    first.takes.create(index=0, seed=1, piece=piece)
    again = send_form(client, again_url_of_piece(piece))
    assert (again.params, again.takes_asked) == (first.params, 3)
    assert "temperature" not in again_url_of_piece(piece), "numbers beside a level would leave its slider without use"


def test_a_piece_without_its_request_says_what_it_knows(client: Client) -> None:
    params = ask(client, genre="drums", ensemble="brushes", length_seconds=30, style="jazz", feel="swing").params
    again = send_form(client, again_url_of_piece(factories.make_piece(genre="drums", params=params)))
    assert again.params == params


@pytest.mark.parametrize("kept", ["true", "false"])
def test_a_file_of_ones_own_is_asked_for_again(client: Client, kept: str) -> None:
    wish = {"genre": "rock", "ensemble": "full-band", "length_seconds": "30", "keep_primer": kept}
    made = client.post(URL, {**wish, "primer": SimpleUploadedFile("mine.mid", MIDI)})
    first = Generation.objects.get(pk=made.json()["id"])
    page = client.get(again_url(first)).content.decode()
    assert "Choose your MIDI file again; it was used only for that piece." in page
    sent = sent_by(page, "compose")
    assert sent["start"] == ["midi"]
    assert client.post("/", sent).status_code == 422, "never without it in silence"
    again = send_form(client, again_url(first), primer=SimpleUploadedFile("mine.mid", MIDI))
    assert (again.params, again.start, again.keep_primer) == (first.params, "file", kept == "true")


def test_what_the_model_no_longer_has_is_said_in_one_line(client: Client) -> None:
    asked = {"style": "metal", "qpm": 200, "key": "C dorian", "starting_note": 60, "voices_off": ["bass"]}
    first = ask(client, genre="rock", ensemble="power-trio", length_seconds=300, takes=2, **asked)
    genre = Genre.objects.get(slug="rock")
    poor = band_manifest().as_dict()
    poor["controls"] |= {"key": None, "start": None}
    poor["controls"]["qpm"]["max"] = 150
    factories.make_genre_model(genre, active=True, manifest=poor)
    genre.refresh_from_db()
    page = client.get(again_url(first)).content.decode()
    said = page[page.index("data-reused>") :].split(">")[1].split("<")[0]
    assert said.startswith("Not available here, so left out: ")
    for lost in ("style metal", "tempo 200", "key C dorian", "starting note 60"):
        assert lost in said
    assert "takes" not in said


def test_a_piece_that_went_on_from_another_says_how(client: Client) -> None:
    source = factories.make_piece(genre="piano")
    first = factories.make_generation(genre=factories.make_genre("piano"), kind="continue", source_piece=source)
    assert "open the other piece and choose Continue" in client.get(again_url(first)).content.decode()


def test_an_address_may_be_written_by_hand(client: Client) -> None:
    address = "/?genre=Drums&ensemble=Room+Kit&style=HIP+HOP&feel=Swing&adventurousness=Safe&length=1:30"
    page = client.get(address).content.decode()
    sent = sent_by(page, "compose")
    assert sent["genre"] == ["drums"]
    assert (sent["drums-ensemble"], sent["drums-style"], sent["drums-feel"]) == (["room-kit"], ["hiphop"], ["swing"])
    assert sent["drums-adventurousness"] == ["careful"]
    assert "data-reused" not in page
