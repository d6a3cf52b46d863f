"""Guests, their keys and their addresses."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.guests import client_address, ensure_guest_key, guest_key
from accounts.owners import Owner, ensure_owner_of, owner_of
from generator.models import Generation

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
