"""Facts that older versions did not keep, found out from the stored files a few at a time."""

import hashlib
import logging

from django.core.files.storage import default_storage

from generator.engine.errors import MidiError
from generator.engine.midi import read_midi
from library.models import Piece
from library.rolls import RollNote, roll_of
from library.words import search_text_of

logger = logging.getLogger(__name__)

QUARTERS_PER_BAR = 4


def pieces_fill_facts(*, at_most: int = 100) -> int:
    """Gives pieces of older versions their checksum, picture, words, style, metre and bars; newest first. Returns how
    many got them. One whose file cannot be read waits for the next round."""
    filled = 0
    for piece in Piece.objects.filter(file_sha256="").not_trashed().newest_first()[:at_most]:
        try:
            with default_storage.open(str(piece.midi.name)) as stored:
                midi = stored.read()
        except OSError:
            logger.warning("The file of piece %s cannot be read for its facts.", piece.pk, exc_info=True)
            continue
        names = [piece.title, *piece.tags.values_list("name", flat=True), piece.comment]
        style = piece.style or str(piece.params.get("style") or "")
        changes = {
            "file_sha256": hashlib.sha256(midi).hexdigest(),
            "roll": piece.roll or _roll(midi, piece.length_seconds),
            "search_text": search_text_of(names),
            "style": style,
            "style_name": piece.style_name or style.replace("-", " ").capitalize(),
            "metre": piece.metre or (f"{QUARTERS_PER_BAR}/4" if piece.qpm else ""),
            "bars": piece.bars or (bars_of(piece.length_seconds, piece.qpm) if piece.qpm else None),
        }
        filled += Piece.objects.filter(pk=piece.pk, file_sha256="").update(**changes)
    return filled


def bars_of(length_seconds: float, qpm: float) -> int:
    """How many bars of four quarters a piece has."""
    return max(1, round(length_seconds * qpm / 60 / QUARTERS_PER_BAR))


def _roll(midi: bytes, length_seconds: float) -> list[list[int]]:
    try:
        sequence = read_midi(midi)
    except MidiError:
        return []
    notes = (RollNote(note.pitch, note.start_time, note.end_time, note.is_drum) for note in sequence.notes)
    return roll_of(notes, length_seconds)
