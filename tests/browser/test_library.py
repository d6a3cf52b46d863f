"""The library in a browser: choosing, keys, undo, filters, order by drag, sharing; every page on a phone and a desk."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from generator.models import Generation
from library.models import Piece
from library.services import collection_add, collection_create, pieces_tag, share_link_create
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import Site, accessibility_problems, sideways_scroll, small_targets
from tests.factories import make_generation, make_genre, make_piece, make_user, member

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
MIDI = midi_bytes(scale(15))
FOCUSED = "document.activeElement.textContent"


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def site(live_server, alice: User) -> Site:
    """Alice's library: pieces A to D, newest first."""
    site = Site(live_server.url)
    for title in "DCBA":
        make_piece(member(alice), title=f"Piece {title}", midi=MIDI, roll=[[0, 3, 20], [60, 20, 30]])
    return site


def be(site: Site, page, user: User) -> None:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    page.context.add_cookies([{"name": "sessionid", "value": str(session.session_key), "url": site.url}])


def titles(page) -> str:
    return page.evaluate("[...document.querySelectorAll('[data-open]')].map((one) => one.textContent.at(-1)).join('')")


def titles_of(letters: str) -> str:
    return (
        f"[...document.querySelectorAll('[data-open]')].every((one, at) => one.textContent.at(-1) === '{letters}'[at])"
    )


def ready(page, poll) -> None:
    poll(page, "document.querySelector('[data-pick-all]')?.hidden === false")


class TestDays:
    def test_days_are_those_of_the_visitors_clock(self, make_page, site, alice, poll):
        """Half past midnight in Auckland is the day before in the site's zone: Piece A was made then."""
        piece = Piece.objects.get(title="Piece A")
        Piece.objects.filter(pk=piece.pk).update(created_at=datetime(2026, 9, 26, 12, 30, tzinfo=UTC))
        page = make_page(timezone_id="Pacific/Auckland")
        be(site, page, alice)
        site.open(page, f"/pieces/{piece.pk}/")
        poll(page, "document.querySelector('.facts time')?.textContent === '27 September 2026 at 00:30'")
        site.open(page, "/library/")
        ready(page, poll)
        page.click(".filters > summary")
        page.fill("[name=from]", "2026-09-27")
        page.fill("[name=until]", "2026-09-27")
        page.click("button:text-is('Apply')")
        poll(page, f"document.querySelectorAll('[data-open]').length === 1 && {titles_of('A')}")
        expect(page.locator(".filter-note")).to_have_text("Days in Pacific/Auckland time.")
        assert "tz=Pacific%2FAuckland" in page.url
        page.click("[aria-label^='Remove Composed']")
        poll(page, "document.querySelectorAll('[data-open]').length === 4")
        assert "tz=" not in page.url

    def test_without_a_script_the_page_says_that_days_are_the_sites(self, make_page, site, alice):
        page = make_page(timezone_id="Pacific/Auckland", java_script_enabled=False)
        be(site, page, alice)
        site.open(page, "/library/?from=2020-01-01")
        expect(page.locator(".filter-note")).to_have_text("Days in UTC time.")


class TestRoom:
    def test_headings_have_room_around_them(self, browser_page, site, alice):
        page = browser_page
        be(site, page, alice)
        link = share_link_create(piece=Piece.objects.get(title="Piece A"))
        for address, above, edge, heading in (
            (f"/s/{link.token}/", ".actions", "bottom", "#downloads-title"),
            ("/collections/", ".new-collection", "top", ".new-collection h2"),
        ):
            site.open(page, address)
            gap = page.evaluate(
                """([above, edge, heading]) => document.querySelector(heading).getBoundingClientRect().top
                    - document.querySelector(above).getBoundingClientRect()[edge]""",
                [above, edge, heading],
            )
            assert gap >= 16, (address, gap)


