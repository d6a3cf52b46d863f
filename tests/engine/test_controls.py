"""From forms and command lines to requests: defaults, bounds, and sentences that say what was expected."""

from dataclasses import replace
from typing import Any

import pytest

from generator.engine.controls import ComposeRequest, compose_request, parse_seed
from generator.engine.errors import ControlError
from generator.engine.manifest import Controls, KeyControl
from generator.engine.music import PARTS
from generator.engine.primers import Primer
from tests.engine.fakes import MANIFEST
from tests.manifests import band_manifest


def test_what_is_not_chosen_is_the_bundles_default() -> None:
    assert compose_request(MANIFEST, seed=3) == ComposeRequest(60.0, 3, "grand-piano", 1.0, 0.95)


def test_numbers_may_come_as_text() -> None:
    request = compose_request(
        MANIFEST, seed=3, length_seconds="30", ensemble="strings", temperature="0.8", top_p=" 0.7 "
    )
    assert request == ComposeRequest(30.0, 3, "strings", 0.8, 0.7)


@pytest.mark.parametrize("length", [15, 300, 15.0, "300"])
def test_bounds_are_inclusive(length: Any) -> None:
    assert compose_request(MANIFEST, seed=0, length_seconds=length).length_seconds == float(length)


@pytest.mark.parametrize(
    ("length", "got"),
    [
        ("", "nothing"),
        (0, "0"),
        (-5, "-5"),
        (14.9, "14.9"),
        (301, "301"),
        (1e300, "1e+300"),
        (10**400, "1000000000000000000000000000000000000…"),
        ("soon", "soon"),
        ("nan", "nan"),
        (float("inf"), "inf"),
        (True, "True"),
        ([30], r"\[30\]"),
    ],
)
def test_a_length_out_of_bounds_is_refused(length: Any, got: str) -> None:
    with pytest.raises(ControlError, match=f"^Expected a length of 15 to 300 seconds; got {got.replace('+', '.')}"):
        compose_request(MANIFEST, seed=0, length_seconds=length)


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"ensemble": "kazoo"}, "Unknown type 'kazoo'. Use one of: grand-piano, bright-piano, "),
        ({"ensemble": ""}, "Choose a type. Use one of: grand-piano"),
        ({"temperature": 0}, "Expected a temperature of 0.5 to 1.5; got 0"),
        ({"top_p": "1.5"}, "Expected a top_p of 0.5 to 1; got 1.5"),
        ({"seed": -1}, "Expected a seed of 0"),
        ({"seed": 1.0}, "Expected a seed of 0"),
        ({"take": -1}, "Expected a take of 0"),
    ],
)
def test_other_choices_that_are_not_offered_are_refused(chosen: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ControlError, match=sentence):
        compose_request(MANIFEST, **{"seed": 0, **chosen})


@pytest.mark.parametrize(("text", "seed"), [("0", 0), ("007", 7), (str(2**63 - 1), 2**63 - 1)])
def test_seeds_are_whole_numbers(text: str, seed: int) -> None:
    assert parse_seed(text) == seed


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1_0", "x", "٣", str(2**63), "9" * 5000])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(ControlError, match="Expected a seed of 0 to 9223372036854775807"):
        parse_seed(text)


BAND = band_manifest()


def band(**chosen: Any) -> ComposeRequest:
    return compose_request(BAND, seed=0, **chosen)


