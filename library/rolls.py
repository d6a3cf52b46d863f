"""The small picture of a piece: a handful of numbers that a list of pieces can hold and draw without its file."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

WIDTH, ROWS = 240, 32
MAX_NOTES = 300
# A drum is struck, not held: how long its note is says nothing, and the last ones often last to the end of the track.
HIT_SECONDS = 0.1


class RollNote(NamedTuple):
    """One note: `start` and `end` in seconds."""

    pitch: int
    start: float
    end: float
    is_drum: bool = False


def roll_of(notes: Iterable[RollNote], length_seconds: float) -> list[list[int]]:
    """At most `MAX_NOTES` [x, y, width]: x and width in 240ths of the length, y from 0, the lowest pitch, to 31, the
    highest. A drum hit is short, however long its note is.

    Notes that fall on the same place are one. Of more than fit, every n-th is left out evenly, so that the picture
    keeps its shape from the beginning to the end.
    """
    if not (length_seconds > 0 and math.isfinite(length_seconds)):
        return []
    sounding = [
        (pitch, max(0.0, start), min(end, start + HIT_SECONDS) if is_drum else end)
        for pitch, start, end, is_drum in notes
        if end > start and start < length_seconds
    ]
    if not sounding:
        return []
    pitches = [pitch for pitch, _, _ in sounding]
    lowest, range_ = min(pitches), max(pitches) - min(pitches)
    widths: dict[tuple[int, int], int] = {}
    for pitch, start, end in sounding:
        x = min(WIDTH - 1, int(start / length_seconds * WIDTH))
        # One pitch alone, or few that lie close together, stand in the middle, a row each.
        y = (
            round((pitch - lowest) * (ROWS - 1) / range_)
            if range_ >= ROWS
            else pitch - lowest + (ROWS - 1 - range_) // 2
        )
        width = min(WIDTH - x, max(1, round((min(end, length_seconds) - start) / length_seconds * WIDTH)))
        widths[x, y] = max(width, widths.get((x, y), 0))
    drawn = [[x, y, width] for (x, y), width in sorted(widths.items())]
    if len(drawn) <= MAX_NOTES:
        return drawn
    return [drawn[index * len(drawn) // MAX_NOTES] for index in range(MAX_NOTES)]


# A note's part of a path in a picture of 240 by 32: the lowest row at its bottom, a gap behind each note.
_AT_X = {x: f"M{x} " for x in range(WIDTH)}
_AT_Y = {y: f"{ROWS - y - 0.5:g}" for y in range(ROWS)}
_TO = {width: f"h{width - 0.6:g}" for width in range(1, WIDTH + 1)}


def roll_path(roll: Any) -> str:
    """The notes of a `Piece.roll` as one path for a picture of 240 by 32, the lowest note at the bottom."""
    try:
        # As `roll_of` makes them, which is nearly always: what such a note is drawn as is known beforehand.
        return "".join([_AT_X[x] + _AT_Y[y] + _TO[min(width, WIDTH - x)] for x, y, width in roll[:MAX_NOTES]])
    except (KeyError, TypeError, ValueError):
        notes = roll_notes(roll)
    return "".join(f"M{x:g} {ROWS - y - 0.5:g}h{width - 0.6:g}" for x, y, width in notes)


def roll_notes(roll: Any) -> list[tuple[float, int, float]]:
    """The notes of a `Piece.roll` that can be drawn, as (x, y from the lowest up, width), all within the picture."""
    found = []
    for note in roll[:MAX_NOTES] if isinstance(roll, list) else ():
        try:
            x, y, width = (float(value) for value in note)
        except (TypeError, ValueError):
            continue
        if math.isfinite(x + y + width) and 0 <= x < WIDTH and 0 <= y < ROWS:
            found.append((x, int(y), max(1.0, min(width, WIDTH - x))))
    return found