class TestList:
    def test_the_keys_go_through_the_list_and_never_disturb_typing(self, browser_page, site, alice, poll):
        page = browser_page
        be(site, page, alice)
        site.open(page, "/library/")
        ready(page, poll)
        for _ in range(2):
            page.keyboard.press("j")
        assert page.evaluate(FOCUSED) == "Piece B"
        page.keyboard.press("x")
        assert page.text_content("[data-bulk-count]") == "1 selected"
        page.keyboard.press("k")
        assert page.evaluate(FOCUSED) == "Piece A"
        page.keyboard.press("f")
        poll(page, "document.querySelectorAll('[data-favourite][aria-pressed=true]').length === 1")
        # The mark brought a new page; what was chosen is still chosen.
        assert page.text_content("[data-bulk-count]") == "1 selected"
        assert Piece.objects.get(is_favourite=True).title == "Piece A"
        page.keyboard.press("/")
        page.keyboard.type("jx?f")
        assert page.input_value("[data-search]") == "jx?f"
        assert not page.locator("[data-keys]").is_visible()
        page.locator("[data-open]").first.focus()
        page.keyboard.press("?")
        assert page.locator("[data-keys]").is_visible()
        page.uncheck("#keys-on", force=True)
        page.keyboard.press("Escape")
        page.locator("[data-open]").first.focus()
        page.keyboard.press("j")
        assert page.evaluate(FOCUSED) == "Piece A"

    def test_many_go_to_the_trash_and_come_back(self, browser_page, site, alice, poll):
        page = browser_page
        be(site, page, alice)
        site.open(page, "/library/")
        ready(page, poll)
        assert not page.locator("[data-bulk]").is_visible()
        page.check("[data-pick-all] input")
        assert page.text_content("[data-bulk-count]") == "4 selected"
        page.locator("input.pick[name=piece]").first.uncheck()
        page.click("[data-bulk] button[value=trash]")
        poll(page, "document.querySelector('.undo')")
        assert titles(page) == "A"
        page.click(".undo")
        poll(page, "document.querySelectorAll('[data-open]').length === 4")
        assert titles(page) == "ABCD"

    def test_a_filter_answers_at_once_and_stands_in_the_address(self, browser_page, site, alice, poll):
        page = browser_page
        pieces_tag(pieces=Piece.objects.filter(title="Piece C"), user=alice, names=["calm"])
        be(site, page, alice)
        site.open(page, "/library/")
        ready(page, poll)
        page.click(".filters summary")
        page.select_option("select[name=tag]", "calm")
        poll(page, "location.search === '?tag=calm'")
        poll(page, "document.querySelectorAll('[data-open]').length === 1")
        assert titles(page) == "C"
        page.click(".chip")
        poll(page, "document.querySelectorAll('[data-open]').length === 4")
        assert page.evaluate("location.search") == ""
        page.go_back()
        poll(page, "document.querySelectorAll('[data-open]').length === 1")

    def test_a_piece_plays_in_the_bar_and_goes_on_while_one_browses(self, browser_page, site, alice, poll):
        page = browser_page
        be(site, page, alice)
        site.open(page, "/library/")
        ready(page, poll)
        page.keyboard.press("j")
        page.keyboard.press("p")
        poll(page, "document.querySelector('[data-play-item]').dataset.playState === 'playing'")
        page.click("text=Trash")
        poll(page, "document.querySelector('h1').textContent === 'Trash'")
        page.click("text=Pieces")
        poll(page, "document.querySelector('[data-play-item]')?.dataset.playState === 'playing'")

    def test_menus_close_again(self, browser_page, site, alice, poll):
        page = browser_page
        be(site, page, alice)
        site.open(page, "/library/")
        ready(page, poll)
        page.locator(".menu summary").first.click()
        assert page.locator(".menu-list").first.is_visible()
        page.keyboard.press("Escape")
        assert not page.locator(".menu-list").first.is_visible()
        page.locator(".menu summary").first.click()
        page.click("h1")
        assert not page.locator(".menu-list").first.is_visible()

    def test_without_javascript_the_forms_do_it_all(self, make_page, site, alice):
        page = make_page(java_script_enabled=False)
        be(site, page, alice)
        site.open(page, "/library/")
        page.locator("[data-favourite]").first.click()
        page.wait_for_selector("[data-favourite][aria-pressed=true]")
        assert Piece.objects.get(is_favourite=True).title == "Piece A"
        page.locator("input.pick[name=piece]").nth(1).check()
        page.click("[data-bulk] button[value=trash]")
        page.wait_for_selector(".undo")
        expect(page.locator("[data-open]")).to_have_text(["Piece A", "Piece C", "Piece D"], timeout=20_000)
        page.click(".undo")
        expect(page.locator("[data-open]")).to_have_count(4, timeout=20_000)
        page.fill("[data-search]", "nothing")
        page.click("button:text-is('Search')")
        page.wait_for_selector("text=No pieces match.")


