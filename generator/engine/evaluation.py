"""How well a bundle predicts performances it has not learned from: held-out loss through the very step function that
is served.

Loss is in nats (natural logarithm). Nats an event compare networks of one encoding; across encodings only nats a note
and nats a second of music do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine import dataset
from generator.engine.bundles import Bundle
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.critic import PieceFacts, check_piece, piece_facts
from generator.engine.dataset import Segment
from generator.engine.encodings import performance
from generator.engine.likelihood import nats
from generator.engine.music import Note
from generator.engine.runtimes import Runtime, open_runtime

ROWS = 16
CHUNK_EVENTS = 256


@dataclass(slots=True)
class HeldOut:
    """Sums over everything read.

    Attributes:
        nats: −Σ ln p(event); correct: how often the likeliest event came; events, notes: counts; seconds: of music.
    """

    nats: float = 0.0
    correct: int = 0
    events: int = 0
    notes: int = 0
    seconds: float = 0.0

    def add(self, logits: NDArray[np.float32], targets: NDArray[np.integer]) -> None:
        """`logits` float32 [n, classes] before each of `targets` int [n]."""
        self.nats += float(nats(logits, targets).sum())
        self.correct += int((logits.argmax(-1) == targets).sum())
        self.events += len(targets)
        self.notes += int((targets < performance.NOTE_OFF).sum())
        shifts = targets[(targets >= performance.TIME_SHIFT) & (targets < performance.VELOCITY)]
        self.seconds += float((shifts - performance.TIME_SHIFT + 1).sum()) / performance.STEPS_PER_SECOND

    @property
    def nats_per_event(self) -> float:
        return self.nats / self.events

    def as_dict(self) -> dict[str, Any]:
        return {
            "nats_per_event": round(self.nats_per_event, 4),
            "nats_per_note": round(self.nats / max(self.notes, 1), 4),
            "nats_per_second": round(self.nats / max(self.seconds, 0.01), 4),
            "accuracy": round(self.correct / self.events, 4),
            "events": self.events,
            "notes": self.notes,
            "seconds": round(self.seconds, 1),
        }


def file_segments(events: NDArray[np.uint16]) -> Iterator[Segment]:
    """A whole performance after START, in chunks, no control known."""
    from generator.engine.encodings.performance_arrays import piano_features

    onset_steps = performance.PianoState(1).onset_steps[0]
    inputs = np.concatenate([[performance.START], events[:-1]]).astype(np.uint16)
    step = 0
    for begin in range(0, len(events), CHUNK_EVENTS):
        chunk = inputs[begin : begin + CHUNK_EVENTS]
        features = np.zeros((len(chunk), performance.NUM_FEATURES), np.float32)
        step = piano_features(chunk, onset_steps, step, features)
        yield Segment(chunk, events[begin : begin + CHUNK_EVENTS], features)


def chunks_of(segment: Segment) -> Iterator[Segment]:
    for begin in range(0, len(segment.targets), CHUNK_EVENTS):
        part = slice(begin, begin + CHUNK_EVENTS)
        yield Segment(segment.inputs[part], segment.targets[part], segment.features[part])


def held_out(runtime: Runtime, performances: Iterable[Iterator[Segment]], *, progress: Any = None) -> HeldOut:
    """Read performances side by side, each from an empty state, in batches of `ROWS`.

    Args:
        performances: each an iterator of chunks of at most `CHUNK_EVENTS` events.
        progress: something with ``update(events)``, such as a tqdm bar.
    """
    total = HeldOut()
    waiting = iter(performances)
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
            total.add(logits[: len(chunk.targets), row], chunk.targets.astype(np.int64))
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
    """Figures of a bundle on the validation split of a folder, through the runtime that serves it.

    Args:
        max_events: read about so many events, the same ones each time; None reads everything.
        num_pieces: also compose so many pieces with the bundle's defaults, check them and compare them with people's.

    Raises:
        TrainingError: the folder holds no usable validation files.
        BundleError: the bundle's step function cannot be run.
    """
    from tqdm import tqdm

    corpus = dataset.load_corpus(data_dir, "validation", cache_dir=cache_dir, progress=progress)
    runtime = open_runtime("litert", bundle)
    encoded = [corpus.encoded(i) for i in np.random.default_rng(0).permutation(len(corpus))]
    if max_events is not None:
        encoded = [events[: max(CHUNK_EVENTS, max_events // len(encoded))] for events in encoded]
    # Long ones first: fewer rows stand idle at the end.
    encoded.sort(key=len, reverse=True)
    with tqdm(
        total=sum(map(len, encoded)), unit="event", unit_scale=True, desc="evaluating", disable=not progress
    ) as bar:
        figures = held_out(runtime, (file_segments(events) for events in encoded), progress=bar)
    found = figures.as_dict() | {"files": len(corpus), "skipped_files": len(corpus.skipped), "runtime": runtime.name}
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


def check_pieces(bundle: Bundle, corpus: dataset.Corpus, *, num_pieces: int, progress: bool = True) -> dict[str, Any]:
    """Compose pieces with seeds 1, 2, 3 … and the bundle's defaults, first drafts all, and look at each.

    Returns:
        How many passed `critic.check_piece`, the faults of the others by seed, and the median figures of the pieces
        beside those of as many excerpts of the same length from people's performances.
    """
    from tqdm import tqdm

    composer = Composer(bundle, runtime="litert")
    length = bundle.manifest.defaults.length_seconds
    checks = {}
    for seed in tqdm(range(1, num_pieces + 1), desc="composing", unit="piece", disable=not progress):
        composition = composer.compose(compose_request(bundle.manifest, seed=seed))
        checks[seed] = check_piece(composition.notes, length)
    human = [piece_facts(notes, length) for notes in excerpts(corpus, count=num_pieces, length_seconds=length)]
    return {
        "composed": num_pieces,
        "passed": sum(check.passed for check in checks.values()),
        "faults": {str(seed): list(check.faults) for seed, check in checks.items() if check.faults},
        "medians": medians([check.facts for check in checks.values()]),
        "human_medians": medians(human) if human else None,
    }


def medians(facts: list[PieceFacts]) -> dict[str, float]:
    return {name: round(float(np.median([getattr(fact, name) for fact in facts])), 3) for name in COMPARED}


def excerpts(corpus: dataset.Corpus, *, count: int, length_seconds: float, seed: int = 0) -> list[list[Note]]:
    """Stretches of people's performances, each note cut at the end, from random places of long enough files.

    Empty where no file is long enough.
    """
    rng = np.random.default_rng(seed)
    spans = [float(corpus.file(i).start_seconds[-1] - corpus.file(i).start_seconds[0]) for i in range(len(corpus))]
    long_enough = [i for i, span in enumerate(spans) if span >= length_seconds]
    found: list[list[Note]] = []
    if not long_enough:
        return found
    for index in rng.choice(long_enough, count):
        notes = corpus.file(int(index))
        # Begins with a note, so that silence before it does not count.
        first = int(rng.integers(np.searchsorted(notes.start_seconds, notes.start_seconds[-1] - length_seconds) + 1))
        begin = float(notes.start_seconds[first])
        last = int(np.searchsorted(notes.start_seconds, begin + length_seconds))
        part = notes.take(slice(first, last))
        found.append(
            [
                Note(int(pitch), int(velocity), float(start) - begin, min(float(end) - begin, length_seconds))
                for pitch, velocity, start, end in zip(
                    part.pitches, part.velocities, part.start_seconds, part.end_seconds, strict=True
                )
            ]
        )
    return found
