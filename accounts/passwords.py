"""Passwords that are easy to guess are refused, with the reason, by lists that ship with two packages.

Django's list has the 20,000 passwords that leaks show most often. zxcvbn estimates how many guesses a program needs
that knows 30,000 leaked passwords, English words, names, keyboards, dates, repetition and the usual ways to dress up a
word. Neither asks another site. Why these: docs/decisions/0020-passwords.md.
"""

import threading
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

MIN_LENGTH = 8
# As long as a program needs for eight characters drawn by chance.
MIN_GUESSES = 10**8
RULES = (
    f"At least {MIN_LENGTH} characters and hard to guess: not a common password, a leaked one, or just a name or date. "
    "Three or four unrelated words work well."
)

# How much of a password is looked at. The estimate of one with many signs that stand for letters (@ for a) takes time
# that grows with each of them: seconds for some of 24 characters.
_LOOKED_AT, _LOOKED_AT_OF_MANY_SIGNS = 40, 16
_SIGNS = frozenset("4@8({[<369|!1705+$%2")
_MANY_SIGNS = 6
_SITE_WORDS = ("musicgen", "music", "composer", "piano", "password")
# zxcvbn writes what it knows of the user into a table of its own.
_one_at_a_time = threading.Lock()

_REASONS = {
    "user_inputs": "it is too similar to your username or the name of this site",
    "passwords": "it is similar to a common password",
    "english_wikipedia": "it is little more than a common word",
    "us_tv_and_film": "it is little more than a common word",
    "male_names": "it is little more than a person's name",
    "female_names": "it is little more than a person's name",
    "surnames": "it is little more than a person's name",
    "spatial": "its keys are next to each other on a keyboard",
    "repeat": "it repeats the same characters",
    "sequence": "it is a sequence such as abc or 6543",
    "regex": "it is little more than a year",
    "date": "it is little more than a date",
}


class LengthValidator:
    """Refuses passwords that are too short for anything."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) < MIN_LENGTH:
            came = f"{len(password)} character{'' if len(password) == 1 else 's'}"
            raise ValidationError(f"Use at least {MIN_LENGTH} characters; this password has {came}.")

    def get_help_text(self) -> str:
        return f"At least {MIN_LENGTH} characters."


class GuessableValidator(CommonPasswordValidator):
    """Refuses passwords that a program finds soon, and says why."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) < MIN_LENGTH:
            return  # said already
        reason = _REASONS["passwords"] if self._is_common(password) else _reason(password, user)
        if reason:
            raise ValidationError(
                f"This password is easy to guess: {reason}. Add a few unrelated words.", code="password_too_common"
            )

    def get_help_text(self) -> str:
        return RULES

    def _is_common(self, password: str) -> bool:
        return password.lower().strip() in self.passwords


def _reason(password: str, user: Any) -> str:
    """Why it takes few guesses; empty where it takes many."""
    # Half a second and 14 MB, which a process needs when somebody first chooses a password.
    from zxcvbn import zxcvbn

    looked_at = password[: _LOOKED_AT_OF_MANY_SIGNS if len(_SIGNS & set(password)) > _MANY_SIGNS else _LOOKED_AT]
    with _one_at_a_time:
        found = zxcvbn(looked_at, user_inputs=[*_SITE_WORDS, *_words_of_site(), *_words_of(user)])
    if found["guesses"] >= MIN_GUESSES:
        return ""
    known = [part for part in found["sequence"] if part["pattern"] != "bruteforce"]
    if not known:
        return "it is too simple"
    longest = max(known, key=lambda part: len(part["token"]))
    return _REASONS.get(longest.get("dictionary_name", longest["pattern"]), "it is too simple")


def _words_of_site() -> list[str]:
    host = urlsplit(settings.SITE_URL).hostname or ""
    return [word for word in host.split(".") if len(word) > 3]


def _words_of(user: Any) -> list[str]:
    """A user's names and the parts of them; `user` may be one that is not stored yet, or nobody."""
    names = [str(getattr(user, field, "") or "") for field in ("username", "first_name", "last_name", "email")]
    words = [name.replace(" ", "") for name in names]
    for name in names:
        words += [name, *name.replace("@", " ").replace(".", " ").replace("-", " ").replace("_", " ").split()]
    return [word for word in dict.fromkeys(words) if len(word) > 2]
