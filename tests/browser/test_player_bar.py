"""The player bar: it plays on while one moves between pages, in the order that its queue says."""

import json
from itertools import pairwise

import pytest

from tests.browser.bar_site import BarSite
from tests.browser.player_site import player_html
from tests.browser.site import AXE

pytestmark = pytest.mark.browser

BAR = "document.querySelector('player-bar')"
ENGINE = f"{BAR}.engine"
LOUD = f"{BAR}.rms > 0.01"
PLAYING = f"{BAR}.state === 'playing'"
PAUSED = f"{BAR}.state === 'paused'"
TITLE = f"{BAR}.dataset.title"
# A page's own player, and how a page writes it.
PLAYER = "document.querySelector('music-player')"
PLAYER_SCRIPT = '<script type="module" src="/static/js/music-player.js"></script>'


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


def page_with_player(bar_site):
    """A page whose own player holds "Alone"; one of its links leads to a page that is loaded whole."""
    bar_site.pieces("alone")
    bar_site.page("/account/")
    player = player_html(src="/alone.mid", title="Alone", attributes='data-length="30"')
    link = '<a id="link" href="/account/">Sign in</a>'
    return bar_site.page("/other/", player, link, scripts=PLAYER_SCRIPT)


def record(page):
    """Keeps in `played` what sounds, [title, seconds], frame by frame while it moves."""
    page.evaluate(
        f"""() => {{
            window.played = [];
            const look = () => {{
                const now = [{TITLE}, {BAR}.currentTime];
                if ({PLAYING} && String(now) !== String(window.played.at(-1))) window.played.push(now);
                requestAnimationFrame(look);
            }};
            look();
        }}"""
    )


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
    page_with_player(bar_site)
    play_all(page, poll)
    go(page, poll, "Other")
    poll(page, f"{PLAYER}.canPlay")
    page.click("music-player .mp-play")
    poll(page, f"{PLAYER}.state === 'playing' && {PAUSED} && {PLAYER}.rms > 0.01")
    page.click("player-bar .pb-play")
    poll(page, f"{PLAYER}.state === 'paused' && {PLAYING} && {LOUD}")
    page.click("music-player .mp-play")
    poll(page, f"{PAUSED} && {PLAYER}.currentTime > 1")
    reached = page.evaluate(f"{PLAYER}.currentTime")
    go(page, poll, "List")
    assert page.evaluate(TITLE) == "Alone"
    assert titles(page) == ["one", "Alone", "two", "three"]
    assert page.evaluate(f"{BAR}.currentTime") >= reached
    assert page.evaluate(PLAYING)
    poll(page, LOUD)
    assert page.get_attribute(".pb-title", "href") == "/other/"


