"""Accounts in a real browser: a guest keeps a piece in one form, passkeys, an export; every page for phone and desk."""

import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache

from accounts.emails import undo_key
from accounts.exports import export_claim, export_create, export_make
from accounts.models import ApiToken, DataExport, EmailChange, User
from accounts.tokens import token_create
from library.models import Piece
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import Site, accessibility_problems, sideways_scroll, small_targets
from tests.factories import guest, make_genre, make_piece, make_user, member
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LOOKS = [(PHONE, "light"), (DESK, "dark")]
PAGES = {
    "account": "/account/",
    "activity": "/account/activity/",
    "two-factor": "/account/two-factor/",
    "app": "/account/two-factor/app/",
    "passkeys": "/account/passkeys/",
    "sessions": "/account/sessions/",
    "tokens": "/account/tokens/",
    "export": "/account/export/",
    "delete": "/account/delete/",
    "password": "/account/password/",
    "again": "/account/again/?next=/account/passkeys/",
    "sign out": "/account/logout/",
    "privacy": "/privacy/",
}
PAGES_WITH_AN_APP = {
    "two-factor on": "/account/two-factor/",
    "again with app": "/account/again/?next=/account/passkeys/",
    "remove app": "/account/two-factor/app/remove/",
    "new codes": "/account/two-factor/codes/new/",
}
PAGES_OF_GUESTS = {"sign up": "/account/signup/", "sign in": "/account/login/", "contact": "/contact/"}


@pytest.fixture
def site(live_server) -> Site:
    cache.clear()
    make_genre()
    site = Site(live_server.url)
    site.seen_worker()
    return site


def sign_in(site: Site, page, name: str = "alice", lands: str = "**/account/") -> None:
    site.open(page, "/account/login/")
    page.fill("[name=login]", name)
    page.fill("[name=password]", "secret-enough")
    page.click("main button[type=submit]")
    page.wait_for_url(lands)


