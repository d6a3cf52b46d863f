"""Pages of long lists by their place in an order ("after this row") instead of by number.

Each page costs the same however far it lies, and what is added or removed meanwhile moves nothing. (The seek method;
M. Winand, SQL Performance Explained, "Paging Through Results".) Cursors are signed: they cannot be written by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.db.models.functions import Lower

M = TypeVar("M", bound=Model)

MAX_PAGE_SIZE = 200
MAX_CURSOR = 4000
_SALT = "library.paging"
WRONG_CURSOR = "This page of the list no longer exists. Start from the first page."


@dataclass(frozen=True, slots=True)
class Ordering:
    """By one field, then by the primary key in the same direction; rows without a value come last.

    `field` may be an annotation. `is_lowered` compares its text in lower case.
    """

    field: str
    descending: bool = False
    is_lowered: bool = False
    is_nullable: bool = False

    @property
    def name(self) -> str:
        """Of the annotation or field that holds what is compared."""
        return f"{self.field}_lower" if self.is_lowered else self.field

    def applied(self, queryset: QuerySet[M], *, backwards: bool = False) -> QuerySet[M]:
        if self.is_lowered:
            queryset = queryset.annotate(**{self.name: Lower(self.field)})
        descending = self.descending != backwards
        expression = F(self.name)
        nulls: dict[str, Any] = {}
        if self.is_nullable:
            nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
        by = expression.desc(**nulls) if descending else expression.asc(**nulls)
        return queryset.order_by(by, "-pk" if descending else "pk")

    def beyond(self, value: Any, pk: Any, *, backwards: bool) -> Q:
        """What comes after the row of `value` and `pk`, or before it.

        The comparison of the first field alone stands beside the exact one, for the sake of the index.
        """
        way = "lt" if self.descending != backwards else "gt"
        if value is None:
            same = Q(**{f"{self.name}__isnull": True, f"pk__{way}": pk})
            return same | Q(**{f"{self.name}__isnull": False}) if backwards else same
        exact = Q(**{f"{self.name}__{way}": value}) | Q(**{self.name: value, f"pk__{way}": pk})
        found = Q(**{f"{self.name}__{way}e": value}) & exact
        return found | Q(**{f"{self.name}__isnull": True}) if self.is_nullable and not backwards else found


ORDERINGS: dict[str, Ordering] = {
    "newest": Ordering("created_at", descending=True),
    "oldest": Ordering("created_at"),
    "title": Ordering("title", is_lowered=True),
    "longest": Ordering("length_seconds", descending=True),
    "shortest": Ordering("length_seconds"),
    "tempo": Ordering("qpm", is_nullable=True),
    # Not for the list of pieces: of the trash, and of a collection (PieceQuerySet.in_collection).
    "trashed": Ordering("trashed_at", descending=True),
    "position": Ordering("position"),
}


@dataclass(frozen=True)
class KeysetPage(Generic[M]):
    """Some rows of a list; `next` and `previous` are the cursors of the pages beside it, None at the ends."""

    items: list[M]
    next: str | None
    previous: str | None

    @classmethod
    def of(cls, queryset: QuerySet[M], *, sort: str = "newest", after: str = "", size: int = 24) -> Self:
        """The page at the cursor `after`, the first one without. Going back to where less than a page is left gives
        the first page.

        Raises ValidationError under `after` for a cursor that is not one of ours, or one of another order.
        """
        if not 1 <= size <= MAX_PAGE_SIZE:
            raise ValueError(f"Expected a page of 1 to {MAX_PAGE_SIZE} rows; got {size}.")
        ordering = ORDERINGS[sort]
        backwards, place = False, None
        if after:
            backwards, place = _read(after, sort, ordering)
        rows = _rows(queryset, ordering, place, backwards, size + 1)
        if backwards and len(rows) <= size:
            return cls.of(queryset, sort=sort, size=size)
        more = len(rows) > size
        items = rows[:size]
        if backwards:
            items.reverse()
        has_next, has_previous = (True, more) if backwards else (more, place is not None)
        if not items:
            return cls([], None, None)
        return cls(
            items,
            _cursor(sort, ordering, items[-1], backwards=False) if has_next else None,
            _cursor(sort, ordering, items[0], backwards=True) if has_previous else None,
        )


def _rows(
    queryset: QuerySet[M], ordering: Ordering, place: tuple[Any, Any] | None, backwards: bool, count: int
) -> list[M]:
    ordered = ordering.applied(queryset, backwards=backwards)
    if place is not None:
        ordered = ordered.filter(ordering.beyond(*place, backwards=backwards))
    return list(ordered[:count])


def _cursor(sort: str, ordering: Ordering, row: Model, *, backwards: bool) -> str:
    value = getattr(row, ordering.name)
    plain = value.isoformat() if isinstance(value, datetime) else value
    pk = row.pk.hex if isinstance(row.pk, UUID) else row.pk
    return signing.dumps([sort, backwards, plain, pk], salt=_SALT)


def _read(cursor: str, sort: str, ordering: Ordering) -> tuple[bool, tuple[Any, Any]]:
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError
        found: Sequence[Any] = signing.loads(cursor, salt=_SALT)
        of_sort, backwards, value, pk = found
        if of_sort != sort:
            raise ValueError
        if ordering.field.endswith("_at"):
            value = datetime.fromisoformat(value)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise ValidationError({"after": WRONG_CURSOR}) from error
    return bool(backwards), (value, UUID(pk) if isinstance(pk, str) else pk)
