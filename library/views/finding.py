"""What the library page offers to find pieces by, and what was chosen of it."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.owners import Owner
from library.models import Collection, Piece, Tag
from library.templatetags.music import accidentals

Choices = list[tuple[str, str]]

NAMES = (
    *("q", "genre", "type", "style", "key", "qpm_min", "qpm_max", "length_min", "length_max", "from", "until"),
    *("favourite", "collection", "tag", "origin", "rating", "state"),
)
# Says how `from` and `until` are meant, and is no choice of its own.
ZONE = "tz"
SORTS: Choices = [
    ("newest", "Newest first"),
    ("oldest", "Oldest first"),
    ("title", "Title"),
    ("longest", "Longest first"),
    ("shortest", "Shortest first"),
    ("tempo", "Tempo"),
]
ORIGINS: Choices = [
    ("new", "From scratch"),
    ("continue", "Continues another"),
    ("vary", "Varies another"),
    ("another", "Similar to another"),
    ("upload", "Uploaded"),
]
RATINGS: Choices = [("1", "Liked"), ("-1", "Disliked"), ("0", "Not rated")]
STATES: Choices = [("kept", "Kept"), ("draft", "Drafts")]


@dataclass(frozen=True, slots=True)
class Select:
    name: str
    label: str
    choices: Choices
    value: str
    errors: list[str]


@dataclass(frozen=True, slots=True)
class Range:
    label: str
    low: str
    high: str
    low_value: str
    high_value: str
    errors: list[str]
    type: str = "text"
    inputmode: str = "decimal"
    hint: tuple[str, str] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """One chosen filter, and the address without it."""

    label: str
    url: str


@dataclass
class Finding:
    """The form of the filters: what can be chosen in this library, and what was. `drafts_count` is of all of it."""

    query: QueryDict
    errors: dict[str, str] = field(default_factory=dict)
    genres: Choices = field(default_factory=list)
    types: Choices = field(default_factory=list)
    styles: Choices = field(default_factory=list)
    keys: Choices = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    collections: list[Collection] = field(default_factory=list)
    drafts_count: int = 0

    @classmethod
    def of(cls, owner: Owner, query: QueryDict, errors: dict[str, str]) -> "Finding":
        """Three queries, however large the library is."""
        facets, drafts_count = Piece.objects.in_library(owner).facets_and_drafts()
        finding = cls(query, errors, facets["genres"], facets["types"], facets["styles"])
        finding.drafts_count = drafts_count
        finding.keys = [(key, accidentals(key)) for key, _ in facets["keys"]]
        if owner.user is not None:
            finding.tags = list(Tag.objects.of(owner.user))
            finding.collections = list(Collection.objects.of(owner.user).by_title().only("pk", "title"))
        return finding

    @cached_property
    def values(self) -> dict[str, str]:
        return {name: self.query.get(name, "")[:200] for name in NAMES}

    @cached_property
    def view(self) -> str:
        return "table" if self.query.get("view") == "table" else "pictures"

    @cached_property
    def sort(self) -> str:
        wanted = self.query.get("sort", "")
        return wanted if wanted in dict(SORTS) else SORTS[0][0]

    def url(self, **changes: str | None) -> str:
        """This page with other choices, from its first page on; without what is empty or goes without saying."""
        chosen = self.values | {"sort": self.sort, "view": self.view} | changes
        if chosen["from"] or chosen["until"]:
            chosen[ZONE] = self.zone_given
        usual = {"sort": SORTS[0][0], "view": "pictures"}
        left = {name: value for name, value in chosen.items() if value and value != usual.get(name)}
        return reverse("library:pieces") + (f"?{urlencode(left)}" if left else "")

    @cached_property
    def zone_given(self) -> str:
        """The time zone of the days, where the browser has said one that is known."""
        return "" if ZONE in self.errors else self.query.get(ZONE, "").strip()

    @property
    def zone_note(self) -> str:
        """What the page says of its days, as long as any are chosen."""
        if not (self.values["from"] or self.values["until"]):
            return ""
        return f"Days in {(self.zone_given or timezone.get_default_timezone_name()).replace('_', ' ')} time."

    def errors_of(self, *names: str) -> list[str]:
        return list(dict.fromkeys(self.errors[name] for name in names if name in self.errors))

    @property
    def pictures_url(self) -> str:
        return self.url(view=None)

    @property
    def table_url(self) -> str:
        return self.url(view="table")

    @property
    def is_found(self) -> bool:
        """Whether anything was looked for."""
        return any(self.values.values())

    @cached_property
    def selects(self) -> list[Select]:
        offered: list[tuple[str, str, Choices]] = [
            ("genre", "Genre", self.genres),
            ("type", "Type", self.types),
            ("style", "Style", self.styles),
            ("key", "Key", self.keys),
            ("tag", "Tag", [(tag.name, tag.name) for tag in self.tags]),
            ("collection", "Collection", [(str(one.pk), one.title) for one in self.collections]),
            ("origin", "Origin", ORIGINS),
            ("state", "Status", STATES),
            ("rating", "Rating", RATINGS),
        ]
        values = self.values
        return [Select(name, label, choices, values[name], self.errors_of(name)) for name, label, choices in offered]

    @cached_property
    def ranges(self) -> list[Range]:
        return [
            self._range("Length", "length_min", "length_max", hint=("0:30", "2:00")),
            self._range("Tempo (BPM)", "qpm_min", "qpm_max", hint=("60", "180")),
            self._range("Composed", "from", "until", type="date", note=self.zone_note),
        ]

    def _range(self, label: str, low: str, high: str, **options: Any) -> Range:
        errors = self.errors_of(low, high, *((ZONE,) if low == "from" else ()))
        if low.startswith("length"):
            options["inputmode"] = "text"
        return Range(label, low, high, self.values[low], self.values[high], errors, **options)

    @cached_property
    def chips(self) -> list[Chip]:
        values = self.values
        chips = []
        for select in self.selects:
            if values[select.name] and not select.errors:
                name = dict(select.choices).get(values[select.name], values[select.name])
                chips.append(Chip(f"{select.label}: {name}", self.url(**{select.name: None})))
        for one in self.ranges:
            if (one.low_value or one.high_value) and not one.errors:
                text = f"{one.label}: {one.low_value or '…'} – {one.high_value or '…'}"
                chips.append(Chip(text, self.url(**{one.low: None, one.high: None})))
        if values["favourite"]:
            chips.append(Chip("Favourites", self.url(favourite=None)))
        if values["q"]:
            chips.append(Chip(f"“{values['q'][:40]}”", self.url(q=None)))
        return chips

    @property
    def filters_count(self) -> int:
        """How many filters are chosen. The search text is not counted; it has its own field above them."""
        return len(self.chips) - bool(self.values["q"])

    @property
    def all_url(self) -> str:
        return self.url(**dict.fromkeys(NAMES))
