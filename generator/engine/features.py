"""Similarity of two sets of excerpts: musical features, and the overlapping area of their distances.

The measure is that of Yang and Lerch, "On the evaluation of generative models in music" (Neural Computing and
Applications 32, 2020; their code is called mgeval): every excerpt becomes one vector per feature; the distances among
human excerpts, and those between human and composed ones, are each smoothed to a density; the area under both
densities is 1 if composed excerpts are as far from human ones as these are from each other.
docs/quality.md holds the protocol.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.music import MAX_PITCH, Note
from generator.engine.note_symbols import CLASS_OF_PITCH, DRUM_CLASSES

Vectors = NDArray[np.float64]

# Histogram edges, in seconds; values outside count in the first and last bin.
INTERVAL_EDGES = np.concatenate([[0.0, 0.02, 0.04], 0.04 * 2 ** np.arange(0.5, 7.0, 0.5)])
LENGTH_EDGES = np.concatenate([[0.0, 0.05], 0.05 * 2 ** np.arange(0.5, 8.0, 0.5)])
VELOCITY_EDGES = np.arange(0, 129, 8)
# Shares of time with 0, 1, … notes sounding; the last bin includes everything above.
MAX_POLYPHONY = 24
# Drum hits closer than this count as simultaneous.
TOGETHER_SECONDS = 0.03
# Points at which a density is evaluated.
GRID_POINTS = 1000


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature and its labels in a report.

    Attributes:
        key: in JSON; name: on pages.
        for_drums: whether it is meaningful if every voice is drums.
    """

    key: str
    name: str
    for_drums: bool = True


FEATURES = (
    Feature("pitch", "Pitch"),
    Feature("pitch_class", "Pitch class"),
    Feature("range", "Range"),
    Feature("inter_onset_interval", "Inter-onset interval"),
    Feature("note_length", "Note length", for_drums=False),
    Feature("velocity", "Velocity"),
    Feature("polyphony", "Polyphony"),
    Feature("notes_per_second", "Notes per second"),
)


def feature_vectors(
    notes: Sequence[Note], length_seconds: float, *, drum_voices: Collection[int] = (), only_drums: bool = False
) -> dict[str, Vectors]:
    """One vector per feature of one excerpt.

    Histograms sum to 1. If drums play with other voices, pitch, pitch class, range, note length and polyphony cover the
    pitched notes. If only drums play, pitch counts sounds, pitch class the nine drums of a kit, range the number of
    distinct sounds, and polyphony simultaneous hits; there is no note length.

    Args:
        notes: of the excerpt, times from its beginning.
        length_seconds: of the excerpt.
        drum_voices: indices of the voices that are drums.
        only_drums: there are no other voices; a drum solo of a band is still an excerpt of a band.
    """
    table = np.array([(n.pitch, n.velocity, n.start_seconds, n.end_seconds) for n in notes], np.float64).reshape(-1, 4)
    is_drum = np.array([n.voice in drum_voices for n in notes], bool)
    pitched = table if only_drums else table[~is_drum]
    pitches = pitched[:, 0].astype(int)
    starts = np.sort(table[:, 2])
    vectors = {
        "pitch": _shares(np.bincount(pitches, minlength=MAX_PITCH + 1)),
        "inter_onset_interval": _histogram(np.diff(starts), INTERVAL_EDGES),
        "velocity": _histogram(table[:, 1], VELOCITY_EDGES),
        "notes_per_second": np.array([len(table) / length_seconds]),
    }
    if only_drums:
        vectors["pitch_class"] = _shares(np.bincount(CLASS_OF_PITCH[pitches], minlength=len(DRUM_CLASSES) + 1))
        vectors["range"] = np.array([float(len(set(pitches.tolist())))])
        vectors["polyphony"] = _hits_together(starts)
    else:
        vectors["pitch_class"] = _shares(np.bincount(pitches % 12, minlength=12))
        vectors["range"] = np.array([float(np.ptp(pitches)) if len(pitches) else 0.0])
        vectors["note_length"] = _histogram(pitched[:, 3] - pitched[:, 2], LENGTH_EDGES)
        vectors["polyphony"] = _sounding_shares(pitched[:, 2], pitched[:, 3], length_seconds)
    return vectors


def _shares(counts: NDArray[np.integer]) -> Vectors:
    return counts / max(int(counts.sum()), 1)


def _histogram(values: Vectors, edges: Vectors | NDArray[np.integer]) -> Vectors:
    bins = np.clip(np.searchsorted(edges, values, "right") - 1, 0, len(edges) - 1)
    return _shares(np.bincount(bins, minlength=len(edges)))


