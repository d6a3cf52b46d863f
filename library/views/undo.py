"""The notice of what went to the trash, with a button that takes it back."""

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html

from library.models import Piece
from library.querysets import PieceQuerySet


def trashed_message(request: HttpRequest, pieces: PieceQuerySet, sentence: str) -> None:
    """Says so on the next page. Its button sends the form "row" of that page with the moment at which `pieces` were
    trashed: all that went together come back together."""
    moment = pieces.exclude(trashed_at=None).order_by("-trashed_at").values_list("trashed_at", flat=True).first()
    if moment is None:
        return
    notice = format_html(
        '{} <button class="button button-small undo" type="submit" form="row" formaction="{}" name="trashed_at" '
        'value="{}">Undo</button>',
        sentence,
        reverse("library:undo"),
        moment.isoformat(),
    )
    messages.success(request, notice)


def trashed_together(pieces: PieceQuerySet, moment: str) -> PieceQuerySet:
    """Those of a trash that went at this moment, as the button says it."""
    try:
        parsed = parse_datetime(moment)
    except ValueError:
        parsed = None
    return pieces.filter(trashed_at=parsed) if parsed else Piece.objects.none()