class TestMusicalControls:
    def test_any_is_the_default(self) -> None:
        assert band() == ComposeRequest(60.0, 0, "full-band", 1.0, 0.95, qpm=120.0)
        nothing: dict[str, Any] = dict.fromkeys(("qpm", "key", "density", "feel", "style", "adventurousness"), "")
        assert band(**nothing, voices_off=[], starting_note="", bars="") == band()

    def test_everything_may_be_asked_for_as_text(self) -> None:
        request = band(
            qpm="96.5",
            key="f# dorian",
            density="dense",
            feel="swing",
            style="punk",
            voices_off="keys, lead",
            starting_note="64",
            adventurousness="wild",
        )
        assert request == ComposeRequest(
            *(60.0, 0, "full-band", 1.2, 1.0),
            qpm=96.5,
            key="F# dorian",
            density="dense",
            feel="swing",
            style="punk",
            voices_off=("keys", "lead"),
            starting_note=64,
        )

    def test_what_was_chosen_can_be_asked_for_again(self) -> None:
        request = band(key="Db", voices_off=("lead", "drums"), bars=24)
        again = {name: getattr(request, name) for name in ("length_seconds", "ensemble", "key", "qpm", "voices_off")}
        assert band(**again) == request

    def test_bars_become_seconds_by_the_tempo_and_count_before_them(self) -> None:
        assert band(bars="32", qpm=96, length_seconds=60).length_seconds == pytest.approx(80.0)
        assert band(bars=32, style="ballad").length_seconds == pytest.approx(32 * 240 / 76)
        assert band(bars=30).length_seconds == 60.0

    def test_a_style_brings_its_tempo_unless_another_is_asked_for(self) -> None:
        assert (band(style="ballad").qpm, band(style="punk").qpm, band(style="ballad", qpm=90).qpm) == (76, 120, 90)

    def test_numbers_go_before_the_level_of_adventurousness(self) -> None:
        tame = band(adventurousness="tame", top_p=1)
        assert (tame.temperature, tame.top_p) == (0.8, 1.0)

    def test_a_primer_brings_its_tempo_and_key(self) -> None:
        primer = Primer(notes=(), length_seconds=8.0, qpm=93.0, key="Eb minor")
        request = band(primer=primer, keep_primer=True)
        assert (request.qpm, request.key, request.keep_primer) == (93.0, "Eb minor", True)
        asked = band(primer=primer, qpm=100, key="C")
        assert (asked.qpm, asked.key) == (100.0, "C major")
        fast = Primer(notes=(), length_seconds=8.0, qpm=1e6, key=None)
        assert (band(primer=fast).qpm, band(primer=fast).key) == (400.0, "")

    @pytest.mark.parametrize(
        ("name", "value", "sentence"),
        [
            ("qpm", 59, "Expected a tempo of 60 to 200 quarter notes a minute; got 59."),
            ("qpm", "fast", "got fast."),
            ("key", "H minor", "Expected a key such as C minor"),
            ("density", "thick", "Unknown density 'thick'. Use one of: sparse, medium, dense."),
            ("density", ["sparse"], "Unknown density"),
            ("feel", "shuffle", "Unknown feel 'shuffle'. Use one of: straight, swing."),
            ("style", "polka", "Unknown style 'polka'. Use one of: ballad, punk."),
            ("adventurousness", "mad", "Unknown creativity 'mad'. Use one of: tame, wild."),
            ("voices_off", ["flute"], "Unknown voice 'flute'. Use one of: drums, bass, rhythm, keys, lead."),
            ("voices_off", 7, "Unknown voice '7'. Use one of: drums, bass, "),
            ("voices_off", list(PARTS), "Expected at least one voice to play"),
            ("starting_note", 20, "Expected a starting note of 21 to 108; got 20."),
            ("starting_note", 60.5, "Expected a whole number for a starting note; got 60.5."),
            ("bars", 7, "Expected a length of 8 to 150 bars at 120 quarter notes a minute; got 7."),
            ("bars", 151, "got 151."),
            ("bars", 8.5, "Expected a whole number"),
        ],
    )
    def test_what_the_band_does_not_offer_is_refused_by_name(self, name: str, value: Any, sentence: str) -> None:
        with pytest.raises(ControlError, match=sentence.replace("[", r"\[")) as raised:
            band(**{name: value})
        assert raised.value.control == name

    def test_a_mode_that_is_not_offered_is_refused(self) -> None:
        manifest = replace(BAND, controls=replace(BAND.controls, key=KeyControl(("major", "minor"))))
        with pytest.raises(ControlError, match=r"^Expected a key of the modes major, minor; got D dorian\.$"):
            compose_request(manifest, seed=0, key="D dorian")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("bars", 16),
            ("qpm", 100),
            ("key", "C"),
            ("density", "sparse"),
            ("feel", "swing"),
            ("style", "punk"),
            ("adventurousness", "wild"),
            ("voices_off", ["drums"]),
            ("starting_note", 60),
        ],
    )
    def test_a_control_that_a_bundle_lacks_is_unknown(self, name: str, value: Any) -> None:
        plain = replace(
            MANIFEST,
            controls=Controls(MANIFEST.controls.length, MANIFEST.controls.temperature, MANIFEST.controls.top_p),
        )
        with pytest.raises(ControlError, match=f"^The model has no control called {name}.$") as raised:
            compose_request(plain, seed=0, **{name: value})
        assert raised.value.control == name

    def test_every_bundle_goes_on_from_a_primer(self) -> None:
        primer = Primer(notes=(), length_seconds=4.0, qpm=90.0, key="C minor")
        plain = replace(MANIFEST, controls=replace(MANIFEST.controls, key=None, start=None))
        request = compose_request(plain, seed=0, primer=primer)
        assert (request.primer, request.qpm, request.key) == (primer, None, "")
