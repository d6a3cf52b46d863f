"""Reads values from an untrusted JSON object by name, type and bounds."""

import re
from typing import Any

from generator.engine.errors import BundleError

MISSING = object()
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_MAX_SLUG = 50


def is_slug(text: str) -> bool:
    """Whether a string is a valid key of a genre, ensemble or choice: lower-case letters, digits and hyphens."""
    return len(text) <= _MAX_SLUG and _SLUG.match(text) is not None


class Fields:
    """One JSON object of a manifest. Missing or invalid values raise BundleError with their path."""

    def __init__(self, values: Any, path: str) -> None:
        if not isinstance(values, dict):
            raise BundleError(f"The bundle's manifest is wrong: expected an object for {path}; got {short(values)}.")
        self.values: dict[str, Any] = values
        self.path = path

    def wrong(self, name: str, expected: str, got: Any) -> BundleError:
        said = "nothing" if got is MISSING else short(got)
        return BundleError(f"The bundle's manifest is wrong: expected {expected} for {self._at(name)}; got {said}.")

    def get(self, name: str, default: Any = MISSING) -> Any:
        return self.values.get(name, default)

    def child(self, name: str) -> "Fields":
        return Fields(self.get(name, None), self._at(name))

    def optional_child(self, name: str) -> "Fields | None":
        """None if the object is missing or null."""
        return None if self.get(name, None) is None else self.child(name)

    def children(self, name: str, *, at_least: int, at_most: int, default: Any = MISSING) -> list["Fields"]:
        items = self.get(name, default)
        if not isinstance(items, list | tuple) or not at_least <= len(items) <= at_most:
            raise self.wrong(name, f"a list of {at_least} to {at_most} objects", items)
        path = self._at(name)
        return [Fields(item, f"{path}[{index}]") for index, item in enumerate(items)]

    def text(self, name: str, *, at_most: int = 100, may_be_empty: bool = False, default: Any = MISSING) -> str:
        value = self.get(name, default)
        if not isinstance(value, str) or len(value) > at_most or not (value.strip() or may_be_empty):
            raise self.wrong(name, f"a text of at most {at_most} characters", value)
        if not value.isprintable():
            raise self.wrong(name, "a text without control characters", value)
        return value

    def slug(self, name: str) -> str:
        value = self.text(name, at_most=_MAX_SLUG)
        if not is_slug(value):
            raise self.wrong(name, "lower-case letters, digits and hyphens", value)
        return value

    def integer(self, name: str, low: int, high: int, default: Any = MISSING) -> int:
        value = self.get(name, default)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"a whole number of {low} to {high}", value)
        return value

    def number(self, name: str, low: float, high: float, default: Any = MISSING) -> float:
        value = self.get(name, default)
        # NaN is in no range; an integer too large for a float is compared as it is.
        if type(value) not in (int, float) or not low <= value <= high:
            raise self.wrong(name, f"a number of {low:g} to {high:g}", value)
        return float(value)

    def flag(self, name: str, default: Any = MISSING) -> bool:
        value = self.get(name, default)
        if type(value) is not bool:
            raise self.wrong(name, "true or false", value)
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: Any = MISSING) -> str:
        value = self.get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(name, f"one of {', '.join(text or 'nothing' for text in choices)}", value)
        return value

    def choices(self, name: str, choices: tuple[str, ...], *, at_least: int) -> tuple[str, ...]:
        """Distinct strings from `choices`; an empty list if the name is missing."""
        values = self.get(name, ())
        if (
            not isinstance(values, list | tuple)
            or not all(isinstance(value, str) and value in choices for value in values)
            or len(set(values)) < max(len(values), at_least)
        ):
            raise self.wrong(name, f"a list of at least {at_least} of {', '.join(choices)}", values)
        return tuple(values)

    def _at(self, name: str) -> str:
        return name if self.path == "manifest" else f"{self.path}.{name}"


def short(value: Any) -> str:
    """A value as shown in error messages."""
    if isinstance(value, dict | list | tuple):
        return f"{len(value)} entries"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
