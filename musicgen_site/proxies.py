"""What a proxy says about a request counts only if the proxy is ours. A proxy that says too little is named.

Where SITE_URL is https, a request that does not come over https is redirected there. If a proxy ends TLS and does not
say so, or is not believed, the redirected request looks like http again, and the browser loops. Then the
answer is a page that tells the administrator what to change.
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from accounts.api_problems import problem_response
from accounts.guests import is_trusted_proxy

logger = logging.getLogger(__name__)

SAID_BY_PROXIES = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT"),
    *("HTTP_X_REAL_IP", "HTTP_FORWARDED"),
)
PROTO = "HTTP_X_FORWARDED_PROTO"
# Where a stranger's X-Forwarded-Proto is kept, for the message alone.
UNBELIEVED_PROTO = "musicgen.unbelieved_proto"

# A browser that reached the site over https is told to stay there (HSTS), so it is not redirected again and again. One
# that is redirected this often within these seconds goes in circles; it would give up itself after about 20 times.
COUNT_COOKIE = "https_redirects"
REDIRECTS_MAX = 5
REDIRECTS_SECONDS = 20

NO_HEADER = (
    "A proxy at {address} passed this request on without the header X-Forwarded-Proto, so the site cannot tell that it "
    "came over https. Make the proxy set it: in nginx, `proxy_set_header X-Forwarded-Proto $scheme;`."
)
NOT_TRUSTED = (
    "A proxy at {address} passed this request on, but TRUSTED_PROXIES does not include that address, so its header "
    "X-Forwarded-Proto is ignored. Add the address to TRUSTED_PROXIES and restart the site."
)
CIRCLES = (
    "Requests from {address} never arrive over https, although SITE_URL starts with https://. If that is a proxy, make "
    "it set X-Forwarded-Proto to https and add its address to TRUSTED_PROXIES. If the web process handles TLS itself, "
    "set SSL_REDIRECT=0."
)


class TrustedProxiesMiddleware:
    """Forgets what anybody but a proxy of ours (TRUSTED_PROXIES) says about where a request comes from.

    First of all middleware: neither Django's own (is it https?) nor any package reads such a header before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_trusted_proxy(str(request.META.get("REMOTE_ADDR", ""))):
            request.META[UNBELIEVED_PROTO] = request.META.get(PROTO, "")
            for name in SAID_BY_PROXIES:
                request.META.pop(name, None)
        elif PROTO in request.META:
            # Schemes are the same in capitals (RFC 3986, 3.1); Django compares letters.
            request.META[PROTO] = request.META[PROTO].lower()
        return self._get_response(request)


class RedirectLoopMiddleware:
    """Answers with the cause where a redirect to https would lead back to itself. Stands around SecurityMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._said: set[str] = set()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if not settings.SECURE_SSL_REDIRECT or request.is_secure() or response.status_code != 301:
            return response
        if response.get("Location") != f"https://{request.get_host()}{request.get_full_path()}":
            return response
        times = request.COOKIES.get(COUNT_COOKIE, "")
        count = int(times) if times.isascii() and times.isdecimal() and len(times) < 3 else 0
        cause = _cause(request, count)
        if cause:
            return self._tell(request, cause.format(address=request.META.get("REMOTE_ADDR") or "an unknown address"))
        response.set_cookie(COUNT_COOKIE, str(count + 1), max_age=REDIRECTS_SECONDS, httponly=True, samesite="Lax")
        return response

    def _tell(self, request: HttpRequest, sentence: str) -> HttpResponse:
        if len(self._said) < 20 and sentence not in self._said:
            # Once for each proxy: it would be a line for each request.
            self._said.add(sentence)
            logger.error("Stopped a redirect loop. %s", sentence)
        if request.path.startswith("/api/"):
            return problem_response(500, sentence, headers={"Cache-Control": "no-store"})
        page = render_to_string("500_proxy.html", {"sentence": sentence})
        return HttpResponse(page, status=500, headers={"Cache-Control": "no-store"})


def _cause(request: HttpRequest, count: int) -> str:
    """Why a redirect to https would not help; empty where it may."""
    if request.META.get(UNBELIEVED_PROTO, "").partition(",")[0].strip().lower() == "https":
        return NOT_TRUSTED
    is_ours = is_trusted_proxy(str(request.META.get("REMOTE_ADDR", "")))
    if is_ours and not request.META.get(PROTO):
        return NO_HEADER
    return CIRCLES if count >= REDIRECTS_MAX else ""
