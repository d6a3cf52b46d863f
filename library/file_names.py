"""What downloads are called. Titles are hostile text: of them letters, digits and hyphens alone reach a file name."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from django.utils.text import slugify

from library.models import Piece
from library.texts import JOINERS

# Characters, and bytes: file systems count these, and a number and an ending may follow.
MAX_STEM, MAX_STEM_BYTES = 80, 200
# Without its sign a key would be another one.
_SHARP, _FLAT = re.compile(r"\b([A-G])[#♯]"), re.compile(r"\b([A-G])♭")
# What Windows keeps for its devices.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


def stem_of(title: str, *, otherwise: str = "piece") -> str:
    """Letters, digits and hyphens alone; 1:30 in a title stays apart from 130.

    ASCII where that is enough ("cafe"); a title in letters that have no such likeness keeps its own ("音楽").
    """
    title = _FLAT.sub(r"\1-flat", _SHARP.sub(r"\1-sharp", title))
    apart = title.replace(":", "-").replace("/", "-").replace(".", "-")
    stem, own = slugify(apart), _own_letters(apart)
    if len(stem) < len(own):
        stem = own.encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    stem = stem[:MAX_STEM].strip("-_")
    return f"{otherwise}-{stem}" if stem in _RESERVED else stem or otherwise


def _own_letters(text: str) -> str:
    """As `slugify` does, with the marks and joiners that belong to letters: without them Hindi has no vowels."""
    kept = ""
    for letter in unicodedata.normalize("NFKC", text).lower():
        kind = unicodedata.category(letter)[0]
        if kind in "LN" or letter in "-_":
            kept += letter
        elif letter.isspace():
            kept += "-"
        elif (kind == "M" or letter in JOINERS) and kept and unicodedata.category(kept[-1])[0] in "LM":
            kept += letter
    return re.sub(r"-+", "-", kept).strip("-_" + "".join(JOINERS))


def file_name_of(piece: Piece, ending: str, *, part: str = "") -> str:
    """What the download of a piece is called, such as "copper-river.mid" or, of a `part`, "copper-river-bass.mid"."""
    stem = stem_of(piece.title)
    return f"{stem}-{stem_of(part, otherwise='part')}.{ending}" if part else f"{stem}.{ending}"


def file_names_apart(names: Iterable[str]) -> Iterator[str]:
    """The names in order, those that came before with a number: a.mid, a-2.mid, also where letters differ in case."""
    taken: set[str] = set()
    for name in names:
        path, number, apart = PurePosixPath(name), 1, name
        while apart.lower() in taken:
            number += 1
            apart = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        taken.add(apart.lower())
        yield apart
