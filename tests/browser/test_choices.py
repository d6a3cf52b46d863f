"""Choosing in a real browser: what follows genre and type, files to start from, several takes, more of a piece."""

import pytest

from generator.models import Generation
from generator.reuse import again_url
from library.models import Piece
from library.templatetags.music import clock
from tests.browser.site import PLAYER, STATUS, ScriptedWorker, Site, accessibility_problems, small_targets, text_of
from tests.factories import make_genre, make_genre_model, make_user
from tests.manifests import band_manifest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def install(slug, position):
    genre = make_genre(slug, with_model=False, position=position)
    manifest = band_manifest(f"{slug}-1", genre=slug, genre_name=genre.name)
    make_genre_model(genre, active=True, manifest=manifest.as_dict())
    return genre


@pytest.fixture
def site(live_server) -> Site:
    """Piano, and two bands; of polka no code knows anything."""
    make_genre(position=1)
    install("rock", 2)
    install("polka", 3)
    site = Site(live_server.url)
    site.seen_worker()
    return site


@pytest.fixture
def page(browser_page, site, poll):
    site.open(browser_page)
    poll(browser_page, "customElements.get('music-player') !== undefined")
    return browser_page


def choose(page, name, value):
    page.check(f"input[name='{name}'][value='{value}']")


def test_the_choices_follow_genre_and_type_and_reach_the_job(page, poll):
    assert not page.is_visible("#start-nothing")
    page.click("text=More options")
    assert not page.is_visible("#polka-voices-lead")
    choose(page, "genre", "polka")
    assert page.is_visible("#polka-voices-lead")
    assert not page.is_visible("#rock-voices-lead")
    choose(page, "polka-ensemble", "trio")
    assert not page.is_visible("#polka-voices-lead")
    page.uncheck("#polka-voices-bass")
    choose(page, "polka-style", "ballad")
    assert page.get_attribute("#polka-qpm", "placeholder") == "76"
    page.locator("[data-genre=polka] [data-slider]").fill("90")
    assert page.input_value("#polka-qpm") == "90"
    page.select_option("#polka-tonic", "Eb")
    page.select_option("#polka-mode", "dorian")
    choose(page, "polka-density", "dense")
    choose(page, "polka-adventurousness", "wild")
    page.fill("#polka-bars", "16")
    assert page.locator("input[name=length_preset]:checked").count() == 0
    choose(page, "start", "note")
    notes = "document.querySelectorAll('#starting-note option:not([disabled])')"
    lowest = band_manifest().ensembles[1].lowest_pitch
    assert page.evaluate(f"{notes}[1].value") == str(lowest)
    page.select_option("#starting-note", "60")
    page.click("text=Advanced")
    page.fill("#seed", "7")
    assert accessibility_problems(page) == []
    assert small_targets(page) == []
    page.click("[data-generate]")
    generation = ScriptedWorker().claim().generation
    assert generation.genre.slug == "polka"
    assert generation.seed == 7
    wanted = {"ensemble": "trio", "qpm": 90, "key": "Eb dorian", "density": "dense", "style": "ballad"}
    wanted |= {"adventurousness": "wild", "voices_off": ["bass"], "starting_note": 60, "bars": 16}
    assert {name: generation.params.get(name) for name in wanted} == wanted
    page.reload()
    page.wait_for_selector("#start-nothing")  # an opened fold stays open


def test_a_wrong_choice_is_said_at_its_field_even_behind_the_fold(page, poll):
    page.watch.allow("400")
    choose(page, "genre", "rock")
    page.click("text=More options")
    page.fill("#rock-qpm", "999")
    page.click("text=More options")
    page.click("[data-generate]")
    poll(page, "document.activeElement.id === 'rock-qpm'")
    assert "60 to 200 BPM" in page.text_content("#error-rock-qpm")
    assert page.get_attribute("#rock-qpm", "aria-invalid") == "true"
    assert "error-rock-qpm" in page.get_attribute("#rock-qpm", "aria-describedby")
    page.fill("#rock-qpm", "99")
    assert not page.is_visible("#error-rock-qpm")
    assert not Generation.objects.exists()


