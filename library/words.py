"""Text as words that a search compares: the same for what is written and for what is looked for."""

import re
import unicodedata
from collections.abc import Iterable

# Letters and digits of any script; the database splits at everything else too.
_WORD = re.compile(r"[^\W_]+")
MAX_WORDS = 12


def words_of(text: str, *, at_most: int | None = MAX_WORDS) -> list[str]:
    """Its words in lower case and without accents, in order: "Déjà vu, No. 2" → deja, vu, no, 2.

    A flat is found by its letter: "E♭" → eb."""
    plain = unicodedata.normalize("NFKD", text.replace("\N{MUSIC FLAT SIGN}", "b").casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _WORD.findall(plain)[:at_most]


def search_text_of(texts: Iterable[str]) -> str:
    """All words of `texts`, each after a space, so that one that begins with "ab" is found as " ab"."""
    return "".join(f" {word}" for text in texts for word in words_of(text, at_most=None))
