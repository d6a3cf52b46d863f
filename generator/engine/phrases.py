"""Bars and phrases of drums: hits by position, and how often a phrase closes with something new."""

from collections.abc import Collection, Sequence

from generator.engine.music import Note
from generator.engine.note_symbols import CLASS_OF_PITCH

SIXTEENTHS = 16
# A bar differs from the previous one if they share less than this fraction of their hits.
SAME_SHARE = 0.5
PHRASE_BARS = 4

Bar = frozenset[tuple[int, int]]


def drum_bars(notes: Sequence[Note], qpm: float, *, drum_voices: Collection[int]) -> list[Bar]:
    """The hits of each bar of four quarters: (nearest sixteenth 0 – 15, drum class 0 – 9)."""
    sixteenth = 60.0 / qpm / 4
    bars: list[set[tuple[int, int]]] = []
    for note in notes:
        if note.voice in drum_voices:
            bar, place = divmod(round(note.start_seconds / sixteenth), SIXTEENTHS)
            while len(bars) <= bar:
                bars.append(set())
            bars[bar].add((place, int(CLASS_OF_PITCH[note.pitch])))
    return [frozenset(bar) for bar in bars]


def closing_bars(bars: Sequence[Bar]) -> tuple[int, int]:
    """Of the bars that close a phrase of four bars (and so of eight): how many differ from the previous bar, and the
    total. A piece's last bar, which ends it, does not count."""
    closing = [
        (bars[index - 1], bars[index])
        for index in range(PHRASE_BARS - 1, len(bars) - 1, PHRASE_BARS)
        if bars[index] or bars[index - 1]
    ]
    return sum(len(a & b) < SAME_SHARE * len(a | b) for a, b in closing), len(closing)
