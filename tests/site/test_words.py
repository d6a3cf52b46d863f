"""Texts stay plain English: translated or private phrases that we replaced do not come back.

Covers templates and emails, scripts, documentation and the strings of the Python code.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)

# What not to say → what to say instead.
BETTER = {
    "a machine composed": "composed by AI",
    "also stands in": "also occurs in",
    "anew": "again, or new",
    "be had back": "be restored",
    "by lot": "at random",
    "came of it": "related pieces, or results",
    "can be had": "you can get",
    "could not bear": "could not handle",
    "did not answer": "did not respond",
    "does not answer": "does not respond",
    "e-mail": "email",
    "e-mails": "emails",
    "for ever": "forever",
    "for the curious": "fine-tuning",
    "freshly drawn weights": "random weights",
    "go by themselves": "are deleted",
    "go on with": "continue with",
    "goes by itself": "is deleted",
    "goes its own way": "same opening, new continuation",
    "goes on with": "continues with",
    "got lost on the way": "check that you copied the whole link",
    "has room for": "can hold",
    "has to see to it": "needs manual repair",
    "in circles": "in a loop",
    "in the making": "in progress",
    "is like that": "matches",
    "is to be had": "is available",
    "its time is over": "it has expired",
    "knows no": "has no, does not support",
    "log says more": "see the log",
    "looked over": "checked",
    "made by a machine": "composed by AI",
    "make no sense": "are invalid",
    "may stay as it is": "is optional",
    "more choices": "more options",
    "nats a note": "nats per note",
    "nats an event": "nats per event",
    "no room for": "not enough storage for",
    "nobody ends": "without a note-off",
    "notes a second": "notes per second",
    "of one's own": "of your own",
    "of today": "current",
    "on offer": "available",
    "overlapped area": "overlapping area",
    "passed over": "skipped, ignored",
    "played live": "heard live",
    "sends no mail": "doesn't send email",
    "set-up": "setup",
    "some seconds": "a few seconds",
    "stand beside": "are next to",
    "stand in the training": "match the training",
    "stands beside": "is next to",
    "stands in the training": "matches the training",
    "stopped answering": "stopped responding",
    "taken for dead": "presumed dead",
    "the administration": "the admin area",
    "the own": "your",
    "took it back": "revoked it",
    "twice is once": "idempotent, repeating it changes nothing",
    "unforeseen": "unexpected",
    "used already": "already used",
    "user name": "username",
    "what became of": "the result of",
    "who plays": "instruments",
    "whoever": "anyone who, or name the role",
    "your wish": "your request",
}
PHRASES = {
    phrase: re.compile(r"\b" + r"\s+".join(re.escape(word) for word in phrase.split()) + r"\b", re.IGNORECASE)
    for phrase in BETTER
}

# Folder → endings of its files with texts. A nested folder is tested by itself.
PLACES = {
    "templates": (".html", ".txt"),
    "static/js": (".js",),
    "docs": (".md",),
    "accounts": (".py", ".txt", ".md"),
    "library": (".py",),
    "generator": (".py",),
    "generator/engine": (".py",),
    "musicgen_site": (".py",),
    "bench": (".py",),
    ".": (".md", ".example"),
}
# Here comments and docstrings count too; elsewhere in Python only the strings that people may read.
WITH_COMMENTS = ("generator/engine", "bench")
# What a line break puts between two words: the start of a comment, or the end and start of a string.
BREAK = re.compile(r"""["']?\n\s*(?:#|//|\*|>|[fr]?["'])?""")


def files_of(place: str) -> Iterator[Path]:
    found = (ROOT / place).glob("*") if place == "." else (ROOT / place).rglob("*")
    nested = [ROOT / other for other in PLACES if other.startswith(f"{place}/")]
    for path in sorted(found):
        parents = path.relative_to(ROOT).parts
        if "migrations" in parents or any(folder in path.parents for folder in nested):
            continue
        if path.suffix in PLACES[place] and path.is_file():
            yield path


def text_of(path: Path, place: str) -> str:
    source = path.read_text(encoding="utf-8")
    return strings_of(source) if path.suffix == ".py" and place not in WITH_COMMENTS else source


def strings_of(source: str) -> str:
    """All strings of a module but its docstrings, one a line."""
    tree = ast.parse(source)
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and ast.get_docstring(node) is not None and isinstance(node.body[0], ast.Expr)
    }
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings)
    return " |\n".join(node.value for node in strings if isinstance(node.value, str))


def phrases_in(text: str) -> Iterator[tuple[str, str]]:
    """Each banned phrase with its surroundings."""
    line = BREAK.sub(" ", text)
    for phrase, pattern in PHRASES.items():
        for match in pattern.finditer(line):
            yield phrase, line[max(0, match.start() - 40) : match.end() + 40].strip()


@pytest.mark.parametrize("place", PLACES)
def test_no_text_uses_a_phrase_that_has_a_better_one(place: str) -> None:
    files = list(files_of(place))
    assert files, f"{place} has no texts"
    found = [
        f"{path.relative_to(ROOT)}: …{around}…\n    not “{phrase}”: {BETTER[phrase]}"
        for path in files
        for phrase, around in phrases_in(text_of(path, place))
    ]
    assert not found, f"{len(found)} phrases have a better one:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Whoever has the link hears it.",
        "composed\n    # anew",
        "the shuffle begins\n     * anew.",
        'raise Error("There is no room "\n        f"for it.")',
        "<p>Drafts go\n  by themselves.</p>",
    ],
)
def test_a_phrase_is_found_in_any_case_and_over_a_line_break(text: str) -> None:
    assert list(phrases_in(text))


def test_strings_are_read_without_docstrings_and_comments() -> None:
    source = '"""Whoever reads it."""\n# anew\nRAISED = "Nothing is on " "offer."\n'
    assert [phrase for phrase, _ in phrases_in(strings_of(source))] == ["on offer"]


def test_a_part_of_a_word_is_no_phrase() -> None:
    assert not list(phrases_in("Ana newly plays on offers; the owner's renewal"))
