"""Composing in a real browser: from a click to sound, cancelling, coming back, errors. A worker composes by script."""

import io

import mido
import pytest
from django.test import Client

from generator.models import Generation
from tests.browser.site import PLAYER, STATUS, ScriptedWorker, Site, accessibility_problems, sideways_scroll, text_of
from tests.factories import PIANO_MANIFEST, guest, make_generation, make_genre, make_genre_model, make_piece
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STATUS_TEXT = "document.querySelector('[data-result-status]').textContent"


@pytest.fixture
def site(live_server) -> Site:
    make_genre()
    site = Site(live_server.url)
    site.seen_worker()
    return site


@pytest.fixture
def page(browser_page, site, poll):
    """The compose page, with its scripts running."""
    site.open(browser_page)
    poll(browser_page, "customElements.get('music-player') !== undefined")
    return browser_page


def generate(page, *, length="0:30"):
    page.fill("#id_length", length)
    page.click("[data-generate]")


class TestHappyPath:
    def test_from_a_click_to_sound_to_a_file(self, page, site, poll):
        generate(page)
        worker = ScriptedWorker().claim().compose(5)
        poll(page, f"{PLAYER}.rms > 0.01")
        assert page.evaluate("location.pathname") == "/"
        assert text_of(page, "title") == "Composing your piece"
        worker.compose(12)
        poll(page, f"{STATUS_TEXT}.includes('0:12 of 0:30')")
        assert page.evaluate("document.querySelector('[data-result-progress]').value") == 12
        assert page.is_visible("[data-result-cancel] button")
        assert accessibility_problems(page) == []

        piece = worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")
        poll(page, f"{PLAYER}.rms > 0.01")
        assert text_of(page, "title") == piece.title
        assert accessibility_problems(page) == []
        assert not page.is_visible("[data-result-progress]")
        assert not page.is_visible("[data-result-cancel] button")

        page.evaluate(f"{PLAYER}.seek(20)")
        poll(page, f"{PLAYER}.currentTime > 20 && {PLAYER}.rms > 0.01")
        page.click("[data-generation] [aria-label^='Mute']")
        poll(page, f"{PLAYER}.rms < 0.001")

        with page.expect_download() as download:
            page.click("text=Download MIDI")
        assert download.value.suggested_filename == "piece-of-the-test.mid"
        midi = mido.MidiFile(download.value.path())
        assert midi.type == 1
        assert round(midi.length) == 30

        page.click("[data-result-open]")
        poll(page, f"location.pathname === '/pieces/{piece.pk}/'")
        poll(page, "document.querySelector('music-player')?.canPlay")

    def test_the_length_above_a_finished_piece_is_its_own(self, page, poll):
        """A piece ends with a bar, a little before or after the length that was asked for."""
        generate(page)
        worker = ScriptedWorker().claim().compose(5)
        poll(page, "document.querySelector('[data-result-facts]').textContent.endsWith('0:30')")
        worker.finish(length_seconds=30.6)
        poll(page, "document.querySelector('[data-result-facts]').textContent.endsWith('0:31')")

    def test_one_click_with_the_defaults(self, page, poll):
        page.click("[data-generate]")
        worker = ScriptedWorker().claim()
        assert worker.generation.length_seconds == 60
        assert worker.generation.params["ensemble"] == "grand-piano"
        worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")

    def test_by_keyboard_alone(self, page, poll):
        page.focus("input[name=genre]")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")  # the fold of further choices
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('[data-generate]')")
        page.keyboard.press("Enter")
        worker = ScriptedWorker().claim()
        assert worker.generation.params["ensemble"] == "bright-piano"
        assert worker.generation.length_seconds == 120
        poll(page, "document.activeElement.matches('[data-result-title]')")

    def test_compose_another_comes_back_to_the_form(self, page, poll):
        generate(page)
        ScriptedWorker().claim().finish()
        poll(page, f"{STATUS} === 'succeeded'")
        poll(page, "document.querySelector('[data-quota-line]').textContent.startsWith('29 minutes')")
        page.click("[data-result-again]")
        assert not page.is_visible("[data-generation]")
        generate(page, length="0:20")
        second = ScriptedWorker().claim()
        assert second.generation.length_seconds == 20
        second.finish()
        poll(page, f"{STATUS} === 'succeeded'")
        assert Generation.objects.count() == 2
        poll(page, "document.querySelectorAll('[data-recent] [data-row-play][aria-expanded]').length === 2")
        page.locator("[data-recent] [data-row-play]").nth(1).click()
        poll(page, "document.querySelector('[data-recent] music-player').rms > 0.01")

    def test_a_preset_and_a_written_length_exclude_each_other(self, page):
        page.fill("#id_length", "45")
        assert page.locator("input[name=length_preset]:checked").count() == 0
        page.check("input[name=length_preset][value='120']")
        assert page.input_value("#id_length") == ""
        page.fill("#id_length", "45")
        page.fill("#id_length", "")
        page.press("#id_length", "Tab")
        assert page.get_attribute("input[name=length_preset]:checked", "value") == "60"

    def test_each_genre_has_its_own_types(self, browser_page, site):
        manifest = {**PIANO_MANIFEST, "genre": "rock", "genre_name": "Rock"}
        manifest["ensembles"] = [{**PIANO_MANIFEST["ensembles"][0], "key": "trio", "name": "Power trio"}]
        manifest["defaults"] = {**PIANO_MANIFEST["defaults"], "ensemble": "trio"}
        rock = make_genre("rock", with_model=False, position=2)
        make_genre_model(rock, active=True, manifest=manifest)
        site.open(browser_page)
        assert browser_page.is_visible("text=Harpsichord")
        assert not browser_page.is_visible("text=Power trio")
        browser_page.check("input[name=genre][value=rock]")
        assert not browser_page.is_visible("text=Harpsichord")
        assert browser_page.get_attribute("input[name=rock-ensemble]:checked", "value") == "trio"
        browser_page.click("[data-generate]")
        assert ScriptedWorker().claim().generation.genre == rock

    def test_what_is_read_aloud_is_little(self, page, poll):
        generate(page)
        page.evaluate(
            """() => {
                window.said = [];
                const box = document.querySelector('[data-result-announce]');
                new MutationObserver(() => window.said.push(box.textContent)).observe(box, {childList: true});
            }"""
        )
        worker = ScriptedWorker().claim()
        for seconds in range(3, 31, 3):
            worker.compose(seconds)
            poll(page, f"document.querySelector('[data-result-progress]').value >= {seconds}")
        worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")
        assert 2 <= page.evaluate("said.length") <= 6
        assert page.get_attribute("[data-result-announce]", "aria-live") == "polite"


