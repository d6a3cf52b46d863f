"""The critic in a report: which pieces are composed again, and whether it tells human from composed music."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from generator.engine.composer import Composition
from generator.engine.controls import ComposeRequest
from generator.engine.critic import judge
from generator.engine.excerpts import Excerpt
from generator.engine.norms import critic_proof, parse_norms

if TYPE_CHECKING:
    from generator.engine.report import Studio


class Critic:
    """The critic with the genre's reference statistics."""

    def __init__(self, studio: "Studio") -> None:
        self._studio = studio
        self._norms = parse_norms(studio.manifest.card.figures.get("norms"))

    def faults(self, piece: Composition, length_seconds: float) -> tuple[str, ...]:
        """One sentence for each fault of a piece."""
        return judge(piece.notes, piece.voices, length_seconds, qpm=piece.qpm, norms=self._norms).faults

    def replaced(
        self, requests: Sequence[ComposeRequest], pieces: Sequence[Composition], max_attempts: int
    ) -> tuple[list[Composition], dict[str, Any]]:
        """The pieces with broken ones composed again, at most this often, and how many those were."""
        kept = list(pieces)
        faults = {
            index: found
            for index, piece in enumerate(pieces)
            if (found := self.faults(piece, requests[index].length_seconds))
        }
        figures: dict[str, Any] = {
            "broken_first_takes": len(faults),
            "faults": {str(requests[index].seed): list(found) for index, found in faults.items()},
        }
        broken = sorted(faults)
        for attempt in range(1, max_attempts + 1):
            if not broken:
                break
            again = self._studio.compose([replace(requests[index], attempt=attempt) for index in broken], "again")
            for index, piece in zip(broken, again, strict=True):
                kept[index] = piece
            broken = [index for index in broken if self.faults(kept[index], requests[index].length_seconds)]
        return kept, figures | {"broken_after_critic": len(broken)}

    def proof(self, pieces: Sequence[Composition]) -> dict[str, Any]:
        """In pairs of a human excerpt and a composed piece of the same length, how often it prefers the human one."""
        studio = self._studio
        if self._norms is None or not studio.people or not pieces:
            return {"pairs": 0}
        excerpts = [Excerpt(piece.notes, piece.length_seconds, piece.qpm, -1) for piece in pieces]
        found = critic_proof(
            self._norms, studio.people, studio.validation.voices(), excerpts, composed_voices=pieces[0].voices
        )
        return found | {"human_preferred_of_100": round(found["human_preferred"] * 100 / found["pairs"], 1)}
