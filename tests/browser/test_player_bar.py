"""The player bar: it plays on while one moves between pages, in the order that its queue says."""

from itertools import pairwise

import pytest

from tests.browser.bar_site import BarSite
from tests.browser.site import AXE

pytestmark = pytest.mark.browser

BAR = "document.querySelector('player-bar')"
ENGINE = f"{BAR}.engine"
LOUD = f"{BAR}.rms > 0.01"
PLAYING = f"{BAR}.state === 'playing'"
PAUSED = f"{BAR}.state === 'paused'"
TITLE = f"{BAR}.dataset.title"


@pytest.fixture
def bar_site(player_site):
    before = dict(player_site.files)
    site = BarSite(player_site)
    site.page("/other/")
    yield site
    player_site.files = before
    player_site.broken.clear()


@pytest.fixture
def page(browser_page, bar_site, poll):
    """The list of three pieces, with its scripts running."""
    browser_page.goto(bar_site.listing("one", "two", "three"))
    poll(browser_page, f"{BAR}.view !== undefined")
    return browser_page


def titles(page):
    return page.evaluate(f"{BAR}.queue.entries.map((entry) => entry.title)")


def play_all(page, poll):
    page.get_by_role("button", name="Play all").click()
    poll(page, f"{PLAYING} && {LOUD}")


def go(page, poll, name, heading=None):
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
    poll(page, f"document.querySelector('h1').textContent === '{heading or name}'")


# ---- across pages ----------------------------------------------------------------------------------------------------


def test_it_plays_on_without_a_gap_while_one_moves_between_pages(page, bar_site, poll):
    play_all(page, poll)
    page.evaluate(
        f"""() => {{
            window.stays = true;
            window.seen = [];
            const look = () => {{
                window.seen.push([{BAR}.currentTime, {ENGINE}.context.currentTime, {ENGINE}.context.state]);
                requestAnimationFrame(look);
            }};
            look();
        }}"""
    )
    go(page, poll, "Other")
    assert page.url == f"{bar_site.url}/other/"
    assert page.title() == "Other"
    page.go_back()
    poll(page, "document.querySelector('h1').textContent === 'List'")
    before = page.evaluate(f"{BAR}.currentTime")
    poll(page, f"{BAR}.currentTime > {before} + 0.5 && {LOUD}")
    assert page.evaluate("window.stays"), "the page was loaded anew"
    seen = page.evaluate("window.seen")
    positions = [position for position, _, _ in seen]
    assert all(later >= earlier - 0.02 for earlier, later in pairwise(positions))
    assert {state for _, _, state in seen} == {"running"}
    # What was heard is what the audio clock counted: nothing was left out or heard twice.
    assert positions[-1] - positions[0] == pytest.approx(seen[-1][1] - seen[0][1], abs=0.25)


def test_without_anything_to_play_there_is_no_bar(page):
    assert not page.locator("player-bar").is_visible()
    assert page.evaluate(f"{ENGINE}.context") is None


def test_the_title_leads_to_the_piece(page, bar_site, poll):
    play_all(page, poll)
    page.locator(".pb-title").click()
    poll(page, "document.querySelector('h1').textContent === 'Piece one'")
    assert page.url == f"{bar_site.url}/piece/one/"
    poll(page, f"{PLAYING} && {LOUD}")


def test_one_player_sounds_at_a_time_and_a_page_that_goes_hands_its_piece_over(page, bar_site, poll):
    bar_site.page(
        "/other/",
        '<music-player data-sounds="/static/sounds/" data-worklet="/static/vendor/spessasynth/worklet.js" '
        'data-src="/alone.mid" data-title="Alone" data-length="30"></music-player>',
        scripts='<script type="module" src="/static/js/music-player.js"></script>',
    )
    bar_site.pieces("alone")
    play_all(page, poll)
    go(page, poll, "Other")
    player = "document.querySelector('music-player')"
    poll(page, f"{player}.canPlay")
    page.click("music-player .mp-play")
    poll(page, f"{player}.state === 'playing' && {PAUSED} && {player}.rms > 0.01")
    page.click("player-bar .pb-play")
    poll(page, f"{player}.state === 'paused' && {PLAYING} && {LOUD}")
    page.click("music-player .mp-play")
    poll(page, f"{PAUSED} && {player}.currentTime > 1")
    reached = page.evaluate(f"{player}.currentTime")
    go(page, poll, "List")
    assert page.evaluate(TITLE) == "Alone"
    assert titles(page) == ["one", "Alone", "two", "three"]
    assert page.evaluate(f"{BAR}.currentTime") >= reached
    assert page.evaluate(PLAYING)
    poll(page, LOUD)
    assert page.get_attribute(".pb-title", "href") == "/other/"


