"""Who asks: personal tokens with scopes, guests' tokens, sessions; and what each may do."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from accounts.api_guests import guest_key_of_token, guest_token_new
from accounts.models import ApiToken, User
from accounts.tokens import MAX_TOKENS, token_create, token_revoke
from generator.models import Generation
from tests import factories
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"
GENERATIONS = "/api/v1/generations/"
WISH = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 15}


class Script:
    """A program without cookies; each request is of a client of its own."""

    def __init__(self, authorization: str = "") -> None:
        self.headers = {"Authorization": authorization} if authorization else {}

    def get(self, address: str, **headers: str) -> Any:
        return Client(enforce_csrf_checks=True).get(address, headers=self.headers | headers)

    def send(self, method: str, address: str, body: Any = None, **headers: str) -> Any:
        client = Client(enforce_csrf_checks=True)
        send = getattr(client, method)
        return send(address, body or {}, content_type="application/json", headers=self.headers | headers)


def member_script(user: User, *scopes: str, expires_at: Any = None) -> tuple[Script, ApiToken]:
    token, plain = token_create(user=user, name="test", scopes=scopes or ("read", "write"), expires_at=expires_at)
    return Script(f"Bearer {plain}"), token


class TestPersonalTokens:
    def test_a_token_is_its_member(self, alice: User) -> None:
        script, token = member_script(alice)
        data = script.get(ME).json()
        assert (data["role"], data["username"]) == ("member", "alice")
        assert data["token"]["scopes"] == ["read", "write"]
        assert data["token"]["prefix"] == token.prefix
        assert token.token_hash not in str(data)

    def test_it_writes_without_a_csrf_token(self, alice: User) -> None:
        factories.make_genre()
        script, _ = member_script(alice)
        assert script.send("post", GENERATIONS, WISH).status_code == 201
        assert Generation.objects.get().owner == alice

    def test_read_reads_and_write_writes(self, alice: User) -> None:
        reader, writer = member_script(alice, "read")[0], member_script(alice, "write")[0]
        assert reader.get("/api/v1/pieces/").status_code == 200
        refused = reader.send("post", "/api/v1/collections/", {"title": "x"})
        assert (refused.status_code, refused.json()["detail"]) == (403, "This token doesn't have the scope write.")
        assert writer.send("post", "/api/v1/collections/", {"title": "x"}).status_code == 201
        assert writer.get("/api/v1/pieces/").status_code == 403

    @pytest.mark.parametrize("what", ["unknown", "revoked", "expired", "closed account", "basic", "empty"])
    def test_what_no_longer_counts_is_401(self, alice: User, what: str) -> None:
        script, token = member_script(alice)
        if what == "revoked":
            token_revoke(token=token)
        elif what == "expired":
            ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        elif what == "closed account":
            User.objects.filter(pk=alice.pk).update(is_active=False)
        else:
            script = Script({"unknown": "Bearer mg_nothing", "basic": "Basic YTpi", "empty": "Bearer"}[what])
        for response in (script.get(ME), script.send("post", GENERATIONS, WISH), script.get("/api/v1/genres/")):
            assert response.status_code == 401
            assert response["WWW-Authenticate"] == 'Bearer realm="api"'
            assert response["Content-Type"] == "application/problem+json"

    def test_a_wrong_token_is_not_rescued_by_a_session(self, alice: User) -> None:
        client = Client()
        client.force_login(alice)
        assert client.get(ME).status_code == 200
        assert client.get(ME, headers={"Authorization": "Bearer mg_nothing"}).status_code == 401

    def test_a_token_is_no_way_into_the_pages(self, alice: User) -> None:
        script, _ = member_script(alice)
        assert script.get("/account/").status_code == 302
        piece = factories.make_piece(factories.member(alice))
        assert script.get(f"/pieces/{piece.pk}/").status_code == 404
        assert script.get(f"/api/v1/pieces/{piece.pk}/midi/").status_code == 200


class TestGuestTokens:
    def first(self) -> tuple[Script, Any]:
        factories.make_genre()
        response = Script().send("post", GENERATIONS, WISH)
        assert response.status_code == 201
        return Script(f"Guest {response.json()['guest_token']}"), response

    def test_the_first_answer_brings_a_token_which_is_the_only_way_back(self) -> None:
        script, response = self.first()
        address = f"{GENERATIONS}{response.json()['id']}/"
        assert response["Guest-Token"] == response.json()["guest_token"]
        assert script.get(address).status_code == 200
        assert Script().get(address).status_code == 404
        assert Script(f"Guest {guest_token_new()}").get(address).status_code == 404
        assert script.get(ME).json()["role"] == "guest"

    def test_the_token_is_given_once_and_kept_nowhere(self) -> None:
        script, response = self.first()
        again = script.send("post", GENERATIONS, WISH)
        assert again.status_code == 201
        assert "guest_token" not in again.json()
        assert "Guest-Token" not in again
        keys = set(Generation.objects.values_list("guest_key", flat=True))
        assert len(keys) == 1, "one guest"
        assert keys.pop() not in response["Guest-Token"]

    def test_one_may_have_a_token_first_and_lose_any_answer_after_it(self) -> None:
        factories.make_genre()
        response = Script().send("post", "/api/v1/guest/")
        assert (response.status_code, list(response.json())) == (201, ["guest_token"])
        assert not response.cookies
        script, stranger = (Script(f"Guest {token}") for token in (response.json()["guest_token"], guest_token_new()))
        lost, again = (script.send("post", GENERATIONS, WISH, **{"Idempotency-Key": "k"}) for _ in range(2))
        assert (lost.status_code, again.status_code) == (201, 200)
        assert lost.json()["id"] == again.json()["id"]
        assert stranger.send("post", GENERATIONS, WISH, **{"Idempotency-Key": "k"}).json()["id"] != lost.json()["id"]
        assert Generation.objects.count() == 2

    @pytest.mark.parametrize("key", ["k", "5b0e9a53-2f6a-4f0f-8a11-0d4f8a4c5f5e"])
    def test_a_key_is_nothing_without_somebody(self, key: str) -> None:
        """However long: it may stand in a log or an example, and what it led to would be anybody's."""
        factories.make_genre()
        mine = Script(f"Guest {guest_token_new()}").send("post", GENERATIONS, WISH, **{"Idempotency-Key": key})
        refused = Script().send("post", GENERATIONS, WISH, **{"Idempotency-Key": key})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["Idempotency-Key"])
        assert "/api/v1/guest/" in refused.json()["detail"]
        assert "Guest-Token" not in refused
        assert [str(pk) for pk in Generation.objects.values_list("pk", flat=True)] == [mine.json()["id"]]

    def test_a_token_that_was_not_made_here_is_401(self) -> None:
        token = guest_token_new()
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        for wrong in (forged, "gt_mine", "", "x" * 5000):
            assert Script(f"Guest {wrong}").get(ME).status_code == 401
        assert guest_key_of_token(token) != guest_key_of_token(guest_token_new())

    def test_reading_makes_no_guest(self) -> None:
        response = Script().get("/api/v1/pieces/")
        assert "Guest-Token" not in response
        assert not response.cookies

    def test_collections_are_for_members(self) -> None:
        script, _ = self.first()
        response = script.send("post", "/api/v1/collections/", {"title": "x"})
        assert response.status_code == 401
        assert "For members only" in response.json()["detail"]


