"""The 3-gram model against smoothing computed with dictionaries, and the plain LSTM against Keras."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from generator.engine.baselines import NGramModel, PlainLstm, magenta_lstm
from generator.engine.errors import TrainingError
from generator.engine.network import NetworkConfig, build_network, load_weights, weights_of
from tests.engine.test_network import random_inputs

CLASSES = 7


def music(seed: int, count: int = 400) -> np.ndarray:
    """Events in which each depends on the two before it."""
    rng = np.random.default_rng(seed)
    events = [0, 1]
    while len(events) < count:
        likely = (2 * events[-1] + events[-2]) % (CLASSES - 1)
        events.append(likely if rng.random() < 0.8 else int(rng.integers(CLASSES - 1)))
    return np.array(events, np.uint16)


def by_dictionaries(pieces: list[np.ndarray], a: int, b: int, c: int) -> float:
    """p(c | a b) as the formula reads."""
    trigrams: Counter[tuple[int, ...]] = Counter()
    for piece in pieces:
        row = [CLASSES, CLASSES, *piece.tolist()]
        trigrams.update(zip(row, row[1:], row[2:], strict=False))
    before = defaultdict(set)
    for x, y, z in trigrams:
        before[y, z].add(x)
    bigrams = Counter({key: len(found) for key, found in before.items()})
    first = defaultdict(set)
    for y, z in bigrams:
        first[z].add(y)
    unigrams = Counter({key: len(found) for key, found in first.items()})

    def level(counts: Counter, context: tuple[int, ...], event: int, shorter: float) -> float:
        once, twice = (sum(n == k for n in counts.values()) for k in (1, 2))
        discount = once / (once + 2 * twice) if once and twice else 0.5
        after = {k: n for k, n in counts.items() if (k[:-1] if isinstance(k, tuple) else ()) == context}
        if not after:
            return shorter
        count = counts.get((*context, event) if context else event, 0)
        return (max(count - discount, 0) + discount * len(after) * shorter) / sum(after.values())

    p1 = level(unigrams, (), c, 1 / CLASSES)
    return level(trigrams, (a, b), c, level(bigrams, (b,), c, p1))


@pytest.fixture(scope="module")
def fitted() -> tuple[NGramModel, list[np.ndarray]]:
    pieces = [music(1), music(2)]
    return NGramModel(CLASSES).fit(pieces, batch_events=500), pieces


@pytest.mark.parametrize("context", [(0, 1), (3, 2), (CLASSES, CLASSES), (CLASSES, 0), (6, 5), (6, 6)])
def test_probabilities_are_the_formulas_and_sum_to_one(
    fitted: tuple[NGramModel, list[np.ndarray]], context: tuple[int, int]
) -> None:
    model, pieces = fitted
    a, b = context
    events = np.arange(CLASSES)
    found = model.probabilities(np.full(CLASSES, a), np.full(CLASSES, b), events)
    assert found.sum() == pytest.approx(1.0)
    assert found.tolist() == pytest.approx([by_dictionaries(pieces, a, b, c) for c in range(CLASSES)])


def test_an_event_never_seen_still_has_a_chance(fitted: tuple[NGramModel, list[np.ndarray]]) -> None:
    nats = fitted[0].nats(np.array([CLASSES - 1, 0, 1]))
    assert np.isfinite(nats).all() and nats[0] > 3.0


def test_counting_in_parts_is_counting_at_once(fitted: tuple[NGramModel, list[np.ndarray]]) -> None:
    model, pieces = fitted
    piece = music(9)
    assert NGramModel(CLASSES).fit(pieces).nats(piece).tolist() == pytest.approx(model.nats(piece).tolist())


def test_two_events_of_memory_beat_the_frequencies_of_events(fitted: tuple[NGramModel, list[np.ndarray]]) -> None:
    model, pieces = fitted
    shares = np.bincount(np.concatenate(pieces), minlength=CLASSES) / 800
    held_back = music(5)
    assert model.nats(held_back).mean() < -np.log(shares[held_back]).mean() - 0.3
    with pytest.raises(TrainingError, match="Expected events"):
        NGramModel(CLASSES).fit([])


def test_the_numpy_lstm_steps_as_keras_does() -> None:
    config = NetworkConfig(cell="lstm", layers=2, units=16, residual=False, uses_features=False)
    network = build_network(config)
    weights = weights_of(network)
    # Fresh biases and embeddings are too plain to tell the gates apart.
    rng = np.random.default_rng(2)
    weights = {k: v + rng.normal(0, 0.3, v.shape).astype(np.float32) for k, v in weights.items()}
    load_weights(network, weights)
    inputs = random_inputs(config, 3, 5)
    expected, last = (np.asarray(found) for found in network(inputs))
    lstm = PlainLstm(config, weights)
    state = inputs["state"]
    for t in range(5):
        logits, state = lstm.step(inputs["class_indices"][:, t], inputs["features"][:, t], state)
        assert np.allclose(logits, expected[:, t], atol=1e-4)
    assert np.allclose(state, last, atol=1e-4)


def test_only_magentas_shape_is_taken_for_the_baseline() -> None:
    config = magenta_lstm(drums=False, num_classes=388, num_features=280)
    assert (config.layers, config.units, config.state_size) == (3, 512, 3072)
    assert magenta_lstm(drums=True, num_classes=80, num_features=9).units == 256
    with pytest.raises(TrainingError, match="plain LSTM"):
        PlainLstm(NetworkConfig(), {})
