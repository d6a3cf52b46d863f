"""What a manifest may say about controls, parts and grids; `test_bundles` has the rest."""

import json
from typing import Any

import pytest

from generator.engine.errors import BundleError
from generator.engine.manifest import Choice, Manifest, parse_manifest, read_manifest
from tests.manifests import band_manifest, piano_manifest


def without_news(manifest: Manifest) -> dict[str, Any]:
    """The manifest as it was written before there were bands."""
    values = json.loads(manifest.as_json())
    for name in ("steps_per_quarter", "offset_bins", "parts"):
        del values["encoding"][name]
    values["controls"] = {name: values["controls"][name] for name in ("length", "temperature", "top_p")}
    del values["controls"]["length"]["bars"]
    for ensemble in values["ensembles"]:
        for voice in ensemble["voices"]:
            del voice["part"]
    return values


def test_a_manifest_from_before_the_bands_is_read_as_ever() -> None:
    found = parse_manifest(without_news(piano_manifest()))
    assert found.ensembles == piano_manifest().ensembles
    assert found.encoding == piano_manifest().encoding
    controls = found.controls
    assert (controls.qpm, controls.key, controls.density, controls.feel, controls.style) == (None,) * 5
    assert (controls.adventurousness, controls.start, controls.length.bars) == ((), None, False)


@pytest.mark.parametrize("manifest", [piano_manifest(), band_manifest()])
def test_what_is_written_is_read_back(manifest: Manifest) -> None:
    assert read_manifest(manifest.as_json()) == manifest
    assert parse_manifest(manifest.as_dict()) == manifest


def test_choices_and_levels_are_found_by_their_keys() -> None:
    controls = band_manifest().controls
    assert controls.style and controls.style.choice("ballad") == Choice("ballad", "Ballad", 0, 76.0)
    assert controls.style.choice("") is None
    level = controls.level("wild")
    assert level and (level.temperature, level.top_p) == (1.2, 1.0)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("encoding.steps_per_quarter", 0, "a whole number of 1 to 96 for encoding.steps_per_quarter; got 0"),
        ("encoding.steps_per_second", 100, "a whole number of 0 to 0 for encoding.steps_per_quarter; got 12"),
        ("encoding.offset_bins", -1, "for encoding.offset_bins"),
        ("encoding.parts", ["drums", "kazoo"], "for encoding.parts"),
        ("encoding.parts", ["drums", "drums"], "for encoding.parts"),
        ("encoding.parts", "drums", "for encoding.parts"),
        ("encoding.parts", [[]], "for encoding.parts"),
        ("encoding.parts", ["drums", "bass"], "one of drums, bass for ensembles[0].voices[2].part; got 'rhythm'"),
        ("encoding.parts", [], "one of nothing for ensembles[0].voices[0].part"),
        ("ensembles.0.voices.1.part", "lead", "voices of different parts for ensembles[0].voices"),
        ("ensembles.0.voices.1.part", "drums", "true for the part drums alone"),
        ("ensembles.0.voices.0.is_drum", False, "true for the part drums alone for ensembles[0].voices[0].is_drum"),
        ("controls.length.bars", 1, "true or false for controls.length.bars"),
        ("controls.qpm", [], "an object for controls.qpm"),
        ("controls.qpm.min", 1, "a number of 20 to 400 for controls.qpm.min"),
        ("controls.qpm.default", 201, "a number of 60 to 200 for controls.qpm.default"),
        ("controls.key.modes", [], "a list of at least 1 of major, minor, dorian"),
        ("controls.key.modes", ["locrian"], "for controls.key.modes"),
        ("controls.density.choices", [], "a list of 1 to 64 objects for controls.density.choices"),
        ("controls.density.choices.1.key", "sparse", "entries with different keys for controls.density.choices"),
        ("controls.feel.choices.0.value", -1, "for controls.feel.choices[0].value"),
        ("controls.style.choices.0.key", "", "for controls.style.choices[0].key"),
        ("controls.style.choices.0.name", None, "for controls.style.choices[0].name"),
        ("controls.style.choices.0.qpm", 1e9, "a number of 20 to 400 for controls.style.choices[0].qpm"),
        ("controls.adventurousness.0.temperature", 9, "a number of 0.5 to 1.5 for adventurousness"),
        ("controls.adventurousness.0.key", "wild", "entries with different keys for controls.adventurousness"),
        ("controls.start.note", "yes", "true or false for controls.start.note"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(path: str, value: Any, sentence: str) -> None:
    values = json.loads(band_manifest().as_json())
    target = values
    *parents, last = path.split(".")
    for name in parents:
        target = target[int(name)] if name.isdigit() else target[name]
    target[last] = value
    with pytest.raises(BundleError) as raised:
        parse_manifest(values)
    assert sentence.replace("for adventurousness", "for controls.adventurousness[0]") in str(raised.value)
