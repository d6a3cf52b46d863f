"""A member's own MIDI files: looked at, stored, and taken once each."""

import hashlib
import io
import logging
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from accounts.owners import Owner
from accounts.quotas import quota_of, stored_bytes_left
from generator.engine.errors import MidiError
from generator.engine.midi_riff import without_riff
from library.models import Piece
from library.services.pieces import piece_file_discard, piece_file_write, piece_store
from library.services.tags import owner_lock
from library.services.trash import piece_restore
from library.texts import clean_line
from library.upload_facts import MAX_UPLOAD_BYTES, MIDI_ENDINGS, upload_facts
from library.zip_names import names_of

logger = logging.getLogger(__name__)

MAX_FILE_NAME = 200
# Of one zip. What is left out can be sent again: what was taken is known then, and costs nothing.
MAX_ZIP_BYTES = 8 * 2**20 - 64 * 1024
MAX_ZIP_ENTRIES = 2000
# Its list of files is read as a whole: one that fills the zip would make hundreds of thousands of objects.
MAX_ZIP_LIST_BYTES = 2**20
MAX_ZIP_FILES = 500
MAX_ZIP_SECONDS = 15.0
ZIP_ENDING = ".zip"
# Of the files that are no music, so many are named, and the others are counted.
MAX_NAMED = 20
# What computers leave in folders, on USB sticks and in zips beside the files of people.
SYSTEM_FOLDERS = ("__macosx", ".trashes", ".spotlight-v100", ".fseventsd", "$recycle.bin", "system volume information")
SYSTEM_FILES = (".ds_store", "thumbs.db", "desktop.ini", ".localized")
SYSTEM_PREFIX = "._"


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    THERE = "there"
    REFUSED = "refused"
    FAILED = "failed"  # not the file's fault: worth another try
    SKIPPED = "skipped"  # no music, and nobody's mistake


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What became of one file: `piece` where there is one now, and one sentence where it is not as one would think.
    `count` is of how many files this tells, where it is more than one."""

    name: str
    outcome: Outcome
    piece: Piece | None = None
    sentence: str = ""
    count: int = 1


def piece_upload(*, user: User, midi: bytes, file_name: str) -> UploadResult:
    """Takes one MIDI file into a member's library, unless it is there. Raises nothing that has to do with the file."""
    name = shown_name(file_name)
    owner = Owner(user=user)
    if len(midi) > MAX_UPLOAD_BYTES:
        return _refused(name, f"A MIDI file can be up to {MAX_UPLOAD_BYTES // 2**20} MB. This one is larger.")
    try:
        midi = without_riff(midi)
    except MidiError as error:
        return _refused(name, error.message)
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
        return UploadResult(name, Outcome.FAILED, sentence="The file could not be saved. Try again in a few minutes.")
    result = UploadResult(name, Outcome.FAILED, sentence="The file could not be saved. Try again.")
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
        result = _refused(name, "This MIDI file contains invalid values.")
    finally:
        if result.outcome != Outcome.ACCEPTED:
            piece_file_discard(piece_id=piece_id)
    return result


def _known(user: User, sha256: str) -> Piece | None:
    return Piece.objects.filter(owner=user, file_sha256=sha256).not_expired().order_by("created_at").first()


def _there(name: str, piece: Piece) -> UploadResult:
    if piece.trashed_at is None:
        return UploadResult(name, Outcome.THERE, piece, "Already in your library.")
    return UploadResult(name, Outcome.THERE, piece_restore(piece=piece), "Restored from the trash.")


def _refused(name: str, sentence: str) -> UploadResult:
    return UploadResult(name, Outcome.REFUSED, sentence=sentence)


def _no_room(owner: Owner) -> str:
    megabytes = quota_of(owner).stored_bytes // 2**20
    return f"Not enough storage for this file: your limit is {megabytes:,} MB. Empty the trash or delete some pieces."


def zip_upload(*, user: User, data: bytes, file_name: str) -> list[UploadResult]:
    """Takes the MIDI files of a zip, each as `piece_upload` does, within bounds of number, size and time; the results
    account for every file in it."""
    zip_name = shown_name(file_name)
    try:
        return _archive_upload(user, data, zip_name)
    except _NotTaken as error:
        return [_refused(zip_name, str(error))]
    except _DAMAGES:
        return [_refused(zip_name, "This zip file is damaged.")]


