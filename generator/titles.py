"""What a new piece is called until its owner names it.

A picture in two words, drawn from the seed, that says nothing of the music, and behind it what is known of the piece:
"Copper River: Nocturne in D minor", "Paper Lantern: Funk groove at 104 BPM". A key or a tempo that a title names is
that of its notes, also of a piece that is called after another.
"""

import hashlib
import re

from generator.engine.keys import MODES
from library.models import MAX_TITLE
from library.templatetags.music import accidentals, whole

FIRST = (
    *("Amber", "April", "Autumn", "Blue", "Brass", "Cedar", "Chalk", "Clay", "Cobalt", "Copper", "Coral", "Cotton"),
    *("Crystal", "Desert", "Distant", "Evening", "Fern", "Glass", "Golden", "Granite", "Green", "Harvest", "Hazel"),
    *("Indigo", "Inland", "Iron", "Island", "Ivory", "Jade", "Juniper", "Linen", "Maple", "Marble", "Midnight"),
    *("Morning", "Mountain", "Northern", "October", "Olive", "Orchard", "Paper", "Pearl", "Pine", "Polar", "Prairie"),
    *("Quartz", "Rowan", "Saffron", "Scarlet", "Seaside", "Silver", "Slate", "Southern", "Sunday", "Tidal", "Timber"),
    *("Velvet", "Violet", "Western", "White", "Willow", "Winter"),
)
SECOND = (
    *("Arcade", "Atlas", "Avenue", "Bay", "Bridge", "Canal", "Canyon", "Carousel", "Coast", "Comet", "Compass"),
    *("Courtyard", "Delta", "Dunes", "Express", "Feather", "Ferry", "Field", "Fountain", "Garden", "Gate", "Glacier"),
    *("Harbour", "Hill", "Horizon", "Kite", "Ladder", "Lagoon", "Lantern", "Letter", "Lighthouse", "Map", "Meadow"),
    *("Mirror", "Moon", "Museum", "Orbit", "Paperboat", "Passage", "Path", "Pavilion", "Pier", "Postcard", "Railway"),
    *("River", "Road", "Roof", "Sail", "Shore", "Signal", "Staircase", "Station", "Street", "Terrace", "Tower"),
    *("Tram", "Valley", "Veranda", "Village", "Window", "Windmill", "Workshop"),
)
# Names of pieces that promise no metre and no form.
PIANO_FORMS = ("Fantasia", "Impromptu", "Interlude", "Nocturne", "Prelude", "Reverie", "Sketch")
WORDS = {"drums": "groove", "rock": "jam", "electronic": "tune"}
AGAIN = {"continue": "continued", "vary": "varied"}

# What a title says of key or tempo, at its end or before ", varied".
_CLAIM = re.compile(rf" (?:in (?P<key>[A-G][#b♯♭]? (?:{'|'.join(MODES)}))|at \d{{2,3}} BPM)(?=$|, )")
_PICTURES = len(FIRST) * len(SECOND)
# Prime to the number of pictures, so that the takes of one job are all called otherwise.
_TAKE_STEP, _ATTEMPT_STEP = 1009, 2503


def piece_title(
    genre: str,
    genre_name: str,
    seed: int,
    *,
    take: int = 0,
    attempt: int = 0,
    style_name: str = "",
    key: str = "",
    qpm: float | None = None,
) -> str:
    """The same for the same seed, take and attempt. Of key, style and tempo it says what it is given and no more."""
    digest = hashlib.sha256(f"{genre} {seed}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big")
    picture = (drawn + take * _TAKE_STEP + attempt * _ATTEMPT_STEP) % _PICTURES
    first, second = FIRST[picture % len(FIRST)], SECOND[picture // len(FIRST)]
    what = _what(genre, genre_name, style_name, PIANO_FORMS[digest[8] % len(PIANO_FORMS)])
    return f"{first} {second}: {what}{_where(key, qpm)}"


def _where(key: str, qpm: float | None) -> str:
    return f" in {accidentals(key)}" if key else f" at {whole(qpm)} BPM" if qpm else ""


def _what(genre: str, genre_name: str, style_name: str, form: str) -> str:
    if genre == "piano" and not style_name:
        return form
    return f"{style_name or genre_name.removesuffix('s')} {WORDS.get(genre, 'piece')}"


def title_after(source_title: str, kind: str, *, key: str = "", qpm: float | None = None) -> str:
    """What comes of another piece: "Copper River, continued", then "Copper River, continued 2".

    Where the other's title names a key or a tempo, this one names its own, or none where it is not known.
    """
    word = AGAIN[kind]
    found = re.search(rf", {word}(?: (\d{{1,4}}))?$", source_title)
    root = source_title[: found.start()] if found else source_title
    root = _CLAIM.sub(lambda claim: _where(key if claim["key"] else "", qpm), root)
    ending = f", {word} {int(found[1] or 1) + 1}" if found else f", {word}"
    return root[: MAX_TITLE - len(ending)].rstrip() + ending
