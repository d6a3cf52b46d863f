"""Labels the style of an excerpt, to check whether a requested style is audible: multinomial logistic regression
trained on human training files only.

It uses rhythm, drums, register and harmony, but not tempo, which is given to composed pieces.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.music import Note
from generator.engine.note_symbols import CLASS_OF_PITCH, DRUM_CLASSES

# Length of an excerpt in bars.
EXCERPT_BARS = 8
PLACES = 24
NUM_DRUMS = len(DRUM_CLASSES) + 1
MAX_VOICES = 5
_PENALTY = 0.02
_STEPS = 400


def style_features(
    notes: Sequence[Note], qpm: float, *, drum_voices: Collection[int], num_bars: int
) -> NDArray[np.float64]:
    """float64 [features]: for drums, hits per bar by position (24 per bar) and drum, and loudness by drum; for each
    pitched voice, notes per bar, register, length and pitch classes relative to the most frequent one; and the distance
    of onsets from sixteenths and from triplets.

    Args:
        notes: times from the start of the first bar.
        num_bars: whole bars in the excerpt.
    """
    step = 4 * 60.0 / qpm / PLACES
    hits = np.zeros((NUM_DRUMS, PLACES))
    loudness = np.zeros(NUM_DRUMS)
    voices = np.zeros((MAX_VOICES, 3 + 12))
    starts = np.array([note.start_seconds for note in notes])
    for note in notes:
        if note.voice in drum_voices:
            drum = CLASS_OF_PITCH[note.pitch]
            hits[drum, round(note.start_seconds / step) % PLACES] += 1
            loudness[drum] += note.velocity / 127
        else:
            row = voices[note.voice % MAX_VOICES]
            row[:3] += 1.0, (note.pitch - 60) / 24, min(note.length_seconds / step, PLACES) / 8
            row[3 + note.pitch % 12] += 1
    loudness /= np.maximum(hits.sum(1), 1)
    for row in voices:
        count = max(row[0], 1.0)
        row[1:] /= count
        row[3:] = np.roll(row[3:], -int(row[3:].argmax()))
        row[0] /= 4 * num_bars
    sixteenth = np.abs(starts / (1.5 * step) - np.round(starts / (1.5 * step))).mean() if len(starts) else 0.0
    triplet = np.abs(starts / (2 * step) - np.round(starts / (2 * step))).mean() if len(starts) else 0.0
    return np.concatenate([hits.ravel() / num_bars, loudness, voices.ravel(), [4 * sixteenth, 4 * triplet]])


def excerpts_of_bars(notes: Sequence[Note], qpm: float) -> list[tuple[list[Note], int]]:
    """A piece in excerpts of `EXCERPT_BARS` bars, each with its number of bars; a remainder of less than half is
    dropped unless it is all there is."""
    bar = 4 * 60.0 / qpm
    found: dict[int, list[Note]] = {}
    for note in notes:
        found.setdefault(int((note.start_seconds + 0.02 * bar) / (bar * EXCERPT_BARS)), []).append(note)
    last = max(found, default=0)
    parts = []
    for index, part in sorted(found.items()):
        begin = index * bar * EXCERPT_BARS
        num_bars = EXCERPT_BARS
        if index == last:
            num_bars = max(1, round((max(note.start_seconds for note in part) - begin) / bar + 0.5))
            if num_bars < EXCERPT_BARS / 2 and last:
                continue
        moved = [Note(n.pitch, n.velocity, n.start_seconds - begin, n.end_seconds - begin, n.voice) for n in part]
        parts.append((moved, num_bars))
    return parts


@dataclass(frozen=True, slots=True)
class StyleClassifier:
    """Attributes: `styles` in order of the columns of `weights` [features + 1, styles]; `mean`, `scale` [features]."""

    styles: tuple[str, ...]
    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: NDArray[np.float64], styles: Sequence[str]) -> "StyleClassifier":
        """Train on `vectors` [n, features] and their styles; every style has the same weight, however frequent."""
        names = tuple(sorted(set(styles)))
        labels = np.array([names.index(style) for style in styles])
        mean, scale = vectors.mean(0), vectors.std(0) + 0.05
        x = _with_one((vectors - mean) / scale)
        share = (1.0 / np.bincount(labels, minlength=len(names)) / len(names))[labels]
        target = np.eye(len(names))[labels]
        weights = np.zeros((x.shape[1], len(names)))
        speed = np.zeros_like(weights)
        # Nesterov's accelerated gradient; the step size is below the bound from the data's largest singular value.
        rate = 1.0 / (0.5 * np.linalg.norm(x * np.sqrt(share)[:, None], 2) ** 2 + _PENALTY)
        for step in range(_STEPS):
            ahead = weights + step / (step + 3) * speed
            gradient = x.T @ ((_softmax(x @ ahead) - target) * share[:, None]) + _PENALTY * ahead
            speed = ahead - rate * gradient - weights
            weights = weights + speed
        return cls(names, weights, mean, scale)

    def probabilities(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [n, styles]."""
        return _softmax(_with_one((vectors - self.mean) / self.scale) @ self.weights)

    def accuracy(self, vectors: NDArray[np.float64], styles: Sequence[str]) -> float:
        """Mean over the styles of the share of their excerpts labelled correctly."""
        named = np.array(self.styles)[self.probabilities(vectors).argmax(1)]
        asked = np.array(styles)
        return float(np.mean([(named[asked == style] == style).mean() for style in sorted(set(styles))]))


def _softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(x - x.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def _with_one(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)
