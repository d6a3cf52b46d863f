"""What a new piece starts from: nothing, a MIDI file of the user's own, or a piece."""

import logging
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models.fields.files import FieldFile

from generator.engine.beats import bars_of_file
from generator.engine.names import unknown_sentence
from generator.engine.primers import continued_seconds
from generator.models import Generation, Take
from generator.params import PARAMS, manifest_of, params_chosen
from generator.services.primers import primer_check
from library.models import Piece

logger = logging.getLogger(__name__)

Start = Generation.Start
# How a piece that is composed may begin.
KINDS = tuple(kind for kind in Piece.Kind.values if kind != Piece.Kind.UPLOAD)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The fields of a generation that say how its music starts, and `midi` for its primer; None for nothing."""

    start: str = Start.NOTHING
    midi: bytes | None = None
    keep_primer: bool = False
    kept_seconds: float = 0.0


def beginning_of(
    manifest: dict[str, Any],
    params: dict[str, Any],
    *,
    source: Piece | None,
    kind: str,
    primer: bytes | None,
    keep_primer: bool,
) -> Beginning:
    """
    Raises ValidationError for a kind without its source, a file that no music can start from, a piece whose file is
    gone.
    """
    if kind not in KINDS:
        raise ValidationError({"kind": unknown_sentence("kind", kind, KINDS)})
    if (source is None) != (kind == Piece.Kind.NEW):
        raise ValidationError(
            {"source": "Choose the piece to start from."}
            if source is None
            else {"kind": "Choose whether to continue the piece, vary it, or compose another like it."}
        )
    if source is None:
        if primer is None:
            return Beginning()
        primer_check(primer, manifest, params["ensemble"])
        return Beginning(Start.FILE, primer, keep_primer)
    if primer is not None:
        raise ValidationError({"primer": "Start from a piece or from a file, not both."})
    if kind == Piece.Kind.ANOTHER:
        if source.is_upload:
            raise ValidationError({"kind": "An uploaded piece can only be continued or varied."})
        return _beginning_again(source)
    midi = _content(source.midi)
    if source.is_upload:
        # Its music may be nothing that this type plays: better said now than by a job that fails.
        primer_check(midi, manifest, params["ensemble"], field="source")
    if kind == Piece.Kind.VARY:
        return Beginning(Start.VARY, midi, keep_primer=True)
    # The worker plays at the tempo that is asked for, and so it is announced.
    kept = continued_seconds(midi, manifest_of(manifest), params["ensemble"]) or source.length_seconds
    stretch = source.qpm / params["qpm"] if source.qpm and params.get("qpm") else 1.0
    return Beginning(Start.CONTINUE, midi, keep_primer=True, kept_seconds=kept * stretch)


def _beginning_again(source: Piece) -> Beginning:
    """Another like a piece starts from what that piece started from, as far as it is kept."""
    take = Take.objects.select_related("generation").filter(piece=source).first()
    if take is None or not take.generation.primer:
        return Beginning()
    made_by = take.generation
    return Beginning(made_by.start, _content(made_by.primer), made_by.keep_primer, made_by.kept_seconds)


def _content(file: FieldFile) -> bytes:
    try:
        with file.open("rb") as stored:
            return bytes(stored.read())
    except OSError as error:
        logger.exception("%s cannot be read to start from.", file.name)
        raise ValidationError(
            {"source": "The file of this piece could not be read. Try again in a few minutes."}
        ) from error


def start_tempo(
    manifest: dict[str, Any], params: dict[str, Any], *, source: Piece | None, kind: str, primer: bytes | None
) -> float | None:
    """The tempo that the new piece takes over, where its length in bars follows from that; else None."""
    asked = (source.params if source else {}) | params
    if not asked.get("bars") or asked.get("qpm"):
        return None
    if source is None or source.is_upload:
        midi = primer if source is None else _content(source.midi)
        bars = bars_of_file(midi, manifest_of(manifest)) if midi else None
        return bars.qpm if bars else None
    if kind == Piece.Kind.ANOTHER and not Take.objects.filter(piece=source).exclude(generation__primer="").exists():
        return None
    return source.qpm


def params_like(
    manifest: dict[str, Any], source: Piece, changes: dict[str, Any], *, start_qpm: float | None = None
) -> dict[str, Any]:
    """The params that a piece was composed with, but for those that are named.

    Raises ValidationError: of what was named as ever, of what the model no longer offers as the field `source`.
    """
    if source.is_upload:
        return params_chosen(manifest, changes, start_qpm=start_qpm)
    found: dict[str, Any] = source.params or {
        "ensemble": source.ensemble,
        "temperature": source.temperature,
        "top_p": source.top_p,
    }
    old = {name: value for name, value in found.items() if name in PARAMS}
    for one, other in (("length_seconds", "bars"), ("adventurousness", "temperature"), ("adventurousness", "top_p")):
        # Of two names for one thing the newer choice counts.
        if one in changes:
            old.pop(other, None)
    try:
        return params_chosen(manifest, old | changes, start_qpm=start_qpm)
    except ValidationError as error:
        told = error.message_dict
        if not told.keys() <= changes.keys():
            sentence = "The current model doesn't support these settings. Please choose again."
            told = {name: told[name] for name in told if name in changes} | {"source": [sentence]}
        raise ValidationError(told) from error
