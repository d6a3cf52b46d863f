"""What the pages of the library draw and say of pieces."""

import math
from typing import TYPE_CHECKING, Any

from django import template
from django.template import Context, Engine
from django.template.base import Node, NodeList, Parser, TextNode, Token
from django.utils import timezone

from library import rows

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from library.models import Piece

register = template.Library()


@register.filter
def row(piece: "Piece") -> dict[str, Any]:
    """As the parts of a list want it."""
    return rows.row_of(piece)


@register.filter
def facts_line(piece: "Piece") -> str:
    return rows.facts_line(piece)


@register.filter
def days_left(moment: "datetime | None") -> str:
    """How long something stays: "12 days left", on its last day "5 hours left". The same in every time zone."""
    return f"{_time_until(moment)} left" if moment else ""


@register.filter
def in_days(moment: "datetime | None") -> str:
    """When something ends: "in 12 days", on its last day "in 5 hours"."""
    return f"in {_time_until(moment)}" if moment else ""


def _time_until(moment: "datetime") -> str:
    hours = (moment - timezone.now()).total_seconds() / 3600
    if hours <= 1:
        return "less than an hour"
    count, unit = (math.ceil(hours / 24), "day") if hours > 24 else (math.ceil(hours), "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


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


ICON = (
    '<svg class="icon icon-{name}" viewBox="0 0 24 24" width="{size}" height="{size}" aria-hidden="true" '
    'focusable="false"><path d="{path}"/></svg>'
)


@register.tag
def icon(parser: Parser, token: Token) -> Node:
    """{% icon "star" 22 %}, written while the template is read: rows have many. Its size is 20 where none is said."""
    _, name, *size = token.split_contents()
    name = name.strip("\"'")
    if name not in ICONS or len(size) > 1 or not all(number.isdecimal() for number in size):
        raise template.TemplateSyntaxError(f"Expected an icon's name and perhaps a size; got {token.contents}.")
    return TextNode(ICON.format(name=name, size=size[0] if size else 20, path=ICONS[name]))


class PartNode(Node):
    child_nodelists = ("nodelist",)

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> "SafeString":
        return self.nodelist.render(context)


@register.tag
def part(parser: Parser, token: Token) -> Node:
    """{% part "library/_menu.html" %}: what {% include %} does, for the rows of a list. The file is read along with
    this one and sees the very same variables, which spares each row the way there.
    """
    _, name = token.split_contents()
    found = Engine.get_default().get_template(name.strip("\"'"))
    return PartNode(found.nodelist)