def _archive_upload(user: User, data: bytes, zip_name: str) -> list[UploadResult]:
    results: list[UploadResult] = []
    ends_at = time.monotonic() + MAX_ZIP_SECONDS
    taken = 0
    with _opened(data) as archive:
        names = names_of(archive)
        music = [entry for entry in archive.infolist() if _is_midi(names[entry])]
        for entry in music:
            # What was there already is not counted: that is how one goes on.
            if taken >= MAX_ZIP_FILES or time.monotonic() > ends_at:
                sentence = "There is more in this zip than fits in one upload. Send it again to continue."
                results.append(UploadResult(zip_name, Outcome.FAILED, sentence=sentence))
                break
            result = _entry_upload(user, archive, entry, names[entry])
            taken += result.outcome == Outcome.ACCEPTED
            results.append(result)
        others = [names[entry] for entry in archive.infolist() if not entry.is_dir() and not _is_midi(names[entry])]
    if not music:
        results.append(_refused(zip_name, "There are no MIDI files in this zip."))
    return [*results, *skipped(others)]


def _entry_upload(user: User, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> UploadResult:
    """One file of a zip. What is wrong with it holds up no other."""
    shown = shown_name(name)
    if entry.flag_bits & _ENCRYPTED:
        return _refused(shown, "This file is encrypted. Make a zip without a password.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The others may ask for gigabytes of memory before the first byte.
        return _refused(shown, "This file is compressed in an unusual way. Make a standard zip.")
    try:
        with archive.open(entry) as stream:
            # What the zip says of its sizes is not believed: one byte more than may be is enough to see it.
            midi = stream.read(MAX_UPLOAD_BYTES + 1)
    except _DAMAGES:
        return _refused(shown, "This file in the zip is damaged.")
    return replace(piece_upload(user=user, midi=midi, file_name=name), name=shown)


def skipped(names: Iterable[str]) -> list[UploadResult]:
    """Results for files that are not music: one line each, at most `MAX_NAMED`, and one line for all system files."""
    names = list(names)
    others = [name for name in names if not is_system_file(name)]
    results = [UploadResult(shown_name(name), Outcome.SKIPPED, sentence=_why(name)) for name in others[:MAX_NAMED]]
    if (more := len(others) - MAX_NAMED) > 0:
        results.append(_summed(more, f"more file{_s(more)}", "Not MIDI files." if more > 1 else "Not a MIDI file."))
    if system := len(names) - len(others):
        results.append(
            _summed(system, f"system file{_s(system)} skipped", "Your computer created them. They contain no music.")
        )
    return results


def is_system_file(name: str) -> bool:
    """Whether a file is one that a computer wrote for itself, by its name and its folders: `._Rain.mid`."""
    *folders, last = name.replace("\\", "/").lower().split("/")
    return last.startswith(SYSTEM_PREFIX) or last in SYSTEM_FILES or any(one in SYSTEM_FOLDERS for one in folders)


def _is_midi(name: str) -> bool:
    return name.lower().endswith(MIDI_ENDINGS) and not is_system_file(name)


def _why(name: str) -> str:
    return "Zips inside zips are not opened." if name.lower().endswith(ZIP_ENDING) else "Not a MIDI file."


def _summed(count: int, what: str, sentence: str) -> UploadResult:
    return UploadResult(f"{count:,} {what}", Outcome.SKIPPED, sentence=sentence, count=count)


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def shown_name(file_name: str) -> str:
    """A name that is safe to show and store: one line, and only its end if it is long."""
    return clean_line(file_name)[-MAX_FILE_NAME:].strip() or "file.mid"


class _NotTaken(Exception):
    """Why a whole zip is not taken, in a sentence."""


# What a damaged zip raises, at its list or at one of its files.
_DAMAGES = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)
_ENCRYPTED = 0x1


def _opened(data: bytes) -> zipfile.ZipFile:
    """The zip, where its size and its list are within bounds. Nothing of it is ever unpacked to a disk."""
    if len(data) > MAX_ZIP_BYTES:
        raise _NotTaken(f"A zip can be up to {-(-MAX_ZIP_BYTES // 2**20)} MB. Upload the folder itself instead.")
    if _list_bytes(data) > MAX_ZIP_LIST_BYTES:
        raise _NotTaken(f"A zip can hold up to {MAX_ZIP_ENTRIES:,} files. This one holds more.")
    archive = zipfile.ZipFile(io.BytesIO(data))
    if (count := len(archive.infolist())) > MAX_ZIP_ENTRIES:
        raise _NotTaken(f"A zip can hold up to {MAX_ZIP_ENTRIES:,} files. This one holds {count:,}.")
    return archive


def _list_bytes(data: bytes) -> int:
    """How long a zip's own list of its files is, by the record at its end (PKWARE APPNOTE 4.3.16)."""
    at = len(data) - 22 if data[-22:-18] == b"PK\5\6" else data.rfind(b"PK\5\6", -(22 + 65535))
    if at < 0 or data[max(0, at - 20) :][:4] == b"PK\6\7":
        # No zip, or one of the kind for files of more than 4 GB.
        raise zipfile.BadZipFile
    return int.from_bytes(data[at + 12 : at + 16], "little")
