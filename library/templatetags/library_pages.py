"""What the pages of the library draw and say of pieces."""

import math
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import timezone
from django.utils.html import format_html

from library.rolls import ROWS, roll_notes

if TYPE_CHECKING:
    from datetime import datetime

register = template.Library()


@register.filter
def roll_path(piece: Any) -> str:
    """Its notes as one path for a picture of 240 by 32, the lowest note at the bottom."""
    return "".join(
        f"M{x:g} {ROWS - y - 0.5:g}h{width - 0.6:g}" for x, y, width in roll_notes(getattr(piece, "roll", None))
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


# Drawn with one line each, in a square of 24.
ICONS = {
    "star": "m12 3.5 2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9L3.5 9.7l5.9-.8Z",
    "up": "M7 10.5 11 3.5c1.6 0 2.5 1 2.3 2.6L12.9 9h5.6c1.3 0 2.2 1.2 1.9 2.5l-1.5 6.7c-.2 1-1.1 "
    "1.8-2.2 1.8H7m0-9.5V20m0-9.5H4V20h3",
    "down": "M17 13.5l-4 7c-1.6 0-2.5-1-2.3-2.6l.4-2.9H5.5c-1.3 0-2.2-1.2-1.9-2.5l1.5-6.7C5.3 4.8 6.2 4 7.3 4H17m0 "
    "9.5V4m0 9.5h3V4h-3",
    "trash": "M4.5 6.5h15m-9.5 4v6m4-6v6M9 6.5V4h6v2.5m-8.5 0 .8 "
    "12.2c.1.8.7 1.3 1.4 1.3h6.6c.7 0 1.3-.5 1.4-1.3l.8-12.2",
    "dots": "M5.5 12h.01M12 12h.01M18.5 12h.01",
    "check": "m5 12.5 4.5 4.5L19 7.5",
    "download": "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14",
    "search": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm5-1.5 4.5 4.5",
    "close": "m6.5 6.5 11 11m0-11-11 11",
    "grid": "M4.5 4.5h6v6h-6Zm9 0h6v6h-6Zm-9 9h6v6h-6Zm9 0h6v6h-6Z",
    "rows": "M4.5 6.5h15m-15 5.5h15m-15 5.5h15",
    "raise": "M12 19V5.5m-5.5 5L12 5l5.5 5.5",
    "lower": "M12 5v13.5m-5.5-5L12 19l5.5-5.5",
    "handle": "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
    "folder": "M3.5 18.5v-13h6l2 2.5h9v10.5Z",
    "next": "M5.5 6v12l9-6ZM18 6v12",
    "queue": "M4.5 6.5h15m-15 5.5h8m-8 5.5h8m5-3v6m-3-3h6",
    "link": "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1m2 3.7a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
}


@register.simple_tag
def icon(name: str, size: int = 20) -> str:
    return format_html(
        '<svg class="icon icon-{}" viewBox="0 0 24 24" width="{}" height="{}" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>',
        name,
        size,
        size,
        ICONS[name],
    )
