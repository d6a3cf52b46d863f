"""Stored files as answers: whole, in part, unchanged, gone, out of reach."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponseBase
from django.test import RequestFactory

from library import storage_responses
from library.storage_responses import StoredFile, stored_file_response
from tests.stored import in_bucket_alone, on_disk_alone

MUSIC = bytes(range(100))
FILE = StoredFile(
    name="pieces/responses.mid", size_bytes=100, version="v1", content_type="audio/midi", file_name="a.mid"
)


@pytest.fixture(autouse=True)
def stored() -> Iterator[None]:
    default_storage.save(FILE.name, ContentFile(MUSIC))
    yield
    default_storage.delete(FILE.name)


@pytest.fixture(params=["at once", "streamed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which bytes leave."""
    if request.param == "streamed":
        monkeypatch.setattr(storage_responses, "READ_AT_ONCE_BYTES", 0)


def ask(*, file: StoredFile = FILE, inline: bool = True, method: str = "GET", **headers: str) -> HttpResponseBase:
    return stored_file_response(RequestFactory().generic(method, "/", headers=headers), file, inline=inline)


def body(response: HttpResponseBase) -> bytes:
    content = b"".join(response)
    assert int(response["Content-Length"]) == len(content)
    return content


def test_the_whole_file(way: None) -> None:
    response = ask()
    assert (response.status_code, body(response)) == (200, MUSIC)
    assert response["Content-Type"] == "audio/midi"
    assert response["ETag"] == '"v1"'
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert set(response["Cache-Control"].split(", ")) == {"private", "no-cache"}


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-0", 0, 1), ("10-19", 10, 20), ("90-", 90, 100), ("-10", 90, 100), ("-1000", 0, 100), ("50-1000", 50, 100)],
)
def test_a_part(way: None, asked: str, start: int, end: int) -> None:
    response = ask(Range=f"bytes={asked}")
    assert (response.status_code, body(response)) == (206, MUSIC[start:end])
    assert response["Content-Range"] == f"bytes {start}-{end - 1}/100"


@pytest.mark.parametrize("asked", ["100-", "100-120", "-0"])
def test_a_part_that_is_not_there(asked: str) -> None:
    response = ask(Range=f"bytes={asked}")
    assert (response.status_code, response["Content-Range"]) == (416, "bytes */100")


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=9-3", "bytes=-", "items=0-1", "bytes=a-b", "bytes=" + "9" * 40]
)
def test_what_is_no_single_range_gets_all_of_it(asked: str) -> None:
    assert (ask(Range=asked).status_code, body(ask(Range=asked))) == (200, MUSIC)


def test_a_part_of_what_has_changed_is_all_of_it() -> None:
    assert ask(Range="bytes=0-9", If_Range='"v1"').status_code == 206
    assert body(ask(Range="bytes=0-9", If_Range='"v0"')) == MUSIC


def test_what_the_browser_has_is_not_sent_again() -> None:
    response = ask(If_None_Match='"v0", "v1"')
    assert (response.status_code, response["ETag"]) == (304, '"v1"')
    assert ask(If_None_Match='"v0"').status_code == 200
    assert ask(If_Match='"v0"').status_code == 412


@pytest.mark.parametrize(
    ("title", "header"),
    [
        ('a"b.mid', r'attachment; filename="a\"b.mid"'),
        ("été.mid", "attachment; filename*=utf-8''%C3%A9t%C3%A9.mid"),
        ("a\r\nSet-Cookie: x=1.mid", "attachment; filename*=utf-8''a%0D%0ASet-Cookie%3A%20x%3D1.mid"),
    ],
)
def test_a_hostile_name_stays_in_its_header(title: str, header: str) -> None:
    response = ask(file=StoredFile(FILE.name, 100, "v1", "audio/midi", title), inline=False)
    assert response["Content-Disposition"] == header


def test_a_file_that_is_gone_and_a_storage_that_is_away(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    assert ask(file=StoredFile("pieces/none.mid", 1, "v1", "audio/midi", "a.mid")).status_code == 404

    def away(*args: Any, **kwargs: Any) -> None:
        raise OSError("no answer")

    monkeypatch.setattr(type(default_storage._wrapped), "stream", away)  # type: ignore[attr-defined]
    response = ask()
    assert response.status_code == 503
    assert "no-cache" not in response.get("Cache-Control", ""), "an error is not the file"


@on_disk_alone
def test_a_file_on_our_disk_is_never_redirected_to(settings: Any) -> None:
    settings.S3_DOWNLOADS = "redirect"
    assert ask(inline=False).status_code == 200


@in_bucket_alone
class TestRedirects:
    """S3_DOWNLOADS=redirect: whoever may have a file fetches it from the bucket."""

    @pytest.fixture(autouse=True)
    def redirect(self, settings: Any) -> None:
        settings.S3_DOWNLOADS = "redirect"

    def test_a_download_comes_from_the_bucket_for_five_minutes(self) -> None:
        response = ask(inline=False)
        assert response.status_code == 302
        assert set(response["Cache-Control"].split(", ")) == {"private", "no-store"}
        assert "X-Amz-Expires=300" in response["Location"]
        with urllib.request.urlopen(response["Location"], timeout=30) as answer:  # noqa: S310  our own server
            assert answer.read() == MUSIC
            assert answer.headers["Content-Disposition"] == 'attachment; filename="a.mid"'
            assert answer.headers["Content-Type"] == "audio/midi"

    def test_the_page_itself_fetches_from_us(self) -> None:
        """The player's requests stay within our own address, as the policy of the page demands."""
        response = ask(inline=True, Range="bytes=0-9")
        assert (response.status_code, body(response)) == (206, MUSIC[:10])

    def test_what_is_known_is_not_fetched_again(self) -> None:
        assert ask(inline=False, If_None_Match='"v1"').status_code == 304

    def test_a_question_for_the_head_is_answered_by_us(self) -> None:
        """The address of the bucket is signed for GET alone."""
        response = ask(inline=False, method="HEAD")
        assert (response.status_code, response["Content-Length"]) == (200, "100")

    def test_a_file_that_is_gone_is_said_by_our_page(self) -> None:
        default_storage.delete(FILE.name)
        assert ask(inline=False).status_code == 404

    def test_nobody_is_sent_to_a_bucket_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(name: str) -> bool:
            raise OSError("no answer")

        monkeypatch.setattr(default_storage, "exists", away)
        assert ask(inline=False).status_code == 503