class TestOneJob:
    def test_a_double_click_is_one_job(self, page, poll):
        page.dblclick("[data-generate]")
        ScriptedWorker().claim().finish()
        poll(page, f"{STATUS} === 'succeeded'")
        assert Generation.objects.count() == 1

    def test_a_request_that_is_sent_twice_is_one_job(self, page, poll):
        """As when the answer is lost on the way and the form is sent again."""
        lost: list[object] = []

        def lose_the_first_answer(route):
            if lost:
                route.continue_()
            else:
                lost.append(route.fetch())
                route.abort()

        page.watch.allow("ERR_FAILED")
        page.route("**/api/v1/generations/", lose_the_first_answer)
        generate(page)
        poll(page, "!document.querySelector('[data-error-for=detail]').hidden")
        assert Generation.objects.count() == 1
        page.click("[data-generate]")
        ScriptedWorker().claim().finish()
        poll(page, f"{STATUS} === 'succeeded'")
        assert Generation.objects.count() == 1


class TestWaiting:
    def test_the_place_in_the_queue(self, page, poll):
        make_generation(guest("guest-bob"))
        generate(page)
        poll(page, f"{STATUS_TEXT} === '1 piece ahead of yours.'")
        ScriptedWorker().claim().finish()
        poll(page, f"{STATUS_TEXT} === 'You\\'re next.'")

    def test_no_worker(self, browser_page, live_server, poll):
        make_genre()
        Site(live_server.url).open(browser_page)
        generate(browser_page)
        poll(browser_page, f"{STATUS_TEXT}.includes('No worker is running')")
        assert Generation.objects.get().status == Generation.Status.QUEUED
        ScriptedWorker().claim().finish()
        poll(browser_page, f"{STATUS} === 'succeeded'")

    def test_cancel_while_queued(self, page, poll):
        generate(page)
        poll(page, f"{STATUS} === 'queued'")
        page.click("[data-result-cancel] button")
        poll(page, f"{STATUS} === 'cancelled'")
        assert Generation.objects.get().status == Generation.Status.CANCELLED
        assert page.is_visible("[data-result-again]")

    def test_cancel_while_composing(self, page, poll):
        generate(page)
        worker = ScriptedWorker().claim().compose(5)
        poll(page, f"{PLAYER}.rms > 0.01")
        page.click("[data-result-cancel] button")
        worker.stop_when_asked()
        poll(page, f"{STATUS} === 'cancelled'")
        assert not page.is_visible("[data-result-player]")
        poll(page, f"{PLAYER}.rms < 0.001")
        assert text_of(page, "title") == "Cancelled"

    def test_a_job_that_fails_says_why(self, page, poll):
        generate(page)
        worker = ScriptedWorker().claim().compose(5)
        worker.fail("The disk is full. Try again later.")
        poll(page, f"{STATUS} === 'failed'")
        assert text_of(page, "error") == "The disk is full. Try again later."
        assert page.is_visible("[data-result-again]")

    def test_a_server_that_is_away_for_a_while(self, page, poll):
        page.watch.allow("ERR_INTERNET_DISCONNECTED")
        generate(page)
        worker = ScriptedWorker().claim().compose(5)
        poll(page, f"{STATUS} === 'running'")
        page.context.set_offline(True)
        poll(page, f"{STATUS_TEXT}.includes('No connection. Retrying…')")
        page.context.set_offline(False)
        worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")


