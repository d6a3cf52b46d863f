"""Names of accounts: shown as they were typed, told apart by what they say and by how they look.

Two keys are kept of each name (`name_keys`), and no two accounts may share one of either kind: `says` is the same for
names that differ in case, spacing or look-alike letters, `looks` for names that look the same as they are written
("ВОВ" in Cyrillic capitals and "BOB"), whose small letters may not.
"""

import itertools
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

MIN_VISIBLE, MAX_VISIBLE = 2, 40
# Of the column: 40 visible letters, each with accents of its own.
MAX_CODE_POINTS = 150
MAX_KEY = 240
# Between a key that somebody else has and the number of the row; no name has one.
OF_ONE_ROW = "#"
MAX_ACCENTS = 4
PUNCTUATION = "'’.-_+&·‐"
RULES = (
    f"{MIN_VISIBLE} to {MAX_VISIBLE} characters: letters of any alphabet, digits, spaces and ' . - _ + &. "
    "Capitals and spaces make no difference when you sign in."
)
TAKEN = "This username is taken, or looks like one that is. Choose another one."

# Names by which visitors would take somebody for the site itself. Compared by their keys, so "Ädmin" is free and
# "АDМIN" in Cyrillic letters is not.
RESERVED = (
    *("admin", "administrator", "admins", "root", "superuser", "sysadmin", "system", "staff", "moderator", "mod"),
    *("musicgen", "musicgen team", "musicgen support", "official", "team", "owner", "webmaster", "hostmaster"),
    *("postmaster", "support", "help", "helpdesk", "contact", "info", "security", "abuse", "privacy", "legal"),
    *("api", "bot", "daemon", "nobody", "no reply", "no-reply", "mailer-daemon", "service"),
    *("anonymous", "guest", "a guest", "member", "user", "deleted", "unknown", "everyone"),
    *("null", "none", "nil", "undefined", "nan"),
)

_NO_PUNCTUATION = str.maketrans("", "", PUNCTUATION)
_CONFUSABLES = Path(__file__).parent / "data" / "confusables.txt"
# Joiners change how the letters around them are written in some scripts, and are nothing to see elsewhere.
_JOINERS = "\u200c\u200d"
_VIRAMA = 9


class NameKeys(NamedTuple):
    says: str
    looks: str


def shown_name(typed: str) -> str:
    """As it is kept and shown: what was typed, with single spaces and letters and accents put together."""
    return " ".join(unicodedata.normalize("NFC", typed).split())


def name_check(name: str) -> None:
    """Raises ValidationError, in a sentence that says what came and what is expected."""
    for at, character in enumerate(name):
        if not _is_allowed(name, at):
            is_seen = character.isprintable() and not _is_ignorable(character)
            shown = f"“{character}”" if is_seen else f"an invisible character (U+{ord(character):04X})"
            raise ValidationError(f"A username can have letters, digits, spaces and ' . - _ + &, but not {shown}.")
    visible = sum(not unicodedata.category(character).startswith(("M", "Cf")) for character in name)
    if not MIN_VISIBLE <= visible <= MAX_VISIBLE or len(name) > MAX_CODE_POINTS:
        raise ValidationError(f"A username has {MIN_VISIBLE} to {MAX_VISIBLE} characters; this one has {visible}.")
    if not any(character.isalnum() for character in name):
        raise ValidationError("A username needs at least one letter or digit.")
    accents = itertools.groupby(unicodedata.normalize("NFD", name), key=lambda one: unicodedata.category(one) == "Mn")
    if any(is_accent and len(list(row)) > MAX_ACCENTS for is_accent, row in accents):
        raise ValidationError(f"A letter can have up to {MAX_ACCENTS} accents.")


def _is_allowed(name: str, at: int) -> bool:
    character = name[at]
    before = name[at - 1 : at] or " "
    if character in _JOINERS:
        # As RFC 5892 has it, nearly: after a virama, or between Arabic letters.
        return unicodedata.combining(before) == _VIRAMA or unicodedata.bidirectional(before) == "AL"
    if _is_ignorable(character):
        return False
    category = unicodedata.category(character)
    if category in ("Mn", "Mc"):
        return before != " "
    return category.startswith(("L", "N")) or character in PUNCTUATION or character == " "


def name_is_reserved(name: str) -> bool:
    """Whether it is one of RESERVED, with whatever marks around and between its letters: "-admin-", "Support+"."""
    bare = shown_name(name).translate(_NO_PUNCTUATION)
    return bool({*name_keys(name), *name_keys(bare)} & _reserved_keys())


@cache
def _reserved_keys() -> frozenset[str]:
    return frozenset(key for name in RESERVED for key in name_keys(name))


def name_keys(name: str) -> NameKeys:
    """By which a name is told from others: without case and spacing, each letter as the one that it looks like."""
    plain = unicodedata.normalize("NFKC", name)
    return NameKeys(says=_key(plain.casefold()), looks=_key(plain))


def name_keys_fill(users: Any, *, at_once: int = 500) -> int:
    """Writes the keys of users that have none, which an older release has made, and returns how many those were.

    Of names that are one by the rules of now, and were several by those before, the oldest has the key, and each other
    one a key of its own: whoever has an account signs in as before. `users` is a manager, of a migration too.
    """
    count = 0
    while rows := list(users.filter(name_says=None).order_by("pk")[:at_once]):
        wanted = [name_keys(row.username) for row in rows]
        says = _held(users, "name_says", (keys.says for keys in wanted))
        looks = _held(users, "name_looks", (keys.looks for keys in wanted))
        for row, keys in zip(rows, wanted, strict=True):
            row.name_says = f"{keys.says}{OF_ONE_ROW}{row.pk}" if keys.says in says else keys.says
            row.name_looks = f"{keys.looks}{OF_ONE_ROW}{row.pk}" if keys.looks in looks else keys.looks
            says.add(keys.says)
            looks.add(keys.looks)
        users.bulk_update(rows, ["name_says", "name_looks"])
        count += len(rows)
    return count


def _held(users: Any, field: str, keys: Iterable[str]) -> set[str]:
    return set(users.filter(**{f"{field}__in": list(keys)}).values_list(field, flat=True))


def _key(text: str) -> str:
    """Small letters, and i as l: a capital I looks like an l, so all three have to be one letter."""
    return _skeleton(_skeleton(text).casefold()).replace("i", "l").replace(OF_ONE_ROW, "")[:MAX_KEY]


def _skeleton(text: str) -> str:
    """Unicode Technical Standard 39, section 4, and no spaces."""
    decomposed = unicodedata.normalize("NFD", text)
    seen = "".join(character for character in decomposed if not (character.isspace() or _is_ignorable(character)))
    return unicodedata.normalize("NFD", seen.translate(_confusables()))


def _is_ignorable(character: str) -> bool:
    """What is not seen: format characters, fillers and selectors of variants."""
    if unicodedata.category(character) in ("Cf", "Cc", "Cs", "Co", "Cn"):
        return True
    return character in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0" or "\ufe00" <= character <= "\ufe0f"


@cache
def _confusables() -> dict[int, str]:
    table = {}
    for line in _CONFUSABLES.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        one, *alike = line.split()
        table[int(one, 16)] = "".join(chr(int(each, 16)) for each in alike)
    return table
