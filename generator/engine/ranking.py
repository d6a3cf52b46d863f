"""The order in which takes are offered: sound before broken, original before copied, better before worse.

Light: needs no numpy.
"""

from collections.abc import Sequence
from typing import Protocol

from generator.engine.borrowing import Borrowed, HumanBaseline, copies_more_than_people


class Judged(Protocol):
    """The part of a judgement (`generator.engine.critic.Judgement`) that ranking needs."""

    @property
    def faults(self) -> tuple[str, ...]: ...
    @property
    def score(self) -> float: ...
    @property
    def originality(self) -> Borrowed | None: ...


def rank_takes(
    judgements: Sequence[Judged], *, baseline: HumanBaseline | None = None, length_seconds: float = 0.0
) -> list[int]:
    """Indices of the takes, best first.

    Takes with a longer match than 95 of 100 human pieces come after the others; broken ones come last, those with fewer
    faults first. Ties keep their order.

    Args:
        baseline: of the genre model; without one, matches are ignored.
        length_seconds: of the takes.
    """

    def place(index: int) -> tuple[int, bool, float, int]:
        judged = judgements[index]
        copies = judged.originality is not None and copies_more_than_people(
            judged.originality, baseline, length_seconds
        )
        return len(judged.faults), copies, -judged.score, index

    return sorted(range(len(judgements)), key=place)
