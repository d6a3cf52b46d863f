"""Text that people give: titles, tags, comments, names of files. It is hostile until it went through here."""

import unicodedata

from django.core.exceptions import ValidationError

# Characters without a width that decide how their neighbours join: Persian, Indian languages and emoji need them.
JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
# Characters of format that change the order of a line or hide the rest of it. Joiners and the marks of direction that
# change nothing else (U+200E, U+200F) stay.
_OVERRIDES = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x2060, 0xFEFF, *range(0xFFF9, 0xFFFC)}
_SPACES = {"Zl", "Zp", "Zs"}


def clean_text(text: str) -> str:
    """Several lines as they are kept: composed Unicode without control characters, overrides of direction and lone
    surrogates; at most one blank line in a row, nothing around."""
    lines = [_clean(line).rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept).strip()


def clean_line(text: str) -> str:
    """One line: as `clean_text`, and every run of white space is one space."""
    return " ".join(_clean(text.replace("\n", " ").replace("\r", " ").replace("\t", " ")).split())


def clean_name(text: object, field: str, *, sentence: str, at_most: int) -> str:
    """A line that can be seen. Raises ValidationError under `field`: `sentence` where nothing is left of it, or that
    it is too long."""
    line = clean_line(text) if isinstance(text, str) else ""
    if not is_visible(line):
        raise ValidationError({field: sentence})
    if len(line) > at_most:
        raise ValidationError({field: f"Use at most {at_most} characters. You used {len(line)}."})
    return line


def is_visible(line: str) -> bool:
    """Whether there is anything to see, more than marks and characters without width."""
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in line)


def _clean(line: str) -> str:
    return unicodedata.normalize("NFC", "".join(_kept(letter) for letter in line))


def _kept(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in _SPACES:
        return " "
    if letter == "\t":
        return letter
    return "" if category in ("Cc", "Cs", "Cn", "Co") or ord(letter) in _OVERRIDES else letter