def test_after_a_full_load_queue_and_place_are_there_and_it_is_paused(page, poll):
    play_all(page, poll)
    page.get_by_role("button", name="Loop: off").click()
    page.get_by_role("button", name="Next piece").click()
    poll(page, f"{BAR}.currentTime > 1")
    reached = page.evaluate(f"{BAR}.currentTime")
    page.reload()
    poll(page, f"{BAR}.view !== undefined")
    assert page.evaluate(PAUSED)
    assert page.evaluate(TITLE) == "two"
    assert titles(page) == ["one", "two", "three"]
    assert page.evaluate(f"{BAR}.queue.loop") == "all"
    assert page.evaluate(f"{BAR}.currentTime") >= reached
    page.get_by_role("button", name="Play", exact=True).click()
    poll(page, f"{PLAYING} && {LOUD} && {BAR}.currentTime > {reached} + 0.3")


def test_what_a_member_heard_is_not_shown_to_the_next_one(page, bar_site, poll):
    page.goto(bar_site.listing("one", "two", owner="1"))
    poll(page, f"{BAR}.view !== undefined")
    play_all(page, poll)
    page.goto(bar_site.page("/other/", owner="1"))
    poll(page, f"{BAR}.view !== undefined")
    assert titles(page) == ["one", "two"]
    page.goto(bar_site.page("/other/", owner="2"))
    poll(page, f"{BAR}.view !== undefined")
    assert titles(page) == []
    assert page.evaluate("sessionStorage.getItem('player-bar')") is None


# ---- the queue -------------------------------------------------------------------------------------------------------


def test_a_list_plays_to_its_end_and_rests_at_its_start(page, bar_site, poll):
    page.goto(bar_site.listing("short", "brief", seconds=1.5))
    poll(page, f"{BAR}.view !== undefined")
    page.evaluate(
        f"""() => {{
            window.played = [];
            {BAR}.addEventListener("player-bar:change", () => {PLAYING} && window.played.push({TITLE}));
        }}"""
    )
    page.get_by_role("button", name="Play all").click()
    poll(page, f"window.played.at(-1) === 'brief' && {PAUSED}")
    assert list(dict.fromkeys(page.evaluate("window.played"))) == ["short", "brief"]
    assert page.evaluate(f"[{TITLE}, {BAR}.currentTime]") == ["short", 0]


def test_next_and_previous(page, poll):
    play_all(page, poll)
    page.get_by_role("button", name="Next piece").click()
    poll(page, f"{TITLE} === 'two' && {PLAYING} && {LOUD}")
    page.get_by_role("button", name="Previous piece").click()
    poll(page, f"{TITLE} === 'one' && {PLAYING}")
    page.evaluate(f"{BAR}.seek(20)")
    page.get_by_role("button", name="Previous piece").click()
    assert page.evaluate(TITLE) == "one"
    assert page.evaluate(f"{BAR}.currentTime") < 1
    for _ in range(2):
        page.get_by_role("button", name="Next piece").click()
    assert page.evaluate(TITLE) == "three"
    assert page.get_by_role("button", name="Next piece").is_disabled()


def test_loops_of_all_and_of_one(page, bar_site, poll):
    page.goto(bar_site.listing("short", "brief", seconds=1.5))
    poll(page, f"{BAR}.view !== undefined")
    page.get_by_role("button", name="Play all").click()
    page.get_by_role("button", name="Loop: off").click()
    page.get_by_role("button", name="Next piece").click()
    poll(page, f"{TITLE} === 'brief' && {PLAYING}")
    poll(page, f"{TITLE} === 'short' && {PLAYING}")
    page.get_by_role("button", name="Loop: all pieces").click()
    title = page.evaluate(TITLE)
    poll(page, f"{BAR}.currentTime > 1")
    poll(page, f"{BAR}.currentTime < 0.9 && {PLAYING}")
    assert page.evaluate(TITLE) == title
    assert page.get_by_role("button", name="Loop: this piece").is_visible()


