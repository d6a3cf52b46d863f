"""Reference statistics: the human range of each of the critic's metrics, and what separates composed pieces from it.

They are plain numbers, measured when a model is published and stored in its card. Each metric becomes its distance from
the human median, in units of the human spread on that side. A logistic regression on the distances and their absolute
values, trained to tell human training excerpts from the model's pieces, weights them; a piece's score is the log odds
that a person made it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from generator.engine.figures import NoteTable, figures_of, table_of
from generator.engine.music import Note, Voice

Floats = NDArray[np.float64]

# Incremented when a metric of `generator.engine.figures` changes its meaning, which invalidates older statistics.
FORMAT = 1
PERCENTILES = (5, 25, 50, 75, 95)
# 5th and 95th percentile of a normal distribution, in standard deviations from its median.
_SPREADS = 1.645
_FURTHEST = 3.0
# The mean absolute value of a normally distributed distance.
_USUAL = 0.8
PENALTY = 30.0
# A composed piece ends deliberately and an excerpt does not, so endings do not count.
ENDING_SECONDS = 3.0
MAX_STRETCHES = 8
# A metric that fewer of the excerpts have is ignored.
MIN_PRESENT = 0.8
MIN_EXCERPTS = 20


class Excerpt(Protocol):
    """Music of one length, as cut by `generator.engine.excerpts` or made by a composer."""

    @property
    def notes(self) -> list[Note]: ...
    @property
    def length_seconds(self) -> float: ...
    @property
    def qpm(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Norms:
    """The reference statistics of a genre.

    Attributes:
        length_seconds: of the windows the metrics were measured over.
        percentiles: of each metric, at `PERCENTILES`.
        limits: 99th percentiles of human excerpts: loop_seconds of those of `length_seconds`, long_loop_seconds,
            same_pitch_run and note_seconds of longer ones.
        weights: of each metric's distance and its absolute value; empty without composed pieces to compare with.
        bias: added to the weighted sum.
        excerpts, composed: how many were measured.
        format: of the figures.
    """

    length_seconds: float
    percentiles: Mapping[str, tuple[float, ...]]
    limits: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    bias: float = 0.0
    excerpts: int = 0
    composed: int = 0
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, for the card's figures; `parse_norms` is the inverse."""
        return asdict(self)

    def loop_limit(self, length_seconds: float) -> float | None:
        """The longest loop of 99 in 100 human pieces of about this length."""
        is_long = length_seconds > 1.5 * (self.length_seconds + ENDING_SECONDS)
        loop_seconds = self.limits.get("loop_seconds")
        return self.limits.get("long_loop_seconds", loop_seconds) if is_long else loop_seconds

    def distances(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Each metric's distance from the human median, in human spreads, −3 to 3."""
        found = {}
        for name, (low, _, middle, _, high) in self.percentiles.items():
            if name in figures:
                away = figures[name] - middle
                spread = (high - middle if away > 0 else middle - low) / _SPREADS
                found[name] = float(np.clip(away / max(spread, 1e-3), -_FURTHEST, _FURTHEST))
        return found

    def score(self, table: NoteTable, length_seconds: float, qpm: float | None) -> float:
        """Similarity to human music: the mean score over a piece's windows, higher is better."""
        scores = [
            self._score(self.distances(figures_of(part, seconds, qpm)))
            for part, seconds in stretches(table, length_seconds, self.length_seconds)
        ]
        return float(np.mean(scores)) if scores else 0.0

    def _score(self, distances: Mapping[str, float]) -> float:
        if not self.weights:
            return -float(np.mean([abs(distance) for distance in distances.values()] or [0.0]))
        return self.bias + sum(
            linear * distances[name] + size * (abs(distances[name]) - _USUAL)
            for name, (linear, size) in self.weights.items()
            if name in distances
        )


def stretches(table: NoteTable, length_seconds: float, stretch_seconds: float) -> Iterator[tuple[NoteTable, float]]:
    """The windows of a piece that are scored, each with its length: up to eight, evenly spread over all but its end."""
    usable = length_seconds - ENDING_SECONDS if length_seconds > 4 * ENDING_SECONDS else length_seconds
    if usable < 1.25 * stretch_seconds:
        yield table.between(0.0, usable), usable
        return
    count = min(MAX_STRETCHES, int(np.ceil(usable / stretch_seconds)))
    for begin in np.linspace(0.0, usable - stretch_seconds, count).tolist():
        yield table.between(begin, begin + stretch_seconds), stretch_seconds


def norms_of(
    human: Sequence[Excerpt],
    voices: Sequence[Voice],
    composed: Sequence[Excerpt] = (),
    composed_voices: Sequence[Voice] | None = None,
    *,
    longer: Sequence[Excerpt] = (),
) -> Norms:
    """Measure human excerpts and learn what tells composed pieces from them.

    Args:
        human: training excerpts of one length, at least 20; some hundreds are better.
        voices: what their notes' voices count.
        composed: of about the same length, with seeds that no evaluation uses; without them, or with fewer than 20,
            the score is only the mean distance.
        composed_voices: of those, if different.
        longer: human excerpts about as long as the longest pieces, for their limits; `human` by default.

    Raises:
        ValueError: too few excerpts.
    """
    if len(human) < MIN_EXCERPTS:
        raise ValueError(f"Expected at least {MIN_EXCERPTS} excerpts; got {len(human)}.")
    length = float(np.median([excerpt.length_seconds for excerpt in human])) - ENDING_SECONDS
    people = [_figures(excerpt, voices, length) for excerpt in human]
    names = sorted({name for figures in people for name in figures})
    names = [name for name in names if np.mean([name in figures for figures in people]) >= MIN_PRESENT]
    percentiles = {
        name: tuple(
            round(value, 5) for value in np.percentile([f[name] for f in people if name in f], PERCENTILES).tolist()
        )
        for name in names
    }
    norms = Norms(length, percentiles, _limits(human, longer, voices), excerpts=len(human), composed=len(composed))
    if len(composed) < MIN_EXCERPTS:
        return norms
    machine = [_figures(excerpt, composed_voices or voices, length) for excerpt in composed]
    # Metrics missing from composed pieces would be an easy tell that says nothing about the music.
    names = [name for name in names if np.mean([name in figures for figures in machine]) >= MIN_PRESENT]
    inputs = [_inputs(norms, figures, names) for figures in [*people, *machine]]
    weights, bias = fit(np.array(inputs), np.arange(len(inputs)) < len(people))
    pairs = weights.round(4).reshape(-1, 2).tolist()
    return Norms(
        length,
        percentiles,
        norms.limits,
        {name: (pair[0], pair[1]) for name, pair in zip(names, pairs, strict=True)},
        round(bias, 4),
        len(human),
        len(composed),
    )


def fit(inputs: Floats, is_human: NDArray[np.bool_], penalty: float = PENALTY) -> tuple[Floats, float]:
    """Logistic regression with L2 penalty and balanced classes, by Newton's method.

    Args:
        inputs: float64 [n, k]; is_human: bool [n].

    Returns:
        Weights float64 [k] and the bias.
    """
    columns = np.concatenate([inputs, np.ones((len(inputs), 1))], 1)
    share = np.where(is_human, 0.5 / is_human.sum(), 0.5 / (~is_human).sum()) * len(inputs)
    ridge = np.full(columns.shape[1], penalty)
    ridge[-1] = 1e-6
    weights = np.zeros(columns.shape[1])
    for _ in range(30):
        odds = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        gradient = columns.T @ (share * (is_human - odds)) - ridge * weights
        curvature = (columns * (share * odds * (1 - odds))[:, None]).T @ columns + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return weights[:-1], float(weights[-1])


def critic_proof(
    norms: Norms,
    human: Sequence[Excerpt],
    voices: Sequence[Voice],
    composed: Sequence[Excerpt],
    composed_voices: Sequence[Voice] | None = None,
) -> dict[str, Any]:
    """How often the score prefers the human piece in pairs of a human excerpt and a composed piece.

    Args:
        norms: measured on other excerpts and other seeds than these.
        human, composed: as many of each as there are pairs, of the same length.
    """
    people = [_score(norms, excerpt, voices) for excerpt in human]
    machine = [_score(norms, excerpt, composed_voices or voices) for excerpt in composed]
    pairs = min(len(people), len(machine))
    return {
        "pairs": pairs,
        "human_preferred": sum(mine > other for mine, other in zip(people, machine, strict=False)),
        "all_pairs_share": round(float(np.mean(np.array(people)[:, None] > np.array(machine))), 4) if pairs else None,
    }


def parse_norms(values: Any) -> Norms | None:
    """The statistics in ``card.figures["norms"]``; None if there are no usable ones."""
    if not isinstance(values, Mapping):
        return None
    try:
        norms = Norms(
            float(values["length_seconds"]),
            {str(name): tuple(map(float, row)) for name, row in values["percentiles"].items()},
            {str(name): float(limit) for name, limit in values.get("limits", {}).items()},
            {str(name): (float(pair[0]), float(pair[1])) for name, pair in values.get("weights", {}).items()},
            float(values.get("bias", 0.0)),
            int(values.get("excerpts", 0)),
            int(values.get("composed", 0)),
            int(values.get("format", FORMAT)),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError):
        return None
    usable = norms.format == FORMAT and norms.length_seconds >= 1
    numbers = [*norms.limits.values(), norms.bias, norms.length_seconds]
    numbers += [number for row in [*norms.percentiles.values(), *norms.weights.values()] for number in row]
    usable = (
        usable
        and all(map(math.isfinite, numbers))
        and all(len(row) == len(PERCENTILES) for row in norms.percentiles.values())
    )
    return norms if usable else None


def _score(norms: Norms, excerpt: Excerpt, voices: Sequence[Voice]) -> float:
    return norms.score(table_of(excerpt.notes, voices), excerpt.length_seconds, excerpt.qpm)


def _figures(excerpt: Excerpt, voices: Sequence[Voice], stretch_seconds: float) -> dict[str, float]:
    part, seconds = next(stretches(table_of(excerpt.notes, voices), excerpt.length_seconds, stretch_seconds))
    return figures_of(part, seconds, excerpt.qpm)


def _inputs(norms: Norms, figures: Mapping[str, float], names: Sequence[str]) -> list[float]:
    distances = norms.distances(figures)
    return [
        value
        for name in names
        for value in ((distances[name], abs(distances[name]) - _USUAL) if name in distances else (0.0, 0.0))
    ]


def _limits(human: Sequence[Excerpt], longer: Sequence[Excerpt], voices: Sequence[Voice]) -> dict[str, float]:
    from generator.engine.critic import piece_facts

    short, long = (
        [piece_facts(e.notes, e.length_seconds, voices=voices, qpm=e.qpm) for e in excerpts if e.notes]
        for excerpts in (human, longer or human)
    )
    return {
        name: round(float(np.percentile(values, 99)), 3)
        for name, values in (
            ("loop_seconds", [facts.loop_seconds for facts in short]),
            ("long_loop_seconds", [facts.loop_seconds for facts in long]),
            ("same_pitch_run", [facts.same_pitch_run for facts in long]),
            ("note_seconds", [facts.longest_note_seconds for facts in long]),
        )
    }
