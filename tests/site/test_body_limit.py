"""Bodies that are too large are refused unread."""

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from musicgen_site.body_limit import BodyLimitMiddleware


def answer(path: str, length: Any) -> HttpResponse:
    request = RequestFactory().get(path, CONTENT_LENGTH=str(length))

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("reached")

    return BodyLimitMiddleware(view)(request)


@pytest.mark.parametrize("length", ["", "0", "5", settings.BODY_BYTES, "x", "-1", "²"])
def test_what_is_small_passes(length: Any) -> None:
    assert answer("/", length).content == b"reached"


@pytest.mark.parametrize("length", [settings.BODY_BYTES + 1, "9" * 19, "9" * 5000])
def test_what_is_large_is_refused_in_a_sentence(length: Any) -> None:
    page, api = answer("/", length), answer("/api/v1/generations/", length)
    assert (page.status_code, api.status_code) == (413, 413)
    assert page.content.decode() == "That's too large. The limit is 8 MB."
    assert api["Content-Type"] == "application/problem+json"


def test_an_administrator_may_upload_a_bundle() -> None:
    assert answer("/admin/generator/", 33 * 2**20).content == b"reached"
    assert answer("/admin/generator/", 35 * 2**20).status_code == 413


def test_it_stands_before_whatever_reads_a_body(client: Client) -> None:
    """The check against forged requests reads forms, files included."""

    class Body:
        def read(self, *size: int) -> bytes:
            raise AssertionError("it was read")

        readline = read

    response = client.generic(
        "POST",
        "/api/v1/generations/",
        content_type="multipart/form-data; boundary=x",
        **{"CONTENT_LENGTH": str(10**9), "wsgi.input": Body()},  # type: ignore[arg-type]
    )
    assert response.status_code == 413