def test_a_file_that_no_music_can_start_from_is_refused_at_its_field(page, poll):
    page.watch.allow("400")
    page.click("text=More options")
    choose(page, "start", "midi")
    page.click("[data-generate]")
    poll(page, "document.activeElement.id === 'primer'")
    assert page.text_content("#error-primer") == "Choose a MIDI file, or start from scratch."
    page.set_input_files("#primer", {"name": "song.mid", "mimeType": "audio/midi", "buffer": b"x" * (2**20 + 1)})
    assert "larger than 1 MB" in page.text_content("#error-primer")
    page.set_input_files("#primer", {"name": "song.mid", "mimeType": "audio/midi", "buffer": b"no music"})
    assert not page.is_visible("#error-primer")
    page.click("[data-generate]")
    poll(page, "!document.querySelector('#error-primer').hidden")
    assert "MIDI" in page.text_content("#error-primer")
    assert not page.is_visible("[data-generation]")
    assert not Generation.objects.exists()


def test_several_takes_are_compared_and_the_best_is_kept(browser_page, site, poll):
    page = browser_page
    site.be_member(page, make_user())
    site.open(page)
    poll(page, "customElements.get('music-player') !== undefined")
    page.click("text=More options")
    choose(page, "takes", "3")
    page.click("[data-generate]")
    worker = ScriptedWorker().claim().compose(5)
    poll(page, f"{STATUS} === 'running'")
    assert "they're ranked at the end" in text_of(page, "takes")
    pieces = worker.finish_takes()
    poll(page, "document.querySelectorAll('[data-take]').length === 3")
    assert not page.is_visible("[data-result-takes]")
    assert page.locator(".take .eyebrow").all_text_contents() == ["Best · Take 3", "2nd · Take 2", "3rd · Take 1"]
    assert page.locator("[data-take][aria-current] .take-name").text_content() == "Take 0.0"
    assert accessibility_problems(page) == []
    page.get_by_role("button", name="Play Take 3").click()
    poll(page, f"{PLAYER}.source.src.includes('{pieces[0].pk}') && {PLAYER}.rms > 0.01")
    assert page.locator("[data-take][aria-current] .take-name").text_content() == "Take 2.0"
    page.get_by_role("button", name="Keep Take 3").click()
    poll(page, "document.querySelectorAll('[data-kept]:not([hidden])').length === 1")
    # Drafts stand among the recent pieces, too.
    poll(page, "document.querySelectorAll('[data-recent] [data-piece-row]').length === 3")
    assert list(Piece.objects.kept()) == [pieces[0]]
    site.open(page, f"/generations/{worker.generation.pk}/")
    assert page.locator(".take .eyebrow").all_text_contents() == ["Best · Take 3", "2nd · Take 2", "3rd · Take 1"]
    assert page.locator("[data-kept]:visible").count() == 1
    assert accessibility_problems(page) == []


def test_the_take_that_plays_shows_that_it_can_be_paused(page, poll):
    page.click("text=More options")
    choose(page, "takes", "2")
    page.click("[data-generate]")
    ScriptedWorker().claim().compose(5).finish_takes()
    poll(page, "document.querySelectorAll('[data-take]').length === 2")
    icons = (
        "[...document.querySelectorAll('[data-take]')].map((one) => one.querySelector('.icon-pause').checkVisibility())"
    )
    page.get_by_role("button", name="Play Take 2").click()
    poll(page, f"{icons}.join() === 'true,false'")
    page.get_by_role("button", name="Pause Take 2").click()
    poll(page, f"{icons}.join() === 'false,false'")
    assert page.get_by_role("button", name="Play Take 2").count() == 1
    assert page.get_by_role("link", name="Save with an account: Take 2").count() == 1
    assert page.locator("[data-keep]").count() == 0


