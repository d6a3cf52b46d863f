"""Pages and JSON are sent compressed, with a length that reveals nothing about their content.

Compression can betray a secret that stands beside text of an attacker's choice (BREACH): a right guess makes the answer
shorter. So each answer is padded by up to 100 random bytes (Heal the BREACH, which is Django's), CSRF tokens are masked
differently each time, and the answer to a form is sent as it is: a new API token is shown in one, once, beside the name
that was sent for it.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

# Below that the header of gzip and the padding cost more than they save.
LEAST_BYTES = 1000
KINDS = ("text/", "application/json", "application/problem+json", "application/manifest+json", "application/vnd.oai")


class CompressionMiddleware(GZipMiddleware):
    """Leaves alone what streams (files, which have ranges) and what has an ETag: compressing would make that a weak
    one, and If-Match, with which the API changes a piece, takes strong ones alone (RFC 9110, 13.1.1)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if (
            request.method not in ("GET", "HEAD")
            or response.streaming
            or response.has_header("ETag")
            or not response.get("Content-Type", "").startswith(KINDS)
            or len(getattr(response, "content", b"")) < LEAST_BYTES
        ):
            return response
        return super().process_response(request, response)
