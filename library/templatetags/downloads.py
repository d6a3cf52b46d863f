"""The block of downloads on a page."""

from typing import Any

from django import template

from library.models import Piece
from library.views.downloads import downloads_context

register = template.Library()


@register.inclusion_tag("library/_downloads.html", takes_context=True)
def downloads(context: dict[str, Any], piece: Piece, token: str = "") -> dict[str, Any]:
    """{% downloads piece %}: the files of a piece, for anyone who can play it; for a link, with its `token`."""
    request = context["request"]
    page = {"request": request, "csrf_token": context.get("csrf_token")}
    return downloads_context(request, piece, token=token) | page
