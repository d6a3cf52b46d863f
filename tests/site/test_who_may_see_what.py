"""Every address of the site × who asks → status. An address that the table lacks fails the test.

The columns: a guest with what is the guest's own, another guest with the same, the member Alice with what is hers, the
member Bob with what is Alice's, and Carol of the staff with what is Alice's. Whoever is not the owner is told that
there is nothing (404), not that there is something forbidden.
"""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import ApiToken, DataExport
from accounts.owners import Owner
from generator.models import Generation
from library.models import Collection, CollectionItem, Piece, Rendering, ShareLink
from tests import factories
from tests.site.who_may_see_what import TABLE

PERSONS = ("guest", "other guest", "owner", "other member", "staff")


class Things:
    """One of everything that an owner may have, by the kind that the table names."""

    # A link to Alice's piece, which everybody has been given.
    shared_token = ""

    def __init__(self, owner: Owner) -> None:
        user = owner.user
        self.owner = owner
        self.piece = factories.make_piece(owner, title="Private")
        self.trashed = factories.make_piece(owner, trashed_at=timezone.now())
        self.job = factories.make_generation(owner)
        self.done = factories.make_succeeded_generation(owner, piece=self.piece)
        Rendering.objects.create(piece=self.piece, format="mp3", status="queued")
        if user is not None:
            self.collection = Collection.objects.create(owner=user, title="Mine")
            CollectionItem.objects.create(collection=self.collection, piece=self.piece)
            self.link = ShareLink.objects.create(piece=self.piece)
            self.token = ApiToken.objects.create(
                user=user, name="t", prefix="mg_12345", token_hash="0" * 64, scopes=["read"]
            )
            self.export = DataExport.objects.create(
                user=user, status="failed", expires_at=timezone.now() + timedelta(days=1)
            )

    def args(self, kind: str) -> list[Any]:
        """What stands in the address; for a guest, who has no collections and links, an id that nobody has."""
        nothing = uuid.UUID(int=1)
        match kind:
            case "":
                return []
            case "piece" | "trashed" | "job" | "done":
                return [getattr(self, kind).pk]
            case "audio":
                return [self.piece.pk, "mp3"]
            case "link":
                return [self.link.pk if self.owner.user else nothing]
            case "shared":
                return [self.shared_token]
            case "shared-ogg":
                return [self.shared_token, "ogg"]
            case "collection" | "token":
                return [getattr(self, kind).pk if self.owner.user else 10**6]
            case "item":
                return [self.collection.pk if self.owner.user else 10**6, self.piece.pk]
            case "export":
                return [self.export.pk if self.owner.user else nothing]
            case "passkey":
                return [10**6]
            case "key":
                return ["abc"]
        raise ValueError(kind)


@pytest.fixture
def kept_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are undone one after another, and files have no undo."""
    monkeypatch.setattr(default_storage, "delete", lambda name: None)


class World:
    """Two owners, five persons, and what each person's request is about."""

    def __init__(self) -> None:
        factories.make_genre()
        self.example = factories.make_piece(Owner(), is_example=True)
        alice, bob = factories.make_user("alice"), factories.make_user("bob")
        carol = factories.make_user("carol", staff=True)
        of_guest, of_alice = Things(factories.guest("guest-one")), Things(factories.member(alice))
        self.persons: dict[str, tuple[Client, Things]] = {
            "guest": (self._guest("guest-one"), of_guest),
            "other guest": (self._guest("guest-two"), of_guest),
            "owner": (self._member(alice), of_alice),
            "other member": (self._member(bob), of_alice),
            "staff": (self._member(carol), of_alice),
        }
        self.of_guest, self.of_alice = of_guest, of_alice
        of_guest.shared_token = of_alice.shared_token = of_alice.link.token

    def _guest(self, key: str) -> Client:
        client = Client(raise_request_exception=False)
        session = client.session
        session["guest_key"] = key
        session.save()
        return client

    def _member(self, user: Any) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    def status(self, client: Client, things: Things, method: str, name: str, kind: str) -> int:
        """What a request is answered with; what it changed is undone."""
        address = "/api/v1/nothing/" if name == "api:" else reverse(name, args=things.args(kind))
        body = BODIES.get((method, name), {})
        if callable(body):
            body = body(things)
        is_json = name.startswith(("api:", "accounts:passkey-"))
        content = {"data": body, "content_type": "application/json"} if is_json else {"data": body}
        cookies = SimpleCookie(client.cookies)
        cache.clear()
        with transaction.atomic():
            ask = getattr(client, method.lower())
            response = ask(address) if method == "GET" else ask(address, **content)
            transaction.set_rollback(True)
        client.cookies = cookies
        return int(response.status_code)


