"""Zip files of MIDI: the voices of a piece, one file each, and many pieces."""

import io
import logging
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage

from generator.engine.errors import MidiError
from library.file_names import file_name_of, file_names_apart, stem_of
from library.models import Piece
from library.voice_files import voice_files

logger = logging.getLogger(__name__)

MAX_ZIP_PIECES = 500
MAX_VOICE_BYTES = 64 * 2**20
# The same files give the same zip: no date of ours, but the earliest that the format knows.
NO_DATE = (1980, 1, 1, 0, 0, 0)
README = """The music in this archive was composed by a recurrent neural network (Musicgen), except for uploaded
pieces. Each MIDI file says how it was made.
"""
MISSING = "These files could not be read from storage. Try again later:\n"


def voices_zip(piece: Piece, midi: bytes) -> bytes:
    """One MIDI file a voice of a stored piece: its name, its program, its notes, and the tempo of all.

    Raises:
        ValidationError: a file whose voices cannot be told apart within limits.
    """
    stem = stem_of(piece.title)
    try:
        files = voice_files(midi, max_bytes=MAX_VOICE_BYTES)
    except MidiError as error:
        raise ValidationError(error.message) from error
    # Numbered, so that they stand in the order of the score.
    names = [f"{stem}/{number:02}-{stem_of(file.name, otherwise='voice')}.mid" for number, file in enumerate(files, 1)]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in zip(names, files, strict=True):
            archive.writestr(_entry(name), file.data)
    return stream.getvalue()


def pieces_zip(pieces: Iterable[Piece], read: Callable[[Piece], bytes] | None = None) -> Iterator[bytes]:
    """A zip of the pieces' MIDI files, piece by piece, so that it begins at once and is never whole in memory.

    A file that cannot be read is left out and named in missing.txt: half of the answer is sent by then.
    """
    chosen = list(pieces)
    sink = _Sink()
    missing = []
    names = file_names_apart(file_name_of(piece, "mid") for piece in chosen)
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("README.txt"), README)
        for piece, name in zip(chosen, names, strict=True):
            try:
                midi = (read or read_midi_file)(piece)
            except OSError:
                logger.warning("The file of piece %s could not be read for a zip.", piece.pk, exc_info=True)
                missing.append(name)
                continue
            archive.writestr(_entry(name), midi)
            yield sink.taken()
        if missing:
            archive.writestr(_entry("missing.txt"), MISSING + "".join(f"{name}\n" for name in missing))
    yield sink.taken()


def read_midi_file(piece: Piece) -> bytes:
    """The stored file. Raises OSError."""
    with default_storage.open(str(piece.midi.name)) as stored:
        return bytes(stored.read())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, NO_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # Readable by its owner and others, as files are.
    entry.external_attr = 0o644 << 16
    return entry


class _Sink:
    """A file that is only written, and handed on as it grows."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def taken(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data
