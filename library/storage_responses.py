"""Stored files as HTTP answers: parts of them (Range), unchanged ones (ETag), downloads straight from the bucket.

Access is checked before: nothing here looks at owners.
"""

import logging
import re
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import content_disposition_header

logger = logging.getLogger(__name__)

# Up to here a file is read before the answer begins, so that a storage that fails can still be said.
READ_AT_ONCE_BYTES = 2**20

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in storage, and how it is handed out.

    Attributes:
        name: in storage.
        size_bytes: as its row says.
        version: changes whenever the bytes do, such as a checksum; for the ETag.
        content_type: such as audio/midi; browsers are told not to guess another.
        file_name: under which a download is saved. May hold anything: it is escaped for the header.
    """

    name: str
    size_bytes: int
    version: str
    content_type: str
    file_name: str

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


def stored_file_response(request: HttpRequest, file: StoredFile, *, inline: bool = False) -> HttpResponseBase:
    """The file, a part of it, 304 where the client has it, 404 where it is gone, 503 while the storage is away.

    `inline` is for what the page itself fetches: it always comes through our own address. A download (not inline)
    is redirected to the bucket where S3_DOWNLOADS says so, and the object is there: the bucket's own answers to whoever
    asks for one that is gone are for programs.
    """
    unchanged = get_conditional_response(request, etag=file.etag)
    if unchanged is not None:
        return _private(unchanged, file)
    try:
        # An address is signed for GET alone.
        if not inline and request.method == "GET" and settings.S3_DOWNLOADS == "redirect":
            url = _download_url(file)
            if url:
                return _private(HttpResponseRedirect(url), file, varies=True)
        response = _whole_or_part(request, file)
    except FileNotFoundError:
        logger.error("The stored file %s is gone.", file.name)
        return render(request, "404.html", {"missing_file": True}, status=404)
    except OSError:
        logger.exception("The stored file %s cannot be read.", file.name)
        return render(request, "503.html", status=503)
    response["Content-Type"] = file.content_type
    response["Content-Disposition"] = content_disposition_header(not inline, file.file_name) or "inline"
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    # Should a browser ever show one as a page, it may do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return _private(response, file)


def _download_url(file: StoredFile) -> str | None:
    """Where the bucket itself hands it out; None on a disk. Raises OSError where it is gone or the bucket is away."""
    url: str | None = default_storage.download_url(  # type: ignore[attr-defined]
        file.name, file_name=file.file_name, content_type=file.content_type
    )
    if url and not default_storage.exists(file.name):
        raise FileNotFoundError(f"{file.name} is not stored.")
    return url


def _whole_or_part(request: HttpRequest, file: StoredFile) -> HttpResponse | StreamingHttpResponse:
    wanted = _wanted_range(request, file)
    if wanted is None:
        return _bytes_of(file, 0, file.size_bytes, status=200)
    start, end = wanted
    if start >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size_bytes}"})
    response = _bytes_of(file, start, end, status=206)
    response["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    return response


def _bytes_of(file: StoredFile, start: int, end: int, *, status: int) -> HttpResponse | StreamingHttpResponse:
    # All of it is asked for without a range: a file that is shorter or longer than its row says is still whole.
    part = {} if status == 200 else {"start": start, "length": end - start}
    chunks = default_storage.stream(file.name, **part)  # type: ignore[attr-defined]
    if end - start > READ_AT_ONCE_BYTES:
        return StreamingHttpResponse(chunks, status=status, headers={"Content-Length": str(end - start)})
    data = b"".join(chunks)
    return HttpResponse(data, status=status, headers={"Content-Length": str(len(data))})


def _wanted_range(request: HttpRequest, file: StoredFile) -> tuple[int, int] | None:
    """First byte and the one after the last; None for all of it. One range is served; of several, all of the file."""
    given = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or given is None or given.groups() == ("", ""):
        return None
    if request.headers.get("If-Range", file.etag) != file.etag:
        return None
    first, last = given.groups()
    if not first:
        return max(0, file.size_bytes - int(last)), file.size_bytes
    if last and int(last) < int(first):
        return None
    return int(first), min(file.size_bytes, int(last) + 1) if last else file.size_bytes


def _private(response: HttpResponseBase, file: StoredFile, *, varies: bool = False) -> HttpResponseBase:
    """Kept by the browser alone, and asked for again each time: access may have ended. A redirect is never kept."""
    if varies:
        patch_cache_control(response, private=True, no_store=True)
        return response
    response["ETag"] = file.etag
    patch_cache_control(response, private=True, no_cache=True)
    return response
