"""Signing up: a name and a password, and everything the guest had is the member's."""

from functools import partial
from typing import Any

import pytest
from django.test import Client, TransactionTestCase

from accounts.models import User
from generator.models import Generation
from library.models import Piece, Rating
from tests import factories
from tests.at_once import at_once

pytestmark = pytest.mark.django_db

URL = "/account/signup/"
FORM = {"username": "alice", "password1": "ships-and-harps"}


def sign_up(client: Client, **fields: str) -> Any:
    return client.post(URL, {**FORM, **fields})


def test_a_name_and_a_password_are_enough(client: Client) -> None:
    page = client.get(URL)
    assert page.status_code == 200
    assert list(page.context["form"].fields) == ["username", "password1"]
    answer = sign_up(client)
    assert answer.status_code == 302
    assert answer["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    user = User.objects.get()
    assert user.username == "alice" and user.email == "" and user.check_password("ships-and-harps")


def test_everything_of_the_guest_moves_over(guest_client: Client) -> None:
    guest = factories.guest()
    kept = factories.make_piece(guest)
    draft = factories.make_piece(guest, is_draft=True)
    done = factories.make_succeeded_generation(guest, piece=kept, client_hash="x" * 64)
    running = factories.make_generation(guest, status=Generation.Status.RUNNING, worker_id="w", attempts=1)
    example = factories.make_piece(is_example=True, owner=None, guest_key="")
    rating = Rating.objects.create(piece=example, guest_key="guest-alice", value=1)
    others = factories.make_piece(factories.guest("guest-bob"))

    answer = sign_up(guest_client, next=f"/pieces/{kept.pk}/")
    assert answer["Location"] == f"/pieces/{kept.pk}/"
    user = User.objects.get()
    for row in (kept, draft, done, running, others, rating):
        row.refresh_from_db()
    assert {row.owner for row in (kept, draft, done, running)} == {user}
    assert {row.guest_key for row in (kept, draft, done, running, rating)} == {""}
    assert kept.expires_at is None
    assert draft.is_draft and draft.expires_at is not None
    assert done.client_hash == ""
    assert rating.user == user
    assert others.owner is None and others.guest_key == "guest-bob"
    assert guest_client.get(f"/pieces/{kept.pk}/").status_code == 200
    assert "guest_key" not in guest_client.session


def test_the_piece_of_the_page_is_kept(guest_client: Client) -> None:
    wanted, other = (factories.make_piece(factories.guest(), is_draft=True) for _ in range(2))
    sign_up(guest_client, keep=str(wanted.pk))
    wanted.refresh_from_db()
    other.refresh_from_db()
    assert not wanted.is_draft and wanted.expires_at is None
    assert other.is_draft


@pytest.mark.parametrize("keep", ["nonsense", "", "00000000-0000-0000-0000-000000000000"])
def test_a_piece_that_is_not_there_is_no_obstacle(guest_client: Client, keep: str) -> None:
    assert sign_up(guest_client, keep=keep).status_code == 302


def test_anothers_piece_is_not_kept(guest_client: Client) -> None:
    others = factories.make_piece(factories.guest("guest-bob"), is_draft=True)
    sign_up(guest_client, keep=str(others.pk))
    others.refresh_from_db()
    assert others.is_draft and others.owner is None


def test_the_session_lasts_as_a_members(guest_client: Client) -> None:
    sign_up(guest_client)
    assert guest_client.session.get_expiry_age() == 30 * 24 * 3600


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "ALICE"}, "username"),
        ({"username": "bob@example.org"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": "two\u200bwords"}, "username"),
        ({"password1": ""}, "password1"),
        ({"password1": "short"}, "password1"),
        ({"password1": "password"}, "password1"),
        ({"username": "wolfgangamadeus", "password1": "wolfgangamadeus"}, "password1"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    client: Client, alice: User, fields: dict[str, str], field: str
) -> None:
    answer = client.post(URL, {"username": "bob", "password1": "ships-and-harps", **fields})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert User.objects.count() == 1
    assert f'id="error-{field}"' in answer.content.decode()
    assert ">Username</label>" in answer.content.decode()


def test_a_name_taken_between_look_and_write_is_an_error_of_the_form(
    guest_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the guest moves, and the guest may try another name."""
    piece = factories.make_piece(factories.guest())
    factories.make_user("alice")
    monkeypatch.setattr("allauth.account.internal.userkit.filter_users_by_username", lambda *names: User.objects.none())
    answer = sign_up(guest_client, username="Alice")
    assert answer.status_code == 422
    assert "taken" in answer.context["form"].errors["username"][0]
    piece.refresh_from_db()
    assert piece.owner is None
    assert sign_up(guest_client, username="alice2").status_code == 302


def test_a_safe_way_back_alone_is_followed(client: Client) -> None:
    assert sign_up(client, next="https://elsewhere.example/")["Location"] == "/account/"


def test_a_member_is_led_on(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(URL)["Location"] == "/account/"
    assert client.put(URL).status_code == 405 or client.put(URL).status_code == 302


def test_other_methods_are_refused(client: Client) -> None:
    assert client.delete(URL).status_code == 405


def test_the_address_is_asked_for_once(client: Client) -> None:
    sign_up(client)
    first, second = (client.get("/").content.decode() for _ in range(2))
    assert 'id="ask-email-address"' in first
    assert 'id="ask-email-address"' not in second


def test_the_account_page_has_one_field_for_the_address(client: Client) -> None:
    sign_up(client)
    account, compose = (client.get(path).content.decode() for path in ("/account/", "/"))
    assert account.count('type="email"') == 1
    assert 'id="ask-email-address"' not in compose


def test_composing_needs_no_account(client: Client) -> None:
    factories.make_genre()
    assert 'name="form_token"' in client.get("/").content.decode()


class Race(TransactionTestCase):
    """Two visitors who choose one name at the same moment."""

    def test_one_wins_and_the_other_is_told(self) -> None:
        def visitor(name: str) -> int:
            return Client().post(URL, {**FORM, "username": name}).status_code

        answers = at_once(*(partial(visitor, name) for name in ("alice", "Alice")))
        assert sorted(answers) == [302, 422]
        assert User.objects.filter(username__iexact="alice").count() == 1
        assert Piece.objects.count() == 0
