"""Training data: a folder of MIDI files → notes with the pedal applied, in one array file → windows of events."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings import performance
from generator.engine.encodings.performance import NoteArrays
from generator.engine.errors import TrainingError
from generator.engine.files import whole_file
from generator.engine.music import Note, Voice

CACHE_FORMAT = 1
CHUNK_EVENTS = 256
SUSTAIN_CONTROLLER = 64
# Notes before a window that are replayed to restore the keyboard state; notes longer than that span are rare.
LEAD_IN_NOTES = 200
# Share of the segments that start at the true start, and that end at the true end, of a performance.
START_SHARE = 0.08
END_SHARE = 0.08
COUNTDOWN_SHARE = 0.3
DENSITY_SHARE = 0.3
DENSITY_WINDOW_SECONDS = 5.0


def read_notes(path: Path) -> NoteArrays:
    """Notes of a MIDI file's pitched tracks with the sustain pedal applied, as note_seq reads them.

    Times come from ticks through the file's own tempo map in float64. Notes of zero length and drums are dropped.

    Raises:
        Exception: anything the reader raises on a file that is not MIDI; callers report and skip the file.
    """
    import symusic

    from generator.engine.encodings.performance_arrays import apply_sustain

    score: Any = symusic.Score(str(path))
    tempos = score.tempos.numpy()
    ticks = np.concatenate([[0], tempos["time"].astype(np.float64)])
    seconds_per_tick = np.concatenate([[500_000.0], tempos["mspq"].astype(np.float64)]) / 1e6 / score.tpq
    origins = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * seconds_per_tick[:-1])])

    def seconds(at: NDArray[np.integer]) -> NDArray[np.float64]:
        segment = np.maximum(np.searchsorted(ticks, at, "right") - 1, 0)
        return origins[segment] + (at - ticks[segment]) * seconds_per_tick[segment]

    parts: list[NoteArrays] = []
    for track in score.tracks:
        if track.is_drum or not len(track.notes):
            continue
        notes, controls = track.notes.numpy(), track.controls.numpy()
        pedal = controls["number"] == SUSTAIN_CONTROLLER
        starts = seconds(notes["time"])
        ends = seconds(notes["time"] + notes["duration"])
        pitches = notes["pitch"].astype(np.uint8)
        heard = (notes["duration"] > 0) & (notes["velocity"] > 0)
        ends, kept = apply_sustain(
            starts[heard], ends[heard], pitches[heard], seconds(controls["time"][pedal]), controls["value"][pedal]
        )
        part = NoteArrays(starts[heard], ends, pitches[heard], notes["velocity"][heard].astype(np.uint8))
        parts.append(part.take(np.flatnonzero(kept)))
    if not parts:
        return NoteArrays(np.zeros(0), np.zeros(0), np.zeros(0, np.uint8), np.zeros(0, np.uint8))
    merged = NoteArrays(
        np.concatenate([p.start_seconds for p in parts]),
        np.concatenate([p.end_seconds for p in parts]),
        np.concatenate([p.pitches for p in parts]),
        np.concatenate([p.velocities for p in parts]),
    )
    return merged.sorted()


@dataclass(frozen=True, slots=True)
class MidiFile:
    """Attributes: `tag` is the file's tag in an index, such as its style; otherwise empty."""

    path: Path
    split: str
    tag: str = ""


def list_files(data_dir: Path) -> list[MidiFile]:
    """All MIDI files below a folder with their split.

    The split comes from an ``index.tsv`` (columns `file` and `split`) in the folder or one below it; files
    missing from an index, and folders without one, send every twentieth file (by a hash of its name) to validation.

    Raises:
        TrainingError: there is no such folder or no MIDI file in it.
    """
    if not data_dir.is_dir():
        raise TrainingError(f"Expected a folder of MIDI files; {data_dir} is not a folder.")
    splits: dict[str, str] = {}
    tags: dict[str, str] = {}
    for index in sorted(data_dir.rglob("index.tsv")):
        with index.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                splits[Path(row["file"]).name] = row["split"]
                tags[Path(row["file"]).name] = row.get("tag") or ""
    paths = sorted(p for p in data_dir.rglob("*") if p.suffix.lower() in (".mid", ".midi") and p.is_file())
    if not paths:
        raise TrainingError(f"Expected MIDI files (.mid, .midi) in {data_dir}; there are none.")
    files = []
    for path in paths:
        hashed = int(hashlib.sha256(path.name.encode()).hexdigest(), 16) % 20 == 0
        split = splits.get(path.name, "validation" if hashed else "train")
        files.append(MidiFile(path, split, tags.get(path.name, "")))
    return files