class TestComingBack:
    def test_a_reload_in_the_middle_goes_on_watching(self, page, poll):
        generate(page)
        worker = ScriptedWorker().claim().compose(10)
        poll(page, f"{STATUS} === 'running'")
        page.reload()
        poll(page, f"{STATUS} === 'running'")
        poll(page, f"{STATUS_TEXT}.includes('0:10 of 0:30')")
        poll(page, f"{PLAYER}.canPlay")
        assert page.evaluate(f"{PLAYER}.rms") == 0
        worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")
        page.click("[data-generation] [aria-label='Play']")
        poll(page, f"{PLAYER}.rms > 0.01")
        page.reload()
        poll(page, f"{STATUS} === 'succeeded'")

    def test_the_address_of_the_job_shows_it_too(self, page, site, poll):
        generate(page)
        worker = ScriptedWorker().claim().compose(10)
        # The answer to the click brings the cookie that owns the job.
        poll(page, f"{STATUS} === 'running'")
        site.open(page, f"/generations/{worker.generation.pk}/")
        poll(page, f"{STATUS_TEXT}.includes('0:10 of 0:30')")
        worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")
        assert page.is_visible("text=Download MIDI")

    def test_a_piece_that_is_gone_meanwhile(self, page, poll):
        page.watch.allow("404")
        generate(page)
        worker = ScriptedWorker().claim().compose(10)
        poll(page, f"{STATUS} === 'running'")
        Generation.objects.filter(pk=worker.generation.pk).delete()
        poll(page, f"{STATUS} === 'failed'")
        page.reload()
        poll(page, "document.querySelector('[data-generation]').hidden")

    def test_recent_pieces_play_one_at_a_time(self, browser_page, site, poll):
        site.be_guest(browser_page)
        worker = ScriptedWorker()
        for _ in range(2):
            make_generation(length_seconds=15.0)
            worker = ScriptedWorker().claim()
            worker.finish()
        site.open(browser_page)
        poll(browser_page, "document.querySelectorAll('[data-recent] [data-row-play][aria-expanded]').length === 2")
        buttons = browser_page.locator("[data-recent] [data-row-play]")
        buttons.nth(0).click()
        poll(browser_page, "document.querySelector('[data-recent] music-player').rms > 0.01")
        buttons.nth(1).click()
        poll(browser_page, "document.querySelector('[data-recent] music-player').rms > 0.01")
        assert browser_page.locator("[data-recent] music-player").count() == 1
        buttons.nth(1).focus()
        browser_page.keyboard.press("Space")
        poll(browser_page, "document.querySelector('[data-recent] music-player').state === 'paused'")

    def test_the_example_plays_before_anything_is_composed(self, browser_page, site, poll):
        from tests.browser.midi_bytes import midi_bytes, scale

        make_piece(guest(""), is_example=True, title="An example", midi=midi_bytes(scale(15)))
        site.open(browser_page)
        poll(browser_page, "document.querySelector('.example [data-row-play][aria-expanded]')")
        browser_page.click(".example [data-row-play]")
        poll(browser_page, "document.querySelector('.example music-player').rms > 0.01")


