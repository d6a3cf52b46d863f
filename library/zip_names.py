"""The names of the files in a zip, whatever program and system wrote them.

A zip says whether a name is UTF-8 (PKWARE APPNOTE 4.4.4, bit 11). Names without that flag are by the letter of the
standard code page 437, but programs write what their system uses: macOS UTF-8, Windows the code page of its country,
932 in Japan and 866 in Russia. One program wrote all names of a zip, so they are judged together: there is more to
see in many names than in one. Libraries that guess encodings want paragraphs; they fail at names this short.
"""

import re
import zipfile
from collections.abc import Sequence

_IS_UTF8 = 0x800
STANDARD = "cp437"

_KANA_OR_KANJI = "\u3041-\u3096\u30a1-\u30fa\u30fc\u3005\u4e00-\u9fff\uff66-\uff9f"
_JAPANESE_LETTER = re.compile(f"[{_KANA_OR_KANJI}]")
_JAPANESE = re.compile(rf"[\x20-\x7e{_KANA_OR_KANJI}\u3000-\u3002\u300a-\u3011\u2026\u301c\uff01-\uff5e\u30fb]+")
# Letters with accents look like single kanji between Latin letters: "Größe" reads as "Gr碑e".
_MISREAD_ACCENT = re.compile(
    rf"(?<![{_KANA_OR_KANJI}])[{_KANA_OR_KANJI}](?=[A-Za-z])|(?<=[a-z])[{_KANA_OR_KANJI}](?![{_KANA_OR_KANJI}])"
)
_RUSSIAN = re.compile(r"[\x20-\x7e\u0410-\u044f\u0401\u0451\u2116]+")
_RUSSIAN_WORD = re.compile(r"[A-Za-z\u0410-\u044f\u0401\u0451]+")
_RUSSIAN_SHAPE = re.compile(r"[A-Za-z]+|[\u0410-\u042f\u0401]*[\u0430-\u044f\u0451]*")


def names_of(archive: zipfile.ZipFile) -> dict[zipfile.ZipInfo, str]:
    """The name of each entry, folders included."""
    entries = archive.infolist()
    unflagged = {entry: _bytes_of(entry) for entry in entries if not entry.flag_bits & _IS_UTF8}
    encoding = encoding_of(list(unflagged.values()))
    return {entry: unflagged[entry].decode(encoding) if entry in unflagged else entry.filename for entry in entries}


def encoding_of(names: Sequence[bytes]) -> str:
    """The encoding in which all these names read as names; code page 437 where none else does."""
    readings = {"utf-8": _is_any, "cp866": _is_russian, "cp932": _is_japanese}
    for encoding, reads in readings.items():
        try:
            text = "\n".join(name.decode(encoding) for name in names)
        except UnicodeDecodeError:
            continue
        if reads(text):
            return encoding
    return STANDARD


def _bytes_of(entry: zipfile.ZipInfo) -> bytes:
    """As they stand in the zip: Python has read them as code page 437, which has a letter for each byte."""
    return entry.orig_filename.encode(STANDARD).partition(b"\0")[0]


def _is_any(text: str) -> bool:
    """Text of other encodings is hardly ever valid UTF-8."""
    return True


def _is_japanese(text: str) -> bool:
    is_possible = all(_JAPANESE.fullmatch(line) for line in text.split("\n")) and not _MISREAD_ACCENT.search(text)
    return is_possible and _JAPANESE_LETTER.search(text) is not None


def _is_russian(text: str) -> bool:
    """Words in one alphabet, with capitals where they belong, and at least one of some length."""
    if not all(_RUSSIAN.fullmatch(line) for line in text.split("\n")):
        return False
    words = _RUSSIAN_WORD.findall(text)
    return all(_RUSSIAN_SHAPE.fullmatch(word) for word in words) and re.search(r"[\u0430-\u044f]{3}", text) is not None
