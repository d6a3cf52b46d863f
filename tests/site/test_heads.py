"""A monitor that asks for the head of a page gets nothing else."""

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from musicgen_site.heads import HeadMiddleware


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"a page", headers={"Content-Length": "6", "ETag": '"1"'})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse([b"a ", b"page"], headers={"Content-Length": "6", "ETag": '"1"'})


def body(response: HttpResponseBase) -> bytes:
    return b"".join(response)


@pytest.mark.parametrize("view", [page, stream])
def test_head_has_the_headers_of_get_and_no_body(view) -> None:
    ask = HeadMiddleware(view)
    got, head = ask(RequestFactory().get("/")), ask(RequestFactory().head("/"))
    assert (body(got), body(head)) == (b"a page", b"")
    assert got.headers == head.headers
