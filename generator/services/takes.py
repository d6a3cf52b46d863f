"""Composing the takes of a job in one batch, and again those that prove broken. Runs in a worker."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from generator.engine.controls import ComposeRequest
from generator.engine.errors import ComposingStopped
from generator.live_notes import LiveNotes, Stop
from generator.services.judging import Verdict, baseline_of, judge, ranks_of

if TYPE_CHECKING:
    from generator.composers import LoadedModel
    from generator.engine.composer import Composition

logger = logging.getLogger(__name__)

# How often a broken take is composed again.
MAX_AGAIN = 2
# The take that plays while it is composed.
HEARD = 0


@dataclass(frozen=True)
class ComposedTake:
    """One take that is offered; `replaces_heard` where it was composed because the one that played proved broken."""

    request: ComposeRequest
    composition: "Composition"
    verdict: Verdict
    rank: int = 0
    replaces_heard: bool = False


def compose_takes(
    loaded: "LoadedModel", request: ComposeRequest, count: int, live_notes: LiveNotes
) -> list[ComposedTake]:
    """Every take that is offered, best first.

    The seeds derive from (seed, take, attempt), so a job that is done again ends with the same takes. A broken one that
    nobody has heard is composed again, and the first sound attempt is offered in its place. Of take 0, which was heard,
    the first attempt always stays; a sound later one is offered beside it.

    Raises:
        ComposingStopped: cancelled, out of time before anything was complete, or no longer ours.
    """
    attempts: dict[int, list[ComposedTake]] = {index: [] for index in range(count)}
    wanted = [replace(request, take=index) for index in attempts]
    while wanted:
        try:
            composed = _compose_and_judge(loaded, wanted, live_notes)
        except ComposingStopped:
            if live_notes.stop is not Stop.DEADLINE or not all(attempts.values()):
                raise
            logger.warning("No time is left to compose broken takes again.")
            break
        for take in composed:
            attempts[take.request.take].append(take)
        wanted = [
            replace(take.request, attempt=take.request.attempt + 1)
            for take in composed
            if take.verdict.faults and take.request.attempt < MAX_AGAIN
        ]
        if wanted:
            logger.info("Composing %d broken takes again.", len(wanted))
    offered = [take for index, made in attempts.items() for take in _offered(index, made)]
    ranks = ranks_of(
        [take.verdict for take in offered], baseline=baseline_of(loaded), length_seconds=request.length_seconds
    )
    return sorted((replace(take, rank=rank) for take, rank in zip(offered, ranks, strict=True)), key=lambda t: t.rank)


def _offered(index: int, made: Sequence[ComposedTake]) -> list[ComposedTake]:
    """What is offered of the attempts at one take; all but the last of them are broken."""
    last_is_sound = not made[-1].verdict.faults
    if index == HEARD:
        return [made[0], replace(made[-1], replaces_heard=True)] if last_is_sound and len(made) > 1 else [made[0]]
    return [made[-1] if last_is_sound else min(made, key=lambda take: len(take.verdict.faults))]


def _compose_and_judge(
    loaded: "LoadedModel", requests: Sequence[ComposeRequest], live_notes: LiveNotes
) -> list[ComposedTake]:
    from generator.engine.composer import Listener

    listeners = [
        Listener(live_notes.on_notes, live_notes.on_progress, live_notes.should_stop)
        if (request.take, request.attempt) == (HEARD, 0)
        else Listener(should_stop=live_notes.should_stop)
        for request in requests
    ]
    composed: list[ComposedTake] = []
    for request, composition in zip(requests, loaded.composer.compose_many(requests, listeners), strict=True):
        # Judging takes a moment each: the job lives and may be cancelled meanwhile.
        if composition is None or live_notes.should_stop():
            raise ComposingStopped("Composing was stopped.")
        composed.append(ComposedTake(request, composition, judge(loaded, request, composition)))
    return composed