class TestFullLoad:
    """As when one signs in: the sound ends with the page, and goes on in the next one where the browser lets it."""

    def test_it_goes_on_by_itself_where_it_was(self, page, bar_site, poll):
        bar_site.page("/account/")
        bar_site.page("/list/", '<a id="link" href="/account/">Sign in</a>')
        play_all(page, poll)
        page.get_by_role("button", name="Loop off").click()
        page.get_by_role("button", name="Next piece").click()
        poll(page, f"{TITLE} === 'two' && {PLAYING} && {BAR}.currentTime > 1")
        go(page, poll, "List")
        reached = page.evaluate(f"{BAR}.currentTime")
        page.click("#link")
        poll(page, f"location.pathname === '/account/' && {BAR}?.view && {PLAYING} && {LOUD}")
        assert page.evaluate(TITLE) == "two"
        assert titles(page) == ["one", "two", "three"]
        assert page.evaluate(f"{BAR}.queue.loop") == "all"
        assert page.evaluate(f"{BAR}.currentTime") >= reached

    def test_what_a_page_played_goes_on_in_the_bar(self, browser_page, bar_site, poll):
        page = browser_page
        page.goto(page_with_player(bar_site))
        poll(page, f"{PLAYER}.canPlay && {BAR}.view !== undefined")
        page.click("music-player .mp-play")
        poll(page, f"{PLAYER}.currentTime > 1")
        reached = page.evaluate(f"{PLAYER}.currentTime")
        page.click("#link")
        poll(page, f"location.pathname === '/account/' && {BAR}?.view && {PLAYING} && {LOUD}")
        assert titles(page) == ["Alone"]
        assert page.evaluate(f"{BAR}.currentTime") >= reached
        assert page.get_attribute(".pb-title", "href") == "/other/"

    def test_what_was_paused_stays_so(self, page, poll):
        play_all(page, poll)
        page.get_by_role("button", name="Pause", exact=True).click()
        reached = page.evaluate(f"{BAR}.currentTime")
        page.reload()
        poll(page, f"{BAR}.view !== undefined")
        assert page.evaluate(f"{PAUSED} && {BAR}.goingOn === -1 && !{ENGINE}.context")
        assert page.evaluate(f"{BAR}.currentTime") == pytest.approx(reached, abs=0.05)
        page.get_by_role("button", name="Play", exact=True).click()
        poll(page, f"{PLAYING} && {LOUD} && {BAR}.currentTime > {reached} + 0.3")

    @pytest.fixture
    def left(self, page, poll):
        """What the bar stored when its page was left while it played."""
        play_all(page, poll)
        poll(page, f"{BAR}.currentTime > 1")
        page.goto("about:blank")
        page.go_back(wait_until="commit")
        return page.evaluate("sessionStorage.getItem('player-bar')")

    def test_where_the_browser_wants_a_click_it_is_asked_for(self, make_page, bar_site, poll, left):
        stranger = make_page()
        stranger.add_init_script(f"sessionStorage.setItem('player-bar', {json.dumps(left)})")
        stranger.goto(f"{bar_site.url}/list/")
        poll(stranger, f"{BAR}.view?.parts.note.textContent === 'Press play to continue'")
        assert stranger.evaluate(f"{PAUSED} && {BAR}.currentTime > 1 && {ENGINE}.context.state === 'suspended'")
        stranger.get_by_role("button", name="Play", exact=True).click()
        poll(stranger, f"{PLAYING} && {LOUD} && {BAR}.currentTime > 1")
        assert stranger.locator(".pb-note").text_content() == ""

    def test_who_comes_back_later_finds_it_paused(self, make_page, bar_site, poll, left):
        stranger = make_page()
        old = {**json.loads(left), "leftAt": json.loads(left)["leftAt"] - 60_000}
        stranger.add_init_script(f"sessionStorage.setItem('player-bar', {json.dumps(json.dumps(old))})")
        stranger.goto(f"{bar_site.url}/list/")
        poll(stranger, f"{BAR}.view !== undefined")
        assert stranger.evaluate(f"{PAUSED} && !{ENGINE}.context")

    def test_a_page_that_the_browser_kept_is_silent_and_goes_on_when_it_is_shown_again(self, page, poll):
        play_all(page, poll)
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
        poll(page, f"{BAR}.rms < 0.001 && {ENGINE}.clock.playing === false")
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        poll(page, f"{PLAYING} && {LOUD}")


class TestTabs:
    """Two tabs of the site: one of them sounds."""

    def test_the_one_that_begins_pauses_the_other(self, page, bar_site, poll):
        play_all(page, poll)
        other = page.context.new_page()
        other.goto(f"{bar_site.url}/list/")
        poll(other, f"{BAR}.view !== undefined")
        assert page.evaluate(PLAYING)
        play_all(other, poll)
        poll(page, PAUSED)
        assert page.locator(".pb-note").text_content() == "Paused: playing in another tab"
        page.get_by_role("button", name="Play", exact=True).click()
        poll(page, f"{PLAYING} && {LOUD}")
        assert page.locator(".pb-note").text_content() == ""
        poll(other, PAUSED)
        other.close()

    def test_a_player_of_a_page_is_paused_too_and_says_why(self, page, bar_site, poll):
        other = page.context.new_page()
        other.goto(page_with_player(bar_site))
        poll(other, f"{PLAYER}.canPlay")
        other.click("music-player .mp-play")
        poll(other, f"{PLAYER}.state === 'playing' && {PLAYER}.rms > 0.01")
        play_all(page, poll)
        poll(other, f"{PLAYER}.state === 'paused'")
        assert "Paused: playing in another tab" in other.locator("music-player").inner_text()
        other.click("music-player .mp-play")
        poll(other, f"{PLAYER}.state === 'playing' && {PLAYER}.rms > 0.01")
        assert "Another tab" not in other.locator("music-player").inner_text()
        poll(page, PAUSED)
        other.close()


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
    record(page)
    page.get_by_role("button", name="Play all").click()
    poll(page, f"played.at(-1)?.[0] === 'brief' && {PAUSED}")
    assert list(dict.fromkeys(title for title, _ in page.evaluate("played"))) == ["short", "brief"]
    assert page.evaluate(f"[{TITLE}, {BAR}.currentTime]") == ["short", 0]


