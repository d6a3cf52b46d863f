"""Sound takes before copies before broken ones, better ones first."""

from dataclasses import dataclass

from generator.engine.borrowing import Borrowed, HumanBaseline, HumanRuns
from generator.engine.ranking import rank_takes

BASELINE = HumanBaseline((HumanRuns(30.0, 100, 9.0, 25.0, 1.0, 3.0),))


@dataclass
class Take:
    score: float = 0.0
    faults: tuple[str, ...] = ()
    originality: Borrowed | None = None


def order(*takes: Take) -> list[int]:
    return rank_takes(takes, baseline=BASELINE, length_seconds=30.0)


def test_the_higher_score_comes_first() -> None:
    assert order(Take(-1.0), Take(3.0), Take(1.0)) == [1, 2, 0]


def test_of_equals_the_earlier_comes_first() -> None:
    assert order(Take(), Take(), Take()) == [0, 1, 2]


def test_a_copy_comes_after_all_that_are_none() -> None:
    copy, own = Take(9.0, originality=Borrowed(26)), Take(-9.0, originality=Borrowed(25))
    assert order(copy, own, Take(-10.0)) == [1, 2, 0]
    assert rank_takes([copy, own]) == [0, 1]


def test_broken_ones_come_last_of_all_those_with_fewer_faults_first() -> None:
    copy = Take(originality=Borrowed(99))
    assert order(Take(9.0, ("a", "b")), Take(5.0, ("a",)), copy, Take(-9.0)) == [3, 2, 1, 0]


def test_no_takes_have_no_order() -> None:
    assert order() == []
