"""From a composition to a piece: the MIDI file and the facts that are kept beside it."""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accounts.owners import Owner
from generator.engine.controls import ComposeRequest
from generator.models import Genre
from generator.params import params_of
from generator.titles import piece_title
from library import services as library
from library.models import Piece

if TYPE_CHECKING:
    from generator.composers import LoadedModel
    from generator.engine.composer import Composition


@dataclass(frozen=True)
class Draft:
    """A composed piece before it is stored: first `write_file`, then `store` inside the transaction of its job."""

    piece_id: uuid.UUID
    midi: bytes
    facts: dict[str, Any]

    def write_file(self) -> None:
        library.piece_file_write(piece_id=self.piece_id, midi=self.midi)

    def store(self, owner: Owner, *, is_example: bool = False, is_draft: bool = False) -> Piece:
        return library.piece_store(
            piece_id=self.piece_id,
            owner=owner,
            midi=self.midi,
            is_example=is_example,
            is_draft=is_draft,
            **self.facts,
        )


def draft_of(
    piece_id: uuid.UUID,
    genre: Genre,
    loaded: "LoadedModel",
    request: ComposeRequest,
    composition: "Composition",
    *,
    params: dict[str, Any] | None = None,
    label: str = "",
    **facts: Any,
) -> Draft:
    """
    `params` are those that were chosen, of the request where they are not given; `label` tells pieces of one job apart;
    `facts` are further fields of the piece.
    """
    ensemble = loaded.ensemble(request.ensemble)
    # What is kept of a primer comes on top of the length that was asked for.
    length_seconds = composition.length_seconds if request.primer else request.length_seconds
    title = piece_title(genre.name, ensemble["name"], length_seconds) + (f", {label}" if label else "")
    return Draft(
        piece_id=piece_id,
        midi=composition.to_midi_bytes(title=title),
        facts={
            "title": title,
            "genre": genre.slug,
            "genre_name": genre.name,
            "ensemble": ensemble["key"],
            "ensemble_name": ensemble["name"],
            "voices": ensemble["voices"],
            "length_seconds": composition.length_seconds,
            "notes_count": len(composition.notes),
            "qpm": composition.qpm,
            "key": composition.key or "",
            "seed": composition.seed,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "params": params or params_of(request),
            "bundle_name": loaded.name,
            "bundle_sha256": composition.bundle_sha256,
            "runtime": composition.runtime,
            **facts,
        },
    )
