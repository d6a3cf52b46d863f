"""How well a bundle predicts unseen music: held-out loss through the step function that is served.

Loss is in nats (natural logarithm). Nats per event compare networks with the same encoding; across encodings, compare
nats per note and nats per second of music.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.bundles import Bundle
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.corpora import Corpus, open_corpus
from generator.engine.critic import PieceFacts, check_piece, piece_facts
from generator.engine.dataset import CHUNK_EVENTS, Segment
from generator.engine.encodings import performance
from generator.engine.encodings.band import spec_of
from generator.engine.excerpts import human_excerpts, qpm_of
from generator.engine.genres import PROFILES, GenreProfile
from generator.engine.likelihood import nats
from generator.engine.manifest import Encoding, Manifest
from generator.engine.runtimes import Runtime, open_runtime

ROWS = 16


@dataclass(slots=True)
class HeldOut:
    """Sums over everything read.

    Attributes:
        nats: −Σ ln p(event); correct: how often the most likely event was right; events, notes: counts; seconds: of
            music.
    """

    nats: float = 0.0
    correct: int = 0
    events: int = 0
    notes: int = 0
    seconds: float = 0.0

    def add(self, logits: NDArray[np.float32], targets: NDArray[np.integer], notes: range) -> None:
        """`logits` float32 [n, classes] before each of `targets` int [n]; `notes` are the classes that start one."""
        self.nats += float(nats(logits, targets).sum())
        self.correct += int((logits.argmax(-1) == targets).sum())
        self.events += len(targets)
        self.notes += int(((targets >= notes.start) & (targets < notes.stop)).sum())

    @property
    def nats_per_event(self) -> float:
        return self.nats / max(self.events, 1)

    @property
    def nats_per_note(self) -> float:
        return self.nats / max(self.notes, 1)

    def as_dict(self) -> dict[str, Any]:
        return {
            "nats_per_event": round(self.nats_per_event, 4),
            "nats_per_note": round(self.nats_per_note, 4),
            "nats_per_second": round(self.nats / max(self.seconds, 0.01), 4),
            "accuracy": round(self.correct / max(self.events, 1), 4),
            "events": self.events,
            "notes": self.notes,
            "seconds": round(self.seconds, 1),
        }


def note_classes(encoding: Encoding) -> range:
    """The classes that start a note."""
    if encoding.name == "performance":
        return range(performance.NOTE_ON, performance.NOTE_OFF)
    spec = spec_of(encoding)
    return range(spec.note, spec.duration)


def seconds_of(events: NDArray[np.uint16], encoding: Encoding, qpm: float | None = None) -> float:
    """The seconds of music in the events: their time shifts, or on a grid their steps at the notated tempo."""
    if encoding.name == "performance":
        shifts = events[(events >= performance.TIME_SHIFT) & (events < performance.VELOCITY)].astype(np.int64)
        return float((shifts - performance.TIME_SHIFT + 1).sum()) / performance.STEPS_PER_SECOND
    spec = spec_of(encoding)
    steps = int((events[events < spec.note].astype(np.int64) + 1).sum())
    return steps / encoding.steps_per_quarter * 60.0 / (qpm or 120.0)


def profile_of(manifest: Manifest) -> GenreProfile:
    """How to read files of a bundle's genre: by the genre's profile, or, for an unknown genre, as inferred from the
    manifest. The encoding is the bundle's."""
    known = PROFILES.get(manifest.genre)
    if known is not None and known.encoding.name == manifest.encoding.name:
        return replace(known, encoding=manifest.encoding)
    style = manifest.controls.style
    choices = sorted(style.choices, key=lambda choice: choice.value) if style else []
    return GenreProfile(
        genre=manifest.genre,
        genre_name=manifest.genre_name,
        encoding=manifest.encoding,
        ensembles=manifest.ensembles,
        controls=manifest.controls,
        defaults=manifest.defaults,
        styles=tuple(choice.key for choice in choices),
        drum_map="groove" if manifest.encoding.offset_bins else "gm",
    )


