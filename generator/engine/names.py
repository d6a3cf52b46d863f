"""Names as people write them: a key or a label, in any case, with spaces, hyphens or underscores or without."""

from collections.abc import Iterable
from typing import Any, TypeVar

_Item = TypeVar("_Item")
_BETWEEN_WORDS = dict.fromkeys(map(ord, " -_\N{NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}\N{EN DASH}"))


def folded(name: Any) -> str:
    """What is left of a name for comparing: "Hip-hop", "hip hop" and "hiphop" are one.

    >>> folded("Hip-hop"), folded(" New  Orleans"), folded("power_trio")
    ('hiphop', 'neworleans', 'powertrio')
    """
    return str(name).casefold().translate(_BETWEEN_WORDS).strip()


def find_named(items: Iterable[_Item], wanted: Any, *, key: str = "key", label: str = "name") -> _Item | None:
    """The item of that key; else the first whose key or label is the same but for case, spaces and hyphens."""
    if wanted is None:
        return None
    found = list(items)
    for item in found:
        if getattr(item, key) == wanted:
            return item
    name = folded(wanted)
    for attribute in (key, label):
        for item in found:
            if name and folded(getattr(item, attribute)) == name:
                return item
    return None


def unknown_sentence(what: str, got: Any, known: Iterable[str]) -> str:
    """What is said of a choice that is not there; `what` is the word for it, such as "style"."""
    text = f"{got:g}" if isinstance(got, float) else str(got).strip()
    text = text if len(text) <= 40 else f"{text[:37]}…"
    if not text:
        return f"Choose a {what}. Use one of: {', '.join(known)}."
    return f"Unknown {what} '{text}'. Use one of: {', '.join(known)}."
