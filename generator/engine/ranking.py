"""The order in which takes are offered: sound ones before broken ones, own ones before copies, better ones first.

Light: needs no numpy.
"""

from collections.abc import Sequence
from typing import Protocol

from generator.engine.borrowing import Borrowed, HumanBaseline, copies_more_than_people


class Judged(Protocol):
    """What ranking needs of a judgement (`generator.engine.critic.Judgement`)."""

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

    Takes that borrow a longer run than 95 of 100 pieces by people come after those that do not; broken ones come last,
    those with fewer faults first. Of equals the earlier one comes first.

    Args:
        baseline: of the genre model; without one borrowing does not count.
        length_seconds: of the takes.
    """

    def place(index: int) -> tuple[int, bool, float, int]:
        judged = judgements[index]
        copies = judged.originality is not None and copies_more_than_people(
            judged.originality, baseline, length_seconds
        )
        return len(judged.faults), copies, -judged.score, index

    return sorted(range(len(judgements)), key=place)
