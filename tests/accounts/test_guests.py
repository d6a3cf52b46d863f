"""Guests, their keys and their addresses."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.guests import client_address, client_network, ensure_guest_key, guest_key
from accounts.owners import Owner, ensure_owner_of, owner_of
from generator.models import Generation
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_of_a_visitor() -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.9")
    request.session, request.user = SessionStore(), AnonymousUser()
    return request


def test_a_visitor_is_nobody_until_something_is_made(request_of_a_visitor: HttpRequest) -> None:
    assert guest_key(request_of_a_visitor) is None
    assert owner_of(request_of_a_visitor).is_nobody
    owner = ensure_owner_of(request_of_a_visitor)
    assert owner.is_guest
    assert not owner.is_nobody
    assert owner == owner_of(request_of_a_visitor)
    assert owner.client_address == "192.0.2.9"


def test_a_key_lasts_a_week_and_stays_the_same(request_of_a_visitor: HttpRequest) -> None:
    key = ensure_guest_key(request_of_a_visitor)
    assert ensure_guest_key(request_of_a_visitor) == key
    assert request_of_a_visitor.session.get_expiry_age() == 7 * 24 * 3600
    assert len(key) >= 32


def test_making_something_on_the_sixth_day_gives_seven_more(request_of_a_visitor: HttpRequest) -> None:
    ensure_guest_key(request_of_a_visitor)
    session = request_of_a_visitor.session
    session.set_expiry(24 * 3600)
    session.save()
    session.modified = False
    guest_key(request_of_a_visitor)
    assert not session.modified, "looking around changes nothing"
    ensure_guest_key(request_of_a_visitor)
    assert session.modified, "the cookie is sent again"
    assert session.get_expiry_age() == 7 * 24 * 3600


def test_a_member_owns_as_a_member(request_of_a_visitor: HttpRequest, alice: Any) -> None:
    request_of_a_visitor.user = alice
    assert ensure_owner_of(request_of_a_visitor) == Owner(user=alice)
    assert guest_key(request_of_a_visitor) is None


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ([], "203.0.113.1", "192.0.2.9"),
        (["192.0.2.9/32"], "198.51.100.7, 203.0.113.1", "203.0.113.1"),
        (["192.0.2.0/24", "203.0.113.0/24"], "198.51.100.7, 203.0.113.1", "198.51.100.7"),
        (["192.0.2.0/24", "203.0.113.0/24"], "203.0.113.1", "203.0.113.1"),
        (["192.0.2.9/32"], "", "192.0.2.9"),
        (["192.0.2.9/32"], "198.51.100.7, rubbish", "192.0.2.9"),
        (["10.0.0.0/8"], "203.0.113.1", "192.0.2.9"),
        (["192.0.2.9/32"], "2001:db8::7", "2001:db8::7"),
    ],
)
def test_only_our_own_proxies_are_believed(settings: Any, trusted: list[str], forwarded: str, address: str) -> None:
    settings.TRUSTED_PROXIES = [ip_network(network) for network in trusted]
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.9", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


def test_a_proxy_is_known_through_a_socket_that_hears_both_kinds_of_addresses(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.9/32")]
    request = RequestFactory().get("/", REMOTE_ADDR="::ffff:192.0.2.9", HTTP_X_FORWARDED_FOR="203.0.113.1")
    assert client_address(request) == "203.0.113.1"


def test_a_guests_session_needs_the_csrf_token(genre_with_model: None) -> None:
    client = Client(enforce_csrf_checks=True)
    body = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 15, "form_token": "t"}
    client.get("/")
    refused = client.post("/api/v1/generations/", body, content_type="application/json")
    assert refused.status_code == 403
    token = client.cookies["csrftoken"].value
    made = client.post("/api/v1/generations/", body, content_type="application/json", headers={"X-CSRFToken": token})
    assert made.status_code == 201


def test_the_first_form_sent_twice_at_once_is_one_job_of_one_guest(genre_with_model: None) -> None:
    """Neither of the two requests has a session yet, and the browser keeps the cookie of either answer."""
    first, second, stranger = (Client(enforce_csrf_checks=True) for _ in range(3))
    first.get("/")
    stranger.get("/")
    second.cookies["csrftoken"] = first.cookies["csrftoken"].value
    body = {"genre": "piano", "ensemble": "grand-piano", "length": "15", "form_token": "the same form"}

    def send(client: Client) -> Any:
        return client.post("/", {**body, "csrfmiddlewaretoken": client.cookies["csrftoken"].value})

    pages = {send(client)["Location"] for client in (first, second)}
    assert Generation.objects.count() == 1
    assert pages == {f"/generations/{Generation.objects.get().pk}/"}
    assert first.cookies["sessionid"].value != second.cookies["sessionid"].value
    assert [client.get(page).status_code for client in (first, second) for page in pages] == [200, 200]
    assert send(stranger).status_code == 422, "a form token alone gives nobody a job of another's"


@pytest.fixture
def genre_with_model() -> None:
    from tests import factories

    factories.make_genre()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("rubbish", ""),
        ("", ""),
    ],
)
def test_limits_count_a_household_as_one(address: str, network: str) -> None:
    assert client_network(address) == network


def test_an_address_has_one_spelling(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.9/32")]
    for spelled in ("::ffff:203.0.113.1", "203.0.113.1"):
        request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.9", HTTP_X_FORWARDED_FOR=spelled)
        assert client_address(request) == "203.0.113.1"
    request = RequestFactory().get("/", REMOTE_ADDR="2001:0DB8::0007")
    assert client_address(request) == "2001:db8::7"


def test_attempts_to_sign_in_count_by_household(db: None) -> None:
    factories.make_user("alice")
    form = {"login": "alice", "password": "wrong"}
    for number in range(5):
        Client().post("/account/login/", form, REMOTE_ADDR=f"2001:db8:1:2::{number:x}")
    right = form | {"password": "secret-enough"}
    same = Client().post("/account/login/", right, REMOTE_ADDR="2001:db8:1:2:ffff::1")
    assert same.status_code == 422
    assert "Too many attempts" in same.context["form"].non_field_errors()[0]
    assert Client().post("/account/login/", right, REMOTE_ADDR="2001:db8:1:3::1").status_code == 302


def test_clients_of_a_socket_for_both_kinds_are_not_one(db: None) -> None:
    """Their addresses lie in one /64, as ::ffff:192.0.2.1 does."""
    for number in range(31):
        form = {"login": f"name{number}", "password": "wrong"}
        Client().post("/account/login/", form, REMOTE_ADDR="::ffff:192.0.2.1")
    refused = Client().post("/account/login/", form, REMOTE_ADDR="::ffff:192.0.2.1")
    assert refused.status_code == 429
    assert Client().post("/account/login/", form, REMOTE_ADDR="::ffff:192.0.2.2").status_code == 422


def test_no_code_reads_an_address_past_the_one_function() -> None:
    """Who counts by address asks `client_network`; REMOTE_ADDR is read where proxies are told apart."""
    root = Path(__file__).parents[2]
    found = {
        str(path.relative_to(root))
        for part in ("accounts", "library", "generator", "musicgen_site")
        for path in (root / part).rglob("*.py")
        if re.search(r"REMOTE_ADDR|FORWARDED_FOR|ip_network\(", path.read_text())
    }
    assert found == {"accounts/guests.py", "musicgen_site/proxies.py", "musicgen_site/env.py"}
