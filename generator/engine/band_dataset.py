"""Training data of the `band` encoding: pieces on the grid, stored in one array file, and training segments."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.dataset import CHUNK_EVENTS, MidiFile, Segment, cached_arrays, place_of_segment
from generator.engine.encodings.band import (
    DENSITY_BOUNDS,
    DENSITY_WINDOW,
    LOOKBACK_BARS,
    NUM_ELAPSED_FEATURES,
    PARTS,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    BandControls,
    BandNotes,
    BandSpec,
    countdown_bin,
    encode,
    triangles,
)
from generator.engine.encodings.drum_sounds import DRUM_SOUNDS
from generator.engine.errors import TrainingError
from generator.engine.music import Note, Voice, in_order

if TYPE_CHECKING:
    from generator.engine.band_files import BandPiece

CACHE_FORMAT = 2
# A piece's clock starts at a bar that is a multiple of this, so the phrase position is known in the middle too.
PHRASE_BARS = 16
LEAD_IN_BARS = LOOKBACK_BARS[-1] + 1
# How often each control is known during training: never would make the network ignore it, always would make it depend
# on it. In pieces shorter than SHORT_BARS the remaining length is always known, so that whole songs do not begin like a
# drummer's fill.
COUNTDOWN_SHARE = 0.5
SHORT_BARS = 8
DENSITY_SHARE = 0.4
TEMPO_SHARE = 0.9
MODE_SHARE = 0.8
FEEL_SHARE = 0.7
STYLE_SHARE = 0.85
# Share of the segments in which some parts are silent, and the probability for each part then.
DROP_SHARE = 0.25
DROP_PART = 0.35
LOUDNESS_SHARE = 0.5
# Bin by whole bars left; 128 bars and more share the last one.
COUNTDOWN_BINS = np.array([countdown_bin(bars) for bars in range(129)], np.int64)
_COLUMNS = ("starts", "durations", "parts", "pitches", "velocities", "offsets")


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """The facts of one piece besides its notes; see `BandPiece`. `name` is the file name."""

    name: str
    num_steps: int
    qpm: float
    mode: int
    transposed: int
    feel: int
    style: str
    has_start: bool
    has_end: bool


def notes_of(piece: "BandPiece", spec: BandSpec) -> BandNotes:
    """The notes of the spec's parts, in the order of the encoding; of two duplicates the louder one."""
    classes = spec.class_table[piece.parts, piece.pitches]
    kept = np.flatnonzero(classes >= 0)
    notes = BandNotes(
        piece.starts[kept].astype(np.int64),
        np.maximum(1, piece.durations[kept].astype(np.int64)),
        classes[kept],
        np.clip(piece.velocities[kept].astype(np.int64), 1, 127),
        piece.offsets[kept].astype(np.float64),
    )
    order = np.lexsort((-notes.velocities, notes.classes, notes.starts))
    notes = notes.take(order)
    alike = np.zeros(len(notes), bool)
    alike[1:] = (np.diff(notes.starts) == 0) & (np.diff(notes.classes) == 0)
    return notes.take(np.flatnonzero(~alike))


