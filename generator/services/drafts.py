"""From a composition to a piece: the MIDI file and the facts that are kept beside it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accounts.owners import Owner
from generator.engine.controls import ComposeRequest
from generator.models import Genre
from generator.params import params_of
from generator.titles import piece_title
from library import services as library
from library.models import Piece
from library.rolls import RollNote, roll_of
from library.services.facts import bars_of

if TYPE_CHECKING:
    from generator.composers import LoadedModel
    from generator.engine.composer import Composition

METRE = "4/4"


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
    title: str = "",
    title_key: str | None = None,
    **facts: Any,
) -> Draft:
    """
    `params` are those that were chosen, of the request where they are not given; `title` is one that is drawn from the
    seed where none is given, with the key `title_key`, by default the piece's; `facts` are further fields of the piece.
    """
    ensemble = loaded.ensemble(request.ensemble)
    style_name = _style_name(loaded.manifest, request.style)
    key, qpm, length_seconds = composition.key or "", composition.qpm, composition.length_seconds
    title = title or piece_title(
        genre.slug,
        genre.name,
        composition.seed,
        take=request.take,
        attempt=request.attempt,
        style_name=style_name,
        key=key if title_key is None else title_key,
        qpm=qpm,
    )
    return Draft(
        piece_id=piece_id,
        midi=composition.to_midi_bytes(title=_plain(title)),
        facts={
            "title": title,
            "genre": genre.slug,
            "genre_name": genre.name,
            "ensemble": ensemble["key"],
            "ensemble_name": ensemble["name"],
            "style": request.style if style_name else "",
            "style_name": style_name,
            "voices": ensemble["voices"],
            "length_seconds": length_seconds,
            "notes_count": len(composition.notes),
            "qpm": qpm,
            "key": key,
            # On a grid all our models count four quarters a bar.
            "metre": METRE if qpm else "",
            "bars": bars_of(length_seconds, qpm) if qpm else None,
            "roll": roll_of(_roll_notes(composition, ensemble["voices"]), length_seconds),
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


def _plain(title: str) -> str:
    """For the file: programs that read its texts in an older way would garble the signs of a key."""
    return title.replace("\N{MUSIC FLAT SIGN}", "b").replace("\N{MUSIC SHARP SIGN}", "#")


def _roll_notes(composition: "Composition", voices: list[dict[str, Any]]) -> Iterator[RollNote]:
    for note in composition.notes:
        is_drum = bool(voices[note.voice].get("is_drum"))
        yield RollNote(note.pitch, note.start_seconds, note.end_seconds, is_drum)


def _style_name(manifest: dict[str, Any], key: str) -> str:
    """What pages call a style; empty where none was chosen."""
    offered = (manifest["controls"].get("style") or {}).get("choices", [])
    return next((str(choice["name"]) for choice in offered if key and choice["key"] == key), "")
