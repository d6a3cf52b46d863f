"""Every page, on a phone by day and on a desk by night: nothing for axe, no sideways scroll, targets for thumbs."""

import pytest

from generator.models import Generation
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import Site, accessibility_problems, sideways_scroll, small_targets
from tests.factories import guest, make_generation, make_genre, make_piece

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LOOKS = [(PHONE, "light"), (DESK, "dark")]


@pytest.fixture
def site(live_server) -> Site:
    """A site in which something of everything exists, for the guest "guest-alice"."""
    make_genre()
    site = Site(live_server.url)
    site.seen_worker()
    make_piece(guest(""), is_example=True, title="An example", midi=midi_bytes(scale(15)))
    for number in range(14):
        make_piece(title=f"Piece number {number} with a rather long title", midi=midi_bytes(scale(15)))
    return site


def addresses() -> dict[str, str]:
    running = make_generation(status=Generation.Status.RUNNING, seconds_composed=7, length_seconds=60.0)
    failed = make_generation(status=Generation.Status.FAILED, error_message="The disk is full. Try again later.")
    queued = make_generation()
    takes = make_generation(status=Generation.Status.SUCCEEDED, takes_asked=2)
    for index in range(2):
        draft = make_piece(is_draft=True, midi=midi_bytes(scale(15)), qpm=96.0, key="Bb minor")
        takes.takes.create(index=index, seed=1, rank=index + 1, piece=draft)
    return {
        "compose": "/",
        "library": "/library/",
        "library, one of many": "/library/?q=rather+long&state=kept",
        "library as a table": "/library/?view=table",
        "library, nothing found": "/library/?q=nothing",
        "trash": "/library/trash/",
        "generations": "/generations/",
        "piece": f"/pieces/{make_piece(midi=midi_bytes(scale(15))).pk}/",
        "running": f"/generations/{running.pk}/",
        "queued": f"/generations/{queued.pk}/",
        "failed": f"/generations/{failed.pk}/",
        "takes": f"/generations/{takes.pk}/",
        "a take": f"/pieces/{draft.pk}/",
        "help": "/help/garageband/",
        "the API": "/api/v1/docs/#generations_create",
        "not found": "/nothing/",
    }


@pytest.mark.parametrize(("viewport", "theme"), LOOKS, ids=[f"{size['width']}-{theme}" for size, theme in LOOKS])
def test_every_page(make_page, site, poll, viewport, theme):
    page = make_page(viewport=viewport, color_scheme=theme)
    page.watch.allow("404")
    site.be_guest(page)
    problems = {}
    for name, address in addresses().items():
        site.open(page, address)
        if page.locator("music-player").count():
            poll(page, "document.querySelector('music-player').childElementCount > 0")
        found = [*accessibility_problems(page), *small_targets(page)]
        if sideways_scroll(page):
            found.append(f"{sideways_scroll(page)} px wider than the screen")
        if page.evaluate("document.documentElement.dataset.bsTheme") != theme:
            found.append("wears the wrong theme")
        if found:
            problems[name] = found
    assert problems == {}


def test_an_opened_row_fits_a_phone(make_page, site, poll):
    page = make_page(viewport=PHONE)
    site.be_guest(page)
    site.open(page)
    poll(page, "document.querySelector('[data-recent] [data-row-play][aria-expanded]')")
    page.locator("[data-recent] [data-row-play]").first.click()
    poll(page, "document.querySelector('[data-recent] music-player')?.canPlay")
    assert sideways_scroll(page) == 0
    assert accessibility_problems(page) == []
    assert small_targets(page) == []


class TestTheme:
    def theme(self, page):
        return page.evaluate("document.documentElement.dataset.bsTheme")

    def background(self, page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    def test_it_follows_the_system_until_it_is_chosen_and_is_remembered(self, make_page, site, poll):
        page = make_page(color_scheme="dark")
        site.open(page)
        dark = self.background(page)
        assert self.theme(page) == "dark"
        page.emulate_media(color_scheme="light")
        poll(page, "document.documentElement.dataset.bsTheme === 'light'")
        assert self.background(page) != dark
        page.click("[data-theme-toggle]")
        assert (self.theme(page), self.background(page)) == ("dark", dark)
        assert page.get_attribute("[data-theme-toggle]", "aria-pressed") == "true"
        site.open(page, "/help/garageband/")
        assert self.theme(page) == "dark"
        page.click("[data-theme-toggle]")
        assert self.theme(page) == "light"

    def test_the_theme_is_there_before_anything_is_drawn(self, make_page, site):
        page = make_page(color_scheme="dark")
        response = page.goto(site.url)
        head = response.text().split("</head>")[0]
        assert head.index("theme.js") < head.index("stylesheet")
        assert "theme.js" in head
        assert "<script src" in head

    def test_without_javascript_it_follows_the_system(self, make_page, site):
        shades = set()
        for scheme in ("light", "dark"):
            page = make_page(color_scheme=scheme, java_script_enabled=False)
            site.open(page)
            shades.add(page.screenshot(clip={"x": 2, "y": 2, "width": 4, "height": 4}))
        assert len(shades) == 2


def test_the_first_stop_of_the_keyboard_leads_to_the_content(browser_page, site):
    site.open(browser_page)
    browser_page.keyboard.press("Tab")
    assert browser_page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert browser_page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    browser_page.keyboard.press("Enter")
    assert browser_page.evaluate("document.activeElement.id") == "main"


def test_zoomed_to_twice_its_size_nothing_is_cut_off(make_page, site):
    page = make_page(viewport={"width": 320, "height": 500})
    site.open(page)
    assert sideways_scroll(page) == 0