def _sounding_shares(starts: Vectors, ends: Vectors, length_seconds: float) -> Vectors:
    """Share of the time during which 0, 1, … notes sound."""
    times = np.concatenate([[0.0], starts, np.minimum(ends, length_seconds), [length_seconds]])
    changes = np.concatenate([[0], np.ones(len(starts)), -np.ones(len(ends)), [0]])
    order = np.argsort(times, kind="stable")
    sounding = np.clip(np.cumsum(changes[order])[:-1], 0, MAX_POLYPHONY).astype(int)
    seconds = np.bincount(sounding, weights=np.diff(times[order]), minlength=MAX_POLYPHONY + 1)
    return seconds / max(float(seconds.sum()), 1e-9)


def _hits_together(starts: Vectors) -> Vectors:
    """Share of the beats with 1, 2, … simultaneous hits."""
    if not len(starts):
        return np.zeros(MAX_POLYPHONY + 1)
    group = np.cumsum(np.diff(starts, prepend=starts[0]) > TOGETHER_SECONDS)
    return _shares(np.bincount(np.clip(np.bincount(group), 0, MAX_POLYPHONY), minlength=MAX_POLYPHONY + 1))


@dataclass(frozen=True, slots=True)
class Overlap:
    """Overlapping area of one feature, and its two densities.

    Attributes:
        area: 0 – 1.
        distances: float64 [`GRID_POINTS`], where the densities are evaluated.
        within, across: densities of the distances among human excerpts, and from human to other excerpts.
    """

    area: float
    distances: Vectors
    within: Vectors
    across: Vectors


def overlap(people: Vectors, others: Vectors) -> Overlap:
    """Overlapping area of one feature.

    Args:
        people: float64 [n, size], one vector per excerpt; others: float64 [m, size].
    """
    return overlap_of_distances(within_distances(people), _distances(people, others).ravel())


def within_distances(vectors: Vectors) -> Vectors:
    """Euclidean distance of each vector to each other one, both ways round as mgeval does: float64 [n · (n − 1)]."""
    return _distances(vectors, vectors)[~np.eye(len(vectors), dtype=bool)]


def _distances(a: Vectors, b: Vectors) -> Vectors:
    return np.stack([np.sqrt(((b - row) ** 2).sum(-1)) for row in a])


def overlap_of_distances(within: Vectors, across: Vectors) -> Overlap:
    """∫ min(p, q) between the smallest and the largest distance, for Gaussian densities p and q of the two."""
    low, high = min(within.min(), across.min()), max(within.max(), across.max())
    if high <= low:
        return Overlap(1.0, np.full(GRID_POINTS, low), np.zeros(GRID_POINTS), np.zeros(GRID_POINTS))
    grid = np.linspace(low, high, GRID_POINTS)
    p, q = density(within, grid), density(across, grid)
    return Overlap(min(float(np.trapezoid(np.minimum(p, q), grid)), 1.0), grid, p, q)


def density(values: Vectors, grid: Vectors) -> Vectors:
    """Gaussian kernel density of `values` at the points of `grid`, bandwidth by Scott's rule: σ · n^(−1/5).

    A bandwidth of less than one step of the grid is widened to it.
    """
    step = float(grid[1] - grid[0])
    bandwidth = max(float(values.std(ddof=1)) * len(values) ** -0.2, step)
    total = np.zeros(len(grid))
    for part in np.array_split(values, max(1, len(values) // 2000)):
        total += np.exp(-0.5 * ((grid[:, None] - part) / bandwidth) ** 2).sum(1)
    return total / (len(values) * bandwidth * np.sqrt(2 * np.pi))


def overlaps(
    people: Sequence[Mapping[str, Vectors]],
    others: Sequence[Mapping[str, Vectors]],
    *,
    of: Callable[[Vectors], Vectors] = lambda vectors: vectors,
) -> dict[str, Overlap]:
    """Overlapping area by feature key, for the `feature_vectors` of two sets of excerpts.

    Args:
        of: function of a set's vectors, [n, size], that selects what is compared, such as `centres`.
    """
    return {
        feature.key: overlap(
            of(np.stack([vectors[feature.key] for vectors in people])),
            of(np.stack([vectors[feature.key] for vectors in others])),
        )
        for feature in FEATURES
        if feature.key in people[0] and feature.key in others[0]
    }


def centres(vectors: Vectors) -> Vectors:
    """One number per vector, [n, 1]: the mean bin of a histogram, or the number itself."""
    if vectors.shape[1] == 1:
        return vectors
    return (vectors * np.arange(vectors.shape[1])).sum(1, keepdims=True)