def test_shuffle_plays_each_piece_once_and_gives_the_order_back(page, bar_site, poll):
    names = [f"p{number}" for number in range(12)]
    page.goto(bar_site.listing(*names))
    poll(page, f"{BAR}.view !== undefined")
    play_all(page, poll)
    shuffle = page.get_by_role("button", name="Shuffle", exact=True)
    page.get_by_role("button", name="Next piece").click()
    shuffle.click()
    mixed = titles(page)
    assert mixed[0] == "p1", "what plays goes on"
    assert mixed != sorted(mixed, key=names.index)
    assert sorted(mixed) == sorted(names)
    assert shuffle.get_attribute("aria-pressed") == "true"
    shuffle.click()
    assert titles(page) == names
    assert page.evaluate(TITLE) == "p1"
    page.get_by_role("button", name="Shuffle all").click()
    assert sorted(titles(page)) == sorted(names)
    assert page.evaluate(f"{BAR}.queue.isShuffled && {BAR}.queue.index === 0")


def test_rows_play_pause_and_queue(page, poll):
    row = page.locator("[data-play-item]")
    row.nth(1).get_by_role("button", name="Play two").click()
    poll(page, f"{TITLE} === 'two' && {PLAYING}")
    assert titles(page) == ["one", "two", "three"]
    assert row.nth(1).get_attribute("data-play-state") == "playing"
    row.nth(1).get_by_role("button", name="Pause two").click()
    assert page.evaluate(PAUSED)
    assert row.nth(1).get_attribute("data-play-state") == "paused"
    row.nth(2).get_by_role("button", name="Next", exact=True).click()
    row.nth(0).get_by_role("button", name="Add", exact=True).click()
    assert titles(page) == ["one", "two", "three", "three", "one"]
    assert page.locator(".pb-note").text_content() == "Added at the end of the queue."


def test_a_list_of_several_pages_plays_as_one(page, bar_site, poll):
    bar_site.listing("three", "four", path="/list/2/")
    page.goto(bar_site.listing("one", "two", attributes='data-play-more="/list/2/"'))
    poll(page, f"{BAR}.view !== undefined")
    page.get_by_role("button", name="Play all").click()
    poll(page, f"{BAR}.queue.entries.length === 4")
    assert titles(page) == ["one", "two", "three", "four"]
    poll(page, f"{TITLE} === 'one' && {PLAYING}")


def test_the_next_piece_is_loaded_before_it_is_its_turn(page, bar_site, poll):
    bar_site.site.requested.clear()
    play_all(page, poll)
    poll(page, f"{BAR}.files.has('/two.mid')")
    assert "/two.mid" in bar_site.site.requested
    assert "/three.mid" not in bar_site.site.requested


def test_a_piece_that_is_gone_is_passed_over(page, bar_site, poll):
    page.watch.allow("404")
    bar_site.site.broken.add("/two.mid")
    page.locator("[data-play-item]").nth(1).get_by_role("button", name="Play two").click()
    poll(page, f"{TITLE} === 'three' && {PLAYING} && {LOUD}")
    assert titles(page) == ["one", "three"]
    assert "two" in page.locator(".pb-note").text_content()


class TestPanel:
    @pytest.fixture
    def panel(self, page, poll):
        play_all(page, poll)
        page.get_by_role("button", name="Queue, 3 pieces").click()
        return page.get_by_role("region", name="Queue", exact=True)

    def test_it_shows_what_plays_and_plays_what_is_pressed(self, page, panel, poll):
        assert panel.locator("[aria-current=true]").inner_text() == "one"
        panel.get_by_role("button", name="three", exact=True).click()
        poll(page, f"{TITLE} === 'three' && {PLAYING} && {LOUD}")
        assert panel.locator("[aria-current=true]").inner_text() == "three"

    def test_entries_move_by_keyboard_and_the_focus_stays_with_them(self, page, panel):
        panel.get_by_role("button", name="Move three up").focus()
        page.keyboard.press("Enter")
        assert titles(page) == ["one", "three", "two"]
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Move three up"
        page.keyboard.press("Enter")
        assert titles(page) == ["three", "one", "two"]
        assert page.evaluate(f"[{TITLE}, {BAR}.queue.index]") == ["one", 1]
        assert page.evaluate("document.activeElement.textContent") == "three", "its button can do no more"

    def test_entries_are_dragged(self, page, panel):
        panel.get_by_role("button", name="three", exact=True).drag_to(
            panel.get_by_role("button", name="one", exact=True)
        )
        assert titles(page) == ["three", "one", "two"]

    def test_entries_go_and_the_one_that_plays_gives_way_to_the_next(self, page, panel, poll):
        panel.get_by_role("button", name="Remove two").click()
        assert titles(page) == ["one", "three"]
        assert page.evaluate(f"{TITLE} === 'one' && {PLAYING}")
        panel.get_by_role("button", name="Remove one").click()
        poll(page, f"{TITLE} === 'three' && {PLAYING} && {LOUD}")

    def test_cleared_it_is_silent_and_hidden(self, page, panel, poll):
        page.get_by_role("button", name="Clear the queue").click()
        poll(page, f"{BAR}.hidden && {ENGINE}.clock.playing === false")
        assert page.evaluate("document.activeElement.id") == "main"
        page.reload()
        poll(page, f"{BAR}.view !== undefined")
        assert titles(page) == []

    def test_escape_closes_it(self, page, panel):
        panel.get_by_role("button", name="Remove two").focus()
        page.keyboard.press("Escape")
        assert not panel.is_visible()
        assert page.evaluate("document.activeElement.className").endswith("pb-queue")