@dataclass(slots=True)
class BandCorpus:
    """The pieces of one split, their notes concatenated.

    Attributes:
        spec: the layout. styles: names in the order of the style feature.
        notes: all notes; offsets: int64 [pieces + 1], piece i holds notes offsets[i] to offsets[i + 1].
        facts: of each piece. files: names of the files read; skipped: of those that could not be.
    """

    spec: BandSpec
    styles: tuple[str, ...]
    notes: BandNotes
    offsets: NDArray[np.int64]
    facts: list[PieceFacts]
    files: list[str]
    skipped: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def num_notes(self) -> int:
        return len(self.notes)

    def piece(self, index: int) -> BandNotes:
        return self.notes.take(slice(int(self.offsets[index]), int(self.offsets[index + 1])))

    def encoded(self, index: int) -> NDArray[np.uint16]:
        """A whole piece's events."""
        return encode(self.piece(index), self.spec)

    def notes_per_bar(self, index: int) -> float:
        return len(self.piece(index)) / max(1.0, self.facts[index].num_steps / STEPS_PER_BAR)

    def controls(self, index: int, notes: BandNotes) -> BandControls:
        """What a composer always knows of a piece: its active parts and tempo."""
        return BandControls(qpm=self.facts[index].qpm, parts=parts_of(notes, self.spec))

    def file_segments(self, index: int) -> Iterator[Segment]:
        """A whole piece after START, in chunks."""
        from generator.engine.encodings.band_arrays import band_features

        notes = self.piece(index)
        events = encode(notes, self.spec)
        inputs = np.concatenate([[self.spec.start], events[:-1]]).astype(np.uint16)
        controls = self.controls(index, notes)
        for begin in range(0, len(events), CHUNK_EVENTS):
            end = min(len(events), begin + CHUNK_EVENTS)
            features = band_features(inputs[:end], begin, self.spec, controls)
            yield Segment(inputs[begin:end], events[begin:end], features)

    def validation_segments(self, rows: int, num_events: int) -> list[Segment]:
        """The same stretches for every network: random positions, no augmentation, few known controls."""
        rng = np.random.default_rng(20181101)
        sizes = np.diff(self.offsets)
        segments: list[Segment] = []
        while len(segments) < rows:
            index = int(rng.choice(len(self), p=sizes / sizes.sum()))
            notes = self.piece(index)
            last_bar = int(notes.starts[-1]) // STEPS_PER_BAR
            first_bar = int(rng.integers(max(1, last_bar * 3 // 4)))
            segments.append(self.segment(index, notes, self.controls(index, notes), first_bar, num_events))
        return segments

    def segment(
        self,
        index: int,
        notes: BandNotes,
        controls: BandControls,
        first_bar: int,
        num_events: int,
        *,
        countdown: bool = False,
        density: bool = False,
    ) -> Segment:
        """Cut `num_events` events from `first_bar` on out of a piece, with bar 0 counted from START.

        Args:
            index: of the piece. notes: its notes, possibly augmented.
            controls: the constant ones; `countdown` and `density` add those that change.
        """
        from generator.engine.encodings.band_arrays import band_features, steps_after

        spec, facts = self.spec, self.facts[index]
        origin = max(0, first_bar - LEAD_IN_BARS) // PHRASE_BARS * PHRASE_BARS * STEPS_PER_BAR
        lead_in = max(0, first_bar - LEAD_IN_BARS) * STEPS_PER_BAR
        begin = int(np.searchsorted(notes.starts, lead_in if first_bar else 0))
        first_note = int(np.searchsorted(notes.starts, first_bar * STEPS_PER_BAR))
        # Every note is at least one event.
        chosen = notes.take(slice(begin, first_note + num_events + 1))
        chosen = BandNotes(chosen.starts - origin, chosen.durations, chosen.classes, chosen.velocities, chosen.offsets)
        events = encode(chosen, spec)
        steps = steps_after(events, spec)
        if first_bar == 0:
            inputs = np.concatenate([[spec.start], events[:-1]])[:num_events].astype(np.uint16)
            targets = events[:num_events]
            features = band_features(inputs, 0, spec, controls)
            now = np.concatenate([[0], steps[:-1]])[:num_events]
        else:
            at = min(int(np.searchsorted(steps, first_bar * STEPS_PER_BAR - origin)), max(0, len(events) - 2))
            inputs, targets = events[at : at + num_events], events[at + 1 : at + 1 + num_events]
            inputs = inputs[: len(targets)]
            features = band_features(events[: at + len(targets)], at, spec, controls)
            now = steps[at : at + len(targets)]
        now = now + origin
        if countdown:
            write_countdown(features, now, facts.num_steps, spec)
        if density:
            write_density(features, now, notes.starts, spec)
        return Segment(inputs, targets, features)

    def band_piece(self, index: int) -> "BandPiece":
        """A piece as returned by `read_band_pieces`, reduced to the spec's parts."""
        from generator.engine.band_files import BandPiece

        notes, facts, spec = self.piece(index), self.facts[index], self.spec
        return BandPiece(
            starts=notes.starts.astype(np.int32),
            durations=notes.durations.astype(np.int32),
            parts=spec.note_parts[notes.classes].astype(np.uint8),
            pitches=spec.note_pitches[notes.classes].astype(np.uint8),
            velocities=notes.velocities.astype(np.uint8),
            offsets=notes.offsets.astype(np.float32),
            num_steps=facts.num_steps,
            qpm=facts.qpm,
            mode=facts.mode,
            transposed=facts.transposed,
            feel=facts.feel,
            style=facts.style,
            has_end=facts.has_end,
            has_start=facts.has_start,
        )

    def voices(self) -> tuple[Voice, ...]:
        """One voice per part, for `piece_notes`."""
        return tuple(Voice(part, 0, part == "drums", part) for part in self.spec.parts)

    def piece_notes(self, index: int) -> list[Note]:
        """A piece in seconds and in its file's own key; a note's voice is the index of its part in the spec's parts.

        Drums have the pitches of General MIDI.
        """
        notes, facts, spec = self.piece(index), self.facts[index], self.spec
        seconds = 60.0 / facts.qpm / STEPS_PER_QUARTER
        voice_of = {PARTS.index(part): voice for voice, part in enumerate(spec.parts)}
        found = []
        for start, duration, index_, velocity, offset in zip(
            notes.starts.tolist(),
            notes.durations.tolist(),
            notes.classes.tolist(),
            notes.velocities.tolist(),
            notes.offsets.tolist(),
            strict=True,
        ):
            part, pitch = int(spec.note_parts[index_]), int(spec.note_pitches[index_])
            begin = max(0.0, (start + offset) * seconds)
            if part == 0:
                pitch, end = DRUM_SOUNDS[pitch].pitch, begin + 0.1
            else:
                pitch, end = pitch - facts.transposed, begin + duration * seconds
            found.append(Note(pitch, velocity, begin, end, voice_of[part]))
        return in_order(found)

    def sampler(self, *, num_events: int, rng: np.random.Generator, stretch: float, transpose: int) -> "BandSampler":
        """`transpose` has no effect on pieces whose key has been normalised."""
        return BandSampler(self, num_events=num_events, rng=rng, stretch=stretch)


def parts_of(notes: BandNotes, spec: BandSpec) -> tuple[str, ...]:
    """Names of the parts that have notes."""
    present = set(np.unique(spec.note_parts[notes.classes]).tolist())
    return tuple(part for index, part in enumerate(PARTS) if index in present)


def write_countdown(features: NDArray[np.float32], now: NDArray[np.int64], num_steps: int, spec: BandSpec) -> None:
    """Write the countdown of a piece of `num_steps` at the steps `now` int64 [n] to `features` float32 [n, F]."""
    layout = spec.layout
    left = np.maximum(0, (num_steps - 1 - now) // STEPS_PER_BAR)
    features[np.arange(len(now)), layout.countdown + COUNTDOWN_BINS[np.minimum(left, len(COUNTDOWN_BINS) - 1)]] = 1.0
    first = layout.elapsed
    features[:, first : first + NUM_ELAPSED_FEATURES] = triangles(now / num_steps, NUM_ELAPSED_FEATURES)


def density_bins(now: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Density bin of the two bars from each step of `now` on, int64 [n]; `starts` of all notes, ascending."""
    ahead = np.searchsorted(starts, now + DENSITY_WINDOW) - np.searchsorted(starts, now)
    return np.searchsorted(DENSITY_BOUNDS, ahead / (DENSITY_WINDOW / STEPS_PER_QUARTER), "right")


def write_density(
    features: NDArray[np.float32], now: NDArray[np.int64], starts: NDArray[np.int64], spec: BandSpec
) -> None:
    features[np.arange(len(now)), spec.layout.density + density_bins(now, starts)] = 1.0


class BandSampler:
    """Draws augmented segments from random positions, long pieces more often.

    Some segments lose some of their parts, so that the others learn to play without them; loudness is varied, and the
    tempo input is slightly wrong.
    """

    def __init__(self, corpus: BandCorpus, *, num_events: int, rng: np.random.Generator, stretch: float = 0.05) -> None:
        self.corpus, self.num_events, self.rng, self.stretch = corpus, num_events, rng, stretch
        # Long files less than proportionally, so that a few do not outweigh the rest; fills of a bar or two rarely.
        bars = np.array([facts.num_steps / STEPS_PER_BAR for facts in corpus.facts])
        sizes = np.diff(corpus.offsets) ** 0.75 * np.minimum(1.0, bars / SHORT_BARS)
        self._probabilities = sizes / sizes.sum()

    def draw(self) -> Segment:
        rng, corpus = self.rng, self.corpus
        index = int(rng.choice(len(corpus), p=self._probabilities))
        facts = corpus.facts[index]
        notes = self._changed(corpus.piece(index))
        last_bar = int(notes.starts[-1]) // STEPS_PER_BAR
        place = place_of_segment(rng)
        if place == "start":
            first_bar = 0
        elif place == "end":
            per_bar = corpus.notes_per_bar(index)
            first_bar = max(0, last_bar - int(self.num_events / (1.7 * per_bar)))
        else:
            first_bar = int(rng.integers(last_bar + 1))
        style = corpus.styles.index(facts.style) if facts.style in corpus.styles else -1
        controls = BandControls(
            qpm=facts.qpm * float(rng.uniform(1 - self.stretch, 1 + self.stretch)) if self._is(TEMPO_SHARE) else None,
            mode=facts.mode if self._is(MODE_SHARE) else -1,
            feel=facts.feel if self._is(FEEL_SHARE) else -1,
            style=style if self._is(STYLE_SHARE) else -1,
            parts=parts_of(notes, corpus.spec),
        )
        return corpus.segment(
            index,
            notes,
            controls,
            first_bar,
            self.num_events,
            countdown=facts.has_end
            and (place == "end" or facts.num_steps < SHORT_BARS * STEPS_PER_BAR or self._is(COUNTDOWN_SHARE)),
            density=self._is(DENSITY_SHARE),
        )

    def _is(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def _changed(self, notes: BandNotes) -> BandNotes:
        rng = self.rng
        if self._is(DROP_SHARE):
            parts = self.corpus.spec.note_parts[notes.classes]
            kept = np.isin(parts, np.flatnonzero(rng.random(len(PARTS)) > DROP_PART))
            if kept.sum() >= 16:
                notes = notes.take(np.flatnonzero(kept))
        if self._is(LOUDNESS_SHARE):
            bent = 127 * (notes.velocities / 127) ** rng.uniform(0.75, 1.3)
            notes = BandNotes(
                notes.starts, notes.durations, notes.classes, np.clip(bent, 1, 127).astype(np.int64), notes.offsets
            )
        return notes


def load_band_corpus(
    files: Sequence[MidiFile],
    *,
    spec: BandSpec,
    styles: tuple[str, ...],
    drum_map: str,
    cache_dir: Path,
    progress: bool = True,
    min_notes: int = 8,
) -> BandCorpus:
    """Pieces of the files; read once, then kept as arrays in `cache_dir`.

    Raises:
        TrainingError: nothing readable is left.
    """
    key = ["band", CACHE_FORMAT, list(spec.parts), drum_map, min_notes]

    def read() -> dict[str, Any]:
        return _read(files, drum_map=drum_map, parts=spec.parts, min_notes=min_notes, progress=progress)

    arrays = cached_arrays(cache_dir, key, files, read)
    facts = [PieceFacts(**row) for row in json.loads(str(arrays["facts"]))]
    skipped: list[str] = json.loads(str(arrays["skipped"]))
    if not facts:
        raise TrainingError(f"None of the {len(files)} files could be read: {'; '.join(skipped[:5])}")
    from generator.engine.band_files import BandPiece

    bounds = arrays["bounds"]
    parts: list[BandNotes] = []
    for index, fact in enumerate(facts):
        span = slice(int(bounds[index]), int(bounds[index + 1]))
        columns = {name: arrays[name][span] for name in _COLUMNS}
        piece = BandPiece(
            **columns,
            num_steps=fact.num_steps,
            qpm=fact.qpm,
            mode=fact.mode,
            transposed=fact.transposed,
            feel=fact.feel,
            style=fact.style,
            has_end=fact.has_end,
            has_start=fact.has_start,
        )
        parts.append(notes_of(piece, spec))
    kept = [index for index, part in enumerate(parts) if len(part)]
    parts, facts = [parts[index] for index in kept], [facts[index] for index in kept]
    notes = BandNotes(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.durations for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.velocities for part in parts]),
        np.concatenate([part.offsets for part in parts]),
    )
    names = list(dict.fromkeys(fact.name for fact in facts))
    return BandCorpus(spec, styles, notes, np.cumsum([0] + [len(part) for part in parts]), facts, names, skipped)


def _read(
    files: Sequence[MidiFile], *, drum_map: str, parts: tuple[str, ...], min_notes: int, progress: bool
) -> dict[str, Any]:
    from tqdm import tqdm

    from generator.engine.band_files import read_band_pieces

    pieces: list[BandPiece] = []
    facts: list[dict[str, Any]] = []
    skipped: list[str] = []
    for file in tqdm(files, desc=f"reading {files[0].split} files", unit="file", disable=not progress):
        try:
            found = read_band_pieces(file.path, drum_map=drum_map, parts=parts, tag=file.tag)  # type: ignore[arg-type]
        except Exception as error:  # a damaged file can fail in any way inside the reader
            skipped.append(f"{file.path.name} ({str(error).splitlines()[0] if str(error) else type(error).__name__})")
            continue
        found = [piece for piece in found if len(piece.starts) >= min_notes]
        if not found:
            skipped.append(f"{file.path.name} (no stretch in 4/4 of {min_notes} notes or more)")
        for piece in found:
            pieces.append(piece)
            facts.append(
                {
                    "name": file.path.name,
                    "num_steps": int(piece.num_steps),
                    "qpm": float(piece.qpm),
                    "mode": int(piece.mode),
                    "transposed": int(piece.transposed),
                    "feel": int(piece.feel),
                    "style": piece.style,
                    "has_start": bool(piece.has_start),
                    "has_end": bool(piece.has_end),
                }
            )
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(piece, name) for piece in pieces] or [np.zeros(0)]) for name in _COLUMNS
    }
    return columns | {
        "bounds": np.cumsum([0] + [len(piece.starts) for piece in pieces]),
        "facts": json.dumps(facts),
        "skipped": json.dumps(skipped),
    }