class TestCollection:
    @pytest.fixture
    def address(self, site, alice) -> str:
        collection = collection_create(user=alice, title="Evening")
        collection_add(collection=collection, pieces=Piece.objects.all())
        return f"/collections/{collection.pk}/"

    def test_its_order_by_drag_and_by_buttons(self, browser_page, site, alice, address, poll):
        page = browser_page
        be(site, page, alice)
        site.open(page, address)
        poll(page, "document.querySelector('[data-handle]')?.hidden === false")
        assert titles(page) == "DCBA"
        grip = page.locator("[data-handle]").first.bounding_box()
        third = page.locator("[data-piece]").nth(2).bounding_box()
        page.mouse.move(grip["x"] + 10, grip["y"] + 20)
        page.mouse.down()
        page.mouse.move(grip["x"] + 10, third["y"] + third["height"] - 5, steps=5)
        with page.expect_response(lambda response: response.request.method == "POST"):
            page.mouse.up()
        # The list shows it while it is dragged; the page that answers shows what was stored.
        poll(page, "!document.documentElement.hasAttribute('data-navigating')")
        assert titles(page) == "CBDA"
        up = page.locator("[data-piece]").nth(2).locator("[id^=up-]")
        name = up.get_attribute("id")
        up.click()
        poll(page, "[...document.querySelectorAll('[data-open]')][1].textContent === 'Piece D'")
        # The same button again, wherever it went.
        assert page.evaluate("document.activeElement.id") == name

    def test_it_plays_as_a_list(self, browser_page, site, alice, address, poll):
        page = browser_page
        be(site, page, alice)
        site.open(page, address)
        poll(page, "document.querySelector('[data-play-all]')?.hidden === false")
        page.click("[data-play-all]")
        poll(page, "document.querySelector('[data-play-item]').dataset.playState === 'playing'")


class TestPiece:
    def test_tags_at_a_click(self, browser_page, site, alice, poll):
        page = browser_page
        pieces_tag(pieces=Piece.objects.filter(title="Piece A"), user=alice, names=["calm", "late"])
        piece = Piece.objects.get(title="Piece B")
        be(site, page, alice)
        site.open(page, f"/pieces/{piece.pk}/")
        page.click("#edit summary")
        poll(page, "document.querySelector('[data-tag-offers]')?.hidden === false")
        page.click("[data-tag=late]")
        page.click("[data-tag=calm]")
        page.click("[data-tag=late]")
        assert page.input_value("[data-tags]") == "calm"
        page.fill("#piece-title", "Named anew")
        page.click("#edit button[type=submit]")
        poll(page, "document.querySelector('h1').textContent === 'Named anew'")
        piece.refresh_from_db()
        assert [tag.name for tag in piece.tags.all()] == ["calm"]

    def test_a_link_is_made_copied_and_opened_by_a_stranger(self, make_page, site, alice, poll):
        page = make_page(permissions=["clipboard-read", "clipboard-write"])
        piece = Piece.objects.get(title="Piece A")
        be(site, page, alice)
        site.open(page, f"/pieces/{piece.pk}/")
        page.click("#share summary")
        page.click("text=Create link")
        poll(page, "document.querySelector('[data-copy]')?.hidden === false")
        page.click("[data-copy]")
        poll(page, "document.querySelector('[data-copy]').textContent === 'Copied'")
        # Pages may write to the clipboard and not read it; people paste.
        page.click("#edit summary")
        page.fill("#piece-comment", "")
        page.press("#piece-comment", "Control+V")
        address = page.input_value("#piece-comment")
        assert address == page.input_value("[data-link]")
        stranger = make_page()
        stranger.goto(address)
        poll(stranger, "document.querySelector('music-player')?.canPlay")
        stranger.click("music-player button")
        poll(stranger, "document.querySelector('music-player').rms > 0.01")

    def test_a_draft_is_kept_without_leaving_the_page(self, browser_page, site, alice, poll):
        page = browser_page
        later = timezone.now() + timedelta(days=30)
        draft = make_piece(member(alice), is_draft=True, expires_at=later, midi=MIDI)
        be(site, page, alice)
        site.open(page, f"/pieces/{draft.pk}/")
        poll(page, "document.querySelector('music-player')?.canPlay")
        page.evaluate("document.querySelector('music-player').dataset.stays = 'yes'")
        page.click("[data-keep-here] button")
        poll(page, "document.querySelector('[data-draft-said]').textContent.startsWith('Kept.')")
        assert page.evaluate("document.querySelector('music-player').dataset.stays") == "yes"
        draft.refresh_from_db()
        assert not draft.is_draft


