"""Downloads of a piece beyond its MIDI file: its voices, its sound files, and many pieces at once."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.owners import owner_of
from library import services
from library.downloads import MAX_ZIP_PIECES, pieces_zip, read_midi_file, voices_zip
from library.file_names import file_name_of
from library.models import Piece, Rendering
from library.querysets import PieceQuerySet
from library.services.renderings import rendering_version
from library.storage_responses import StoredFile, stored_file_response
from library.views.back import back
from library.views.bulk import chosen_pieces

CONTENT_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg"}
FORMAT_HINTS = {
    "mp3": "Plays everywhere.",
    "wav": "Uncompressed, for editing.",
    "ogg": "Small and open.",
}


def known_format(audio_format: str) -> None:
    if audio_format not in Rendering.Format.values:
        raise Http404


def audible_piece(request: HttpRequest, pk: UUID) -> Piece:
    return get_object_or_404(Piece.objects.visible_to(owner_of(request)), pk=pk)


def downloads_context(request: HttpRequest, piece: Piece, error: str = "", *, token: str = "") -> dict[str, Any]:
    """What library/_downloads.html shows: each format with its rendering, where there is one.

    `token` is that of the link by which the piece was shared with whoever asks: then the addresses are the link's.
    """
    renderings = {rendering.format: rendering for rendering in piece.renderings.all()}
    whose, key = ("shared", token) if token else ("piece", str(piece.pk))
    formats = [
        {
            "format": name,
            "label": Rendering.Format(name).label,
            "hint": hint,
            "rendering": renderings.get(name),
            "url": reverse(f"library:{whose}-audio", args=[key, name]),
        }
        for name, hint in FORMAT_HINTS.items()
    ]
    is_mine = not token and Piece.objects.owned_by(owner_of(request)).filter(pk=piece.pk).exists()
    running = any(rendering is not None and not rendering.is_finished for rendering in renderings.values())
    return {
        "piece": piece,
        "formats": formats,
        "midi_url": reverse(f"library:{whose}-midi", args=[key]),
        "voices_url": reverse(f"library:{whose}-voices", args=[key]),
        "block_url": reverse(f"library:{whose}-downloads", args=[key]),
        "downloads_error": error,
        "downloads_running": running,
        "may_cancel": is_mine,
    }


@require_safe
@never_cache
def piece_downloads(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The block of downloads alone, for the page to look again while a sound file is being made."""
    return render(request, "library/_downloads.html", downloads_context(request, audible_piece(request, pk)))


@require_safe
def piece_voices(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """A zip with one MIDI file per voice."""
    return voices_response(request, audible_piece(request, pk))


def voices_response(request: HttpRequest, piece: Piece, *, token: str = "") -> HttpResponseBase:
    try:
        data = voices_zip(piece, read_midi_file(piece))
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return _to_downloads(piece, token)
    except FileNotFoundError:
        return render(request, "404.html", {"missing_file": True}, status=404)
    except OSError:
        return render(request, "503.html", status=503)
    return attachment(HttpResponse(data, content_type="application/zip"), file_name_of(piece, "zip", part="voices"))


@require_http_methods(["GET", "HEAD", "POST"])
def piece_audio(request: HttpRequest, pk: UUID, audio_format: str) -> HttpResponseBase:
    """GET: the sound file where it is ready, else the page of the piece. POST asks for it."""
    known_format(audio_format)
    return sound_response(request, audible_piece(request, pk), audio_format)


def sound_response(request: HttpRequest, piece: Piece, audio_format: str, *, token: str = "") -> HttpResponseBase:
    if request.method != "POST":
        return audio_response(request, piece, audio_format, token=token)
    error = ""
    try:
        services.rendering_request(piece=piece, audio_format=audio_format, owner=owner_of(request))
    except ValidationError as refused:
        error = refused.messages[0]
    return _block_or_page(request, piece, error, token=token)


@require_POST
def piece_audio_cancel(request: HttpRequest, pk: UUID, audio_format: str) -> HttpResponse:
    """Its owner does not want the sound file any more."""
    piece = get_object_or_404(Piece.objects.in_library(owner_of(request)), pk=pk)
    services.rendering_cancel(rendering=get_object_or_404(piece.renderings, format=audio_format))
    return _block_or_page(request, piece)


def audio_response(request: HttpRequest, piece: Piece, audio_format: str, *, token: str = "") -> HttpResponseBase:
    rendering = piece.renderings.filter(format=audio_format, status=Rendering.Status.SUCCEEDED).first()
    if rendering is None:
        return _to_downloads(piece, token)
    file = StoredFile(
        name=str(rendering.file.name),
        size_bytes=rendering.size_bytes,
        version=rendering_version(rendering),
        content_type=CONTENT_TYPES[audio_format],
        file_name=file_name_of(piece, audio_format),
    )
    response = stored_file_response(request, file)
    if response.status_code == 404:
        services.rendering_missing(rendering=rendering)
    else:
        services.rendering_used(rendering=rendering)
    return response


@require_POST
def bulk_zip(request: HttpRequest) -> HttpResponseBase:
    """The MIDI files of the chosen pieces as one zip, sent while it is being made."""
    response = zip_response(chosen_pieces(request))
    if response is None:
        messages.info(request, "Select some pieces first.")
        return back(request, "library:pieces")
    return response


def zip_response(chosen: PieceQuerySet) -> HttpResponseBase | None:
    """The zip of pieces, the newest first; None where there are none."""
    pieces = list(chosen.newest_first()[:MAX_ZIP_PIECES])
    if not pieces:
        return None
    return attachment(StreamingHttpResponse(pieces_zip(pieces), content_type="application/zip"), "pieces.zip")


def attachment(response: HttpResponseBase, file_name: str) -> HttpResponseBase:
    response["Content-Disposition"] = content_disposition_header(True, file_name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_store=True)
    return response


def _to_downloads(piece: Piece, token: str = "") -> HttpResponse:
    page = reverse("library:shared", args=[token]) if token else reverse("library:piece", args=[piece.pk])
    return HttpResponseRedirect(f"{page}#downloads")


def _block_or_page(request: HttpRequest, piece: Piece, error: str = "", *, token: str = "") -> HttpResponse:
    """Answers a form: the page's script wants the block alone, a browser without it goes back to the page."""
    if request.headers.get("X-Block") == "downloads":
        context = downloads_context(request, piece, error, token=token)
        return render(request, "library/_downloads.html", context, status=422 if error else 200)
    if error:
        messages.error(request, error)
    return _to_downloads(piece, token)
