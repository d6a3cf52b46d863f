"""What a list of pieces is asked for: one parser for pages and API, because an address holds every filter."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from generator.engine.lengths import parse_length
from library.models import Piece
from library.texts import clean_line

SORTS = ("newest", "oldest", "title", "longest", "shortest", "tempo")
VIEWS = ("pictures", "table")
STATES = ("kept", "draft")
MAX_TEXT = 200
MAX_NUMBER = 1e6
MAX_ZONE = 64
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PieceFilters:
    """The filters of a list by the names they have in an address, but for `from_`; empty ones do
    nothing.

    Attributes:
        q: words of title, tags and comment, each at the beginning of a word.
        genre, type, style, key: as the pieces have them; `type` is the ensemble's key.
        qpm_min, qpm_max, length_min, length_max: both ends included; lengths in seconds, in addresses also as 1:30.
        from_, until: days in the time zone `tz`, both included.
        tz: name of a time zone such as Pacific/Auckland, which the page's script sends; the site's where it is empty.
        collection: id of one of the owner's.
        origin: a `Piece.Kind`. state: "kept" or "draft".
        after: a cursor of `library.paging`.
    """

    q: str = ""
    genre: str = ""
    type: str = ""
    style: str = ""
    key: str = ""
    qpm_min: float | None = None
    qpm_max: float | None = None
    length_min: float | None = None
    length_max: float | None = None
    from_: date | None = None
    until: date | None = None
    tz: str = ""
    favourite: bool = False
    collection: int | None = None
    tag: str = ""
    origin: str = ""
    rating: int | None = None
    state: str = ""
    sort: str = "newest"
    view: str = "pictures"
    after: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Raises ValidationError with a sentence for each field that cannot be understood; names that are no filter
        are passed over."""
        filters, errors = cls.read(query)
        if errors:
            raise ValidationError(dict(errors))
        return filters

    @classmethod
    def read(cls, query: QueryDict) -> tuple[Self, dict[str, str]]:
        """The filters that can be understood, and a sentence for each other one; for a page that shows both."""
        values: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for field, reader in _READERS.items():
            given = query.get(_name(field), "").strip()
            if not given:
                continue
            try:
                values[field] = reader(given)
            except ValueError as error:
                errors[_name(field)] = str(error)
        for low, high, sentence in _RANGES:
            if values.get(low) is not None and values.get(high) is not None and values[low] > values[high]:
                errors[_name(high)] = sentence
                del values[high]
        return cls(**values), errors

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.tz) if self.tz else timezone.get_default_timezone()

    @property
    def starts_at(self) -> datetime | None:
        return self._midnight(self.from_) if self.from_ else None

    @property
    def ends_at(self) -> datetime | None:
        """The first moment that is too late."""
        return self._midnight(self.until + timedelta(days=1)) if self.until else None

    def _midnight(self, day: date) -> datetime:
        """Where a day begins; days on which clocks change have 23 or 25 hours."""
        return timezone.make_aware(datetime.combine(day, time.min), self.zone)

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any(getattr(self, name) != getattr(_NONE, name) for name in _READERS if name not in _NO_FILTERS)

    def values(self) -> dict[str, str]:
        """As in an address, without what is empty or the default; without the cursor, too."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "after"}
        return {_name(name): _text(value) for name, value in given.items() if value != getattr(_NONE, name)}

    def query(self, **changes: Any) -> str:
        """The address's query after these changes, by the names of the attributes; from the first page on."""
        return urlencode(replace(self, **changes).values())


_NONE = PieceFilters()
_NO_FILTERS = {"sort", "view", "after", "tz"}


def _name(field: str) -> str:
    return field.rstrip("_")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _line(text: str) -> str:
    line = clean_line(text)
    if len(line) > MAX_TEXT:
        raise ValueError(f"Use at most {MAX_TEXT} characters.")
    return line


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"Choose one of {', '.join(choices)}.")
        return text

    return read


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and 0 <= number <= MAX_NUMBER):
        raise ValueError("Enter a number, e.g. 90.")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = parse_length(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_NUMBER:
        raise ValueError("Enter a length, e.g. 90, 1:30 or 2 min.")
    return seconds


def _zone(text: str) -> str:
    """Raises ValueError for a name that this machine's list of time zones does not have."""
    try:
        ZoneInfo(text if len(text) <= MAX_ZONE else "")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        site = timezone.get_default_timezone_name()
        raise ValueError(f"Unknown time zone. These days are in the site's time zone ({site}).") from error
    return text


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1970 <= day.year <= 9000:
        raise ValueError("Enter a date as year-month-day, e.g. 2026-11-30.")
    return day


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= MAX_ID and len(text) <= 20):
        raise ValueError("Unknown collection.")
    return int(text)


def _rating(text: str) -> int:
    if text not in ("1", "0", "-1"):
        raise ValueError("Choose 1, 0 or -1.")
    return int(text)


def _switch(text: str) -> bool:
    if text.lower() not in ("1", "0", "true", "false"):
        raise ValueError("Use 1 for favourites only, or leave it out.")
    return text.lower() in ("1", "true")


def _cursor(text: str) -> str:
    return text  # signed: the page that is asked for finds out


_READERS: dict[str, Callable[[str], Any]] = {
    "q": _line,
    "genre": _line,
    "type": _line,
    "style": _line,
    "key": _line,
    "qpm_min": _number,
    "qpm_max": _number,
    "length_min": _seconds,
    "length_max": _seconds,
    "from_": _day,
    "until": _day,
    "tz": _zone,
    "favourite": _switch,
    "collection": _id,
    "tag": _line,
    "origin": _one_of(*Piece.Kind.values),
    "rating": _rating,
    "state": _one_of(*STATES),
    "sort": _one_of(*SORTS),
    "view": _one_of(*VIEWS),
    "after": _cursor,
}
_RANGES = (
    ("qpm_min", "qpm_max", "The highest tempo must be at least the lowest."),
    ("length_min", "length_max", "The longest length must be at least the shortest."),
    ("from_", "until", "The last day can't be before the first."),
)
