"""Titles, tags, notes and file names are hostile text: escaped in pages, never raw in headers and file names."""

import io
import re
import zipfile

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from accounts.models import User
from library.models import Collection, Piece, ShareLink, Tag
from tests import factories
from tests.site.test_who_may_see_what import Things, World, rows

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}{%debug%}"
TITLES = [
    f"{MARKUP} & so on",
    'x"; filename="evil.html"; filename*=UTF-8\'\'evil.html',
    "one\r\nX-Evil: yes\r\n\r\n<html>",
    "../../../etc/passwd\\..\\con.mid",
    "\u202egpj.exe\u200b\ufeff naïve 🎹 مرحبا",
    "x" * 200,
]
# What an answer may say that it is. Nothing of ours is SVG or HTML but our own pages.
PAGES = ("text/html; charset=utf-8",)
FILES = ("audio/midi", "application/zip", "audio/mpeg", "audio/wav", "audio/ogg", "image/png")
DATA = (
    "application/json",
    "application/manifest+json",
    "application/problem+json",
    "text/plain",
    "text/plain; charset=utf-8",
)


def make_hostile(alice: User, things: Things, text: str) -> None:
    """As rows, behind the back of the services, which would clean some of it."""
    Piece.objects.filter(pk__in=[things.piece.pk, things.trashed.pk]).update(
        title=text, comment=text, file_name=text, genre_name=text[:100], ensemble_name=text[:100],
        style_name=text[:100], key=text[:30], facts={"sentences": [text], "faults": [text], "originality": text},
        voices=[{"name": text, "program": 0, "is_drum": False}], params={"ensemble": "grand-piano", "style": text},
    )  # fmt: skip
    things.piece.tags.add(Tag.objects.create(owner=alice, name=text[:50]))
    Collection.objects.filter(pk=things.collection.pk).update(title=text, description=text)


def check_headers(response: HttpResponseBase) -> None:
    for name, value in response.items():
        assert name.lower() != "x-evil"
        assert "\n" not in value and "\r" not in value
        assert "<" not in value or name == "Link", (name, value)
    disposition = response.get("Content-Disposition", "")
    if "filename" in disposition:
        name = r"""(filename="[A-Za-z0-9_.-]+"|filename\*=utf-8''[A-Za-z0-9_.%-]+)"""
        assert re.fullmatch(f"(attachment|inline); {name}", disposition), disposition
        assert not disposition.rstrip('"').endswith((".html", ".svg", ".exe"))


def check_body(response: HttpResponseBase) -> None:
    kind = response.get("Content-Type", "")
    content = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    if not content:
        return
    assert kind in (*PAGES, *FILES, *DATA), kind
    if kind in PAGES:
        page = content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "onerror=alert(2)>" not in page
        assert "49" not in re.findall(r"`(\d+)\{", page), "no template was run"
    elif kind in FILES:
        assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("title", TITLES, ids=range(len(TITLES)))
@pytest.mark.django_db
def test_hostile_text_on_every_page_and_in_every_header(title: str) -> None:
    world = World()
    client, things = world.persons["owner"]
    make_hostile(User.objects.get(username="alice"), things, title)
    escaped = 0
    for method, name, kind, statuses in rows():
        if method != "GET" or statuses[2] >= 400 or name in ("api:schema", "ready"):
            continue
        response = client.get(reverse(name, args=things.args(kind)))
        assert response.status_code < 500, name
        check_headers(response)
        check_body(response)
        escaped += b"&lt;script&gt;alert(1)" in getattr(response, "content", b"")
    assert (escaped > 3) == ("<script>" in title), "the pages show it as text"


@pytest.mark.django_db
@pytest.mark.parametrize("title", TITLES, ids=range(len(TITLES)))
def test_what_comes_through_the_services_is_clean_or_refused(alice: User, client: Client, title: str) -> None:
    """As a person would send it: over the API."""
    client.force_login(alice)
    piece = factories.make_piece(factories.member(alice), title="Before")
    address = reverse("api:piece", args=[piece.pk])
    change = {"title": title, "comment": title, "tags": [title[:50]]}
    response = client.patch(address, change, content_type="application/json", headers={"If-Match": "*"})
    assert response.status_code in (200, 400)
    piece.refresh_from_db()
    for kept in (piece.title, piece.comment, *piece.tags.values_list("name", flat=True)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200b\ufeff]", kept)
    assert "\n" not in piece.title


@pytest.mark.django_db
def test_a_zip_of_voices_has_names_that_stay_in_their_folder(alice: User, client: Client) -> None:
    client.force_login(alice)
    for title in TITLES:
        piece = factories.make_piece(factories.member(alice), title=title)
        response = client.get(reverse("api:piece-voices", args=[piece.pk]))
        assert response.status_code in (200, 409)
        if response.status_code == 200:
            for name in zipfile.ZipFile(io.BytesIO(response.content)).namelist():
                assert re.fullmatch(r"[\w-]+(/[\w-]+)?\.mid", name), name


@pytest.mark.django_db
def test_a_shared_page_escapes_what_others_read(alice: User) -> None:
    piece = factories.make_piece(factories.member(alice), title=TITLES[0], comment=TITLES[0])
    link = ShareLink.objects.create(piece=piece)
    page = Client().get(reverse("library:shared", args=[link.token])).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert alice.username not in page
