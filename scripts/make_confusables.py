#!/usr/bin/env python3
"""Writes accounts/data/confusables.txt, the letters that look like others (Unicode Technical Standard 39), from the
package confusable-homoglyphs. The package needs 18 MB of memory for it, so the site reads this extract instead.

    .venv/bin/python scripts/make_confusables.py
"""

import unicodedata
from pathlib import Path
from typing import Any

from confusable_homoglyphs.utils import load

TARGET = Path(__file__).resolve().parent.parent / "accounts" / "data" / "confusables.txt"
HEAD = """\
# Letters that look like others: a code point, and what it looks like. Written by scripts/make_confusables.py from the
# package confusable-homoglyphs 3.3.1 (MIT), which has it from Unicode's confusables.txt (Unicode License v3).
"""
# The package stands these around letters that are written from right to left.
MARKS = "\u200e\u200f"


def prototypes() -> dict[str, str]:
    """Each character with what it looks like. The package tells which look alike, in both directions: a character that
    is one of many is spelled as that which all of them look like."""
    data: dict[str, list[dict[str, Any]]] = load("confusables.json")
    likes: dict[str, set[str]] = {}
    for name, others in data.items():
        for other in others:
            one, two = name.strip(MARKS), other["c"].strip(MARKS)
            likes.setdefault(one, set()).add(two)
            likes.setdefault(two, set()).add(one)
    found = {}
    for character, looks in likes.items():
        if len(character) != 1 or len(looks) != 1 or unicodedata.normalize("NFKC", character) != character:
            continue
        (prototype,) = looks
        is_pair = len(prototype) == 1 and len(likes[prototype]) == 1
        if not is_pair or prototype < character:
            found[character] = prototype
    return found


def text() -> str:
    lines = (f"{ord(one):04X} {' '.join(f'{ord(each):04X}' for each in alike)}\n" for one, alike in _sorted())
    return HEAD + "".join(lines)


def _sorted() -> list[tuple[str, str]]:
    return sorted(prototypes().items())


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="ascii")
    print(f"{TARGET}: {len(prototypes())} characters.")
