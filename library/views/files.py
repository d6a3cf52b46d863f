"""The MIDI file of a piece."""

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.owners import owner_of
from library.file_names import file_name_of
from library.models import Piece
from library.storage_responses import StoredFile, stored_file_response


def midi_response(request: HttpRequest, piece: Piece) -> HttpResponseBase:
    """The file as it is stored, or ?inline for the player in the page."""
    file = StoredFile(
        name=str(piece.midi.name),
        size_bytes=piece.size_bytes,
        # A stored piece never changes.
        version=f"{piece.pk.hex}-{piece.size_bytes}",
        content_type="audio/midi",
        file_name=file_name_of(piece, "mid"),
    )
    return stored_file_response(request, file, inline="inline" in request.GET)


@require_safe
def piece_midi(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The MIDI file, or ?inline for the player in the page; 503 while the storage does not answer."""
    return midi_response(request, get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk))
