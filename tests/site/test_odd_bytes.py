"""No text that a stranger can send is a fault of ours (500): on every address of the site, whatever the database."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, SlugConverter, StringConverter, UUIDConverter

from accounts.models import User
from library.models import ShareLink
from tests import factories

pytestmark = pytest.mark.django_db

UUID = "00000000-0000-0000-0000-000000000001"
# As they stand in an address: NUL, not UTF-8, half a character, an overlong slash, line ends, much of it.
ODD = ["a%00b", "%FF", "%ED%A0%80", "%C0%AF", "%0D%0A", "%F0%9F%8E%B9%E2%80%AE", "a" * 3000]
KNOWN: dict[type, list[str]] = {
    IntConverter: ["1", "9" * 40],
    UUIDConverter: [UUID],
    SlugConverter: ["mp3", "a" * 3000],
    StringConverter: ["abc", *ODD],
}
FIELDS = (
    "q",
    "title",
    "username",
    "login",
    "password1",
    "email",
    "name",
    "next",
    "tag",
    "page",
    "sort",
    "genre",
    "file",
)


def addresses(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Every address of the site; where something variable stands in it, one for each kind of it."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from addresses(entry, before + _text(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield before + _text(entry.pattern)


def _text(pattern: Any) -> str:
    return str(getattr(pattern, "_route", "")) or ""


def filled(route: str) -> Iterator[str]:
    """The route with each of the values in the place of its variables."""
    if "<" not in route:
        yield route
        return
    head, _, rest = route.partition("<")
    variable, _, tail = rest.partition(">")
    kind, _, _ = variable.rpartition(":")
    values: dict[str, list[str]] = {
        "int": KNOWN[IntConverter], "uuid": KNOWN[UUIDConverter], "slug": KNOWN[SlugConverter],
        "str": KNOWN[StringConverter], "": KNOWN[StringConverter], "path": [*KNOWN[StringConverter], "1/change", UUID],
    }  # fmt: skip
    for value in values[kind]:
        for more in filled(tail):
            yield f"{head}{value}{more}"


ROUTES = sorted(set(addresses(get_resolver())))
PARTS = sorted({route.partition("/")[0] for route in ROUTES})


def below(part: str) -> list[str]:
    """The addresses of a part of the site; not those that end the session."""
    return [route for route in ROUTES if route.partition("/")[0] == part and "logout" not in route]


@pytest.fixture
def browser(alice: User) -> Client:
    """Of an administrator, who may go everywhere; a fault is an answer and no exception, as it is for visitors."""
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


def send(client: Client, method: str, address: str, **options: Any) -> Any:
    """The address as it travels: Django's client would take it apart first."""
    path, _, question = address.partition("?")
    travelled = unquote_to_bytes(path).decode("latin-1")
    return client.generic(method, "/", **options, QUERY_STRING=question, PATH_INFO=travelled)


def is_fault(response: Any, route: str) -> bool:
    return response.status_code >= 500 and (route, response.status_code) != ("readyz", 503)


def test_the_walk_finds_the_addresses() -> None:
    assert len(ROUTES) > 100
    assert "s/<str:token>/" in ROUTES and "admin/" in ROUTES and "api/v1/pieces/<uuid:pk>/" in ROUTES
    assert "s/a%00b/" in filled("s/<str:token>/")


@pytest.mark.parametrize("part", PARTS)
def test_odd_addresses(browser: Client, part: str) -> None:
    for route, number, address in ((one, *numbered) for one in below(part) for numbered in enumerate(filled(one))):
        # The question once for each page.
        for odd in ("",) if number else ("", "?q=%00", "?%00=1", "?q=%FF%ED%A0%80&page=%FF"):
            response = send(browser, "GET", f"/{address}{odd}")
            assert not is_fault(response, route), (address[:200], odd, response.status_code)
            if "%00" in address:
                assert response.status_code == 404, address
            elif "%00" in odd:
                assert response.status_code == 400, (address[:200], odd)


