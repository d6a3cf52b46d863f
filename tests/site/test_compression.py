"""Pages and JSON are compressed, files and what has an ETag are not, and no length tells a secret."""

import gzip
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from library.models import Piece
from tests import factories

pytestmark = pytest.mark.django_db
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def piece(alice: User) -> Piece:
    for number in range(20):
        piece = factories.make_piece(factories.member(alice), title=f"Piece {number}")
    return piece


def is_compressed(response: Any) -> bool:
    return bool(response.get("Content-Encoding") == "gzip")


@pytest.mark.parametrize("path", ["/library/", "/api/v1/pieces/", "/api/v1/schema/", "/privacy/"])
def test_pages_and_json_are_a_fraction_of_their_size(alices: Client, piece: Piece, path: str) -> None:
    plain, packed = alices.get(path), alices.get(path, headers=GZIP)
    assert not is_compressed(plain)
    assert is_compressed(packed)
    assert len(packed.content) < len(plain.content) / 2
    assert int(packed["Content-Length"]) == len(packed.content)
    assert "Accept-Encoding" in packed["Vary"]
    assert abs(len(gzip.decompress(packed.content)) - len(plain.content)) < 200, "as long as before, tokens apart"


def test_the_head_of_a_page_says_the_same_and_has_no_body(alices: Client, piece: Piece) -> None:
    response = alices.head("/library/", headers=GZIP)
    assert is_compressed(response)
    assert response.content == b""


def test_the_same_page_has_many_lengths(client: Client) -> None:
    sizes = {len(client.get("/privacy/", headers=GZIP).content) for _ in range(12)}
    assert len(sizes) > 3


def test_files_and_their_parts_are_sent_as_they_are(alices: Client, piece: Piece) -> None:
    for path in (f"/pieces/{piece.pk}/midi/", f"/api/v1/pieces/{piece.pk}/midi/"):
        for more in ({}, {"Range": "bytes=0-3"}):
            response = alices.get(path, headers=GZIP | more)
            assert not is_compressed(response)
            assert b"".join(response).startswith(b"MThd")


def test_a_version_that_was_read_can_still_be_changed(alices: Client, piece: Piece) -> None:
    address = f"/api/v1/pieces/{piece.pk}/"
    etag = alices.get(address, headers=GZIP)["ETag"]
    assert not etag.startswith("W/"), "If-Match takes strong ones alone"
    assert alices.get(address, headers=GZIP | {"If-None-Match": etag}).status_code == 304
    for status in (200, 412):
        headers = GZIP | {"If-Match": etag}
        response = alices.patch(address, {"title": "Another"}, content_type="application/json", headers=headers)
        assert response.status_code == status


def test_a_new_token_is_not_compressed_beside_the_name_that_was_sent(alices: Client) -> None:
    form = {"name": "mg_guess " * 10, "scopes": ["read"], "lasts": "0"}
    response = alices.post("/account/tokens/", form, headers=GZIP)
    assert len(response.content) > 1000
    assert not is_compressed(response)


def test_small_answers_are_left_alone(client: Client) -> None:
    assert not is_compressed(client.get("/healthz", headers=GZIP))
