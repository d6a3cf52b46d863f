"""What is usual is measured and learnt from, the human side wins, and a card that makes no sense is no card."""

import json

import numpy as np
import pytest

from generator.engine.excerpts import Excerpt
from generator.engine.figures import figures_of, table_of
from generator.engine.music import Note, Voice
from generator.engine.norms import ENDING_SECONDS, critic_proof, norms_of, parse_norms, stretches

PIANO = (Voice("Grand piano", 0),)
BAND = (Voice("Drums", 0, is_drum=True), Voice("Bass", 33))


def song(seed: int, *, wandering: bool, length: float = 20.0, qpm: float | None = None) -> Excerpt:
    """A tune over a bass that comes again, or pitches that wander without a plan, with the same rhythm."""
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11]) + 60 + int(rng.integers(-5, 6))
    phrase = scale[rng.integers(0, 7, 16)]
    notes = []
    for number in range(int(length * 4)):
        pitch = int(rng.integers(50, 80)) if wandering else int(phrase[number % 16])
        velocity = int(rng.integers(60, 90))
        notes.append(Note(pitch, velocity, number / 4, number / 4 + float(rng.uniform(0.1, 0.3))))
    return Excerpt(notes, length, qpm, 0)


def groove(seed: int, *, wandering: bool) -> Excerpt:
    """Two bars of drums and bass that go round with small changes, or hits anywhere."""
    rng = np.random.default_rng(seed)
    pattern = rng.random((3, 16)) < 0.4
    notes = []
    for place in range(160):
        hits = rng.random(3) < 0.4 if wandering else pattern[:, place % 16] ^ (rng.random(3) < 0.03)
        start = place / 8
        notes += [Note(pitch, 90, start, start + 0.1, 0) for pitch, hit in zip((36, 38, 42), hits, strict=True) if hit]
        if place % 4 == 0:
            notes.append(
                Note(40 + (int(rng.integers(0, 12)) if wandering else place // 8 % 2 * 5), 90, start, start + 0.5, 1)
            )
    return Excerpt(notes, 20.0, 120.0, 0)


@pytest.fixture(scope="module")
def norms():
    return norms_of(
        [song(seed, wandering=False) for seed in range(40)], PIANO, [song(seed, wandering=True) for seed in range(30)]
    )


def test_the_human_excerpt_wins_on_seeds_that_were_not_learnt_from(norms) -> None:
    people = [song(seed, wandering=False) for seed in range(100, 120)]
    machine = [song(seed, wandering=True) for seed in range(200, 220)]
    proof = critic_proof(norms, people, PIANO, machine)
    assert proof["pairs"] == 20
    assert proof["human_preferred"] >= 19
    # It judges, rather than preferring whatever is named first.
    assert critic_proof(norms, machine, PIANO, people)["human_preferred"] <= 1


def test_drums_and_bass_are_judged_by_their_bars() -> None:
    norms = norms_of(
        [groove(seed, wandering=False) for seed in range(30)],
        BAND,
        [groove(seed, wandering=True) for seed in range(30)],
    )
    assert {"drums_bars_1", "pitched_rhythm_2", "bass_with_kick"} <= norms.percentiles.keys()
    people = [groove(seed, wandering=False) for seed in range(100, 110)]
    machine = [groove(seed, wandering=True) for seed in range(200, 210)]
    assert critic_proof(norms, people, BAND, machine)["human_preferred"] >= 9


def test_without_composed_pieces_what_is_unusual_scores_lower() -> None:
    people = [song(seed, wandering=False) for seed in range(40)]
    norms = norms_of(people, PIANO)
    assert not norms.weights
    usual, strange = song(300, wandering=False), song(300, wandering=True)
    score = [norms.score(table_of(e.notes, PIANO), e.length_seconds, None) for e in (usual, strange)]
    assert score[0] > score[1]


def test_they_survive_json(norms) -> None:
    stored = json.loads(json.dumps(norms.as_dict(), allow_nan=False))
    assert parse_norms(stored) == norms


@pytest.mark.parametrize(
    "values", [None, [], {}, {"length_seconds": 27.0}, {"length_seconds": 0.0, "percentiles": {}},
               {"length_seconds": 27.0, "percentiles": {"pitch": [1, 2]}}, {"length_seconds": "x", "percentiles": {}},
               {"length_seconds": 27.0, "percentiles": []},
               {"length_seconds": 27.0, "percentiles": {"pitch": [1, 2, 3, 4, float("inf")]}},
               {"length_seconds": 27.0, "percentiles": {}, "bias": float("nan")}]
)  # fmt: skip
def test_a_card_without_usable_norms_has_none(values: object) -> None:
    assert parse_norms(values) is None


def test_norms_of_other_figures_are_of_no_use(norms) -> None:
    assert parse_norms(norms.as_dict() | {"format": 2}) is None


def test_too_few_excerpts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20 excerpts; got 3"):
        norms_of([song(seed, wandering=False) for seed in range(3)], PIANO)


def test_limits_are_of_people() -> None:
    people = [song(seed, wandering=False) for seed in range(20)]
    longer = [song(seed, wandering=False, length=60.0) for seed in range(20)]
    norms = norms_of(people, PIANO, longer=longer)
    assert norms.loop_limit(20.0) == pytest.approx(19.75, abs=0.1)
    assert norms.loop_limit(60.0) == pytest.approx(59.75, abs=0.1)
    assert norms_of(people, PIANO).loop_limit(60.0) == norms.loop_limit(20.0)


class TestStretches:
    def test_a_piece_as_long_as_the_norms_is_one_stretch_without_its_end(self) -> None:
        excerpt = song(1, wandering=True, length=30.0)
        ((part, seconds),) = stretches(table_of(excerpt.notes, PIANO), 30.0, 27.0)
        assert seconds == 30.0 - ENDING_SECONDS
        assert part.starts.max() < 27.0

    def test_a_long_piece_is_looked_at_from_begin_to_end(self) -> None:
        excerpt = song(1, wandering=True, length=300.0)
        parts = list(stretches(table_of(excerpt.notes, PIANO), 300.0, 27.0))
        assert len(parts) == 8
        assert all(seconds == 27.0 and len(part.starts) == 108 for part, seconds in parts)


class TestFigures:
    def test_recording_and_encoding_have_the_same(self) -> None:
        rng = np.random.default_rng(0)
        notes = song(1, wandering=False).notes
        recorded = [
            Note(n.pitch, n.velocity, n.start_seconds + float(rng.uniform(0, 0.004)), n.end_seconds) for n in notes
        ]
        bins = [Note(n.pitch, 1 + (n.velocity - 1) // 4 * 4, n.start_seconds, n.end_seconds) for n in notes]
        assert figures_of(table_of(recorded, PIANO), 20.0) == figures_of(table_of(bins, PIANO), 20.0)

    @pytest.mark.parametrize("qpm", [None, 120.0])
    @pytest.mark.parametrize("count", [0, 1, 3, 9])
    def test_few_notes_have_finite_figures(self, count: int, qpm: float | None) -> None:
        notes = [Note(40 + i, 80, float(i), i + 0.5, i % 2) for i in range(count)]
        found = figures_of(table_of(notes, BAND), 20.0, qpm)
        assert found
        assert all(np.isfinite(value) for value in found.values())
