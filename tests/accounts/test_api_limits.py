"""Requests a minute, and the headers that tell of them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import api_limits
from accounts.api_guests import guest_token_new

pytestmark = pytest.mark.django_db
URL = "/api/v1/pieces/"


@pytest.fixture(autouse=True)
def one_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    settings.API_READS_PER_MINUTE, settings.API_WRITES_PER_MINUTE = 3, 2
    now = [1_000_020.0]
    monkeypatch.setattr(api_limits.time, "time", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


def test_each_answer_says_what_is_left(client: Client, one_minute: list[float]) -> None:
    left = []
    for _ in range(3):
        response = client.get(URL)
        assert (response.status_code, response["RateLimit-Limit"], response["RateLimit-Reset"]) == (200, "3", "60")
        left.append(response["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    one_minute[0] += 20
    refused = client.get(URL)
    assert (refused.status_code, refused["Retry-After"], refused["RateLimit-Remaining"]) == (429, "40", "0")
    assert refused.json()["type"].endswith("#problem-too-many-requests")
    assert "40 seconds" in refused.json()["detail"]
    one_minute[0] += 40
    assert client.get(URL).status_code == 200


def test_reading_and_writing_are_counted_apart(client: Client) -> None:
    for _ in range(4):
        client.get(URL)
    assert client.post("/api/v1/drafts/trash/").status_code == 200


def test_members_have_a_count_each_wherever_they_are(alice: Any, bob: Any) -> None:
    clients = []
    for user in (alice, bob):
        client = Client()
        client.force_login(user)
        clients.append(client)
    first, second = clients
    assert [first.get(URL).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert first.get(URL, REMOTE_ADDR="192.0.2.77").status_code == 429
    assert second.get(URL).status_code == 200


def test_new_guest_tokens_give_no_new_writes() -> None:
    def write(address: str = "192.0.2.1") -> int:
        headers = {"Authorization": f"Guest {guest_token_new()}"}
        return Client().post("/api/v1/drafts/trash/", headers=headers, REMOTE_ADDR=address).status_code

    assert [write(), write(), write()] == [200, 200, 429]
    assert write("192.0.2.2") == 200


def test_two_guests_behind_one_address_read_for_themselves() -> None:
    first, second = ({"Authorization": f"Guest {guest_token_new()}"} for _ in range(2))
    assert [Client().get(URL, headers=first).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert Client().get(URL, headers=second).status_code == 200
