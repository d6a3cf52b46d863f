"""Every page, on a phone by day, on a desk by night and in forced colours: nothing for axe, no sideways scroll, targets
for thumbs, names with the words that one sees, focus rings that cover no text, nothing that moves while it loads."""

import pytest

from tests.browser.every_page import each_page, fill
from tests.browser.site import (
    Site,
    accessibility_problems,
    covered_text,
    sideways_scroll,
    small_targets,
    unsaid_words,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LOOKS = {
    "phone-light": {"viewport": PHONE, "color_scheme": "light"},
    "desk-dark": {"viewport": DESK, "color_scheme": "dark"},
    "desk-forced": {"viewport": DESK, "color_scheme": "dark", "forced_colors": "active"},
}


@pytest.fixture
def site(live_server) -> Site:
    return fill(live_server.url)


@pytest.mark.parametrize("look", LOOKS)
def test_every_page(make_page, site, poll, look):
    page = make_page(**LOOKS[look])
    problems: list[str] = []
    for name, line in each_page(site, page, poll):
        found = [
            *line.shifts(),
            *accessibility_problems(page),
            *small_targets(page),
            *unsaid_words(page),
            *covered_text(page),
        ]
        if sideways_scroll(page):
            found.append(f"{sideways_scroll(page)} px wider than the screen")
        if page.evaluate("document.documentElement.dataset.bsTheme") != LOOKS[look]["color_scheme"]:
            found.append("wears the wrong theme")
        problems += [f"{name}: {one}" for one in found]
    assert not problems, "\n".join(problems)


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
    assert browser_page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert browser_page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    browser_page.keyboard.press("Enter")
    assert browser_page.evaluate("document.activeElement.id") == "main"


def test_zoomed_to_twice_its_size_nothing_is_cut_off(make_page, site):
    page = make_page(viewport={"width": 320, "height": 500})
    site.open(page)
    assert sideways_scroll(page) == 0
