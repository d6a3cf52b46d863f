"""Forms of pages fall under the limit of writes that the API has, in one count with it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import api_limits
from accounts.models import User
from tests import factories
from tests.at_once import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    settings.API_WRITES_PER_MINUTE = 2
    now = [1_000_020.0]
    monkeypatch.setattr(api_limits.time, "time", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


@pytest.fixture
def member(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_a_form_too_many_is_a_page_that_says_when_to_come_back(member: Client, one_minute: list[float]) -> None:
    piece = factories.make_piece(factories.member(User.objects.get()))
    answers = [member.post(f"/pieces/{piece.pk}/share/").status_code for _ in range(2)]
    assert 429 not in answers
    one_minute[0] += 15
    refused = member.post(f"/pieces/{piece.pk}/share/")
    assert (refused.status_code, refused["Retry-After"]) == (429, "45")
    page = refused.content.decode()
    assert "<h1>Too many attempts</h1>" in page and "Try again in 45 seconds." in page
    assert member.get(f"/pieces/{piece.pk}/").status_code == 200
    one_minute[0] += 45
    assert member.post(f"/pieces/{piece.pk}/share/").status_code != 429


def test_pages_and_the_api_share_one_count(member: Client) -> None:
    assert member.post("/api/v1/drafts/trash/").status_code == 200
    assert member.post("/account/email/", {"email": ""}).status_code == 302
    assert member.post("/account/email/", {"email": ""}).status_code == 429
    assert member.post("/api/v1/drafts/trash/").status_code == 429


def test_a_script_of_a_page_is_answered_as_it_asked(member: Client) -> None:
    for _ in range(3):
        refused = member.post("/upload/", headers={"Accept": "application/json"})
    assert refused.status_code == 429 and int(refused["Retry-After"]) > 0
    assert refused.json()["detail"].startswith("Too many attempts.")


def test_guests_count_by_household(client: Client) -> None:
    def sign_in(address: str) -> int:
        return Client().post("/account/login/", {"login": "x", "password": "y"}, REMOTE_ADDR=address).status_code

    assert [sign_in(f"2001:db8:1:2::{number}") for number in (1, 2, 3)] == [422, 422, 429]
    assert sign_in("2001:db8:1:3::1") == 422


@pytest.mark.django_db(transaction=True)
def test_many_at_once_count_one_by_one(settings: Any) -> None:
    settings.API_WRITES_PER_MINUTE = 3
    answers = at_once(*[partial(Client().post, "/account/logout/")] * 8)
    assert sorted(answer.status_code for answer in answers)[-5:] == [429] * 5


def test_what_comes_too_often_for_django_allauth_is_told_likewise(client: Client, settings: Any) -> None:
    settings.API_WRITES_PER_MINUTE = 100
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"signup": "1/m/ip"}
    for _ in range(2):
        refused = client.post("/account/signup/", {"username": "", "password1": ""})
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert "Too many attempts" in refused.content.decode()
