"""The targets of a bundle, and whether a report's figures meet them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from generator.engine.report_losses import MARGIN_NATS_PER_NOTE

MEAN_OVERLAP = 0.80
LEAST_OVERLAP = 0.60
PIANO_NATS_PER_EVENT = 2.30
STYLE_RATIO = 0.70
PHRASE_TOLERANCE = 0.20


@dataclass(frozen=True, slots=True)
class Target:
    """One figure and its target.

    Attributes:
        value: None if it was not measured.
        bound: the minimum, or the maximum if `at_most`.
    """

    name: str
    value: float | None
    bound: float
    at_most: bool = False

    @property
    def state(self) -> Literal["met", "missed", "open"]:
        if self.value is None:
            return "open"
        reached = self.value <= self.bound + 1e-9 if self.at_most else self.value >= self.bound - 1e-9
        return "met" if reached else "missed"

    @property
    def value_text(self) -> str:
        return "–" if self.value is None else f"{self.value:.4g}"

    @property
    def bound_text(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.bound:g}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"state": self.state}


def targets_of(figures: dict[str, Any]) -> list[Target]:
    """Every target that applies to the bundle; shares of pieces are percentages."""
    return [*_loss(figures), *_likeness(figures), *_pieces(figures), *_controls(figures), *_judged(figures)]


def _loss(figures: dict[str, Any]) -> Iterator[Target]:
    loss = figures["loss"]
    if figures["bundle"]["encoding"] == "performance":
        yield Target("nats per event", loss["bundle"]["nats_per_event"], PIANO_NATS_PER_EVENT, at_most=True)
    margins = loss["margins_nats_per_note"]
    yield Target("nats per note better than 3-grams", margins.get("three_grams"), MARGIN_NATS_PER_NOTE)
    yield Target("nats per note better than the LSTM", margins.get("lstm"), MARGIN_NATS_PER_NOTE)
    equal = (loss.get("equal_cpu_time") or {}).get("margin_nats_per_note")
    yield Target("the same after equal CPU time", equal, MARGIN_NATS_PER_NOTE)


def _likeness(figures: dict[str, Any]) -> Iterator[Target]:
    found = figures["overlap"]
    for key, name in (("first_takes", "first takes"), ("after_critic", "after the critic")):
        areas = found.get(key)
        yield Target(f"overlapping area, mean, {name}", areas["mean"] if areas else None, MEAN_OVERLAP)
        lowest = areas["features"][areas["lowest"]] if areas else None
        yield Target(f"overlapping area, lowest feature, {name}", lowest, LEAST_OVERLAP)


def _pieces(figures: dict[str, Any]) -> Iterator[Target]:
    found = figures["pieces"]
    for key in ("unreadable_files", "stuck_notes", "off_in_length"):
        yield Target(key.replace("_", " "), found[key], 0, at_most=True)
    hundredth = 100 / found["composed"]
    yield Target("real endings of 100", found["real_endings"] * hundredth, 90)
    within = found["loops_within_human_p95"]
    yield Target("loops within the human 95th percentile, of 100", within and within * hundredth, 90)
    people = found.get("human_closing_bars_that_differ")
    if people and figures["bundle"]["genre"] == "drums":
        ratio = found["closing_bars_that_differ"] / people
        yield Target("phrases closing with a different bar, relative to human drummers", ratio, 1 - PHRASE_TOLERANCE)
        yield Target("the same, upper limit", ratio, 1 + PHRASE_TOLERANCE, at_most=True)


def _controls(figures: dict[str, Any]) -> Iterator[Target]:
    found = figures["controls"]
    if key := found.get("key"):
        hundredth = 100 / key["pieces"]
        yield Target("pieces in the requested key, of 100", key["in_scale"] * hundredth, 100)
        yield Target("real endings with a key, of 100", key["real_endings"] * hundredth, 90)
    if density := found.get("density"):
        yield Target("seeds with densities in order, of 100", density["in_order"] * 100 / density["seeds"], 95)
    if tempo := found.get("tempo"):
        yield Target("exact tempos, of 100", tempo["exact"] * 100 / tempo["pieces"], 100)
    if in_bars := found.get("bars"):
        yield Target("right lengths in bars, of 100", in_bars["right"] * 100 / in_bars["pieces"], 100)
    if style := found.get("style"):
        yield Target("style recognised, relative to human files", style["ratio"], STYLE_RATIO)


def _judged(figures: dict[str, Any]) -> Iterator[Target]:
    yield Target(
        "pairs in which the critic prefers the human piece, of 100", figures["critic"].get("human_preferred_of_100"), 75
    )