# ---- for every hand and ear ------------------------------------------------------------------------------------------


def test_by_keyboard(page, poll):
    page.get_by_role("button", name="Play all").focus()
    page.keyboard.press("Enter")
    poll(page, f"{PLAYING} && {LOUD}")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    assert page.evaluate(PAUSED)
    slider = page.get_by_role("slider", name="Position in the piece")
    slider.focus()
    for key in ("Home", "PageUp", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate(f"{BAR}.currentTime") == pytest.approx(20, abs=0.1)
    assert slider.get_attribute("aria-valuetext") == "0:20 of 0:30"
    page.keyboard.press("Space")
    poll(page, PLAYING)


def test_the_title_is_said_and_nothing_of_the_position(page, poll):
    page.evaluate(
        f"""() => {{
            window.said = [];
            new MutationObserver(() => {BAR}.querySelectorAll('[role=status]').forEach((one) =>
                one.textContent && window.said.at(-1) !== one.textContent && window.said.push(one.textContent)))
                .observe({BAR}, {{ childList: true, subtree: true, characterData: true }});
        }}"""
    )
    play_all(page, poll)
    poll(page, f"{BAR}.currentTime > 1.5")
    assert page.evaluate("window.said") == ["one"]


def test_media_keys(page, poll):
    page.add_init_script(
        "window.keys = {};"
        "navigator.mediaSession.setActionHandler = (name, handler) => { window.keys[name] = handler; };"
    )
    page.reload()
    poll(page, f"{BAR}.view !== undefined")
    play_all(page, poll)
    page.evaluate("window.keys.nexttrack()")
    poll(page, f"{TITLE} === 'two' && {PLAYING}")
    assert page.evaluate("navigator.mediaSession.metadata.title") == "two"
    # Browsers offer the keys to a media element that plays.
    poll(page, f"!{BAR}.session.element.paused && {BAR}.session.element.currentTime > 0")
    page.evaluate("window.keys.pause()")
    assert page.evaluate(PAUSED)
    assert page.evaluate(f"{BAR}.session.element.paused && navigator.mediaSession.playbackState === 'paused'")
    page.evaluate("window.keys.previoustrack()")
    assert page.evaluate(TITLE) == "one"


def test_the_volume_is_one_for_all_players_and_remembered(page, poll):
    play_all(page, poll)
    page.get_by_role("slider", name="Volume").fill("0")
    poll(page, f"{BAR}.rms < 0.001")
    page.reload()
    poll(page, f"{BAR}.view !== undefined")
    assert page.get_by_role("slider", name="Volume").input_value() == "0"


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1280, "dark")])
def test_it_fits_and_hides_nothing(make_page, bar_site, poll, width, theme):
    page = make_page(viewport={"width": width, "height": 740})
    names = [f"A piece with a rather long name, number {number}" for number in range(9)]
    page.goto(bar_site.listing(*names, theme=theme))
    poll(page, f"{BAR}.view !== undefined")
    play_all(page, poll)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    overlap = page.evaluate(
        f"{BAR}.getBoundingClientRect().top - document.querySelector('footer').getBoundingClientRect().bottom"
    )
    assert overlap >= 0
    page.locator(".pb-queue").click()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('player-bar :is(a, button, .mp-range)')]
            .filter((one) => one.checkVisibility())
            .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
            .filter(([, box]) => box.width < 43.5 || box.height < 43.5 || box.left < 0 || box.right > innerWidth)"""
    )
    assert boxes == []
    page.evaluate(AXE)
    found = page.evaluate("axe.run('player-bar')")["violations"]
    assert [(one["id"], node["html"][:120], node["failureSummary"]) for one in found for node in one["nodes"]] == []