def files_of_split(data_dir: Path, split: str) -> list[MidiFile]:
    """
    Raises:
        TrainingError: no such folder, or no file of that split in it.
    """
    files = [f for f in list_files(data_dir) if f.split == split]
    if not files:
        raise TrainingError(
            f"Expected {split} files in {data_dir}; there are none (see the split column of index.tsv)."
        )
    return files


def cached_arrays(
    cache_dir: Path, key: list[Any], files: Sequence[MidiFile], read: Callable[[], dict[str, Any]]
) -> dict[str, NDArray[Any]]:
    """Arrays that `read` makes of the files, taken from `cache_dir` if they were read for the same `key` before."""
    content = [key, [(str(f.path), f.path.stat().st_size) for f in files]]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    cache = cache_dir / f"{files[0].split}-{digest}.npz"
    if not cache.exists():
        columns = read()
        cache.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(cache) as handle:
            np.savez(handle, **columns)
    with np.load(cache) as arrays:
        return dict(arrays)


def place_of_segment(rng: np.random.Generator) -> str:
    """Where a training segment is cut: "end", "start" or "middle" of its piece."""
    place = rng.random()
    return "end" if place < END_SHARE else "start" if place < END_SHARE + START_SHARE else "middle"


@dataclass(slots=True)
class PerformanceCorpus:
    """The notes of all files of one split, concatenated.

    Attributes:
        notes: all notes.
        offsets: int64 [files + 1]; file i holds notes offsets[i] to offsets[i + 1].
        names: file names.
    """

    notes: NoteArrays
    offsets: NDArray[np.int64]
    names: list[str]
    skipped: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def file(self, index: int) -> NoteArrays:
        return self.notes.take(slice(int(self.offsets[index]), int(self.offsets[index + 1])))

    def encoded(self, index: int) -> NDArray[np.uint16]:
        """A whole file's events, its first note at time 0."""
        notes = self.file(index)
        return performance.encode(shifted(notes, -float(notes.start_seconds[0])))

    @property
    def num_notes(self) -> int:
        return len(self.notes)

    @property
    def files(self) -> list[str]:
        return self.names

    def file_segments(self, index: int) -> "Iterator[Segment]":
        """A whole performance after START, in chunks, with all controls unknown."""
        return event_segments(self.encoded(index))

    def validation_segments(self, rows: int, num_events: int) -> "list[Segment]":
        """The same stretches for every network: random positions, no controls, no augmentation."""
        rng = np.random.default_rng(20181101)
        sizes = np.diff(self.offsets)
        segments: list[Segment] = []
        while len(segments) < rows:
            notes = self.file(int(rng.choice(len(self), p=sizes / sizes.sum())))
            first_note = int(rng.integers(max(1, len(notes) - num_events // 2)))
            segments.append(make_segment(notes, first_note=first_note, num_events=num_events))
        return segments

    def voices(self) -> tuple[Voice, ...]:
        return (Voice("Piano", 0),)

    def piece_notes(self, index: int) -> list[Note]:
        """A whole performance, its first note at time 0."""
        notes = self.file(index)
        notes = shifted(notes, -float(notes.start_seconds[0]))
        columns = (notes.pitches, notes.velocities, notes.start_seconds, notes.end_seconds)
        return [Note(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def sampler(self, *, num_events: int, rng: np.random.Generator, stretch: float, transpose: int) -> "SegmentSampler":
        return SegmentSampler(self, num_events=num_events, rng=rng, transpose=transpose, stretch=stretch)


def event_segments(events: NDArray[np.integer]) -> "Iterator[Segment]":
    """A performance of these events after START, in chunks, with all controls unknown."""
    from generator.engine.encodings.performance_arrays import piano_features

    onset_steps = performance.PianoState(1).onset_steps[0]
    inputs = np.concatenate([[performance.START], events[:-1]]).astype(np.uint16)
    step = 0
    for begin in range(0, len(events), CHUNK_EVENTS):
        chunk = inputs[begin : begin + CHUNK_EVENTS]
        features = np.zeros((len(chunk), performance.NUM_FEATURES), np.float32)
        step = piano_features(chunk, onset_steps, step, features)
        yield Segment(chunk, events[begin : begin + CHUNK_EVENTS].astype(np.uint16), features)


def shifted(notes: NoteArrays, seconds: float) -> NoteArrays:
    return NoteArrays(notes.start_seconds + seconds, notes.end_seconds + seconds, notes.pitches, notes.velocities)


def load_corpus(
    data_dir: Path, split: str, *, cache_dir: Path, progress: bool = True, min_notes: int = 16
) -> PerformanceCorpus:
    """Notes of one split; read once, then kept as arrays in `cache_dir`.

    Files that cannot be read, or hold fewer than `min_notes` notes, are skipped and named in `skipped`.

    Raises:
        TrainingError: nothing readable is left.
    """
    files = files_of_split(data_dir, split)
    arrays = cached_arrays(
        cache_dir, [CACHE_FORMAT, min_notes], files, lambda: _read(files, progress=progress, min_notes=min_notes)
    )
    names: list[str] = json.loads(str(arrays["names"]))
    notes = NoteArrays(arrays["start_seconds"], arrays["end_seconds"], arrays["pitches"], arrays["velocities"])
    corpus = PerformanceCorpus(notes, arrays["offsets"], names, json.loads(str(arrays["skipped"])))
    if not names:
        raise TrainingError(f"None of the {len(files)} {split} files could be read: {'; '.join(corpus.skipped[:5])}")
    return corpus


def _read(files: Sequence[MidiFile], *, progress: bool, min_notes: int) -> dict[str, Any]:
    from tqdm import tqdm

    parts, names, skipped = [], [], []
    for file in tqdm(files, desc=f"reading {files[0].split} files", unit="file", disable=not progress):
        try:
            notes = read_notes(file.path)
        except Exception as error:  # a damaged file can fail in any way inside the reader
            skipped.append(f"{file.path.name} ({str(error).splitlines()[0] if str(error) else type(error).__name__})")
            continue
        if len(notes) < min_notes:
            skipped.append(f"{file.path.name} ({len(notes)} notes, {min_notes} are needed)")
            continue
        parts.append(notes)
        names.append(file.path.name)
    return {
        "start_seconds": np.concatenate([p.start_seconds for p in parts] or [np.zeros(0)]),
        "end_seconds": np.concatenate([p.end_seconds for p in parts] or [np.zeros(0)]),
        "pitches": np.concatenate([p.pitches for p in parts] or [np.zeros(0, np.uint8)]),
        "velocities": np.concatenate([p.velocities for p in parts] or [np.zeros(0, np.uint8)]),
        "offsets": np.cumsum([0] + [len(p) for p in parts]),
        "names": json.dumps(names),
        "skipped": json.dumps(skipped),
    }


@dataclass(slots=True)
class Segment:
    """A stretch of one performance as the network reads it.

    Attributes:
        inputs: uint16 [n], the event before each target (START at a true start).
        targets: uint16 [n].
        features: float32 [n, 280], the keyboard after each input, and the controls.
    """

    inputs: NDArray[np.uint16]
    targets: NDArray[np.uint16]
    features: NDArray[np.float32]


def make_segment(
    notes: NoteArrays,
    *,
    first_note: int,
    num_events: int,
    until_end: bool = False,
    countdown: bool = False,
    density: bool = False,
    end_seconds: float | None = None,
) -> Segment:
    """Cut `num_events` events out of a performance.

    Args:
        notes: the performance, or as much of it around the segment as is needed, in order.
        first_note: where the segment starts; 0 is the start of a piece.
        until_end: take the last `num_events` events of what follows `first_note` instead of the first.
        countdown, density: whether the network knows how much is left and how dense the next notes are.
        end_seconds: when the performance ends, if not with the last of `notes`.
    """
    from generator.engine.encodings.performance_arrays import advance, piano_features

    lead_in = max(0, first_note - LEAD_IN_NOTES)
    # An event is at least half a note, so this many notes are enough to fill the segment.
    chosen = notes.take(slice(lead_in, None if until_end else first_note + num_events // 2 + LEAD_IN_NOTES))
    origin = float(chosen.start_seconds[0])
    events = performance.encode(shifted(chosen, -origin))
    if until_end:
        begin = max(0, len(events) - num_events)
    elif first_note == 0:
        begin = 0
    else:
        # Jump to the NOTE_ON of the first note.
        onsets_at = np.flatnonzero(events < performance.NOTE_OFF)
        begin = int(onsets_at[min(first_note - lead_in, len(onsets_at) - 1)])
    at_start = begin == 0 and lead_in == 0
    if begin == 0 and not at_start:
        begin = 1
    end = min(len(events), begin + num_events)
    targets = events[begin:end]
    inputs = np.concatenate([[performance.START], targets[:-1]] if at_start else [events[begin - 1 : end - 1]])
    inputs = inputs.astype(np.uint16)

    onset_steps = np.full(performance.NUM_PITCHES, -1, np.int64)
    features = np.zeros((len(inputs), performance.NUM_FEATURES), np.float32)
    step = 0 if at_start else advance(events[: begin - 1], onset_steps, 0)
    is_shift = (inputs >= performance.TIME_SHIFT) & (inputs < performance.VELOCITY)
    now = step + np.cumsum(np.where(is_shift, inputs.astype(np.int64) - performance.TIME_SHIFT + 1, 0))
    now_seconds = now / performance.STEPS_PER_SECOND
    piano_features(inputs, onset_steps, step, features)
    if countdown:
        end_of_all = float(notes.end_seconds.max()) if end_seconds is None else end_seconds
        left = (end_of_all - origin - now_seconds).astype(np.float32)
        columns = slice(performance.COUNTDOWN_FEATURE, performance.DENSITY_FEATURE)
        features[:, columns] = performance.countdown_features(left)
    if density:
        onsets = chosen.start_seconds - origin
        ahead = np.searchsorted(onsets, now_seconds + DENSITY_WINDOW_SECONDS) - np.searchsorted(onsets, now_seconds)
        rate = (ahead / DENSITY_WINDOW_SECONDS).astype(np.float32)
        features[:, performance.DENSITY_FEATURE :] = performance.density_features(rate)
    return Segment(inputs, targets, features)


class SegmentSampler:
    """Draws augmented segments from random positions of a corpus, long performances more often."""

    def __init__(
        self,
        corpus: PerformanceCorpus,
        *,
        num_events: int,
        rng: np.random.Generator,
        transpose: int = 5,
        stretch: float = 0.05,
    ) -> None:
        self.corpus = corpus
        self.num_events = num_events
        self.rng = rng
        self.transpose = transpose
        self.stretch = stretch
        sizes = np.diff(corpus.offsets)
        self._probabilities = sizes / sizes.sum()

    def draw(self) -> Segment:
        rng = self.rng
        notes = self.corpus.file(int(rng.choice(len(self.corpus), p=self._probabilities)))
        place = place_of_segment(rng)
        span = self.num_events // 2 + LEAD_IN_NOTES
        until_end = place == "end"
        if until_end:
            first_note = max(0, len(notes) - span)
        elif place == "start":
            first_note = 0
        else:
            first_note = int(rng.integers(max(1, len(notes) - self.num_events // 8)))
        begin = max(0, first_note - LEAD_IN_NOTES)
        chosen = notes.take(slice(begin, first_note + span + LEAD_IN_NOTES))
        stretch = float(rng.uniform(1 - self.stretch, 1 + self.stretch))
        transpose = int(rng.integers(-self.transpose, self.transpose + 1))
        return make_segment(
            chosen.transformed(transpose=transpose, stretch=stretch),
            first_note=first_note - begin,
            num_events=self.num_events,
            until_end=until_end,
            countdown=until_end or bool(rng.random() < COUNTDOWN_SHARE),
            density=bool(rng.random() < DENSITY_SHARE),
            end_seconds=float(notes.end_seconds[-64:].max()) * stretch,
        )
