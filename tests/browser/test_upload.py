"""Uploading in a browser: chosen, dropped and whole folders of files; what is refused; what was taken plays."""

import struct
from pathlib import Path

import pytest

from accounts.models import User
from library.models import Piece
from library.services import UploadResult
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import Site, accessibility_problems, sideways_scroll, small_targets
from tests.browser.test_library import be
from tests.factories import make_genre, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PLAYER = "document.querySelector('music-player')"
SAID = "document.querySelector('[data-said]').textContent"
ROWS = "[...document.querySelectorAll('[data-outcome]')].map((row) => `${row.dataset.outcome}: ${row.innerText}`)"
# One track on three channels with two names, of which one is markup, an unknown meta event, system exclusive bytes, a
# running status, a pitch struck twice, a note that never ends, and bytes behind the end.
ODD_TRACK = (
    b"\x00\xff\x03\x19<img src=x onerror=a()>\xff\xfe"
    b"\x00\xff\x03\x05again\x00\xff\x7f\x03\x00\x01\x02\x00\xf0\x05\x7e\x7f\x09\x01\xf7"
    b"\x00\xc0\x49\x00\xc1\x2a"
    b"\x00\x90\x3c\x50\x00\x3c\x40\x60\x3c\x00\x00\x91\x30\x50\x00\x99\x26\x70\x60\x26\x00"
    b"\x60\x90\x40\x50\x88\x00\xb0\x07\x64\x00\xff\x2f\x00\x90\x90"
)
ODD = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(ODD_TRACK)) + ODD_TRACK
BIG_DROP = """(name) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(50 * 2 ** 20)], name));
  transfer.items.add(new File(["hello"], "notes.txt"));
  document.querySelector("upload-files form").dispatchEvent(
    new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def site(live_server) -> Site:
    return Site(live_server.url)


def opened(page, site: Site, alice: User, poll) -> None:
    be(site, page, alice)
    site.open(page, "/library/upload/")
    poll(page, "!document.querySelector('[data-drop-hint]').hidden")


def file_of(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "audio/midi", "buffer": data}


def test_what_was_taken_is_told_file_by_file_and_plays(browser_page, site, alice, poll):
    page = browser_page
    make_genre()
    opened(page, site, alice, poll)
    page.set_input_files("#upload-file", [file_of("Odd.mid", ODD), file_of("<b>.mid", b"nothing")])
    poll(page, f"{SAID} === '1 new piece, 1 refused.'")
    rows = page.evaluate(ROWS)
    assert [row.split("\n")[0] for row in rows] == ["refused: <b>.mid", "accepted: Odd"]
    assert "This is not a MIDI file." in rows[0]
    page.set_input_files("#upload-file", [file_of("Once more.mid", ODD)])
    poll(page, f"{SAID} === '0 new pieces, 1 already there.'")
    page.click("[data-outcome=accepted] a")
    poll(page, f"{PLAYER}?.canPlay")
    # The player and the server read the same music.
    assert page.evaluate(f"{PLAYER}.duration") == pytest.approx(Piece.objects.get().length_seconds, abs=0.1)
    page.click("music-player [aria-label='Play']")
    poll(page, f"{PLAYER}.rms > 0.01")
    assert page.locator("select[name=genre] option").first.text_content() == "Piano: Grand piano"


def test_a_picture_among_three_midi_files_is_told_of(browser_page, site, alice, poll):
    page = browser_page
    opened(page, site, alice, poll)
    files = [file_of(f"{pitch}.mid", midi_bytes(scale(2, pitch=pitch))) for pitch in (40, 50, 60)]
    page.set_input_files("#upload-file", [*files, file_of("photo.png", b"\x89PNG")])
    poll(page, f"{SAID} === '3 new pieces, 1 skipped.'")
    assert "photo.png" in page.text_content("[data-outcome=skipped]")


def test_a_folder_is_taken_with_the_folders_in_it(browser_page, site, alice, poll, tmp_path: Path):
    page = browser_page
    for number in range(12):
        folder = tmp_path / "Album" / f"CD {number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.mid").write_bytes(midi_bytes(scale(2, pitch=40 + number)))
    for name in ("cover.png", "._0.mid", ".DS_Store"):
        (tmp_path / "Album" / name).write_bytes(b"no music")
    opened(page, site, alice, poll)
    page.set_input_files("#upload-folder", tmp_path / "Album")
    poll(page, f"{SAID} === '12 new pieces, 3 skipped.'")
    rows = page.evaluate(ROWS)
    assert any(row.startswith("skipped: Album/cover.png") and "Not a MIDI file." in row for row in rows)
    assert any(row.startswith("skipped: 2 system files skipped") for row in rows)
    assert not [row for row in rows if "._0" in row]
    assert Piece.objects.filter(owner=alice).count() == 12


def test_a_file_of_fifty_megabytes_is_refused_before_it_is_sent(browser_page, site, alice, poll):
    page = browser_page
    opened(page, site, alice, poll)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.evaluate(BIG_DROP, "Symphony.mid")
    poll(page, f"{SAID} === '0 new pieces, 1 refused, 1 skipped.'")
    refused, skipped = page.evaluate(ROWS)
    assert "A MIDI file can be up to 1 MB. This one is 50 MB." in refused
    assert skipped.startswith("skipped: notes.txt")
    assert "POST" not in sent


def test_many_can_be_stopped_and_what_failed_is_tried_again(browser_page, site, alice, poll, monkeypatch):
    page = browser_page
    page.watch.allow("503")
    opened(page, site, alice, poll)
    away = [True]

    def fail(**fields):
        from library.services.uploads import Outcome, piece_upload

        if away:
            return UploadResult(fields["file_name"], Outcome.FAILED, sentence="The file could not be stored.")
        return piece_upload(**fields)

    monkeypatch.setattr("library.views.uploads.services.piece_upload", fail)
    page.set_input_files("#upload-file", [file_of("a.mid", midi_bytes(scale(2)))])
    poll(page, f"{SAID} === '0 new pieces, 1 to try again.'")
    away.clear()
    page.click("[data-retry] button")
    poll(page, f"{SAID} === '1 new piece.'")
    # A thousand at once: stopped at once, those on their way arrive and the others are told of.
    page.evaluate(
        """() => {
          const uploads = document.querySelector("upload-files");
          uploads.add(Array.from({ length: 1000 }, (_, index) => new File([`no music ${index}`], `${index}.mid`)));
          uploads.querySelector("[data-stop]").click();
        }"""
    )
    poll(page, f"{SAID} === '0 new pieces, 2 refused, 998 not sent.'")
    assert not page.locator("[data-bar]").is_visible()


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_on_a_phone(make_page, site, alice, poll, colors):
    page = make_page(viewport={"width": 360, "height": 740}, color_scheme=colors)
    opened(page, site, alice, poll)
    long = "A very long name of a file without any place to break it".replace(" ", "_") * 2
    page.set_input_files("#upload-file", [file_of(f"{long}.mid", ODD), file_of("no.mid", b"")])
    poll(page, f"{SAID} === '1 new piece, 1 refused.'")
    assert sideways_scroll(page) == 0
    assert small_targets(page) == []
    assert accessibility_problems(page) == []


def test_without_a_script_the_form_does_it(make_page, site, alice):
    page = make_page(java_script_enabled=False)
    be(site, page, alice)
    site.open(page, "/library/upload/")
    page.set_input_files("#upload-file", [file_of("Odd.mid", ODD), file_of("no.mid", b"nothing")])
    page.click("[data-send]")
    page.wait_for_selector("[data-outcome=accepted]")
    assert "This is not a MIDI file." in (page.text_content("[data-outcome=refused]") or "")
    assert page.locator("[data-outcome]").count() == 2