def test_next_and_previous(page, poll):
    play_all(page, poll)
    page.get_by_role("button", name="Next piece").click()
    poll(page, f"{TITLE} === 'two' && {PLAYING} && {LOUD}")
    # At once: a few seconds later the button leads to the start of this piece.
    page.evaluate(f"() => {{ {BAR}.seek(1); document.querySelector('.pb-previous').click(); }}")
    poll(page, f"{TITLE} === 'one' && {PLAYING}")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.evaluate(f"{BAR}.seek(20)")
    page.get_by_role("button", name="Previous piece").click()
    assert page.evaluate(f"[{TITLE}, {BAR}.currentTime]") == ["one", 0]
    for _ in range(2):
        page.get_by_role("button", name="Next piece").click()
    assert page.evaluate(TITLE) == "three"
    assert page.get_by_role("button", name="Next piece").is_disabled()


def test_loops_of_all_and_of_one(page, bar_site, poll):
    page.goto(bar_site.listing("short", "brief", seconds=1.5))
    poll(page, f"{BAR}.view !== undefined")
    page.get_by_role("button", name="Add all").click()
    page.get_by_role("button", name="Loop off").click()
    record(page)
    page.get_by_role("button", name="Play", exact=True).click()
    turns = "played.map(([title]) => title).filter((title, index, all) => title !== all[index - 1]).join()"
    poll(page, f"{turns}.startsWith('short,brief,short')")
    page.get_by_role("button", name="Loop the queue").click()
    assert page.get_by_role("button", name="Loop this piece").is_visible()
    title = page.evaluate(TITLE)
    page.evaluate("played.length = 0")
    # Its end is followed by its start, again and again.
    poll(page, "played.filter(([, seconds], index) => seconds < (played[index - 1]?.[1] ?? 0)).length > 1")
    assert {one for one, _ in page.evaluate("played")} == {title}


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
    assert page.locator(".pb-note").text_content() == "Added to the queue."


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
    poll(page, f"{BAR}.view.parts.note.textContent.includes('two')")  # for a few seconds
    poll(page, f"{TITLE} === 'three' && {PLAYING} && {LOUD}")
    assert titles(page) == ["one", "three"]


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

    def test_alt_and_arrows_move_too_and_the_new_place_is_said(self, page, panel):
        panel.get_by_role("button", name="three", exact=True).focus()
        page.keyboard.press("Alt+ArrowUp")
        assert titles(page) == ["one", "three", "two"]
        assert panel.get_by_role("status").text_content() == "three moved to 2 of 3."
        assert page.evaluate("document.activeElement.textContent") == "three"
        for _ in range(2):
            page.keyboard.press("Alt+ArrowDown")
        assert titles(page) == ["one", "two", "three"]
        assert panel.get_by_role("status").text_content() == "three moved to 3 of 3."
        assert page.evaluate(TITLE) == "one", "nothing was chosen"

    @pytest.mark.parametrize("by", [".pb-entry", "[data-grip]"], ids=["name", "grip"])
    def test_entries_are_dragged_by_mouse(self, page, panel, by):
        rows = panel.get_by_role("listitem")
        first, last = (rows.nth(place).locator(by).bounding_box() for place in (0, 2))
        x = first["x"] + 12
        page.mouse.move(x, last["y"] + 20)
        page.mouse.down()
        page.mouse.move(x, first["y"] + 30, steps=3)
        assert rows.nth(0).get_attribute("data-drop") is None
        assert rows.nth(1).get_attribute("data-drop") == "before"
        page.mouse.move(x, first["y"] + 10)
        assert rows.nth(0).get_attribute("data-drop") == "before"
        page.mouse.up()
        assert titles(page) == ["three", "one", "two"]
        assert panel.locator("[data-drop], [data-dragged]").count() == 0
        page.mouse.move(x, first["y"] + 20)
        page.mouse.down()
        page.mouse.move(x, last["y"] + 60, steps=3)
        page.mouse.up()
        assert titles(page) == ["one", "two", "three"]
        assert page.evaluate(f"{TITLE} === 'one' && {PLAYING}"), "a drag is no click"

    def test_escape_gives_up_a_drag_and_nothing_else(self, page, panel):
        grip = panel.locator("[data-grip]")
        first, last = grip.nth(0).bounding_box(), grip.nth(2).bounding_box()
        page.mouse.move(last["x"] + 20, last["y"] + 20)
        page.mouse.down()
        page.mouse.move(first["x"] + 20, first["y"] + 5, steps=3)
        page.keyboard.press("Escape")
        page.mouse.up()
        assert titles(page) == ["one", "two", "three"]
        assert panel.is_visible()
        assert panel.locator("[data-drop], [data-dragged]").count() == 0

    def test_a_finger_drags_by_the_grip_and_scrolls_elsewhere(self, make_page, bar_site, poll):
        page = make_page(viewport={"width": 360, "height": 500}, has_touch=True, is_mobile=True)
        names = [f"p{number}" for number in range(14)]
        page.goto(bar_site.listing(*names))
        poll(page, f"{BAR}.view !== undefined")
        play_all(page, poll)
        page.tap(".pb-queue")
        fingers = page.context.new_cdp_session(page)

        def swipe(selector, row, downwards):
            box = page.locator(".pb-entry-row").nth(row).locator(selector).bounding_box()
            x, y = box["x"] + 15, box["y"] + 20
            steps = [y + downwards * share / 6 for share in range(1, 7)]
            fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
            for step in steps:
                fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": step}]})
            fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        height = page.locator(".pb-entry-row").nth(1).bounding_box()["height"]
        swipe("[data-grip]", 1, 2.3 * height)
        poll(page, f"{BAR}.queue.entries[3].title === 'p1'")
        assert titles(page)[:5] == ["p0", "p2", "p3", "p1", "p4"]
        before = titles(page)
        swipe(".pb-entry", 3, -2 * height)
        poll(page, "document.querySelector('.pb-list').scrollTop > 40")
        assert titles(page) == before
        assert page.evaluate(TITLE) == "p0"

    def test_entries_go_and_the_one_that_plays_gives_way_to_the_next(self, page, panel, poll):
        panel.get_by_role("button", name="Remove two").click()
        assert titles(page) == ["one", "three"]
        assert page.evaluate(f"{TITLE} === 'one' && {PLAYING}")
        panel.get_by_role("button", name="Remove one").click()
        poll(page, f"{TITLE} === 'three' && {PLAYING} && {LOUD}")

    def test_cleared_it_is_silent_and_hidden(self, page, panel, poll):
        page.get_by_role("button", name="Clear queue").click()
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