class TestSessions:
    """A browser may be made to send a request by another site; a script may not."""

    @pytest.mark.parametrize("name", ["Origin", "Referer", "Sec-Fetch-Site"])
    def test_what_a_browser_sends_needs_the_csrf_token(self, name: str) -> None:
        factories.make_genre()
        value = "cross-site" if name == "Sec-Fetch-Site" else "https://evil.example/page"
        assert Script().send("post", GENERATIONS, WISH, **{name: value}).status_code == 403
        assert not Generation.objects.exists()

    def test_a_session_needs_it_whoever_it_is(self, alice: User) -> None:
        factories.make_genre()
        for user in (None, alice):
            client = Client(enforce_csrf_checks=True)
            client.get("/")
            if user is not None:
                client.force_login(user)
            response = client.post(GENERATIONS, WISH, content_type="application/json")
            assert response.status_code == 403
            assert response["Content-Type"] == "application/problem+json"
        assert not Generation.objects.exists()

    def test_a_tokens_member_counts_and_not_the_sessions(self, alice: User, bob: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(bob)
        _, plain = token_create(user=alice, name="t", scopes=["read"])
        assert client.get(ME, headers={"Authorization": f"Bearer {plain}"}).json()["username"] == "alice"
        assert client.get(ME).json()["username"] == "bob"


def test_me_tells_what_is_used_and_what_of_it_one_may_use(alice: User) -> None:
    factories.make_generation(factories.member(alice), length_seconds=60.0)
    factories.make_piece(factories.member(alice), size_bytes=1000)
    quota = member_script(alice)[0].get(ME).json()["quota"]
    assert quota["seconds_this_hour"] == {"used": 60.0, "limit": 7200.0}
    assert quota["stored_bytes"]["used"] == 1000
    assert quota["running_jobs"] == {"used": 1, "limit": 3}


@pytest.mark.django_db(transaction=True)
def test_of_many_tokens_made_at_once_only_as_many_as_there_may_be_are_made(alice: User) -> None:
    for number in range(MAX_TOKENS - 2):
        token_create(user=alice, name=f"token {number}", scopes=["read"])

    def is_made() -> bool:
        try:
            return bool(token_create(user=alice, name="at once", scopes=["read"]))
        except ValidationError:
            return False

    assert sum(at_once(*[is_made] * 6)) == 2
    assert ApiToken.objects.count() == MAX_TOKENS
