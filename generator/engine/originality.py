"""How much of a piece matches the training music: an index small enough for a bundle, and the longest match.

Every eighth 8-gram of the symbols (`generator.engine.note_symbols`) of each training voice is stored as a short hash;
of a piece, all 8-grams are looked up. A run of 15 symbols (16 notes) contains 8 neighbouring 8-grams, one of which was
stored: no shared run of 16 notes is missed. Longer matches are hits exactly eight symbols apart. Winnowing by minimum
hashes (Schleimer, Wilkerson and Aiken 2003) needs 1.8 times the space for the same guarantee and would only pay off if
both sides had to be thinned out. docs/originality.md has the definition and figures.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.borrowing import Borrowed
from generator.engine.encodings.band import DRUMS, PARTS
from generator.engine.encodings.drum_sounds import DRUM_SOUNDS
from generator.engine.errors import BundleError
from generator.engine.music import Note, Voice
from generator.engine.note_symbols import (
    STEPS_PER_QUARTER,
    Line,
    Symbols,
    drum_line,
    grid_line,
    lines_of_notes,
    lines_of_performance,
)

if TYPE_CHECKING:
    from generator.engine.band_dataset import BandCorpus
    from generator.engine.corpora import Corpus

Hashes = NDArray[np.uint64]

GRAM = 8
STEP = 8
MAX_INDEX_BYTES = 3_000_000
# An 8-gram in more pieces than this, and in more than this share of them, is commonplace. Performances in free time
# often share one work; the share excludes what a single work explains.
COMMON_PIECES = 10
COMMON_SHARE = {"free": 0.02, "grid": 0.005}
# A piece is also looked up slightly slower and faster: networks learn from time-stretched music.
STRETCHES = (1.0, 0.95, 1.05)

_HEADER = struct.Struct("<4sHBBBBIII")
_MAGIC = b"ORIG"
_FORMAT = 1
_LOW_BITS = 16
_MAX_BUCKET = 255
_DRUM_PITCHES = np.array([sound.pitch for sound in DRUM_SOUNDS])
_MULTIPLIER = np.uint64(6364136223846793005)


class OriginalityIndex:
    """Hashes of training music: each in the bucket selected by its high bits, by its next 16 bits."""

    def __init__(
        self,
        bucket_sizes: NDArray[np.uint8],
        low: NDArray[np.uint16],
        *,
        grid: bool,
        step: int = STEP,
        pieces: int = 0,
        common: int = 0,
    ) -> None:
        """
        Args:
            bucket_sizes: uint8 [2^n], hashes in each bucket.
            low: uint16 [hashes], bucket by bucket.
            grid: whether the music is on a metric grid.
            step: one in this many 8-grams was stored.
            pieces: number of pieces in the index.
            common: 8-grams excluded because too many pieces have them.
        """
        self.grid, self.step, self.pieces, self.common = grid, step, pieces, common
        self._sizes, self._low = bucket_sizes, low
        self._bucket_bits = int(np.log2(len(bucket_sizes)))
        self._begins = np.concatenate([[0], np.cumsum(bucket_sizes, dtype=np.int64)]).astype(np.int32)
        self._longest = int(bucket_sizes.max(initial=0))

    def __len__(self) -> int:
        return len(self._low)

    @property
    def guaranteed_notes(self) -> int:
        """Every shared run of at least this many notes is found."""
        return GRAM + self.step

    @property
    def false_positive_rate(self) -> float:
        """The probability that an 8-gram in no training piece matches the index."""
        return len(self) / 2.0 ** (self._bucket_bits + _LOW_BITS)

    @classmethod
    def build(cls, pieces: Iterable[Sequence[Line]], *, grid: bool) -> "OriginalityIndex":
        """An index of training pieces, each given as the lines of its voices.

        Args:
            grid: whether the lines were made on a metric grid.
        """
        grams = [[(hashes(line.symbols), is_pattern(line.symbols)) for line in lines] for lines in pieces]
        counts = [np.unique(np.concatenate([found[~plain] for found, plain in lines])) for lines in grams if lines]
        found, in_pieces = np.unique(np.concatenate(counts or [np.zeros(0, np.uint64)]), return_counts=True)
        common = found[in_pieces > max(COMMON_PIECES, COMMON_SHARE["grid" if grid else "free"] * len(grams))]
        del counts, found, in_pieces
        step = STEP
        while True:
            kept = np.unique(
                np.concatenate(
                    [
                        np.zeros(0, np.uint64),
                        *(found[::step][~plain[::step]] for lines in grams for found, plain in lines),
                    ]
                )
            )
            kept = np.setdiff1d(kept, common, assume_unique=True)
            index = cls._of_hashes(kept, grid=grid, step=step, pieces=len(grams), common=len(common))
            if index.num_bytes <= MAX_INDEX_BYTES:
                return index
            step *= 2

    @classmethod
    def _of_hashes(cls, kept: Hashes, **facts: Any) -> "OriginalityIndex":
        """From sorted hashes: about three per bucket, fewer buckets if space is short."""
        bits = max(8, int(np.rint(np.log2(max(len(kept), 1) / 3))))
        if _HEADER.size + 2**bits + 2 * len(kept) > MAX_INDEX_BYTES:
            bits -= 1
        low = kept >> np.uint64(64 - bits - _LOW_BITS)
        buckets = (low >> np.uint64(_LOW_BITS)).astype(np.int64)
        # Sorted hashes: those beyond what a bucket can count are dropped, which does not happen by chance.
        place = np.arange(len(kept)) - np.searchsorted(buckets, buckets)
        fits = place < _MAX_BUCKET
        sizes = np.bincount(buckets[fits], minlength=2**bits).astype(np.uint8)
        return cls(sizes, (low[fits] & np.uint64(0xFFFF)).astype(np.uint16), **facts)

    @property
    def num_bytes(self) -> int:
        """Length of `to_bytes`."""
        return _HEADER.size + len(self._sizes) + 2 * len(self._low)

    def to_bytes(self) -> bytes:
        """The index as stored in a bundle; `from_bytes` is the inverse."""
        header = _HEADER.pack(
            _MAGIC, _FORMAT, GRAM, self.step, self._bucket_bits, self.grid, len(self), self.pieces, self.common
        )
        return header + self._sizes.tobytes() + self._low.astype("<u2").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "OriginalityIndex":
        """The index from a bundle's file; arrays share its memory.

        Raises:
            BundleError: not an index, damaged, too large or too new.
        """
        if len(data) > MAX_INDEX_BYTES or len(data) < _HEADER.size or data[:4] != _MAGIC:
            raise BundleError("The bundle's originality index cannot be read.")
        _, found, gram, step, bits, grid, count, pieces, common = _HEADER.unpack_from(data)
        if found > _FORMAT:
            raise BundleError("The bundle's originality index is of a newer version than this one reads.")
        if (
            gram != GRAM
            or not 1 <= step <= 128
            or not 8 <= bits <= 21
            or grid > 1
            or len(data) != _HEADER.size + 2**bits + 2 * count
        ):
            raise BundleError("The bundle's originality index is damaged.")
        sizes = np.frombuffer(data, np.uint8, 2**bits, _HEADER.size)
        if int(sizes.sum(dtype=np.int64)) != count:
            raise BundleError("The bundle's originality index is damaged.")
        low = np.frombuffer(data, "<u2", count, _HEADER.size + 2**bits)
        return cls(sizes, low, grid=bool(grid), step=step, pieces=pieces, common=common)

    def contains(self, wanted: Hashes) -> NDArray[np.bool_]:
        """Which hashes are in the index, bool [n]; wrongly True at `false_positive_rate`."""
        low = wanted >> np.uint64(64 - self._bucket_bits - _LOW_BITS)
        buckets = (low >> np.uint64(_LOW_BITS)).astype(np.int64)
        low = low.astype(np.uint16)
        begins, sizes = self._begins[buckets], self._sizes[buckets]
        found = np.zeros(len(wanted), bool)
        for place in range(self._longest):
            rows = np.flatnonzero(sizes > place)
            found[rows] |= self._low[begins[rows] + place] == low[rows]
        return found

    def query(self, notes: Sequence[Note], voices: Sequence[Voice], qpm: float | None = None) -> Borrowed:
        """A piece's longest match with the training music.

        Args:
            notes: in any order.
            voices: what `Note.voice` counts.
            qpm: tempo of the piece, for an index of music on a grid; None means 120.
        """
        if self.grid:
            return self.longest_run(lines_of_notes(notes, voices, qpm or 120.0))
        return max(
            (self.longest_run(lines_of_notes(notes, voices, stretch=stretch)) for stretch in STRETCHES),
            key=lambda borrowed: borrowed.notes,
        )

    def longest_run(self, lines: Sequence[Line]) -> Borrowed:
        """The longest match of lines with times in seconds."""
        best = Borrowed()
        borrowed = total = 0
        for line in lines:
            total += int(line.counts.sum())
            covered = np.zeros(len(line.counts), bool)
            summed = np.concatenate([[0], np.cumsum(line.counts)])
            for first, last in self._runs(line.symbols):
                covered[first : last + 1] = True
                count = int(summed[last + 1] - summed[first])
                if count > best.notes:
                    start = float(line.starts[first])
                    best = Borrowed(count, float(line.ends[first : last + 1].max()) - start, start)
            borrowed += int(line.counts[covered].sum())
        return Borrowed(best.notes, round(best.seconds, 3), round(best.start_seconds, 3), borrowed / max(1, total))

    def _runs(self, symbols: Symbols) -> list[tuple[int, int]]:
        """First and last element, both inclusive, of each unbroken chain of hits spaced `step` apart."""
        hits = self.contains(hashes(symbols)) & ~is_pattern(symbols)
        if not hits.any():
            return []
        # One row per phase, ending with a miss: neighbours in a row are `step` apart.
        phases = np.zeros((self.step, -(-len(hits) // self.step) + 1), np.int8)
        padded = np.zeros(phases[:, :-1].size, np.int8)
        padded[: len(hits)] = hits
        phases[:, :-1] = padded.reshape(-1, self.step).T
        changes = np.diff(phases.reshape(-1), prepend=0)
        begins, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1) - 1
        width = phases.shape[1]
        first = begins % width * self.step + begins // width
        last = ends % width * self.step + ends // width + GRAM
        return list(zip(first.tolist(), last.tolist(), strict=True))


def hashes(symbols: Symbols) -> Hashes:
    """A hash of each 8-gram, uint64 [symbols − 7]; the same on every machine."""
    count = max(0, len(symbols) - GRAM + 1)
    mixed = _mix(symbols.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    found = np.zeros(count, np.uint64)
    for place in range(GRAM):
        found = found * _MULTIPLIER + mixed[place : place + count]
    return _mix(found)


def is_pattern(symbols: Symbols) -> NDArray[np.bool_]:
    """Which 8-grams only repeat or alternate notes, bool [symbols − 7]: repeated notes, trills, a steady hi-hat.

    They occur everywhere, and as they equal the one eight symbols later, they would form runs of any length.
    """
    differs = np.concatenate([[0], np.cumsum(symbols[2:] != symbols[:-2])])
    count = max(0, len(symbols) - GRAM + 1)
    return differs[GRAM - 2 :][:count] == differs[:count] if count else np.zeros(0, bool)


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of the input moves every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def index_of_corpus(corpus: "Corpus", *, progress: Callable[[int], object] | None = None) -> OriginalityIndex:
    """An index of training music: performances in free time, or pieces on the grid with drums and pitched parts.

    Args:
        progress: called with 1 after each piece.
    """
    from generator.engine.band_dataset import BandCorpus

    def pieces() -> Iterable[list[Line]]:
        for number in range(len(corpus)):
            yield lines_of_piece(corpus, number)
            if progress is not None:
                progress(1)

    return OriginalityIndex.build(pieces(), grid=isinstance(corpus, BandCorpus))


def lines_of_piece(corpus: "Corpus", number: int) -> list[Line]:
    """The lines of one piece of training or validation music, times in seconds."""
    from generator.engine import dataset
    from generator.engine.band_dataset import BandCorpus

    if isinstance(corpus, dataset.PerformanceCorpus):
        return lines_of_performance(corpus.file(number))
    if isinstance(corpus, BandCorpus):
        return _lines_of_band(corpus, number)
    return lines_of_notes(corpus.piece_notes(number), corpus.voices())


def _lines_of_band(corpus: "BandCorpus", number: int) -> list[Line]:
    piece, spec = corpus.piece(number), corpus.spec
    seconds = 60.0 / corpus.facts[number].qpm / STEPS_PER_QUARTER
    parts, pitches = spec.note_parts[piece.classes], spec.note_pitches[piece.classes]
    found = []
    for part in np.unique(parts).tolist():
        own = parts == part
        if PARTS[part] == DRUMS:
            line = drum_line(piece.starts[own], piece.durations[own], _DRUM_PITCHES[pitches[own]])
        else:
            line = grid_line(piece.starts[own], piece.durations[own], pitches[own])
        found.append(Line(line.symbols, line.starts * seconds, line.ends * seconds, line.counts))
    return found