def test_with_scripts_the_settings_of_a_request_come_back(page, site, poll):
    """What the form sends by script, of everything that was chosen, is what was asked for the first time."""
    wishes = [
        {"ensemble": "trio", "bars": 16, "style": "ballad", "adventurousness": "wild", "voices_off": ["bass"]},
        {"ensemble": "full-band", "length_seconds": 61.25, "qpm": 131.5, "key": "Gb dorian", "takes": 3},
        {"ensemble": "trio", "length_seconds": 30, "starting_note": 60, "density": "dense", "feel": "swing"},
        {"ensemble": "trio", "length_seconds": 60, "temperature": 0.71, "top_p": 0.93},
    ]
    for wish in wishes:
        body = {"genre": "rock", **wish}
        token = page.locator("#compose [name=csrfmiddlewaretoken]").input_value()
        headers = {"X-CSRFToken": token, "Referer": site.url}
        first = page.request.post(f"{site.url}/api/v1/generations/", data=body, headers=headers).json()
        asked = Generation.objects.get(pk=first["id"])
        Generation.objects.update(status="cancelled")
        site.open(page, again_url(asked))
        poll(page, "customElements.get('music-player') !== undefined")
        page.click("[data-generate]")
        again = ScriptedWorker().claim().generation
        assert (again.params, again.takes_asked) == (asked.params, asked.takes_asked)
        Generation.objects.update(status="cancelled")
        site.open(page)
        poll(page, "customElements.get('music-player') !== undefined")


def test_lengths_are_written_by_scripts_as_by_the_server(page):
    seconds = [0.49, 0.5, 51.5, 52.496, 52.5, 59.5, 119.999, 300]
    address = "new URL('generation.js', document.querySelector('script[src*=\"js/compose\"]').src)"
    written = page.evaluate(f"async (all) => all.map((await import({address})).clock)", seconds)
    assert written == [clock(one) for one in seconds]


def test_a_take_that_went_wrong_stays_beside_its_replacement(page, poll):
    page.click("[data-generate]")
    ScriptedWorker().claim().compose(5).finish_takes(broken=True)
    poll(page, "document.querySelectorAll('[data-take]').length === 2")
    assert page.locator(".take .eyebrow").all_text_contents() == ["Best · Take 1, second try", "Has errors · Take 1"]
    assert "Nothing sounds for 3.4 seconds." in page.locator(".take-broken").text_content()
    assert page.locator("[data-take][aria-current] .take-name").text_content() == "Take 0.0"


def test_continue_goes_on_from_the_piece_that_is_there(page, poll):
    page.click("[data-generate]")
    piece = ScriptedWorker().claim().finish()
    poll(page, "document.querySelector('[data-more-of]')")
    assert page.is_visible(".about summary")
    page.click("text=Continue")
    poll(page, f"['queued', 'running'].includes({STATUS})")
    second = ScriptedWorker().claim().generation
    assert (second.kind, second.source_piece) == ("continue", piece)


def test_without_javascript_the_fields_of_the_chosen_genre_count(make_page, site):
    page = make_page(java_script_enabled=False)
    site.open(page)
    choose(page, "genre", "rock")
    page.click("text=More options")
    choose(page, "rock-density", "sparse")
    choose(page, "polka-density", "dense")
    page.uncheck("#rock-voices-keys")
    choose(page, "takes", "2")
    page.click("[data-generate]")
    worker = ScriptedWorker().claim()
    params = worker.generation.params
    assert (worker.generation.genre.slug, params["density"], params["voices_off"]) == ("rock", "sparse", ["keys"])
    pieces = worker.finish_takes()
    page.wait_for_selector("text=Your takes, best first")
    page.get_by_role("link", name="Save with an account: Take 2").click()
    page.wait_for_url("**/signup/**")
    assert page.locator("input[name=keep]").input_value() == str(pieces[0].pk)
