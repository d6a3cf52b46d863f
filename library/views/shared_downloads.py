"""Downloads through a share link: anyone who has it can download every file of the piece, and request audio files."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from library.views.downloads import downloads_context, known_format, sound_response, voices_response
from library.views.sharing import closed, gone, open_link


@require_safe
@never_cache
def shared_downloads(request: HttpRequest, token: str) -> HttpResponse:
    link = open_link(token)
    if link is None:
        return gone(request, token)
    context = downloads_context(request, link.piece, token=token)
    return closed(render(request, "library/_downloads.html", context))


@require_safe
def shared_voices(request: HttpRequest, token: str) -> HttpResponseBase:
    link = open_link(token)
    return voices_response(request, link.piece, token=token) if link else gone(request, token)


@require_http_methods(["GET", "HEAD", "POST"])
def shared_audio(request: HttpRequest, token: str, audio_format: str) -> HttpResponseBase:
    known_format(audio_format)
    link = open_link(token)
    return sound_response(request, link.piece, audio_format, token=token) if link else gone(request, token)
