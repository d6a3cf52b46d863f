"""The block of downloads in a real browser: asked for, watched, ready, cancelled, and without the script."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from library.models import Piece, Rendering, ShareLink
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import Site
from tests.factories import make_genre, make_piece, make_user, member

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROW = "document.querySelector('li[data-format={}]').dataset.status"


@pytest.fixture
def site(live_server) -> Site:
    make_genre()
    return Site(live_server.url)


@pytest.fixture
def piece() -> Piece:
    return make_piece(midi=midi_bytes(scale(15)), notes_count=15)


def finish(rendering: Rendering) -> None:
    name = default_storage.save(f"renderings/{rendering.pk}.mp3", ContentFile(b"ID3" + bytes(1000)))
    Rendering.objects.filter(pk=rendering.pk).update(status="succeeded", file=name, size_bytes=1003, share=1)


def test_a_sound_file_is_prepared_and_downloaded_without_leaving_the_page(make_page, site, poll, piece):
    page = make_page()
    site.be_guest(page)
    site.open(page, f"/pieces/{piece.pk}/")
    page.evaluate("window.mark = true")
    page.click("#download-mp3")
    poll(page, f"{ROW.format('mp3')} === 'queued'")
    assert page.evaluate("document.activeElement.id") == "cancel-mp3", "the focus stays in the row"
    rendering = Rendering.objects.get()
    Rendering.objects.update(status="running", share=0.5)
    poll(page, "document.querySelector('li[data-format=mp3] progress').value === 0.5")
    finish(rendering)
    poll(page, f"{ROW.format('mp3')} === 'succeeded'")
    assert page.inner_text("[data-downloads-said]") == "MP3 is ready."
    assert page.evaluate("document.activeElement.id") == "download-mp3"
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".mp3")
    assert page.evaluate("window.mark"), "the page was never left"


def test_one_that_is_made_can_be_cancelled_and_an_error_is_said(make_page, site, poll, piece):
    page = make_page()
    page.watch.allow("422")
    site.be_guest(page)
    Rendering.objects.create(piece=piece, format="wav")
    site.open(page, f"/pieces/{piece.pk}/")
    page.click("#cancel-wav")
    poll(page, f"{ROW.format('wav')} === 'cancelled'")
    Piece.objects.update(notes_count=0)
    page.click("#download-wav")
    poll(page, "document.querySelector('piece-downloads .form-error')?.textContent.includes('no notes to play')")


def test_without_the_script_the_page_says_how_far_it_is(browser, site, piece):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    site.be_guest(page)
    site.open(page, f"/pieces/{piece.pk}/")
    page.click("#download-ogg")
    page.wait_for_selector("li[data-format=ogg] progress")
    finish(Rendering.objects.get())
    page.reload()
    assert page.locator("a#download-ogg").get_attribute("href") == f"/pieces/{piece.pk}/audio/ogg/"
    context.close()


def test_forms_on_a_shared_page_work_without_javascript(make_page, site):
    """No script sends a header there: it is the browser that says where the form comes from."""
    piece = make_piece(member(make_user("alice")), midi=midi_bytes(scale(15)), notes_count=15)
    link = ShareLink.objects.create(piece=piece)
    page = make_page(java_script_enabled=False)
    site.open(page, f"/s/{link.token}/")
    with page.expect_navigation() as sent:
        page.click("#download-ogg")
    assert sent.value.status == 200
    assert Rendering.objects.get().format == "ogg"
    assert page.url.partition("#")[0] == f"{site.url}/s/{link.token}/"
    assert page.locator("li[data-format=ogg]").get_attribute("data-status") == "queued"