def app_code(secret: str) -> str:
    """What an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def undo_link(user: User) -> str:
    return undo_key(EmailChange.objects.create(user=user, old_email="bob@example.org", new_email="new@example.org"))


def make_old(page, seconds: float = 3600) -> None:
    """As if this browser had signed in an hour ago."""
    (cookie,) = (one for one in page.context.cookies() if one["name"] == "sessionid")
    session = SessionStore(cookie["value"])
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()


def problems_of(page) -> list[str]:
    too_wide = sideways_scroll(page)
    found = [*accessibility_problems(page), *small_targets(page)]
    return [*found, f"{too_wide} px wider than the screen"] if too_wide else found


@pytest.mark.parametrize(("viewport", "theme"), LOOKS, ids=[f"{size['width']}-{theme}" for size, theme in LOOKS])
def test_every_page(make_page, site, settings, viewport, theme):
    page = make_page(viewport=viewport, color_scheme=theme)
    alice = make_user("alice")
    token_create(user=alice, name="A script with a rather long name for what it does", scopes=["read", "write"])
    found = {}
    for name, address in PAGES_OF_GUESTS.items():
        site.open(page, address)
        found[name] = problems_of(page)
    sign_in(site, page)
    for name, address in PAGES.items():
        site.open(page, address)
        found[name] = problems_of(page)
    page.click(".account-menu summary")
    found["menu"] = problems_of(page)
    site.open(page, "/account/two-factor/app/")
    page.fill("[name=code]", app_code(page.inner_text(".secret-key")))
    page.click("main button[type=submit]")
    page.wait_for_selector(".recovery-codes")
    found["recovery codes"] = problems_of(page)
    for name, address in PAGES_WITH_AN_APP.items():
        site.open(page, address)
        found[name] = problems_of(page)
    make_user("bob")
    settings.MAIL_CONFIGURED = True
    site.open(page, f"/account/email/undo/{undo_link(User.objects.get(username='bob'))}/")
    found["undo"] = problems_of(page)
    page.context.clear_cookies()
    sign_in(site, page, lands="**/account/login/step/")
    found["second step"] = problems_of(page)
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_guest_keeps_a_piece_with_a_name_and_a_password(make_page, site):
    page = make_page(viewport=PHONE)
    site.be_guest(page)
    piece = make_piece(guest(), midi=midi_bytes(scale(15)), is_draft=True)
    site.open(page, f"/pieces/{piece.pk}/")
    page.fill("#keep-name", "alice")
    page.fill("#keep-password", "ships-and-harps")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=in your library now")
    assert page.locator(".account-menu").count() == 1
    assert page.url.endswith(f"/pieces/{piece.pk}/")
    assert problems_of(page) == []
    piece.refresh_from_db()
    assert piece.owner == User.objects.get() and not piece.is_draft
    page.fill("#ask-email-address", "alice@example.org")
    page.click(".ask-email button")
    page.wait_for_selector("text=Email saved")
    assert User.objects.get().email == "alice@example.org"
    assert page.url.endswith(f"/pieces/{piece.pk}/")


def test_a_name_that_is_taken_is_said_beside_it(make_page, site):
    page = make_page()
    page.watch.allow("422")
    site.be_guest(page)
    make_user("alice")
    piece = make_piece(guest(), midi=midi_bytes(scale(15)))
    site.open(page, f"/pieces/{piece.pk}/")
    page.fill("#keep-name", "Alice")
    page.fill("#keep-password", "ships-and-harps")
    page.click("[data-sign-up] button[type=submit]")
    page.wait_for_selector("#error-username")
    assert "taken" in page.inner_text("#error-username")
    page.fill("[name=username]", "alice2")
    page.fill("[name=password1]", "ships-and-harps")
    page.click("main form[action='/account/signup/'] button[type=submit]")
    page.wait_for_selector(".account-menu")
    assert page.url.endswith(f"/pieces/{piece.pk}/"), "the way back was not lost on the way"
    assert Piece.objects.get().owner == User.objects.get(username="alice2")


def test_a_passkey_signs_in(make_page, site):
    page = make_page()
    # WebAuthn takes a name for an address, never a number.
    site.url = site.url.replace("127.0.0.1", "localhost")
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    make_user("alice")
    sign_in(site, page)
    site.open(page, "/account/passkeys/")
    page.wait_for_selector("passkey-add form")
    assert problems_of(page) == []
    page.fill("passkey-add [name=name]", "This desk")
    page.click("passkey-add button[type=submit]")
    page.wait_for_selector("text=This desk")
    page.click(".account-menu summary")
    page.click(".account-menu button")
    page.wait_for_selector("a[href='/account/login/']")
    site.open(page, "/account/login/?next=/privacy/")
    page.click("passkey-login button")
    page.wait_for_selector(".account-menu")
    assert page.url.endswith("/privacy/") and "login" not in page.url


def test_a_form_goes_on_after_the_password_or_the_passkey(make_page, site):
    page = make_page()
    site.url = site.url.replace("127.0.0.1", "localhost")
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    make_user("alice")
    sign_in(site, page)
    site.open(page, "/account/passkeys/")
    page.fill("passkey-add [name=name]", "This desk")
    page.click("passkey-add button[type=submit]")
    page.wait_for_selector("text=This desk")
    for name in ("first", "second"):
        make_old(page)
        site.open(page, "/account/tokens/")
        page.fill("#id_name", name)
        page.click("main form[action='/account/tokens/'] button[type=submit]")
        page.wait_for_selector("text=Confirm it's you.")
        assert problems_of(page) == []
        if name == "first":
            page.fill("[name=password]", "secret-enough")
            page.keyboard.press("Enter")
        else:
            page.click("passkey-login button")
        page.wait_for_selector("[data-token]")
    assert set(ApiToken.objects.values_list("name", flat=True)) == {"first", "second"}


def test_the_page_of_an_export_follows_it(make_page, site):
    page = make_page()
    alice = make_user("alice")
    make_piece(member(alice))
    export = export_create(user=alice)
    sign_in(site, page)
    site.open(page, "/account/export/")
    page.wait_for_selector("[data-export-state=waiting]")
    claimed = export_claim(worker_id="w")
    assert claimed is not None
    page.wait_for_selector("[data-export-state=running]")
    export_make(export=claimed)
    wait_until(lambda: DataExport.objects.get(pk=export.pk).is_downloadable, what="the export is ready")
    with page.expect_download() as download:
        page.click("text=Download zip")
    assert download.value.suggested_filename.startswith("musicgen-")


def test_the_menu_closes_by_escape_and_by_a_click_beside_it(make_page, site):
    page = make_page()
    make_user("alice")
    sign_in(site, page)
    page.focus(".account-menu summary")
    page.keyboard.press("Enter")
    assert page.locator(".account-menu[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".account-menu[open]").count() == 0
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    page.click("h1")
    assert page.locator(".account-menu[open]").count() == 0
