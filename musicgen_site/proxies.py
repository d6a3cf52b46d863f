"""What a proxy says about a request counts only where the proxy is ours."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.guests import is_trusted_proxy

SAID_BY_PROXIES = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT"),
    *("HTTP_X_REAL_IP", "HTTP_FORWARDED"),
)


class TrustedProxiesMiddleware:
    """Forgets what anybody but a proxy of ours (TRUSTED_PROXIES) says about where a request comes from.

    First of all middleware: neither Django's own (is it https?) nor any package reads such a header before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_trusted_proxy(str(request.META.get("REMOTE_ADDR", ""))):
            for name in SAID_BY_PROXIES:
                request.META.pop(name, None)
        return self._get_response(request)
