"""Every control of a bundle, from what was sent to the params of a job."""

from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from generator.engine.controls import compose_request
from generator.offers import controls_offered
from generator.params import PARAMS, params_chosen
from tests.factories import PIANO_MANIFEST
from tests.manifests import band_manifest, piano_manifest

BAND = band_manifest()
BAND_VALUES = BAND.as_dict()


def wrong(manifest: dict[str, Any], **params: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        params_chosen(manifest, params)
    assert all(len(sentences) == 1 for sentences in caught.value.message_dict.values())
    return caught.value.message_dict


def test_what_was_not_chosen_is_left_to_the_model() -> None:
    assert params_chosen(BAND_VALUES, {"qpm": "", "key": " ", "voices_off": [], "bars": None}) == {
        "ensemble": "full-band",
        "length_seconds": 60.0,
        "temperature": 1.0,
        "top_p": 0.95,
    }


def test_every_control_is_taken_as_a_form_sends_it() -> None:
    sent: dict[str, Any] = {
        "ensemble": "trio", "bars": "16", "adventurousness": "wild", "qpm": "150", "key": "f# dorian",
        "density": "dense", "feel": "swing", "style": "punk", "voices_off": "bass", "starting_note": "64",
    }  # fmt: skip
    chosen = params_chosen(BAND_VALUES, sent)
    assert chosen == {
        "ensemble": "trio", "bars": 16, "length_seconds": 16 * 4 * 60 / 150, "adventurousness": "wild",
        "temperature": 1.2, "top_p": 1.0, "qpm": 150.0, "key": "F# dorian", "density": "dense", "feel": "swing",
        "style": "punk", "voices_off": ["bass"], "starting_note": 64,
    }  # fmt: skip
    assert set(chosen) == set(PARAMS)
    assert params_chosen(BAND_VALUES, chosen) == chosen, "what is stored can be asked for again"
    assert compose_request(BAND, seed=1, **chosen) == compose_request(BAND, seed=1, **sent)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("bars", 1, "whole number of bars that makes 0:15 to 5:00 of music. At 120 BPM, a bar lasts 2.0 seconds"),
        ("bars", "2.5", "whole number of bars"),
        ("bars", 10**400, "whole number of bars"),
        ("temperature", 9, "from 0.5 to 1.5"),
        ("top_p", "lots", "from 0.5 to 1"),
        ("adventurousness", "mad", "Unknown creativity 'mad'. Use one of: tame, wild."),
        ("qpm", 0, "tempo from 60 to 200 BPM"),
        ("qpm", float("nan"), "tempo from 60 to 200 BPM"),
        ("key", "H minor", "C minor"),
        ("key", "C locrian", "C minor"),
        ("density", "thick", "Unknown density 'thick'. Use one of: sparse, medium, dense."),
        ("feel", "sad", "Unknown feel 'sad'. Use one of: "),
        ("style", 7, "Unknown style '7'. Use one of: ballad, punk."),
        ("voices_off", ["kazoo"], "Unknown voice 'kazoo'. Use one of: drums, bass, "),
        ("voices_off", ["drums", "bass", "rhythm", "keys", "lead"], "at least one instrument on"),
        ("starting_note", 200, "60 is middle C"),
    ],
)
def test_a_choice_that_is_not_on_offer_is_named_in_words_for_visitors(name: str, value: Any, said: str) -> None:
    told = wrong(BAND_VALUES, **{name: value})
    assert list(told) == [name]
    assert said in told[name][0]
    assert told[name][0].endswith(".")
    assert "Expected" not in told[name][0]


@pytest.mark.parametrize("name", ["bars", "qpm", "key", "style", "voices_off", "starting_note", "adventurousness"])
def test_a_control_that_the_model_does_not_have_is_named(name: str) -> None:
    plain = replace(
        piano_manifest(), controls=replace(piano_manifest().controls, density=None, start=None, adventurousness=())
    )
    plain = replace(plain, controls=replace(plain.controls, qpm=None, key=None, style=None))
    assert wrong(plain.as_dict(), **{name: "1"})[name][0].startswith("Piano has no setting for ")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = wrong(BAND_VALUES, qpm=1, key="X", density="thick", colour="red", feel="swing")
    assert sorted(told) == ["colour", "density", "key", "qpm"]


def test_what_is_offered_is_what_the_manifest_declares() -> None:
    offered = controls_offered(BAND)
    assert list(offered) == [
        "length", "qpm", "key", "style", "feel", "density", "adventurousness", "voices_off", "start", "takes",
        "temperature", "top_p",
    ]  # fmt: skip
    assert offered["length"]["bars"] is True
    assert offered["key"]["modes"][1] == {
        "key": "minor",
        "name": "minor",
        "tonics": ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"],
    }
    assert offered["style"]["choices"] == [
        {"key": "ballad", "name": "Ballad", "qpm": 76.0},
        {"key": "punk", "name": "Punk"},
    ]
    assert offered["voices_off"]["parts"]["trio"][1] == {"part": "bass", "name": "Bass"}
    assert offered["start"] == {"note": True, "midi": True}
    assert offered["takes"] == {"min": 1, "max": 4, "default": 1}


def test_the_defaults_of_an_older_manifest_still_hold() -> None:
    assert params_chosen(PIANO_MANIFEST, {}) == PIANO_MANIFEST["defaults"]
