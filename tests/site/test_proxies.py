"""A stranger cannot say where a request comes from, or that it came over https."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from musicgen_site.proxies import TrustedProxiesMiddleware


def pass_on(remote: str, **headers: str) -> HttpRequest:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    TrustedProxiesMiddleware(view)(RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers))
    return seen[0]


@pytest.mark.parametrize(("remote", "is_believed"), [("10.1.2.3", True), ("192.0.2.9", False), ("", False)])
def test_headers_of_strangers_are_forgotten(settings: Any, remote: str, is_believed: bool) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    request = pass_on(remote, X_Forwarded_Proto="https", X_Forwarded_For="203.0.113.1", Forwarded="for=203.0.113.1")
    assert request.is_secure() is is_believed
    assert ("X-Forwarded-For" in request.headers) is is_believed
    assert ("Forwarded" in request.headers) is is_believed
