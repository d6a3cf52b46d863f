"""Moving between pages without loading anew: everything that a browser does by itself must still be so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.owners import Owner
from tests.browser.bar_site import BarSite
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import PLAYER, STATUS, ScriptedWorker, Site
from tests.factories import guest, make_genre, make_piece, make_user

pytestmark = pytest.mark.browser

HEADING = "document.querySelector('h1')?.textContent"
STAYS = "window.stays === true"


@pytest.fixture
def pages(player_site):
    """Pages without Django: /first/ and /second/."""
    files, answers = dict(player_site.files), dict(player_site.answers)
    site = BarSite(player_site)
    site.page("/first/", '<p><a id="link" href="/second/">To the second</a></p>')
    site.page("/second/", '<p>Here</p><p id="deep">Deep</p>')
    player_site.posted.clear()
    yield site
    player_site.files, player_site.answers = files, answers


@pytest.fixture
def page(browser_page, pages, poll):
    return opened(browser_page, f"{pages.url}/first/", poll)


def opened(page, url, poll):
    page.goto(url)
    poll(page, "document.querySelector('player-bar').view !== undefined")
    page.evaluate("window.stays = true")
    return page


class TestLinks:
    def test_the_focus_goes_to_the_new_content_and_its_title_is_said(self, page, poll):
        page.click("#link")
        poll(page, f"{HEADING} === 'Second'")
        assert page.evaluate(STAYS)
        assert page.evaluate("document.activeElement.id") == "main"
        poll(page, "[...document.querySelectorAll('[role=status]')].some((one) => one.textContent === 'Second')")

    @pytest.mark.parametrize(
        "markup",
        [
            '<a id="link" href="/account/">Account</a>',
            '<a id="link" href="/second/" data-full-load>Second</a>',
            '<div data-full-load><a id="link" href="/second/">Second</a></div>',
            '<p data-full-load-page>Work goes on here</p><a id="link" href="/second/">Second</a>',
        ],
        ids=["account", "marked", "within", "busy page"],
    )
    def test_what_is_left_to_the_browser(self, browser_page, pages, poll, markup):
        pages.page("/account/")
        pages.page("/first/", markup)
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.click("#link")
        poll(page, f"{HEADING} !== 'First'")
        assert not page.evaluate(STAYS)

    def test_a_download_is_one_and_the_page_stays(self, browser_page, pages, poll):
        pages.site.add_midi("/file.mid", midi_bytes(scale(1)))
        pages.page("/first/", '<a id="link" href="/file.mid" download>Download</a>')
        page = opened(browser_page, f"{pages.url}/first/", poll)
        with page.expect_download() as download:
            page.click("#link")
        assert download.value.suggested_filename == "file.mid"
        assert page.evaluate(f"{STAYS} && {HEADING} === 'First'")

    def test_a_click_with_control_opens_a_tab(self, page, pages):
        with page.context.expect_page() as opened_page:
            page.click("#link", modifiers=["Control"])
        opened_page.value.wait_for_load_state()
        assert opened_page.value.url == f"{pages.url}/second/"
        assert page.evaluate(HEADING) == "First"

    def test_an_address_within_a_page_is_gone_to(self, browser_page, pages, poll):
        lines = "".join(f"<p>Line {number}</p>" for number in range(80))
        pages.page("/first/", '<a id="link" href="/second/#deep">Deep</a>')
        pages.page("/second/", lines, '<p id="deep">Deep</p>', lines)
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.click("#link")
        poll(page, f"{HEADING} === 'Second'")
        assert page.url == f"{pages.url}/second/#deep"
        assert 0 <= page.evaluate("document.getElementById('deep').getBoundingClientRect().top") < 400

    def test_back_and_forward_return_to_the_place(self, browser_page, pages, poll):
        lines = "".join(f"<p>Line {number}</p>" for number in range(80))
        pages.page("/first/", lines, '<a id="link" href="/second/">Second</a>')
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.locator("#link").scroll_into_view_if_needed()
        place = page.evaluate("scrollY")
        assert place > 500
        page.click("#link")
        poll(page, f"{HEADING} === 'Second'")
        assert page.evaluate("scrollY") == 0
        page.go_back()
        poll(page, f"{HEADING} === 'First' && scrollY === {place}")
        page.go_forward()
        poll(page, f"{HEADING} === 'Second' && scrollY === 0")
        assert page.evaluate(STAYS)

    def test_a_page_that_is_not_there_is_shown_as_such(self, page, pages, poll):
        page.watch.allow("404")
        pages.page("/first/", '<a id="link" href="/missing/">Missing</a>')
        page.reload()
        page.click("#link")
        poll(page, "document.body.textContent.includes('not here')")
        assert page.url == f"{pages.url}/missing/"

    def test_without_the_site_a_sentence_says_so_and_the_page_stays(self, page, poll):
        page.watch.allow("net::ERR")
        page.context.set_offline(True)
        page.click("#link")
        poll(page, "document.querySelector('[role=alert]')?.textContent.includes('No connection')")
        page.context.set_offline(False)
        page.click("#link")
        poll(page, f"{HEADING} === 'Second'")
        assert page.locator("[role=alert]").count() == 0

    def test_a_newer_version_of_the_site_is_loaded_whole(self, page, pages, poll):
        body, kind = pages.site.files["/second/"]
        pages.site.files["/second/"] = (body.replace(b"navigation.js", b"navigation.js?new"), kind)
        page.click("#link")
        poll(page, f"{HEADING} === 'Second'")
        assert not page.evaluate(STAYS)

    def test_somebody_else_who_signed_in_gets_a_page_of_their_own(self, page, pages, poll):
        pages.page("/second/", owner="7")
        page.click("#link")
        poll(page, f"{HEADING} === 'Second'")
        assert not page.evaluate(STAYS)


class TestModules:
    def test_each_page_starts_what_it_needs_and_ends_it_when_it_goes(self, browser_page, pages, poll):
        script = pages.script(
            "/static-test.js",
            """import { onPage } from "/static/js/navigation.js";
            window.log ??= [];
            onPage((main, signal) => {
                const name = main.querySelector("h1").textContent;
                window.log.push(`start ${name}`);
                signal.addEventListener("abort", () => window.log.push(`end ${name}`));
            });""",
        )
        sheet = '<link rel="stylesheet" href="/own.css">'
        pages.site.files["/own.css"] = (b"h1 { letter-spacing: 7px }", "text/css")
        pages.page("/second/", '<a id="back" href="/first/">First</a>', scripts=script, head=sheet)
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.click("#link")
        poll(page, "window.log?.includes('start Second')")
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).letterSpacing") == "7px"
        page.click("#back")
        poll(page, f"{HEADING} === 'First'")
        page.click("#link")
        poll(page, "window.log.length === 5")
        expected = ["start Second", "end Second", "start First", "end First", "start Second"]
        assert page.evaluate("window.log") == expected


class TestForms:
    def form(self, pages, markup, *, method="post", action="/send/"):
        pages.page("/first/", f'<form method="{method}" action="{action}">{markup}</form>')

    def test_a_question_stands_in_the_address(self, browser_page, pages, poll):
        self.form(
            pages,
            '<input name="q" id="q"><button name="sort" value="new">Find</button>',
            method="get",
            action="/second/",
        )
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.fill("#q", "blue & green")
        page.click("button:text('Find')")
        poll(page, f"{HEADING} === 'Second'")
        assert page.url == f"{pages.url}/second/?q=blue+%26+green&sort=new"
        assert page.evaluate(STAYS)

    def test_what_is_sent_leads_where_the_answer_says(self, browser_page, pages, poll):
        self.form(pages, '<input name="title" value="Ode"><button name="do" value="save">Save</button>')
        pages.site.answers["/send/"] = (302, {"Location": "/second/"}, b"")
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.click("button:text('Save')")
        poll(page, f"{HEADING} === 'Second'")
        assert page.url == f"{pages.url}/second/"
        assert pages.site.posted == [("/send/", "title=Ode&do=save")]
        assert page.evaluate(STAYS)

    def test_back_on_the_same_page_place_and_focus_are_kept(self, browser_page, pages, poll):
        lines = "".join(f"<p>Line {number}</p>" for number in range(80))
        self.form(pages, f'{lines}<button name="like" value="3">Like</button>')
        pages.site.answers["/send/"] = (302, {"Location": "/first/"}, b"")
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.evaluate("document.querySelector('h1').textContent = 'Old'")
        page.get_by_role("button", name="Like").click()
        poll(page, f"{HEADING} === 'First'")
        assert page.evaluate("scrollY") > 500
        assert page.evaluate("document.activeElement.name") == "like"
        page.go_back()
        assert page.url == "about:blank", "it left no trace in the history"

    def test_a_filter_keeps_the_focus_where_it_is(self, browser_page, pages, poll):
        self.form(
            pages, '<select name="key"><option>C</option><option>D</option></select>', method="get", action="/first/"
        )
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.evaluate("document.querySelector('form').addEventListener('change', (e) => e.target.form.requestSubmit())")
        page.locator("select").focus()
        page.locator("select").select_option("D")
        poll(page, "location.search === '?key=D'")
        assert page.evaluate("document.activeElement.name") == "key"
        assert page.evaluate(STAYS)

    def test_what_was_refused_is_shown_with_the_focus_on_the_error(self, browser_page, pages, poll):
        page_of_errors = pages.page("/refused/", '<p class="error" tabindex="-1" autofocus>Too long</p>')
        refused, _ = pages.site.files["/refused/"]
        self.form(pages, "<button>Save</button>")
        pages.site.answers["/send/"] = (422, {"Content-Type": "text/html; charset=utf-8"}, refused)
        page = opened(browser_page, f"{pages.url}/first/", poll)
        page.watch.allow("422")
        page.click("button:text('Save')")
        poll(page, "document.activeElement.textContent === 'Too long'")
        assert page.url == f"{pages.url}/first/" != page_of_errors

    def test_a_file_that_answers_is_saved(self, browser_page, pages, poll):
        self.form(pages, "<button>Zip</button>")
        headers = {"Content-Type": "application/zip", "Content-Disposition": 'attachment; filename="pieces.zip"'}
        pages.site.answers["/send/"] = (200, headers, b"PK")
        page = opened(browser_page, f"{pages.url}/first/", poll)
        with page.expect_download() as download:
            page.click("button:text('Zip')")
        assert download.value.suggested_filename == "pieces.zip"
        assert page.evaluate(f"{STAYS} && {HEADING} === 'First'")


@pytest.mark.django_db(transaction=True)
class TestTheSite:
    """The real pages: each works as well when one comes to it from another."""

    @pytest.fixture
    def site(self, live_server):
        make_genre()
        site = Site(live_server.url)
        site.seen_worker()
        return site

    @pytest.fixture
    def page(self, browser_page, site):
        site.be_guest(browser_page)
        site.open(browser_page, "/help/garageband/")
        browser_page.evaluate("window.stays = true")
        return browser_page

    def test_composing_works_and_its_piece_goes_on_in_the_bar(self, page, poll):
        page.click(".brand")
        poll(page, "document.querySelector('.button-generate') && customElements.get('music-player') !== undefined")
        poll(page, "document.querySelector('[data-plain-only]')?.hidden !== false")
        page.fill("#id_length", "0:30")
        page.click("[data-generate]")
        piece = ScriptedWorker().claim().finish()
        poll(page, f"{STATUS} === 'succeeded' && {PLAYER}.rms > 0.01")
        assert page.evaluate(STAYS)
        page.click("text=Open piece")
        poll(page, f"location.pathname === '/pieces/{piece.pk}/'")
        bar = "document.querySelector('player-bar')"
        poll(page, f"{bar}.state === 'playing' && {bar}.rms > 0.01")
        assert page.evaluate(f"{STAYS} && {bar}.dataset.title") == "Piece of the test"
        # Its own player takes the piece over where the bar is.
        reached = page.evaluate(f"{bar}.currentTime")
        player = "document.querySelector('main music-player')"
        poll(page, f"{player}.canPlay")
        page.click("main .mp-play")
        poll(page, f"{player}.state === 'playing' && {bar}.state === 'paused'")
        assert page.evaluate(f"{player}.currentTime") >= reached

    def test_a_take_is_kept_without_leaving(self, page, site, poll):
        alice = make_user()
        later = timezone.now() + timedelta(days=1)
        draft = make_piece(Owner(user=alice), is_draft=True, expires_at=later, midi=midi_bytes(scale(15)))
        site.be_member(page, alice)
        site.open(page, f"/pieces/{draft.pk}/")
        page.evaluate("window.stays = true")
        page.click("form[action$='/keep/'] button")
        poll(page, "document.querySelector('.draft')?.textContent.includes('Kept')")
        assert page.locator("form[action$='/keep/']").count() == 0
        draft.refresh_from_db()
        assert not draft.is_draft
        assert page.evaluate(STAYS)

    def test_who_leaves_while_a_piece_is_composed_leaves_no_work_behind_and_finds_it_again(self, page, poll):
        page.click(".brand")
        poll(page, "document.querySelector('.button-generate') && customElements.get('music-player') !== undefined")
        page.fill("#id_length", "0:30")
        page.click("[data-generate]")
        worker = ScriptedWorker().claim().compose(6)
        poll(page, f"{PLAYER}.rms > 0.01")
        page.evaluate(f"window.player = {PLAYER}")
        page.click("text=Help")
        poll(page, "location.pathname === '/help/garageband/'")
        poll(page, "window.player.view === null && window.player.engine.clock.playing === false")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        # Set later and longer than the pause between two questions: were there a next one, it came before.
        page.evaluate("new Promise((resolve) => setTimeout(resolve, 700))")
        assert [url for url in asked if "/notes/" in url] == []
        page.click(".brand")
        poll(page, f"document.querySelector('[data-generation]') && {STATUS} === 'running' && {PLAYER}.canPlay")
        piece = worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")
        assert page.text_content("[data-result-title]") == piece.title
        assert page.evaluate(STAYS)

    def test_a_piece_that_is_composed_while_the_bar_plays_takes_the_sound_and_gives_it_back(self, page, site, poll):
        make_piece(guest("guest-alice"), title="A long one", midi=midi_bytes(scale(120)), length_seconds=120)
        site.open(page, "/library/")
        bar = "document.querySelector('player-bar')"
        page.click("[data-play-now]")
        poll(page, f"{bar}.state === 'playing' && {bar}.rms > 0.01")
        page.evaluate("window.stays = true")
        page.click(".brand")
        poll(page, "document.querySelector('.button-generate') && customElements.get('music-player') !== undefined")
        page.click("[data-generate]")
        worker = ScriptedWorker().claim().compose(20)
        poll(page, f"{bar}.state === 'paused' && {PLAYER}.state === 'playing' && {PLAYER}.rms > 0.01")
        page.click("player-bar .pb-play")
        poll(page, f"{bar}.state === 'playing' && {PLAYER}.state === 'paused' && {bar}.rms > 0.01")
        worker.finish()
        poll(page, f"{STATUS} === 'succeeded'")
        assert page.evaluate(f"{bar}.state === 'playing' && {PLAYER}.state === 'paused'")
        assert page.evaluate(STAYS)

    def test_music_goes_on_while_a_guest_signs_in(self, page, site, poll):
        make_user("alice")
        make_piece(guest("guest-alice"), title="A long one", midi=midi_bytes(scale(120)), length_seconds=120)
        site.open(page, "/library/")
        bar = "document.querySelector('player-bar')"
        page.click("[data-play-now]")
        poll(page, f"{bar}.state === 'playing' && {bar}.rms > 0.01")
        page.click("text=Sign in")
        poll(page, f"location.pathname === '/account/login/' && {bar}?.state === 'playing' && {bar}.rms > 0.01")
        page.fill("[name=login]", "alice")
        page.fill("[name=password]", "secret-enough")
        page.click("main button[type=submit]")
        poll(page, "document.querySelector('.account-menu')")
        poll(page, f"{bar}?.dataset.owner && {bar}.state === 'playing' && {bar}.rms > 0.01")
        assert page.evaluate(f"{bar}.dataset.title") == "A long one"

    def test_the_theme_switch_of_the_next_page_works(self, page, poll):
        page.click(".brand")
        poll(page, "location.pathname === '/'")
        before = page.evaluate("document.documentElement.dataset.bsTheme")
        page.click("[data-theme-toggle]")
        assert page.evaluate("document.documentElement.dataset.bsTheme") != before
        assert page.evaluate(STAYS)

    @pytest.mark.parametrize("width", [1280, 360])
    def test_the_header_stands_still_from_page_to_page(self, make_page, site, width):
        page = make_page(viewport={"width": width, "height": 800})
        site.be_guest(page)
        piece = make_piece(guest("guest-alice"), midi=midi_bytes(scale(15)))
        edges = """['.brand', '[data-theme-toggle]', '.site-footer p'].map((one) => {
            const { left, right } = document.querySelector(one).getBoundingClientRect();
            return `${left} ${right}`;
        }).join()"""
        seen = set()
        for path in ("/", "/library/", f"/pieces/{piece.pk}/", "/generations/", "/help/garageband/", "/account/login/"):
            site.open(page, path)
            seen.add(page.evaluate(edges))
        assert len(seen) == 1

    def test_without_javascript_links_are_links(self, make_page, site):
        page = make_page(java_script_enabled=False)
        site.open(page)
        page.click("text=Help")
        page.wait_for_url("**/help/garageband/")
        assert not page.locator("player-bar").is_visible()
