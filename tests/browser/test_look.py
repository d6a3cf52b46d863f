"""What is chosen, pressed or playing is seen: in forced colours, and on every play button; sounds load when wanted."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Request

from tests.browser.every_page import BAND, band_midi, be_member, fill
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import PLAYER, STATUS, ScriptedWorker, Site
from tests.factories import guest, make_piece, make_user, member

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# How an element is painted, with the pseudo-elements that draw it; {} where it has none.
PAINT = """(selector) => {
    const one = document.querySelector(selector);
    const facts = ["backgroundColor", "backgroundImage", "color", "borderTopColor", "outlineStyle"];
    return JSON.stringify([null, "::before", "::after"].map((part) => {
        const style = getComputedStyle(one, part);
        return facts.map((fact) => style[fact]);
    }));
}"""


@pytest.fixture
def site(live_server) -> Site:
    return fill(live_server.url)


@pytest.fixture(params=["light", "dark"])
def forced(make_page, site, request):
    page = make_page(forced_colors="active", color_scheme=request.param)
    site.be_guest(page)
    return page


def differs(page, one: str, other: str) -> bool:
    return page.evaluate(PAINT, one) != page.evaluate(PAINT, other)


class TestForcedColours:
    def test_what_is_chosen_to_compose_is_seen(self, forced, site, poll):
        site.open(forced)
        poll(forced, "document.querySelector('[data-plain-only]')?.hidden !== false")
        forced.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        forced.check("#start-midi", force=True)
        genre = forced.get_attribute("input[name=genre]:checked", "value")
        # A card, a pill, a scale, and a switch on and off.
        assert differs(forced, "input[name=genre]:checked + label", "input[name=genre]:not(:checked) + label")
        pills = "input[name=takes]"
        assert differs(forced, f"{pills}:checked + label", f"{pills}:not(:checked) + label")
        scale_stop = f"input[name='{genre}-adventurousness']"
        assert differs(forced, f"{scale_stop}:checked + label", f"{scale_stop}:not(:checked) + label")
        on = forced.evaluate(PAINT, "#keep-primer + label")
        forced.locator("#keep-primer").click(force=True)
        assert forced.evaluate(PAINT, "#keep-primer + label") != on

    def test_every_genre_has_its_picture(self, forced, site):
        site.open(forced)
        shades = """(slug) => {
            const art = document.querySelector(`.genre-art-${slug}`);
            const ink = getComputedStyle(art, "::before");
            return [ink.content === "none" ? "picture" : ink.backgroundColor, getComputedStyle(art).backgroundColor];
        }"""
        for slug in ("piano", "drums", "rock", "electronic"):
            ink, ground = forced.evaluate(shades, slug)
            assert ink != ground, slug

    def test_what_is_picked_marked_and_playing_in_the_library_is_seen(self, forced, site, poll):
        for view in ("", "?view=table"):
            site.open(forced, f"/library/{view}")
            poll(forced, "document.querySelector('[data-pick-all]')?.hidden === false")
            forced.locator(".pick[name=piece]").first.check(force=True)
            forced.locator("[data-play-now]").nth(1).click()
            poll(forced, "document.querySelector('[data-play-state=playing]')")
            assert differs(forced, ".pick[name=piece]:checked", ".pick[name=piece]:not(:checked)")
            assert differs(
                forced,
                "[data-picked] .picture-roll, tr[data-picked]",
                "[data-piece]:not([data-picked]) .picture-roll, tr[data-piece]:not([data-picked])",
            )
            assert differs(forced, "[data-play-state] .play-button", "[data-piece]:not([data-play-state]) .play-button")
            assert differs(forced, ".list-look [aria-current]", ".list-look .icon-button:not([aria-current])")
            forced.click("player-bar .pb-play")

    def test_the_player_shows_its_switches_its_sliders_and_its_notes(self, forced, site, poll):
        piece = make_piece(guest("guest-alice"), midi=band_midi(), voices=BAND, length_seconds=12.0)
        site.open(forced, f"/pieces/{piece.pk}/")
        player = "document.querySelector('main music-player')"
        poll(forced, f"{player}.canPlay")
        forced.click("main .mp-loop")
        forced.locator("main .mp-voice-solo").first.click()
        assert differs(forced, "main .mp-loop", "main .mp-mute")
        assert differs(forced, "main .mp-voice-solo[aria-pressed=true]", "main .mp-voice-solo[aria-pressed=false]")
        # The canvas takes the system's ground, and every voice stands out from it as WCAG asks of graphics (3 to 1).
        colors = forced.evaluate(f"({{white: {player}.roll.colors.white, shades: {player}.roll.colors.shades.flat()}})")
        ground = forced.evaluate("getComputedStyle(document.body).backgroundColor")
        assert numbers(colors["white"]) == numbers(ground)
        assert min(contrast(numbers(shade), numbers(ground)) for shade in colors["shades"]) >= 3

    def test_the_focus_is_seen_on_every_control(self, forced, site, poll):
        site.open(forced)
        poll(forced, "document.querySelector('[data-plain-only]')?.hidden !== false")
        unseen = forced.evaluate("""() => [...document.querySelectorAll(
            'main :is(a[href], button, input, select, summary)')]
            .filter((one) => one.checkVisibility() && !one.disabled && one.type !== 'hidden')
            .filter((one) => {
                one.focus({focusVisible: true});
                return ![one, one.nextElementSibling].some((part) => part && [null, '::before'].some((piece) => {
                    const {outlineStyle, outlineWidth} = getComputedStyle(part, piece);
                    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
                }));
            }).map((one) => one.outerHTML.slice(0, 100))""")
        assert unseen == []


def numbers(color: str) -> tuple[float, float, float]:
    red, green, blue = map(float, re.findall(r"[\d.]+", color)[:3])
    return red, green, blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """As WCAG defines it."""

    def luminance(color: tuple[float, float, float]) -> float:
        parts = [part / 255 for part in color]
        red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class TestSounds:
    @pytest.fixture
    def fetched(self, make_page, site):
        """A phone on the compose page, and the addresses of the sounds that it fetches."""
        page = make_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
        site.be_guest(page)
        found: list[str] = []

        def note(request: Request) -> None:
            if re.search(r"\.sf3|worklet", request.url):
                found.append(request.url)

        page.on("request", note)
        site.open(page)
        page.wait_for_load_state("networkidle")
        return page, found

    def test_a_page_that_is_looked_at_loads_none(self, fetched):
        page, found = fetched
        page.evaluate("scrollTo(0, 1000)")
        page.check("#genre-rock", force=True)
        page.wait_for_load_state("networkidle")
        assert found == []

    def test_they_are_there_when_generate_is_about_to_be_pressed(self, fetched, poll):
        page, found = fetched
        page.locator("[data-generate]").focus()
        poll(page, f"{PLAYER}.engine.banks.size > 0")
        assert any(".sf3" in url for url in found)
        # What is chosen from now on is loaded, too.
        before = page.evaluate(f"{PLAYER}.engine.banks.size")
        page.check("input[value=strings]", force=True)
        poll(page, f"{PLAYER}.engine.banks.size > {before}")

    def test_a_tap_on_generate_is_heard(self, fetched, poll):
        page, _ = fetched
        page.locator("[data-generate]").tap()
        ScriptedWorker().claim().compose(6)
        poll(page, f"{PLAYER}.rms > 0.01")


class TestPlayButtons:
    def test_a_row_pauses_what_plays_wherever_it_plays(self, browser_page, site, poll):
        page = browser_page
        site.be_guest(page)
        site.open(page)
        poll(page, "customElements.get('music-player') !== undefined")
        page.fill("#id_length", "0:30")
        page.click("[data-generate]")
        ScriptedWorker().claim().finish()
        poll(page, f"{STATUS} === 'succeeded' && {PLAYER}.state === 'playing'")
        row = page.locator("[data-recent] [data-piece-row]").first
        button = row.locator("[data-row-play]")
        poll(page, "document.querySelector('[data-recent] [data-play-state=playing]')")
        assert button.get_attribute("aria-label") == "Pause Piece of the test"
        assert row.locator(".icon-pause").is_visible()
        assert not row.locator(".icon-play").is_visible()
        button.click()
        poll(page, f"{PLAYER}.state === 'paused'")
        assert button.get_attribute("aria-label") == "Play Piece of the test"
        assert row.locator(".icon-play").is_visible()
        assert page.locator("[data-recent] music-player").count() == 0, "its player is the one above"

    def test_the_player_of_a_row_is_paused_by_the_rows_button(self, browser_page, site, poll):
        page = browser_page
        site.open(page)
        poll(page, "document.querySelector('.example [data-row-play][aria-expanded]')")
        button = page.locator(".example [data-row-play]")
        button.click()
        poll(page, "document.querySelector('.example music-player').state === 'playing'")
        assert page.locator(".example .icon-pause").is_visible()
        button.click()
        poll(page, "document.querySelector('.example music-player').state === 'paused'")
        assert page.locator(".example .play-button .icon-play").is_visible()

    def test_a_row_of_a_list_shows_what_the_bar_plays(self, browser_page, site, poll):
        alice = make_user("alice")
        make_piece(member(alice), title="One", midi=midi_bytes(scale(15)))
        be_member(site, browser_page, alice)
        site.open(browser_page, "/library/")
        browser_page.click("[data-play-now]")
        poll(browser_page, "document.querySelector('player-bar').state === 'playing'")
        assert browser_page.get_attribute("[data-play-now]", "aria-label") == "Pause One"
        assert browser_page.locator("[data-piece] .icon-pause").is_visible()
        browser_page.click("player-bar .pb-play")
        poll(browser_page, "document.querySelector('[data-play-now]').getAttribute('aria-label') === 'Play One'")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("who", ["guest", "member"])
def test_compose_has_its_place_in_the_navigation(make_page, site, width, who):
    page = make_page(viewport={"width": width, "height": 740})
    if who == "member":
        be_member(site, page, make_user("a-rather-long-name-of-a-member"))
    site.open(page, "/help/garageband/")
    entry = page.locator(".site-nav").get_by_role("link", name="Compose")
    assert entry.is_visible()
    assert entry.get_attribute("aria-current") is None
    edges = page.evaluate("[...document.querySelectorAll('.site-header a, .site-header summary, .site-header button')]"
                          ".filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect())"
                          ".map(({left, right}) => [left, right])")  # fmt: skip
    assert all(left >= 0 and right <= width for left, right in edges), edges
    ordered = sorted(edges)
    assert all(one[1] <= other[0] + 0.5 for one, other in pairwise(ordered)), "nothing overlaps"
    entry.click()
    page.wait_for_url(f"{site.url}/")
    assert page.locator(".site-nav [aria-current=page]").inner_text() == "Compose"
