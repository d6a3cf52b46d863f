"""A member's own MIDI files: looked at, stored, and taken once each."""

import hashlib
import io
import logging
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from accounts.owners import Owner
from accounts.quotas import quota_of, stored_bytes_left
from generator.engine.errors import MidiError
from library.models import Piece
from library.services.pieces import piece_file_discard, piece_file_write, piece_store
from library.services.tags import owner_lock
from library.services.trash import piece_restore
from library.texts import clean_line
from library.upload_facts import MAX_UPLOAD_BYTES, upload_facts

logger = logging.getLogger(__name__)

MAX_FILE_NAME = 200
MIDI_ENDINGS = (".mid", ".midi", ".kar", ".smf")
# Of one zip. What is left out can be sent again: what was taken is known then, and costs nothing.
MAX_ZIP_BYTES = 8 * 2**20 - 64 * 1024
MAX_ZIP_ENTRIES = 2000
# Its list of files is read as a whole: one that fills the zip would make hundreds of thousands of objects.
MAX_ZIP_LIST_BYTES = 2**20
MAX_ZIP_FILES = 500
MAX_ZIP_SECONDS = 15.0
_NOT_MUSIC = ("__MACOSX/",)


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    THERE = "there"
    REFUSED = "refused"
    FAILED = "failed"  # not the file's fault: worth another try


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What became of one file: `piece` where there is one now, and one sentence where it is not as one would think."""

    name: str
    outcome: Outcome
    piece: Piece | None = None
    sentence: str = ""


def piece_upload(*, user: User, midi: bytes, file_name: str) -> UploadResult:
    """Takes one MIDI file into a member's library, unless it is there. Raises nothing that has to do with the file."""
    name = shown_name(file_name)
    owner = Owner(user=user)
    if len(midi) > MAX_UPLOAD_BYTES:
        return _refused(name, f"A MIDI file may have {MAX_UPLOAD_BYTES // 2**20} MB; this one has more.")
    sha256 = hashlib.sha256(midi).hexdigest()
    if (known := _known(user, sha256)) is not None:
        return _there(name, known)
    try:
        facts = upload_facts(midi, file_name)
    except MidiError as error:
        return _refused(name, error.message)
    piece_id = uuid.uuid4()
    try:
        piece_file_write(piece_id=piece_id, midi=midi)
    except OSError:
        logger.exception("An upload could not be stored.")
        return UploadResult(name, Outcome.FAILED, sentence="The file could not be stored. Try again in a few minutes.")
    result = UploadResult(name, Outcome.FAILED, sentence="The file could not be taken. Try again.")
    try:
        with transaction.atomic():
            # One upload of a member after the other: the same file twice at once is one piece, and the quota holds.
            owner_lock(user)
            known = _known(user, sha256)
            if known is not None:
                result = _there(name, known)
            elif stored_bytes_left(owner) < len(midi):
                result = _refused(name, _no_room(owner))
            else:
                piece = piece_store(
                    piece_id=piece_id,
                    owner=owner,
                    midi=midi,
                    kind=Piece.Kind.UPLOAD,
                    genre_name="Uploaded",
                    file_name=name,
                    **asdict(facts),
                )
                result = UploadResult(name, Outcome.ACCEPTED, piece)
    except ValidationError as error:
        logger.warning("An upload made no piece: %s", error)
        result = _refused(name, "This MIDI file says things of itself that make no sense.")
    finally:
        if result.outcome != Outcome.ACCEPTED:
            piece_file_discard(piece_id=piece_id)
    return result


def _known(user: User, sha256: str) -> Piece | None:
    return Piece.objects.filter(owner=user, file_sha256=sha256).not_expired().order_by("created_at").first()


def _there(name: str, piece: Piece) -> UploadResult:
    if piece.trashed_at is None:
        return UploadResult(name, Outcome.THERE, piece, "This music is in your library already.")
    return UploadResult(name, Outcome.THERE, piece_restore(piece=piece), "It was in the trash and is back.")


def _refused(name: str, sentence: str) -> UploadResult:
    return UploadResult(name, Outcome.REFUSED, sentence=sentence)


def _no_room(owner: Owner) -> str:
    megabytes = quota_of(owner).stored_bytes // 2**20
    return f"Your library has no room for it: you may keep {megabytes:,} MB. Empty the trash, or delete some pieces."


def zip_upload(*, user: User, data: bytes, file_name: str) -> list[UploadResult]:
    """Takes the MIDI files of a zip, each as `piece_upload` does, within bounds of number, size and time."""
    zip_name = shown_name(file_name)
    results: list[UploadResult] = []
    ends_at = time.monotonic() + MAX_ZIP_SECONDS
    taken = 0
    try:
        for name, midi in _midi_files(data):
            # What was there already is not counted: that is how one goes on.
            if taken >= MAX_ZIP_FILES or time.monotonic() > ends_at:
                sentence = "This zip has more than is taken at once. Send it again: it goes on where it stopped."
                results.append(UploadResult(zip_name, Outcome.FAILED, sentence=sentence))
                break
            result = piece_upload(user=user, midi=midi, file_name=name)
            taken += result.outcome == Outcome.ACCEPTED
            results.append(replace(result, name=shown_name(name)))
    except _NotTaken as error:
        results.append(_refused(zip_name, str(error)))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError):
        results.append(_refused(zip_name, "This zip file is damaged or encrypted."))
    return results or [_refused(zip_name, "This zip file has no MIDI files.")]


def shown_name(file_name: str) -> str:
    """A name as it may be shown and kept: one line of letters, the end of it where it is long."""
    return clean_line(file_name)[-MAX_FILE_NAME:].strip() or "file.mid"


class _NotTaken(Exception):
    """Why a whole zip is not taken, in a sentence."""


def _midi_files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each MIDI file, never more than one of them in memory; names lead nowhere, for nothing
    is unpacked to a disk."""
    if len(data) > MAX_ZIP_BYTES:
        raise _NotTaken(f"A zip file may have {-(-MAX_ZIP_BYTES // 2**20)} MB. Drop the folder itself here instead.")
    if _list_bytes(data) > MAX_ZIP_LIST_BYTES:
        raise _NotTaken(f"A zip file may hold {MAX_ZIP_ENTRIES:,} files; this one has more.")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_ZIP_ENTRIES:
            raise _NotTaken(f"A zip file may hold {MAX_ZIP_ENTRIES:,} files; this one has {len(entries):,}.")
        for entry in entries:
            name = entry.filename
            if entry.is_dir() or name.startswith(_NOT_MUSIC) or not name.lower().endswith(MIDI_ENDINGS):
                continue
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # The others may ask for gigabytes of memory before the first byte.
                raise _NotTaken("This zip file is packed in a way that is not read here. Pack it as usual zips are.")
            with archive.open(entry) as stream:
                # What the zip says of its sizes is not believed: one byte more than may be is enough to see it.
                midi = stream.read(MAX_UPLOAD_BYTES + 1)
            yield name, midi


def _list_bytes(data: bytes) -> int:
    """How long a zip's own list of its files is, by the record at its end (PKWARE APPNOTE 4.3.16)."""
    at = len(data) - 22 if data[-22:-18] == b"PK\5\6" else data.rfind(b"PK\5\6", -(22 + 65535))
    if at < 0 or data[max(0, at - 20) :][:4] == b"PK\6\7":
        # No zip, or one of the kind for files of more than 4 GB.
        raise zipfile.BadZipFile
    return int.from_bytes(data[at + 12 : at + 16], "little")
