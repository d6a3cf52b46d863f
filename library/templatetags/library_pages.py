"""What the pages of the library draw and say of pieces."""

import math
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime

register = template.Library()

ROLL_WIDTH, ROLL_ROWS = 240, 32
MAX_ROLL_NOTES = 300


def roll_notes(roll: Any) -> list[tuple[float, int, float]]:
    """The notes of a `Piece.roll` that can be drawn, as (x, y from the lowest up, width), all within the picture."""
    found = []
    for note in roll[:MAX_ROLL_NOTES] if isinstance(roll, list) else ():
        try:
            x, y, width = (float(value) for value in note)
        except (TypeError, ValueError):
            continue
        if math.isfinite(x + y + width) and 0 <= x < ROLL_WIDTH and 0 <= y < ROLL_ROWS:
            found.append((x, int(y), max(1.0, min(width, ROLL_WIDTH - x))))
    return found


@register.filter
def roll_path(piece: Any) -> str:
    """Its notes as one path for a picture of 240 by 32, the lowest note at the bottom."""
    return "".join(
        f"M{x:g} {ROLL_ROWS - y - 0.5:g}h{width - 0.6:g}" for x, y, width in roll_notes(getattr(piece, "roll", None))
    )


@register.filter
def days_left(moment: "datetime | None") -> str:
    """How long until something goes: "in 12 days", "tomorrow", "today"."""
    if moment is None:
        return ""
    days = math.ceil((moment - timezone.now()).total_seconds() / 86400)
    if days <= 1:
        return "today" if days <= 0 or moment.date() == timezone.now().date() else "tomorrow"
    return f"in {days} days"


@register.filter
def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{max(1, round(size_bytes / 1000))} kB"
