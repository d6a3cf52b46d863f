"""How pages write music's numbers."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def clock(seconds: float) -> str:
    """Minutes and seconds as a player shows them: 75.2 → 1:15."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


@register.filter
def ago(moment: datetime) -> str:
    """How long ago, in its largest unit: "3 hours ago"."""
    since = timesince(moment, depth=1)
    return "just now" if since.startswith("0") else f"{since} ago"


@register.filter(name="json")
def as_json(value: Any) -> str:
    """For a data attribute: the template escapes it, the script parses it."""
    return json.dumps(value, separators=(",", ":"))
