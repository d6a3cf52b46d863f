"""Lengths as people write them."""

import re

_CLOCK = re.compile(r"(?P<minutes>\d{1,6}):(?P<seconds>[0-5]\d)", re.ASCII)
_NUMBER = r"\d{1,12}(?:[.,]\d{1,17})?"
LENGTH_REQUIRED = "Choose a length, or enter one such as 1:30."
_WORDS = re.compile(
    rf"(?:(?P<minutes>{_NUMBER}) ?(?:m|min|mins|minute|minutes|'|′)\.?)?"
    rf" ?(?:(?P<seconds>{_NUMBER}) ?(?:s|sec|secs|second|seconds|\"|″)?\.?)?",
    re.ASCII | re.IGNORECASE,
)


def parse_length(text: str) -> float:
    """Seconds of "90", "1:30", "2 min", "1 min 30 s" or "1.5 min"; a minus sign is read too, for a better complaint.

    Raises ValueError with one sentence for anything else.
    """
    wanted = " ".join(text.split())
    sign = -1.0 if wanted[:1] in {"-", "\N{MINUS SIGN}"} else 1.0
    wanted = wanted.lstrip("-\N{MINUS SIGN}").strip()
    found = _CLOCK.fullmatch(wanted) or (_WORDS.fullmatch(wanted) if wanted else None)
    if found is None:
        raise ValueError("Enter a length in seconds or minutes, such as 90, 1:30 or 2 min.")
    minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.group("minutes", "seconds"))
    return sign * (60 * minutes + seconds)


def length_text(seconds: float) -> str:
    """What `parse_length` reads as exactly so many seconds: "1:30", or "90.5" where they are not whole."""
    if seconds != int(seconds):
        return repr(seconds)
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
