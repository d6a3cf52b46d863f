"""A genre that nobody has heard of, installed from a bundle: on the page, over the API and composed, by no code of its
own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from generator.engine.bundles import read_bundle, write_bundle
from generator.engine.manifest import Choice, ChoiceControl, Ensemble, LengthControl, Level, StartControl
from generator.engine.midi import write_midi
from generator.engine.music import Voice
from generator.models import Generation, GenreModel
from generator.services import generation_compose, genre_model_import
from library.models import Piece
from tests import factories
from tests.generator.conftest import Outbox
from tests.music import GRAND_PIANO, scale

MIDI = write_midi(scale(32), [GRAND_PIANO], title="Mine")

pytestmark = pytest.mark.django_db


@pytest.fixture
def harpsi(outbox: Outbox, bundle_path: Path, tmp_path: Path) -> GenreModel:
    """With lengths, instruments and controls that no shipped genre has."""
    piano = read_bundle(bundle_path)
    manifest = replace(
        piano.manifest,
        name="harpsi-1",
        genre="harpsi",
        genre_name="Harpsi",
        ensembles=(Ensemble("two-manuals", "Two manuals", (Voice("Harpsichord", 6),), 29, 89, 8.0),),
        controls=replace(
            piano.manifest.controls,
            length=LengthControl(5.0, 20.0, 7.0, (7.0, 20.0)),
            density=ChoiceControl((Choice("airy", "Airy", 1), Choice("busy", "Busy", 4))),
            adventurousness=(Level("prim", "Prim", 0.7, 0.8), Level("bold", "Bold", 1.1, 1.0)),
            start=StartControl(),
            key=None,
        ),
        defaults=replace(piano.manifest.defaults, ensemble="two-manuals", length_seconds=7.0),
    )
    path = tmp_path / "harpsi.bundle"
    write_bundle(path, manifest, piano.weights, piano.step_function)
    model, _ = genre_model_import(path=path, activate=True)
    return model


def test_the_api_offers_it_with_its_controls(harpsi: GenreModel, piano: GenreModel, client: Client) -> None:
    offered = {genre["slug"]: genre for genre in client.get("/api/v1/genres/").json()}
    assert set(offered) == {"harpsi", "piano"}
    genre = offered["harpsi"]
    assert (genre["name"], genre["default_ensemble"]) == ("Harpsi", "two-manuals")
    assert genre["length"]["max_seconds"] == 20
    assert [choice["key"] for choice in genre["controls"]["density"]["choices"]] == ["airy", "busy"]
    assert [level["name"] for level in genre["controls"]["adventurousness"]["levels"]] == ["Prim", "Bold"]
    assert "key" not in genre["controls"]
    assert "start" not in genre["controls"]


def test_the_page_offers_it(harpsi: GenreModel, client: Client) -> None:
    page = client.get("/").content.decode()
    for word in ("Harpsi", "Two manuals", "Airy", "Busy", "Prim", "Bold"):
        assert word in page, word


def test_it_is_asked_for_and_composed(harpsi: GenreModel, guest_client: Client) -> None:
    wish = {"genre": "harpsi", "ensemble": "two-manuals", "length_seconds": 6, "density": "busy", "takes": 2}
    response = guest_client.post(
        "/api/v1/generations/", json.dumps({**wish, "adventurousness": "bold"}), content_type="application/json"
    )
    assert response.status_code == 201, response.content
    generation = Generation.objects.get()
    assert generation.params["temperature"] == 1.1
    generation_compose(pk=generation.pk, worker_id="worker-1")
    data = guest_client.get(f"/api/v1/generations/{generation.pk}/").json()
    assert data["status"] == "succeeded", data["error"]
    pieces: list[dict[str, Any]] = [take["piece"] for take in data["takes"]]
    assert len(pieces) >= 2
    for piece in pieces:
        assert (piece["genre"], piece["genre_name"], piece["ensemble_name"]) == ("harpsi", "Harpsi", "Two manuals")
        assert (piece["bundle_name"], piece["params"]["density"]) == ("harpsi-1", "busy")
    assert Piece.objects.filter(voices=[{"name": "Harpsichord", "program": 6, "is_drum": False, "part": ""}]).exists()


def test_what_it_does_not_offer_is_told_with_its_name(harpsi: GenreModel, guest_client: Client) -> None:
    wish = {"genre": "harpsi", "ensemble": "two-manuals", "length_seconds": 60, "key": "C minor"}
    response = guest_client.post("/api/v1/generations/", json.dumps(wish), content_type="application/json")
    assert response.json()["errors"] == {
        "length_seconds": ["Choose a length from 0:05 to 0:20."],
        "key": ["Harpsi has no setting for key."],
    }


def test_what_came_of_it_can_be_continued(harpsi: GenreModel, guest_client: Client) -> None:
    """No bundle has to say so: only files of one's own are a control."""
    source = factories.make_piece(genre="harpsi", ensemble="two-manuals", params={}, midi=MIDI, length_seconds=8.0)
    wish = {"source": str(source.pk), "kind": "continue", "length_seconds": 6, "seed": 4}
    response = guest_client.post("/api/v1/generations/", json.dumps(wish), content_type="application/json")
    assert response.status_code == 201, response.content
    generation_compose(pk=response.json()["id"], worker_id="worker-1")
    data = guest_client.get(f"/api/v1/generations/{response.json()['id']}/").json()
    assert data["status"] == "succeeded", data["error"]
    assert data["piece"]["source"] == str(source.pk)
