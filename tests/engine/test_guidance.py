"""Guidance: what an input changes is changed more than once, for those rows alone that were told it."""

import numpy as np
import pytest

from generator.engine.guidance import GuidedSteps

CLASSES, FEATURES, STYLE = 5, 6, (2, 4)


class Remembering:
    """Logits from the features, the event and all features so far, row by row."""

    name = "fake"
    num_classes, num_features, state_size = CLASSES, FEATURES, FEATURES

    def __init__(self) -> None:
        self.batches: list[int] = []
        self._weights = np.random.default_rng(1).normal(size=(FEATURES, CLASSES)).astype(np.float32)

    def step(self, class_indices, features, state):
        assert (class_indices.dtype, features.dtype, state.dtype) == (np.int32, np.float32, np.float32)
        self.batches.append(len(class_indices))
        state = np.tanh(state + features)
        rows = [row @ self._weights + index for row, index in zip(state, class_indices, strict=True)]
        return np.array(rows, np.float32), state


def features_of(*styles: int) -> np.ndarray:
    """float32 [rows, FEATURES]; −1 is a row without a style."""
    features = np.random.default_rng(2).normal(size=(len(styles), FEATURES)).astype(np.float32)
    features[:, slice(*STYLE)] = 0.0
    for row, style in enumerate(styles):
        if style >= 0:
            features[row, STYLE[0] + style] = 1.0
    return features


def run(features: np.ndarray, weight: float, steps: int = 3) -> np.ndarray:
    guided = GuidedSteps(Remembering(), STYLE, len(features), weight)
    events = np.arange(len(features), dtype=np.int32) * 0
    return np.stack([guided.logits(events, features) for _ in range(steps)])


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_the_difference_that_a_style_makes_is_applied_as_often_as_said(weight: float) -> None:
    told = features_of(1)
    withheld = told.copy()
    withheld[:, slice(*STYLE)] = 0.0
    plain, conditional = run(withheld, 1.0), run(told, 1.0)
    assert np.abs(conditional - plain).max() > 0.1
    assert run(told, weight) == pytest.approx(plain + weight * (conditional - plain), abs=1e-5)


def test_only_rows_that_were_told_a_style_have_a_shadow() -> None:
    runtime = Remembering()
    guided = GuidedSteps(runtime, STYLE, 3, 2.0)
    features = features_of(-1, 0, -1)
    guided.logits(np.zeros(3, np.int32), features)
    guided.keep(np.array([0, 2]))
    guided.logits(np.zeros(2, np.int32), features[[0, 2]])
    assert runtime.batches == [4, 2]


def test_a_row_is_the_same_alone_and_in_company_that_leaves() -> None:
    features = features_of(0, -1, 1)
    guided = GuidedSteps(Remembering(), STYLE, 3, 2.0)
    events = np.zeros(3, np.int32)
    together = [guided.logits(events, features)]
    guided.keep(np.array([1, 2]))
    together += [guided.logits(events[1:], features[1:]) for _ in range(2)]
    for row in (1, 2):
        alone = run(features[row : row + 1], 2.0)[:, 0]
        assert np.array_equal([together[0][row], together[1][row - 1], together[2][row - 1]], alone)


def test_who_leaves_takes_the_shadow_along() -> None:
    """Of three rows with shadows between others the middle one stays, whatever the first call was."""
    features = features_of(0, -1, 1, 0)
    guided = GuidedSteps(Remembering(), STYLE, 4, 2.0)
    guided.logits(np.zeros(4, np.int32), features)
    guided.keep(np.array([2]))
    alone = run(features[2:3], 2.0)[:2, 0]
    assert np.array_equal(guided.logits(np.zeros(1, np.int32), features[2:3])[0], alone[1])
