"""Excerpts of human music to compare composed pieces with."""

from dataclasses import dataclass, replace

import numpy as np

from generator.engine.band_dataset import BandCorpus
from generator.engine.corpora import Corpus
from generator.engine.music import Note

BAR_QUARTERS = 4
# A bar line in seconds is a product of floats: notes on it may come out slightly before.
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Music of one length.

    Attributes:
        notes: in order, times from the start of the excerpt, none beyond its end.
        length_seconds: of the excerpt.
        qpm: tempo; None for music off the grid.
        piece: index into the corpus.
    """

    notes: list[Note]
    length_seconds: float
    qpm: float | None
    piece: int


def qpm_of(corpus: Corpus, index: int) -> float | None:
    """Tempo of a piece on a grid."""
    return corpus.facts[index].qpm if isinstance(corpus, BandCorpus) else None


def style_of(corpus: Corpus, index: int) -> str:
    """Style of a piece; "" if its file has none."""
    return corpus.facts[index].style if isinstance(corpus, BandCorpus) else ""


def drum_voices_of(corpus: Corpus) -> frozenset[int]:
    """Indices of the voices that are drums."""
    return frozenset(index for index, voice in enumerate(corpus.voices()) if voice.is_drum)


def human_excerpts(corpus: Corpus, *, count: int, length_seconds: float, seed: int = 0) -> list[Excerpt]:
    """One excerpt per piece, pieces in random order, repeating if there are too few.

    An excerpt starts at a random note in free time, at a random bar on a grid, and notes sounding at its end are cut
    there. Only pieces of at least that length count; empty if there are none.
    """
    rng = np.random.default_rng(seed)
    found: list[Excerpt] = []
    while len(found) < count:
        before = len(found)
        for index in rng.permutation(len(corpus)).tolist():
            notes = corpus.piece_notes(index)
            if notes and notes[-1].start_seconds - notes[0].start_seconds >= length_seconds:
                qpm = qpm_of(corpus, index)
                begin = _place(notes, length_seconds, qpm, rng)
                found.append(Excerpt(cut(notes, begin, begin + length_seconds), length_seconds, qpm, index))
                if len(found) == count:
                    break
        if len(found) == before:
            break
    return found


def _place(notes: list[Note], length_seconds: float, qpm: float | None, rng: np.random.Generator) -> float:
    latest = notes[-1].start_seconds - length_seconds
    if qpm is None:
        starts = [note.start_seconds for note in notes]
        # Starts with a note, so silence before it does not count.
        return starts[int(rng.integers(np.searchsorted(starts, latest) + 1))]
    bar = BAR_QUARTERS * 60.0 / qpm
    return int(rng.integers(int(latest / bar) + 1)) * bar


def cut(notes: list[Note], begin_seconds: float, end_seconds: float) -> list[Note]:
    """The notes that start in a stretch, shifted to its start and cut at its end."""
    return [
        replace(
            note,
            start_seconds=max(0.0, note.start_seconds - begin_seconds),
            end_seconds=min(note.end_seconds, end_seconds) - begin_seconds,
        )
        for note in notes
        if begin_seconds - _ROUNDING <= note.start_seconds < end_seconds - _ROUNDING
    ]
