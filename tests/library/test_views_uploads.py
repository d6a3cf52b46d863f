"""The page that takes MIDI files."""

import zipfile
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from generator.engine.midi import write_midi
from library.models import Piece
from tests.music import GRAND_PIANO, notes

pytestmark = pytest.mark.django_db
URL = "/library/upload/"
MIDI = write_midi(notes((60, 80, 0.0, 1.0), (64, 80, 1.0, 2.0)), [GRAND_PIANO], qpm=100)


@pytest.fixture
def hers(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def file(name: str, data: bytes = MIDI) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="text/html")


def sent(client: Client, *files: SimpleUploadedFile, **headers: str) -> Any:
    return client.post(URL, {"file": list(files)}, headers=headers or None)


def test_the_form_says_what_it_takes_and_how_much_room_is_left(hers: Client, alice: User) -> None:
    alice.stored_bytes = 7 * 2**20
    alice.save()
    page = hers.get(reverse("library:upload")).content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert "7 MB of 7 MB free." in page
    assert "data-full-load" in page


def test_without_a_script_the_page_tells_of_each_file(hers: Client) -> None:
    answer = sent(hers, file("Rain.mid"), file("<script>.mid", b"nothing"))
    page = answer.content.decode()
    piece = Piece.objects.get()
    assert answer.status_code == 200
    assert f'<a href="/pieces/{piece.pk}/"><bdi>Rain</bdi></a>' in page
    assert "0:02 · 1 voice · 2 notes · 100 BPM" in page
    assert "&lt;script&gt;.mid" in page
    assert "This is not a MIDI file." in page


def test_the_script_gets_the_same_as_json(hers: Client) -> None:
    answer = sent(hers, file("Rain.mid"), accept="application/json")
    piece = Piece.objects.get()
    (result,) = answer.json()["results"]
    assert result == {
        "name": "Rain.mid",
        "outcome": "accepted",
        "sentence": "",
        "title": "Rain",
        "url": f"/pieces/{piece.pk}/",
        "facts": result["facts"],
    }
    (again,) = sent(hers, file("Other.mid"), accept="application/json").json()["results"]
    assert (again["outcome"], again["url"]) == ("there", result["url"])


def test_everything_that_is_sent_is_accounted_for(hers: Client) -> None:
    files = [file("Rain.mid"), file("photo.png", b"\x89PNG"), file("._Rain.mid", b"\x00\x05"), file(".DS_Store", b"x")]
    page = sent(hers, *files).content.decode()
    assert page.count("data-outcome=") == 3
    assert "<bdi>photo.png</bdi>" in page and "This is not a MIDI file." in page
    assert "2 system files skipped" in page


def test_joiners_in_names_are_letters(hers: Client) -> None:
    """Persian "I want" is another word without its zero-width non-joiner; overrides of direction stay away."""
    sent(hers, file("می\u200cخواهم\u202e\x07.mid"))
    piece = Piece.objects.get()
    assert (piece.title, piece.file_name) == ("می\u200cخواهم", "می\u200cخواهم.mid")
    assert "می\u200cخواهم" in hers.get(f"/pieces/{piece.pk}/").content.decode()


@pytest.mark.parametrize("name", ["../../etc/passwd.mid", "C:\\Music\\passwd.mid", "a&#47;passwd.mid"])
def test_names_lead_nowhere(hers: Client, name: str) -> None:
    (result,) = sent(hers, file(name), accept="application/json").json()["results"]
    assert result["name"] == "passwd.mid"


def test_a_zip_is_known_by_its_bytes(hers: Client) -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.mid", MIDI)
    answer = sent(hers, file("music.bin", stream.getvalue()), accept="application/json")
    assert [result["name"] for result in answer.json()["results"]] == ["a.mid"]


def test_nothing_chosen_is_said(hers: Client) -> None:
    assert hers.post(URL, {}).status_code == 422
    assert hers.post(URL, {}, headers={"accept": "application/json"}).status_code == 400
    assert hers.put(URL).status_code == 405


def test_fifty_megabytes_are_refused_before_they_are_read(hers: Client) -> None:
    answer = hers.generic(
        "POST", URL, b"", CONTENT_LENGTH=str(50 * 2**20), content_type="multipart/form-data; boundary=x"
    )
    assert (answer.status_code, "The limit is 8 MB" in answer.content.decode()) == (413, True)
    assert not Piece.objects.exists()


def test_guests_are_asked_to_sign_in_and_take_nothing(guest_client: Client) -> None:
    assert guest_client.get(URL)["Location"] == f"/account/login/?next={URL}"
    assert sent(guest_client, file("a.mid")).status_code == 302
    assert not Piece.objects.exists()


def test_others_do_not_see_what_was_uploaded(hers: Client, bob: User) -> None:
    sent(hers, file("Secret.mid"))
    piece = Piece.objects.get()
    hers.force_login(bob)
    assert hers.get(f"/pieces/{piece.pk}/").status_code == 404
    assert b"Secret" not in hers.get("/library/").content


def test_the_page_of_an_uploaded_piece_says_where_it_comes_from(hers: Client) -> None:
    sent(hers, file("Rain.mid"))
    page = hers.get(f"/pieces/{Piece.objects.get().pk}/").content.decode()
    assert "Rain.mid" in page
    assert "recurrent neural network, note by note" not in page.replace("\n", " ").split("<footer")[0]
