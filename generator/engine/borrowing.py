"""The sentences for an originality figure: a piece's longest match with the training music, and human baselines.

Light: the web process imports it. The index itself is in `generator.engine.originality`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A piece's longest match with the training music.

    Attributes:
        notes: length of the match, a lower bound; 0 if there is none of 9 notes or more.
        seconds: from the start of its first note to the end of its last.
        start_seconds: where it starts in the piece.
        share: of the piece's notes inside any match, 0 to 1.
    """

    notes: int = 0
    seconds: float = 0.0
    start_seconds: float = 0.0
    share: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; `Borrowed(**values)` is the inverse."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class HumanRuns:
    """The longest matches of held-out human excerpts of one length.

    Attributes:
        length_seconds: of the excerpts; excerpts: how many.
        median_notes, p95_notes, median_seconds, p95_seconds: of their longest runs; p95 is the 95th percentile.
    """

    length_seconds: float
    excerpts: int
    median_notes: float
    p95_notes: float
    median_seconds: float
    p95_seconds: float


@dataclass(frozen=True, slots=True)
class HumanBaseline:
    """How much human pieces share with the training music, by length.

    Attributes:
        runs: by ascending length; validation files whose work is not in the training music.
        files: that they were taken from.
        doubled_files: validation files excluded from `runs`: more than a quarter of their notes match the training
            music, so they are other recordings of works in it.
        all_runs: the same for all validation files.
    """

    runs: tuple[HumanRuns, ...]
    files: int = 0
    doubled_files: int = 0
    all_runs: tuple[HumanRuns, ...] = ()

    def at(self, length_seconds: float) -> HumanRuns | None:
        """The figures of the nearest length, by ratio; None if nothing was measured."""
        return min(
            self.runs,
            key=lambda runs: max(runs.length_seconds / length_seconds, length_seconds / runs.length_seconds),
            default=None,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, for the card's figures; `parse_baseline` is the inverse."""
        return asdict(self)


def parse_baseline(values: Any) -> HumanBaseline | None:
    """The baseline in ``card.figures["originality"]``; None if there is no usable one."""
    if not isinstance(values, Mapping):
        return None
    try:
        return HumanBaseline(
            runs=_runs(values["runs"]),
            files=int(values.get("files", 0)),
            doubled_files=int(values.get("doubled_files", 0)),
            all_runs=_runs(values.get("all_runs", ())),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def originality_sentence(borrowed: Borrowed, baseline: HumanBaseline | None, length_seconds: float) -> str:
    """The sentence for the piece's page.

    Args:
        baseline: of the genre model, or None.
        length_seconds: of the piece; longer pieces have longer matches.
    """
    if not borrowed.notes:
        return "Original: no passage of nine or more notes matches the training music."
    said = f"{borrowed.notes} notes in a row ({borrowed.seconds:.1f} s) match a training piece"
    human = baseline.at(length_seconds) if baseline and length_seconds > 0 else None
    if human is None:
        return f"{said}."
    if borrowed.notes > human.p95_notes:
        return f"Warning: {said}, more than in 95% of human-written music."
    if not human.median_notes:
        return f"{said}. In 95% of human-written music it is at most {human.p95_notes:.0f}."
    return f"{said}. The median for human-written music is {human.median_notes:.0f}."


def copies_more_than_people(borrowed: Borrowed, baseline: HumanBaseline | None, length_seconds: float) -> bool:
    """Whether the longest match exceeds the human 95th percentile; False if unknown."""
    human = baseline.at(length_seconds) if baseline and length_seconds > 0 else None
    return human is not None and borrowed.notes > human.p95_notes


def _runs(values: Any) -> tuple[HumanRuns, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError("expected a list")
    runs = tuple(
        HumanRuns(
            length_seconds=float(item["length_seconds"]),
            excerpts=int(item["excerpts"]),
            median_notes=float(item["median_notes"]),
            p95_notes=float(item["p95_notes"]),
            median_seconds=float(item["median_seconds"]),
            p95_seconds=float(item["p95_seconds"]),
        )
        for item in values
    )
    for item in runs:
        numbers = (item.median_notes, item.p95_notes, item.median_seconds, item.p95_seconds)
        if not (0 < item.length_seconds < 1e6 and all(0 <= number < 1e6 for number in numbers)):
            raise ValueError("expected lengths above 0 and figures from 0 on")
    return runs