# What a request says where an empty one would be told so before anything else.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "api:generations"): {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 15},
    ("POST", "api:pieces-bulk"): lambda things: {"ids": [str(things.piece.pk)], "action": "trash"},
    ("POST", "api:pieces-zip"): lambda things: {"ids": [str(things.piece.pk)]},
    ("PUT", "api:piece-favourite"): {"is_favourite": True},
    ("PUT", "api:piece-rating"): {"rating": 1},
    ("POST", "api:collections"): {"title": "New"},
    ("POST", "api:collection-pieces"): lambda things: {"ids": [str(things.piece.pk)]},
    ("PUT", "api:collection-pieces"): lambda things: {"ids": [str(things.piece.pk)]},
    ("POST", "library:piece-edit"): {"title": "New"},
    ("POST", "library:piece-rate"): {"value": "1"},
    ("POST", "library:collection-edit"): {"title": "New"},
    ("POST", "generator:compose-from"): {"kind": "another"},
}


@pytest.fixture
def world(db: None, kept_files: None) -> World:
    return World()


def addresses(resolver: Any = None, prefix: str = "/", space: str = "") -> Iterator[tuple[str, str]]:
    """Each name of the site with its address, the administration's apart."""
    for pattern in (resolver or get_resolver()).url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from addresses(pattern, address, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name or ''}", address


def test_no_address_is_missing_in_the_table() -> None:
    there = {name for name, address in addresses() if not address.startswith("/admin/")}
    told = {name for _, name, _, _ in rows()}
    assert there - told == set(), "addresses that the table does not have"
    assert told - there == set(), "addresses of the table that are gone"


def rows() -> list[tuple[str, str, str, tuple[int, ...]]]:
    found = []
    for line in TABLE.strip().splitlines():
        if not line or line.startswith("#"):
            continue
        method, name, kind, *statuses = line.split()
        assert len(statuses) == len(PERSONS), line
        found.append((method, name, "" if kind == "-" else kind, tuple(int(status) for status in statuses)))
    return found


def test_everyone_sees_what_the_table_says(world: World) -> None:
    wrong = []
    for method, name, kind, expected in rows():
        got = tuple(world.status(client, things, method, name, kind) for client, things in world.persons.values())
        if got != expected:
            wrong.append(f"{method} {name} {kind}: expected {expected}, got {got}")
    assert not wrong, "\n".join(wrong)


def test_a_stranger_is_told_the_same_whoever_the_stranger_is(world: World) -> None:
    """A member before a guest's things is as much a stranger as another guest is."""
    bob, guest = world.persons["other member"][0], world.persons["guest"][0]
    wrong = []
    for method, name, kind, expected in rows():
        if kind in ("piece", "trashed", "job", "done", "audio"):
            by_bob = world.status(bob, world.of_guest, method, name, kind)
            by_guest = world.status(guest, world.of_alice, method, name, kind)
            if (by_bob, by_guest) != (expected[3], expected[1]):
                wrong.append(f"{method} {name}: {by_bob} and {by_guest}, expected {expected[3]} and {expected[1]}")
    assert not wrong, "\n".join(wrong)


def test_the_administration_is_for_staff(world: World) -> None:
    open_to_all = ("/admin/login/", "/admin/logout/")
    wrong = []
    for name, address in addresses():
        if not address.startswith("/admin/") or address.startswith(open_to_all):
            continue
        path = re.sub(r"<[^>]+>", "1", address).replace("(?P", "").replace("$", "")
        for person, (client, _) in world.persons.items():
            status = client.get(path).status_code
            allowed = status < 500 if person == "staff" else status == 302
            if not allowed:
                wrong.append(f"{person} {path} ({name}): {status}")
    assert not wrong, "\n".join(wrong)


def test_what_was_taken_away_is_there_for_nobody(world: World) -> None:
    """In the trash, expired, or of a closed account: not by its link, not by its address."""
    alice, things = world.persons["owner"]
    stranger = Client()
    shared = reverse("library:shared-midi", args=[things.link.token])
    assert stranger.get(shared).status_code == 200
    for changes in ({"trashed_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}):
        with transaction.atomic():
            Piece.objects.filter(pk=things.piece.pk).update(**changes)
            for name in ("library:piece-midi", "api:piece", "api:piece-midi", "api:piece-voices"):
                assert alice.get(reverse(name, args=[things.piece.pk])).status_code == 404, name
            assert stranger.get(shared).status_code in (404, 410)
            transaction.set_rollback(True)


def test_jobs_say_nothing_of_other_peoples_pieces(world: World) -> None:
    """A job of Bob's whose take somehow names Alice's piece is no way to it."""
    bob, things = world.persons["other member"]
    Generation.objects.filter(pk=things.done.pk).update(owner=None, guest_key="somebody")
    assert bob.get(reverse("api:generation", args=[things.done.pk])).status_code == 404