@pytest.mark.parametrize("part", PARTS)
def test_odd_forms_and_bodies(browser: Client, part: str) -> None:
    for route, odd in ((route, odd) for route in below(part) for odd in ("a\x00b", "\ud800")):
        address = f"/{next(filled(route))}"
        form = "".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{odd}\r\n' for name in FIELDS
        )
        body = json.dumps({**dict.fromkeys(FIELDS, odd), odd: [{"a": odd}]})
        for content_type, data in (
            (MULTIPART_CONTENT, f"{form}--{BOUNDARY}--\r\n".encode("utf-8", "surrogatepass")),
            ("application/x-www-form-urlencoded", ("&".join(f"{name}=%00" for name in FIELDS)).encode()),
            ("application/json", body.encode()),
        ):
            for method in ("POST", "PUT", "PATCH") if part == "api" else ("POST",):
                response = send(browser, method, address, data=data, content_type=content_type)
                assert not is_fault(response, route), (method, address, content_type, odd, response.status_code)


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages", "other"])
@pytest.mark.parametrize("value", ['"abcdefgh\\000ijkl"', "a" * 5000, '"\\377\\376abcdefgh"', "=;=", "\xed\xa0\x80"])
def test_odd_cookies(name: str, value: str) -> None:
    client = Client(raise_request_exception=False)
    for address in ("/", "/library/", "/api/v1/me/", "/account/login/", "/s/abc/"):
        response = client.get(address, headers={"Cookie": f"{name}={value}"})
        assert response.status_code < 500, (address, response.status_code)
        if "\\000" in value:
            assert response.status_code == 400


@pytest.mark.parametrize(
    "name", ["User-Agent", "Idempotency-Key", "Authorization", "If-Match", "If-None-Match", "Range", "Accept-Language"]
)
@pytest.mark.parametrize(
    "value", ["a" * 7000, "Bearer \xff\xfe", "Guest gt_\xe9", '"\xe9', "a\x00b", "bytes=0-" + "9" * 40]
)
def test_odd_headers(browser: Client, alice: User, name: str, value: str) -> None:
    factories.make_genre()
    piece = factories.make_piece(factories.member(alice))
    wanted = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 20}
    headers = {name: value}
    answers = [
        browser.get("/library/", headers=headers),
        browser.get(f"/pieces/{piece.pk}/midi/", headers=headers),
        browser.get(f"/api/v1/pieces/{piece.pk}/", headers=headers),
        browser.patch(f"/api/v1/pieces/{piece.pk}/", {"title": "A"}, content_type="application/json", headers=headers),
        browser.post("/api/v1/generations/", wanted, content_type="application/json", headers=headers),
        Client(raise_request_exception=False).post(
            "/account/signup/", {"username": "dora", "password1": "a-long-password-of-dora"}, headers=headers
        ),
    ]
    for response in answers:
        assert response.status_code < 500, (response.request["PATH_INFO"], response.status_code)


@pytest.mark.parametrize(
    "odd", ["p=%00", "p=\x00", "p=\ud800", "o=" + "9" * 40, "r=1&p=" + "9" * 500, "\x00", "p=0001-01-01"]
)
def test_odd_cursors(browser: Client, odd: str) -> None:
    """They are text of ours in base64: what is in it does not show in the address."""
    cursor = b64encode(odd.encode("utf-8", "surrogatepass")).decode()
    for address in ("pieces", "trash", "generations", "collections", "tags", "exports"):
        response = browser.get(f"/api/v1/{address}/", {"cursor": cursor})
        assert response.status_code < 500, (address, response.status_code)


def test_a_link_that_exists_is_still_found(alice: User) -> None:
    link = ShareLink.objects.create(piece=factories.make_piece(factories.member(alice)))
    assert Client().get(f"/s/{link.token}/").status_code == 200
    assert Client().get("/s/%00/").status_code == 404
