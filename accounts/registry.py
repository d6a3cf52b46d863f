"""What the apps above accounts do when something happens to an account.

accounts imports none of them. Each app says in its `AppConfig.ready()` what becomes of its own rows, and accounts calls
that: the app that was registered last comes first, because it stands above the others. So a job passes to its new owner
before the pieces do, and a piece that a worker stores in that moment is not left behind.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.owners import Owner


class HandOver(Protocol):
    def __call__(self, *, guest_key: str, user: "User") -> int:
        """Makes what the guest owns the user's, and returns how many pieces that were. Called inside a transaction."""


class Keep(Protocol):
    def __call__(self, *, user: "User", piece_id: UUID) -> None:
        """Keeps the piece that the guest wanted to keep by signing up, where it is the user's now."""


ExportFile = tuple[str, bytes | Iterator[bytes]]
Measure = Callable[["Owner"], float]
AccountStep = Callable[["User"], None]


@dataclass(frozen=True, slots=True)
class Export:
    """One app's part of an export.

    Attributes:
        files: (name inside the zip, bytes or pieces of bytes), one after another. Raises OSError where storage is away.
        count: about how many files that will be, for the progress.
    """

    name: str
    files: Callable[["User"], Iterable[ExportFile]]
    count: Callable[["User"], int]


@dataclass(slots=True)
class Registry:
    hand_overs: list[HandOver] = field(default_factory=list)
    keeps: list[Keep] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    hidden: list[AccountStep] = field(default_factory=list)
    restored: list[AccountStep] = field(default_factory=list)
    deleted: list[AccountStep] = field(default_factory=list)
    measures: dict[str, Measure] = field(default_factory=dict)


registry = Registry()

F = TypeVar("F", bound=Callable[..., object])


def _first(functions: list[F], function: F) -> F:
    # An app that is made ready twice, as some tests do, is heard once.
    if function not in functions:
        functions.insert(0, function)
    return function


def on_hand_over(function: HandOver) -> HandOver:
    return _first(registry.hand_overs, function)


def on_keep(function: Keep) -> Keep:
    return _first(registry.keeps, function)


def on_account_hidden(function: AccountStep) -> AccountStep:
    """Called inside the transaction that hides an account."""
    return _first(registry.hidden, function)


def on_account_restored(function: AccountStep) -> AccountStep:
    return _first(registry.restored, function)


def on_account_deleted(function: AccountStep) -> AccountStep:
    """Removes rows and files before the account's own row. May be called again where it failed: raises OSError."""
    return _first(registry.deleted, function)


def exports(
    name: str, files: Callable[["User"], Iterable[ExportFile]], *, count: Callable[["User"], int] = lambda user: 1
) -> None:
    if all(export.name != name for export in registry.exports):
        registry.exports.insert(0, Export(name, files, count))


def measures(name: str, measure: Measure) -> None:
    """How much of a quota an owner uses: `seconds_this_hour`, `stored_bytes` or `running_jobs`."""
    registry.measures[name] = measure
