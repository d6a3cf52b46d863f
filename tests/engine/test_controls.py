"""From forms and command lines to requests: defaults, bounds, and sentences that say what was expected."""

from typing import Any

import pytest

from generator.engine.controls import ComposeRequest, compose_request, parse_seed
from generator.engine.errors import ControlError
from tests.engine.fakes import MANIFEST


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
        ({"ensemble": "kazoo"}, "Expected a type of grand-piano, bright-piano, .*; got kazoo"),
        ({"ensemble": ""}, "got nothing"),
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
