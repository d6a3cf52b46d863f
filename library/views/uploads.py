"""The page that takes a member's own MIDI files, and zips of them."""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.owners import Owner
from accounts.quotas import quota_of, stored_bytes_left
from library import services
from library.models import Piece
from library.services.uploads import MAX_ZIP_BYTES, is_system_file, shown_name, skipped
from library.templatetags.music import accidentals, clock, whole
from library.upload_facts import MAX_UPLOAD_BYTES, MIDI_ENDINGS

ZIP_MAGIC = b"PK\x03\x04"
# A plain form may bring many files at once; those that one request has no time for are to be sent again.
MAX_SECONDS = 20.0


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """A form that works by itself; the page's script sends one file after the other and wants JSON."""
    if not isinstance(request.user, User) or request.method != "POST":
        return _page(request)
    results = _all_taken(request.user, request.FILES.getlist("file"))
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"results": [_as_data(result) for result in results]}, status=200 if results else 400)
    return _page(request, results, status=200 if results else 422)


def _all_taken(user: User, files: list[UploadedFile]) -> list[services.UploadResult]:
    """What became of each; those that computers wrote for themselves are not looked into."""
    results: list[services.UploadResult] = []
    ends_at = time.monotonic() + MAX_SECONDS
    names = [file.name or "" for file in files]
    for file in files:
        if is_system_file(file.name or ""):
            continue
        if time.monotonic() > ends_at:
            sentence = "Time ran out before this file. Upload it again."
            results.append(services.UploadResult(shown_name(file.name or ""), services.Outcome.FAILED, None, sentence))
        else:
            results += _taken(user, file)
    return [*results, *skipped(name for name in names if is_system_file(name))]


def _taken(user: User, file: UploadedFile) -> list[services.UploadResult]:
    name = file.name or ""
    if name.lower().endswith(".zip") or file.read(4) == ZIP_MAGIC:
        file.seek(0)
        return services.zip_upload(user=user, data=file.read(MAX_ZIP_BYTES + 1), file_name=name)
    file.seek(0)
    return [services.piece_upload(user=user, midi=file.read(MAX_UPLOAD_BYTES + 1), file_name=name)]


def _as_data(result: services.UploadResult) -> dict[str, Any]:
    data: dict[str, Any] = {"name": result.name, "outcome": result.outcome, "sentence": result.sentence}
    if result.count > 1:
        data["count"] = result.count
    if result.piece is not None:
        data |= {"title": result.piece.title, "url": reverse("library:piece", args=[result.piece.pk])}
        data["facts"] = facts_line(result.piece)
    return data


def facts_line(piece: Piece) -> str:
    """The details of a piece that was just uploaded: "3:05 · 4 voices · 1,204 notes · 102 BPM · C minor"."""
    voices = len(piece.voices)
    parts = [clock(piece.length_seconds), f"{voices} voice{'s' if voices != 1 else ''}"]
    parts.append(f"{piece.notes_count:,} note{'s' if piece.notes_count != 1 else ''}")
    if piece.qpm:
        parts.append(f"{whole(piece.qpm)} BPM")
    if piece.key:
        parts.append(accidentals(piece.key))
    return " · ".join(parts)


def _page(request: HttpRequest, results: list[services.UploadResult] | None = None, status: int = 200) -> HttpResponse:
    owner = Owner(user=request.user if isinstance(request.user, User) else None)
    context = {
        "results": [_as_data(result) for result in results or ()],
        "nothing_chosen": results == [],
        "midi_endings": MIDI_ENDINGS,
        "max_midi_bytes": MAX_UPLOAD_BYTES,
        "max_zip_bytes": MAX_ZIP_BYTES,
        "left_megabytes": stored_bytes_left(owner) // 2**20,
        "max_midi_megabytes": MAX_UPLOAD_BYTES // 2**20,
        "max_zip_megabytes": -(-MAX_ZIP_BYTES // 2**20),
        "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "max_body_megabytes": settings.BODY_BYTES // 2**20,
        "quota_megabytes": quota_of(owner).stored_bytes // 2**20,
        "nav": "library",
    }
    return render(request, "library/upload.html", context, status=status)