def test_generations_show_how_they_go_and_end(browser_page, site, alice, poll):
    page = browser_page
    make_genre()
    running = make_generation(member(alice), status="running", length_seconds=60.0)
    site.seen_worker()
    be(site, page, alice)
    site.open(page, "/generations/")
    Generation.objects.filter(pk=running.pk).update(seconds_composed=30)
    poll(page, "document.querySelector('[data-live-sentence]')?.textContent === '0:30 of 1:00 composed.'")
    assert page.evaluate("document.querySelector('[data-live-progress]').value") == 0.5
    Generation.objects.filter(pk=running.pk).update(status="failed", error_message="The disk is full.")
    poll(page, "document.querySelector('.state').textContent === 'Failed'")
    assert page.locator("text=The disk is full.").is_visible()
    assert page.locator("text=Try again").is_visible()


def everything(alice: User) -> dict[str, str]:
    """Every page of a library that has something of everything."""
    own = member(alice)
    piece = Piece.objects.get(title="Piece A")
    pieces_tag(pieces=Piece.objects.filter(pk=piece.pk), user=alice, names=["calm", "a rather long tag for a phone"])
    collection = collection_create(user=alice, title="Evening", description="When the light goes.")
    collection_add(collection=collection, pieces=Piece.objects.all())
    link = share_link_create(piece=piece)
    draft = make_piece(own, is_draft=True, title="A draft", midi=MIDI)
    make_piece(own, kind="vary", source_piece=piece, title="A variation", midi=MIDI)
    make_piece(own, title="Ж" * 200, comment="x" * 500, midi=MIDI)
    make_piece(own, title="ليلة هادئة \U0001f319", midi=MIDI)
    make_piece(own, title="Gone", trashed_at=piece.created_at, midi=MIDI)
    make_generation(own, status="failed", error_message="The disk is full. Try again later.")
    make_generation(own, status="running")
    return {
        "library": "/library/?genre=piano&sort=title",
        "table": "/library/?view=table",
        "piece": f"/pieces/{piece.pk}/",
        "draft": f"/pieces/{draft.pk}/",
        "collections": "/collections/",
        "collection": f"/collections/{collection.pk}/",
        "trash": "/library/trash/",
        "generations": "/generations/",
        "shared": f"/s/{link.token}/",
        "closed link": "/s/nothing/",
    }


@pytest.mark.parametrize(("viewport", "theme"), [(PHONE, "light"), (DESK, "dark")], ids=["phone", "desk"])
def test_every_page(make_page, site, alice, poll, viewport, theme):
    page = make_page(viewport=viewport, color_scheme=theme)
    page.watch.allow("404")
    make_genre()
    be(site, page, alice)
    problems = {}
    for name, address in everything(alice).items():
        site.open(page, address)
        if page.locator("input.pick[name=piece]").count():
            ready(page, poll)
            page.locator("input.pick[name=piece]").first.check()
        for fold in page.locator("details:not(.menu):not(.account-menu)").all():
            fold.evaluate("(fold) => { fold.open = true; }")
        found = [*accessibility_problems(page), *small_targets(page)]
        if sideways_scroll(page):
            found.append(f"{sideways_scroll(page)} px wider than the screen")
        if found:
            problems[name] = found
    assert problems == {}