def pieces_to_read(corpus: Corpus, max_events: int | None) -> list[tuple[int, int]]:
    """Which pieces are read, and how many events of each: all, or the same share of about `max_events` each time.

    Longest first, so fewer rows are idle at the end.
    """
    lengths = [(index, len(corpus.encoded(index))) for index in range(len(corpus))]
    if max_events is not None:
        order = np.random.default_rng(0).permutation(len(corpus)).tolist()
        each = max(CHUNK_EVENTS, max_events // len(corpus))
        lengths = [(index, min(lengths[index][1], each)) for index in order]
        kept: list[tuple[int, int]] = []
        for index, length in lengths:
            if sum(count for _, count in kept) >= max_events:
                break
            kept.append((index, length))
        lengths = kept
    return sorted(lengths, key=lambda piece: -piece[1])


def first_events(chunks: Iterator[Segment], count: int) -> Iterator[Segment]:
    """The chunks up to this many events."""
    for chunk in chunks:
        part = slice(count)
        yield Segment(chunk.inputs[part], chunk.targets[part], chunk.features[part])
        count -= len(chunk.targets)
        if count <= 0:
            return


def read_corpus(
    runtime: Runtime, corpus: Corpus, encoding: Encoding, *, max_events: int | None = None, progress: bool = True
) -> HeldOut:
    """Held-out figures over a corpus, or over about `max_events` of it."""
    from tqdm import tqdm

    pieces = pieces_to_read(corpus, max_events)
    with tqdm(
        total=sum(count for _, count in pieces),
        unit="event",
        unit_scale=True,
        desc=f"evaluating {runtime.name}",
        disable=not progress,
    ) as bar:
        figures = held_out(
            runtime,
            (first_events(corpus.file_segments(index), count) for index, count in pieces),
            notes=note_classes(encoding),
            progress=bar,
        )
    figures.seconds = sum(
        seconds_of(corpus.encoded(index)[:count], encoding, qpm_of(corpus, index)) for index, count in pieces
    )
    return figures


def chunks_of(segment: Segment) -> Iterator[Segment]:
    for begin in range(0, len(segment.targets), CHUNK_EVENTS):
        part = slice(begin, begin + CHUNK_EVENTS)
        yield Segment(segment.inputs[part], segment.targets[part], segment.features[part])


def held_out(
    runtime: Runtime,
    pieces: Iterable[Iterator[Segment]],
    *,
    notes: range = range(performance.NOTE_ON, performance.NOTE_OFF),
    progress: Any = None,
) -> HeldOut:
    """Read pieces in parallel, each from an empty state, in batches of `ROWS`. `HeldOut.seconds` stays 0.

    Args:
        pieces: each an iterator of chunks of at most `CHUNK_EVENTS` events.
        notes: the classes that start a note, by `note_classes`.
        progress: something with ``update(events)``, such as a tqdm bar.
    """
    total = HeldOut()
    waiting = iter(pieces)
    readers: list[Iterator[Segment] | None] = [next(waiting, None) for _ in range(ROWS)]
    state = np.zeros((ROWS, runtime.state_size), np.float32)
    while any(readers):
        inputs = np.zeros((CHUNK_EVENTS, ROWS), np.int32)
        features = np.zeros((CHUNK_EVENTS, ROWS, runtime.num_features), np.float32)
        chunks: list[tuple[int, Segment]] = []
        for row in range(ROWS):
            chunk = None
            while (reader := readers[row]) is not None and (chunk := next(reader, None)) is None:
                readers[row] = next(waiting, None)
                state[row] = 0.0
            if chunk is not None:
                count = len(chunk.targets)
                inputs[:count, row], features[:count, row] = chunk.inputs, chunk.features
                chunks.append((row, chunk))
        if not chunks:
            break
        logits = np.empty((CHUNK_EVENTS, ROWS, runtime.num_classes), np.float32)
        for t in range(max(len(chunk.targets) for _, chunk in chunks)):
            logits[t], state = runtime.step(inputs[t], features[t], state)
            state = np.array(state)
        for row, chunk in chunks:
            total.add(logits[: len(chunk.targets), row], chunk.targets.astype(np.int64), notes)
            if progress is not None:
                progress.update(len(chunk.targets))
    return total


def evaluate_bundle(
    bundle: Bundle,
    data_dir: Path,
    *,
    cache_dir: Path,
    max_events: int | None = None,
    num_pieces: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Figures of a bundle on a folder's validation split, through the runtime that serves it.

    Args:
        max_events: read about this many events, always the same ones; None reads everything.
        num_pieces: also compose this many pieces with the bundle's defaults, check them and compare them with
            human ones.

    Raises:
        TrainingError: the folder holds no usable validation files.
        BundleError: the bundle's step function does not run.
    """
    profile = profile_of(bundle.manifest)
    corpus = open_corpus(profile, data_dir, "validation", cache_dir=cache_dir, progress=progress)
    return evaluate_on(bundle, corpus, max_events=max_events, num_pieces=num_pieces, progress=progress)


def evaluate_on(
    bundle: Bundle, corpus: Corpus, *, max_events: int | None = None, num_pieces: int = 0, progress: bool = True
) -> dict[str, Any]:
    """The figures of `evaluate_bundle` for pieces that are already loaded."""
    runtime = open_runtime("litert", bundle)
    figures = read_corpus(runtime, corpus, bundle.manifest.encoding, max_events=max_events, progress=progress)
    found = figures.as_dict() | {
        "files": len(corpus.files),
        "skipped_files": len(corpus.skipped),
        "runtime": runtime.name,
    }
    if num_pieces:
        found["pieces"] = check_pieces(bundle, corpus, num_pieces=num_pieces, progress=progress)
    return found


COMPARED = (
    "notes_per_second",
    "distinct_pitches",
    "max_polyphony",
    "median_velocity",
    "median_note_seconds",
    "longest_silence_seconds",
    "most_repeated",
)


def check_pieces(bundle: Bundle, corpus: Corpus, *, num_pieces: int, progress: bool = True) -> dict[str, Any]:
    """Compose pieces with seeds 1, 2, 3 … and the bundle's defaults, first attempts only, and check each.

    Returns:
        How many passed `critic.check_piece`, the faults of the others by seed, and median figures of the pieces
        and of as many human excerpts of the same length.
    """
    from tqdm import tqdm

    composer = Composer(bundle, runtime="litert")
    length = bundle.manifest.defaults.length_seconds
    checks = {}
    for seed in tqdm(range(1, num_pieces + 1), desc="composing", unit="piece", disable=not progress):
        composition = composer.compose(compose_request(bundle.manifest, seed=seed))
        checks[seed] = check_piece(composition.notes, length, voices=composition.voices, qpm=composition.qpm)
    people = human_excerpts(corpus, count=num_pieces, length_seconds=length)
    human = [piece_facts(e.notes, length, voices=corpus.voices(), qpm=e.qpm) for e in people]
    return {
        "composed": num_pieces,
        "passed": sum(check.passed for check in checks.values()),
        "faults": {str(seed): list(check.faults) for seed, check in checks.items() if check.faults},
        "medians": medians([check.facts for check in checks.values()]),
        "human_medians": medians(human) if human else None,
    }


def medians(facts: list[PieceFacts]) -> dict[str, float]:
    return {name: round(float(np.median([getattr(fact, name) for fact in facts])), 3) for name in COMPARED}
