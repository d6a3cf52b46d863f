"""Features counted by hand, and an overlapping area that matches scipy's density and integral."""

import numpy as np
import pytest
from scipy import integrate, stats  # type: ignore[import-untyped]

from generator.engine import features
from generator.engine.features import feature_vectors, overlap, overlaps
from generator.engine.music import Note
from tests.music import notes


def test_the_features_of_a_chord_and_a_note_are_those_counted_by_hand() -> None:
    found = feature_vectors(notes((60, 64, 0.0, 2.0), (64, 64, 0.0, 1.0), (72, 10, 3.0, 4.0)), 5.0)
    assert found["pitch"][[60, 64, 72]].tolist() == pytest.approx([1 / 3] * 3)
    assert found["pitch_class"][[0, 4]].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert found["range"].tolist() == [12.0]
    # 0 – 1 s two notes, 1 – 2 s one, 2 – 3 s none, 3 – 4 s one, 4 – 5 s none.
    assert found["polyphony"][:4].tolist() == pytest.approx([0.4, 0.4, 0.2, 0.0])
    assert found["notes_per_second"].tolist() == [0.6]
    assert found["velocity"][[8, 1]].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert found["inter_onset_interval"][0] == 0.5 and found["inter_onset_interval"].sum() == pytest.approx(1.0)
    assert found["note_length"].sum() == pytest.approx(1.0)


def test_drums_beside_other_voices_have_no_pitch_and_alone_are_counted_as_a_kit() -> None:
    kick_and_hat = [Note(36, 90, 0.0, 0.1, 1), Note(42, 60, 0.0, 0.1, 1), Note(38, 90, 1.0, 1.1, 1)]
    band = feature_vectors([*notes((60, 64, 0.0, 1.0)), *kick_and_hat], 4.0, drum_voices={1})
    assert band["pitch"][60] == 1.0 and band["notes_per_second"].tolist() == [1.0]
    drums = feature_vectors(kick_and_hat, 4.0, drum_voices={1}, only_drums=True)
    # A solo of a band's drummer has the features of a band.
    solo = feature_vectors(kick_and_hat, 4.0, drum_voices={1})
    assert {key: vector.shape for key, vector in solo.items()} == {key: vector.shape for key, vector in band.items()}
    assert "note_length" not in drums
    assert drums["pitch"][[36, 38, 42]].tolist() == pytest.approx([1 / 3] * 3)
    assert drums["pitch_class"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0, 0, 0, 0])
    assert drums["range"].tolist() == [3.0]
    assert drums["polyphony"][1:3].tolist() == [0.5, 0.5]


def test_an_excerpt_without_notes_has_features_that_are_numbers() -> None:
    found = feature_vectors([], 30.0)
    assert found["range"].tolist() == [0.0] and found["polyphony"][0] == 1.0
    assert all(np.isfinite(vector).all() for vector in found.values())


def test_the_overlapped_area_is_that_of_scipys_densities() -> None:
    rng = np.random.default_rng(3)
    people, others = rng.normal(0, 1, (40, 2)), rng.normal(0.7, 1.4, (30, 2))
    within = np.array([np.linalg.norm(a - b) for i, a in enumerate(people) for j, b in enumerate(people) if i != j])
    across = np.array([np.linalg.norm(a - b) for a in people for b in others])
    p, q = stats.gaussian_kde(within), stats.gaussian_kde(across)
    low, high = min(within.min(), across.min()), max(within.max(), across.max())
    expected, _ = integrate.quad(lambda x: min(p(x)[0], q(x)[0]), low, high, limit=200)
    assert overlap(people, others).area == pytest.approx(expected, abs=1e-3)


def test_sets_that_are_alike_overlap_and_sets_far_apart_do_not() -> None:
    rng = np.random.default_rng(4)
    people, alike, apart = rng.normal(0, 1, (60, 3)), rng.normal(0, 1, (60, 3)), rng.normal(9, 1, (60, 3))
    assert overlap(people, alike).area > 0.9
    assert overlap(people, apart).area < 0.05
    same = np.ones((5, 2))
    assert overlap(same, same).area == 1.0


def test_a_set_that_plays_twice_as_fast_falls_behind_in_what_counts_time_alone() -> None:
    rng = np.random.default_rng(5)

    def excerpt(speed: float) -> list[Note]:
        starts = np.cumsum(rng.exponential(0.25 / speed, 200))
        pitches = rng.normal(60, rng.uniform(3, 9), 200).round()
        return [
            Note(int(pitch), 80, float(start), float(start) + 0.2 / speed)
            for pitch, start in zip(pitches, starts, strict=True)
            if start < 29
        ]

    def group(speed: float) -> list[dict[str, np.ndarray]]:
        return [feature_vectors(excerpt(speed), 30.0) for _ in range(40)]

    people = group(1.0)
    areas = {key: found.area for key, found in overlaps(people, group(2.0)).items()}
    assert areas["notes_per_second"] < 0.2
    assert areas["velocity"] > 0.9
    ceiling = {key: found.area for key, found in overlaps(people, group(1.0)).items()}
    assert min(ceiling.values()) > 0.8
    means = overlaps(people, group(2.0), of=features.centres)
    assert means["note_length"].area < 0.5
