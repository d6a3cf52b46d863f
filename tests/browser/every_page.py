"""Every page of the site with something of everything on it: what tests of the look go through."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page

from accounts.models import User
from generator.models import Generation
from library.models import Collection
from library.services.sharing import share_link_create
from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.site import Site, SlowLine
from tests.factories import guest, make_generation, make_genre, make_piece, make_user, member

BAND = [
    {"name": "Drums", "program": 0, "is_drum": True},
    {"name": "Bass", "program": 33, "is_drum": False},
    {"name": "Strings", "program": 48, "is_drum": False},
]


def band_midi() -> bytes:
    """A bar of three voices, whose names are those of BAND."""
    hits = [(36, 100, 0.5 * beat, 0.5 * beat + 0.1) for beat in range(24)]
    return midi_bytes(
        hits, scale(12), scale(12), programs=(0, 33, 48), channels=(9, 0, 1), names=("Drums", "Bass", "Strings")
    )


def fill(url: str) -> Site:
    """A site in which something of everything exists, for the guest "guest-alice"."""
    for slug in ("piano", "drums", "rock", "electronic"):
        make_genre(slug)
    site = Site(url)
    site.seen_worker()
    make_piece(guest(""), is_example=True, title="An example", midi=midi_bytes(scale(15)))
    for number in range(14):
        make_piece(title=f"Piece number {number} with a rather long title", midi=midi_bytes(scale(15)))
    return site


def addresses() -> dict[str, str]:
    """What a guest sees, by name."""
    running = make_generation(status=Generation.Status.RUNNING, seconds_composed=7, length_seconds=60.0)
    failed = make_generation(status=Generation.Status.FAILED, error_message="The disk is full. Try again later.")
    queued = make_generation()
    takes = make_generation(status=Generation.Status.SUCCEEDED, takes_asked=2)
    for index in range(2):
        draft = make_piece(is_draft=True, midi=midi_bytes(scale(15)), qpm=96.0, key="Bb minor")
        takes.takes.create(index=index, seed=1, rank=index + 1, piece=draft)
    band = make_piece(midi=band_midi(), voices=BAND, title="A piece for a band", length_seconds=12.0)
    return {
        "compose": "/",
        "library": "/library/",
        "library, one of many": "/library/?q=rather+long&state=kept",
        "library as a table": "/library/?view=table",
        "library, nothing found": "/library/?q=nothing",
        "trash": "/library/trash/",
        "generations": "/generations/",
        "piece": f"/pieces/{make_piece(midi=midi_bytes(scale(15))).pk}/",
        "piece of several voices": f"/pieces/{band.pk}/",
        "running": f"/generations/{running.pk}/",
        "queued": f"/generations/{queued.pk}/",
        "failed": f"/generations/{failed.pk}/",
        "takes": f"/generations/{takes.pk}/",
        "a take": f"/pieces/{draft.pk}/",
        "help": "/help/garageband/",
        "the API": "/api/v1/docs/#generations_create",
        "sign in": "/account/login/",
        "sign up": "/account/signup/",
        "not found": "/nothing/",
    }


def member_addresses(user: User) -> dict[str, str]:
    """What a member alone sees, and what she shares, by name."""
    me = member(user)
    band = make_piece(me, midi=band_midi(), voices=BAND, title="A piece for a band", length_seconds=12.0)
    collection = Collection.objects.create(owner=user, title="Autumn set")
    for position in range(3):
        collection.items.create(piece=make_piece(me, midi=midi_bytes(scale(15))), position=position)
    return {
        "library": "/library/",
        "piece": f"/pieces/{band.pk}/",
        "shared": f"/s/{share_link_create(piece=band).token}/",
        "collections": "/collections/",
        "collection": f"/collections/{collection.pk}/",
        "upload": "/library/upload/",
        "account": "/account/",
        "passkeys": "/account/passkeys/",
        "sessions": "/account/sessions/",
        "tokens": "/account/tokens/",
    }


def be_member(site: Site, page: Page, user: User) -> None:
    """Makes the browser that of somebody who has signed in just now."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    page.context.add_cookies([{"name": "sessionid", "value": str(session.session_key), "url": site.url}])


def each_page(site: Site, page: Page, poll: Callable[..., object]) -> Iterator[tuple[str, SlowLine]]:
    """Opens every page in turn, first as a guest, then as a member, and gives its name once its scripts have run."""
    page.watch.allow("404")  # type: ignore[attr-defined]
    line = SlowLine(page)
    alice = make_user("alice")
    site.be_guest(page)
    rounds = [("guest", addresses()), ("member", member_addresses(alice))]
    for role, pages in rounds:
        if role == "member":
            page.context.clear_cookies()
            be_member(site, page, alice)
        for name, address in pages.items():
            # A page that differs in its fragment alone would not be loaded.
            page.goto("about:blank")
            line.open(f"{site.url}{address}", poll)
            if page.locator("music-player").count():
                poll(page, "[...document.querySelectorAll('music-player')].every((one) => one.querySelector('button'))")
            yield f"{role}: {name}", line