class TestSounds:
    def test_none_is_fetched_before_somebody_is_about_to_press_generate(self, browser_page, site, poll):
        fetched = []

        def note(request):
            if "/sounds/" in request.url:
                fetched.append(request.url)

        browser_page.on("request", note)
        site.open(browser_page)
        poll(browser_page, "customElements.get('music-player') !== undefined")
        browser_page.check("input[name=piano-ensemble][value=harpsichord]")
        browser_page.mouse.wheel(0, 300)
        browser_page.wait_for_load_state("networkidle")
        assert fetched == []
        with browser_page.expect_request(lambda request: "/sounds/" in request.url):
            browser_page.hover("[data-generate]")


class TestErrors:
    @pytest.mark.parametrize("length", ["0", "-5", "99999", "soon"])
    def test_a_bad_length_is_said_at_the_field(self, page, poll, length):
        page.watch.allow("400")
        generate(page, length=length)
        poll(page, "!document.querySelector('#error-length').hidden")
        assert page.evaluate("document.activeElement.id") == "id_length"
        assert page.get_attribute("#id_length", "aria-invalid") == "true"
        assert "error-length" in page.get_attribute("#id_length", "aria-describedby")
        assert not page.is_visible("[data-generation]")
        assert not Generation.objects.exists()
        assert accessibility_problems(page) == []
        page.fill("#id_length", "0:20")
        page.click("[data-generate]")
        assert not page.is_visible("#error-length")
        assert ScriptedWorker().claim().generation.length_seconds == 20

    def test_too_much_music(self, page, poll, settings):
        settings.GUEST_SECONDS_PER_HOUR = 45
        page.watch.allow("429")
        generate(page, length="0:30")
        ScriptedWorker().claim().finish()
        poll(page, f"{STATUS} === 'succeeded'")
        page.click("[data-generate]")
        poll(page, "!document.querySelector('[data-error-for=detail]').hidden")
        assert "come back in" in page.text_content("[data-error-for=detail]")

    def test_no_model_says_which_command_to_run(self, browser_page, live_server):
        Site(live_server.url).open(browser_page)
        assert "import_genre_model" in browser_page.text_content("[data-no-model]")
        assert accessibility_problems(browser_page) == []
        assert sideways_scroll(browser_page) == 0


class TestWithoutJavaScript:
    @pytest.fixture
    def page(self, make_page, site):
        page = make_page(java_script_enabled=False)
        site.open(page)
        return page

    def test_from_the_form_to_the_file(self, page, site):
        page.click("text=Generate")
        worker = ScriptedWorker().claim().compose(20)
        page.wait_for_url(f"**/generations/{worker.generation.pk}/")
        page.wait_for_selector("text=0:20 of 1:00 composed.")
        piece = worker.finish()
        page.wait_for_url(f"**/pieces/{piece.pk}/")
        with page.expect_download() as download:
            page.click("text=Download MIDI")
        with open(download.value.path(), "rb") as stream:
            assert round(mido.MidiFile(file=io.BytesIO(stream.read())).length) == 60

    def test_an_error_stands_on_the_form(self, page):
        page.fill("#id_length", "soon")
        page.watch.allow("422")
        page.click("text=Generate")
        page.wait_for_selector("#error-length")
        assert page.input_value("#id_length") == "soon"

    def test_cancel(self, page):
        page.click("text=Generate")
        wait_until(Generation.objects.queued().exists, what="the job is queued")
        page.click("text=Cancel")
        page.wait_for_selector("text=Nothing was saved.")
        assert Generation.objects.get().status == Generation.Status.CANCELLED


def test_somebody_elses_piece_is_a_friendly_404(page, site):
    page.watch.allow("404")
    piece = make_piece(guest("guest-bob"))
    site.open(page, f"/pieces/{piece.pk}/")
    assert "Page not found" in page.text_content("h1")
    assert Client().get(f"/pieces/{piece.pk}/midi/").status_code == 404