def test_nothing_is_covered_by_the_bar_and_its_own_buttons_do_not_scroll_the_page(make_page, bar_site, poll):
    page = make_page(reduced_motion="reduce")  # what scrolls does so at once
    links = "".join(f'<p><a href="/other/?{number}">Link {number}</a></p>' for number in range(60))
    rows = "".join(bar_site.pieces("one"))
    page.goto(bar_site.page("/list/", f"<ul data-play-list>{rows}</ul>{links}"))
    poll(page, f"{BAR}.view !== undefined")
    page.locator("[data-play-now]").click()
    poll(page, PLAYING)
    box = page.locator(".pb-queue").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('.pb-queue') && scrollY === 0")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.matches('.pb-volume, .pb-mute, .mp-range') && scrollY === 0")
    page.locator("main a").first.focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            f"document.activeElement.getBoundingClientRect().bottom <= {BAR}.getBoundingClientRect().top"
        )
    assert page.evaluate("scrollY") > 0


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
    page.evaluate(f"() => {{ {BAR}.seek(1); window.keys.previoustrack(); }}")
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
        """() => [...document.querySelectorAll('player-bar :is(a, button, .mp-range, .pb-grip)')]
            .filter((one) => one.checkVisibility())
            .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
            .filter(([, box]) => box.width < 43.5 || box.height < 43.5 || box.left < 0 || box.right > innerWidth)"""
    )
    assert boxes == []
    page.evaluate(AXE)
    found = page.evaluate("axe.run('player-bar')")["violations"]
    assert [(one["id"], node["html"][:120], node["failureSummary"]) for one in found for node in one["nodes"]] == []
