"""What the critic says of a composed take, in figures and in words. Runs in a worker."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from generator.engine.controls import ComposeRequest

if TYPE_CHECKING:
    from generator.composers import LoadedModel
    from generator.engine.composer import Composition


@dataclass(frozen=True)
class Verdict:
    """Attributes:
    facts: {sentences, originality, figures}, kept with the piece.
    faults: a sentence for each thing that makes the take broken; empty for a sound one.
    score: the higher the better, among takes of one genre.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    score: float = 0.0


def judge(loaded: "LoadedModel", request: ComposeRequest, composition: "Composition") -> Verdict:
    return Verdict(facts={"sentences": [f"{len(composition.notes)} notes."], "originality": None, "figures": {}})


def ranks_of(verdicts: Sequence[Verdict]) -> list[int]:
    """The rank of each: 1 for the best. Broken ones come last; of equals the earlier one comes first."""
    best_first = sorted(
        range(len(verdicts)), key=lambda index: (bool(verdicts[index].faults), -verdicts[index].score, index)
    )
    return [best_first.index(index) + 1 for index in range(len(verdicts))]
