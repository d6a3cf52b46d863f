"""How much human music shares with the training music: the baseline for a piece's own figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from generator.engine.borrowing import Borrowed, HumanBaseline, HumanRuns
from generator.engine.note_symbols import Line
from generator.engine.originality import OriginalityIndex, lines_of_piece

if TYPE_CHECKING:
    from generator.engine.corpora import Corpus

LENGTHS_SECONDS = (30.0, 60.0, 120.0, 300.0)
EXCERPTS = 100
# A file with a larger share of matching notes is another recording of a work in the training music.
DOUBLED_SHARE = 0.25
# Fewer files than this are not representative.
MIN_FILES = 5


def baseline_of_corpus(index: OriginalityIndex, corpus: "Corpus") -> HumanBaseline:
    """The baseline of a validation split."""
    return human_baseline(index, [lines_of_piece(corpus, number) for number in range(len(corpus))])


def human_baseline(
    index: OriginalityIndex,
    pieces: Sequence[Sequence[Line]],
    *,
    lengths_seconds: Sequence[float] = LENGTHS_SECONDS,
    excerpts: int = EXCERPTS,
    seed: int = 0,
) -> HumanBaseline:
    """The longest matches of excerpts from random positions of held-out pieces.

    The split is by file, and many files are the same work by another performer. Those with more than a quarter of
    their notes in the training music are excluded from `runs` and counted, unless fewer than `MIN_FILES` would remain.

    Args:
        pieces: lines of each, times in seconds.
        lengths_seconds: of the excerpts; lengths that fewer than `MIN_FILES` pieces reach are skipped.
        excerpts: number for each length.
    """
    pieces = [lines for lines in pieces if any(len(line.starts) for line in lines)]
    apart = [lines for lines in pieces if index.longest_run(lines).share <= DOUBLED_SHARE]
    if len(apart) < MIN_FILES:
        apart = pieces
    return HumanBaseline(
        runs=_runs(index, apart, lengths_seconds, excerpts, seed),
        files=len(apart),
        doubled_files=len(pieces) - len(apart),
        all_runs=_runs(index, pieces, lengths_seconds, excerpts, seed),
    )


def _runs(
    index: OriginalityIndex, pieces: Sequence[Sequence[Line]], lengths: Sequence[float], excerpts: int, seed: int
) -> tuple[HumanRuns, ...]:
    spans = np.array([max(float(line.starts[-1]) for line in lines if len(line.starts)) for lines in pieces])
    found = []
    for length in lengths:
        rng = np.random.default_rng(seed)
        long_enough = np.flatnonzero(spans >= length)
        # The same few files over and over are not representative.
        if len(long_enough) < min(MIN_FILES, len(pieces)):
            continue
        borrowed: list[Borrowed] = []
        for number in rng.choice(long_enough, excerpts).tolist():
            begin = float(rng.uniform(0.0, spans[number] - length))
            borrowed.append(index.longest_run([_cut(line, begin, begin + length) for line in pieces[number]]))
        notes, seconds = [run.notes for run in borrowed], [run.seconds for run in borrowed]
        found.append(
            HumanRuns(
                length_seconds=length,
                excerpts=excerpts,
                median_notes=float(np.median(notes)),
                p95_notes=float(np.quantile(notes, 0.95)),
                median_seconds=round(float(np.median(seconds)), 2),
                p95_seconds=round(float(np.quantile(seconds, 0.95)), 2),
            )
        )
    return tuple(found)


def _cut(line: Line, begin: float, end: float) -> Line:
    """The elements that start within a time range."""
    first, last = np.searchsorted(line.starts, [begin, end]).tolist()
    return Line(
        line.symbols[first : max(first, last - 1)],
        line.starts[first:last],
        line.ends[first:last],
        line.counts[first:last],
    )
