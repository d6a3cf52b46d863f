"""Privacy, terms, contact: texts that an admin edits in the admin area."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.days import days_text
from accounts.models import SiteText

TEXTS = Path(__file__).parent / "texts"


@dataclass(slots=True)
class Block:
    """A part of a page: a heading, a paragraph or the items of a list. Plain text, which the template escapes."""

    kind: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(self.lines)


def default_text(slug: str) -> str:
    """The text that comes with the site; {NAME} in it becomes the days of that setting."""
    text = (TEXTS / f"{slug}.txt").read_text(encoding="utf-8")
    return re.sub(r"\{([A-Z_]+)\}", lambda found: days_text(found[1]), text)


def blocks_of(text: str) -> list[Block]:
    """## begins a heading, - an item of a list; an empty line ends a paragraph."""
    blocks: list[Block] = []
    open_block: Block | None = None
    for raw in text.splitlines():
        line = raw.strip()
        kind = "heading" if line.startswith("## ") else "list" if line.startswith("- ") else "paragraph"
        if not line:
            open_block = None
            continue
        if open_block is None or open_block.kind != kind or kind == "heading":
            open_block = Block(kind)
            blocks.append(open_block)
        open_block.lines.append(line.removeprefix("## ").removeprefix("- "))
    return blocks


@require_safe
def site_text(request: HttpRequest, slug: str) -> HttpResponse:
    row = SiteText.objects.filter(slug=slug).first()
    text = row.text if row and row.text.strip() else default_text(slug)
    context = {"title": SiteText.Slug(slug).label, "blocks": blocks_of(text), "updated_at": row and row.updated_at}
    return render(request, "accounts/text.html", context)
