"""Signing in and out: a guest's music comes along, and attempts tell strangers nothing."""

from typing import Any
from unittest import mock

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.models import User
from library.models import Piece, Rating
from tests import factories

RIGHT = "secret-enough"

pytestmark = pytest.mark.django_db

URL = "/account/login/"
WRONG = "The name or the password is not right."


def sign_in(client: Client, name: str = "alice", password: str = RIGHT, **fields: str) -> Any:
    address = fields.pop("address", "192.0.2.1")
    return client.post(URL, {"login": name, "password": password, **fields}, REMOTE_ADDR=address)


def test_the_page_asks_for_a_name_and_a_password(client: Client) -> None:
    page = client.get(URL)
    assert page.status_code == 200
    assert list(page.context["form"].fields) == ["login", "password"]
    assert "by mail" not in page.content.decode(), "no mail server, no codes"


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_a_member_signs_in(client: Client, alice: User, name: str) -> None:
    assert sign_in(client, name)["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    assert client.session.get_expiry_age() == 30 * 24 * 3600


def test_an_address_serves_as_a_name(client: Client, alice: User) -> None:
    from accounts.services import email_set

    email_set(user=alice, email="alice@example.org")
    assert sign_in(client, "alice@example.org").status_code == 302


def test_an_old_name_that_looks_like_an_address_still_serves(client: Client) -> None:
    factories.make_user("root@example.org", staff=True)
    assert sign_in(client, "root@example.org").status_code == 302


def test_the_guests_music_comes_along_and_what_was_there_stays(guest_client: Client, alice: User) -> None:
    old = factories.make_piece(factories.member(alice))
    new = factories.make_piece(factories.guest())
    page = sign_in(guest_client, next=f"/pieces/{new.pk}/")
    assert page["Location"] == f"/pieces/{new.pk}/"
    assert set(Piece.objects.filter(owner=alice)) == {old, new}
    assert "in your library" in guest_client.get("/").content.decode()


@pytest.mark.parametrize(("guests_is_later", "value"), [(True, -1), (False, 1)])
def test_of_two_ratings_of_one_person_the_later_counts(
    guest_client: Client, alice: User, guests_is_later: bool, value: int
) -> None:
    piece = factories.make_piece(factories.member(alice))
    first = Rating.objects.create(
        piece=piece,
        **({"user": alice} if guests_is_later else {"guest_key": "guest-alice"}),
        value=1 if guests_is_later else -1,
    )
    second = Rating.objects.create(
        piece=piece,
        **({"guest_key": "guest-alice"} if guests_is_later else {"user": alice}),
        value=-1 if guests_is_later else 1,
    )
    assert first.rated_at < second.rated_at
    sign_in(guest_client)
    assert list(Rating.objects.values_list("user", "guest_key", "value")) == [(alice.pk, "", value)]


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "wrong"), ("nobody", "wrong"), ("gone", "wrong"), ("alice@example.org", "x"), ("no@example.org", "x")],
)
def test_a_wrong_attempt_says_and_costs_the_same_whoever_exists(
    client: Client, alice: User, name: str, password: str
) -> None:
    from accounts.services import email_set

    email_set(user=alice, email="alice@example.org")
    factories.make_user("gone", is_active=False)
    hasher = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
    with mock.patch(hasher, autospec=True, side_effect=lambda self, password, salt: f"md5${salt}$0") as encode:
        answer = sign_in(client, name, password)
    assert answer.status_code == 422
    assert answer.context["form"].non_field_errors() == [WRONG]
    assert encode.call_count == 1


@pytest.mark.parametrize("fields", [{"login": "", "password": "x"}, {"login": "alice", "password": ""}, {}])
def test_an_empty_form_is_sent_back(client: Client, alice: User, fields: dict[str, str]) -> None:
    assert client.post(URL, fields).status_code == 422


def test_attempts_are_limited_by_name_and_address_together(client: Client, alice: User) -> None:
    """Whoever fails from one address keeps nobody from signing in from another."""
    for _ in range(5):
        assert sign_in(client, password="wrong", address="198.51.100.7").status_code == 422
    limited = sign_in(client, address="198.51.100.7")
    assert limited.status_code == 422
    assert "Too many attempts" in limited.context["form"].non_field_errors()[0]
    assert sign_in(client, address="192.0.2.1").status_code == 302


def test_a_forwarded_address_of_ones_own_making_does_not_help(client: Client, alice: User) -> None:
    for number in range(6):
        answer = client.post(
            URL,
            {"login": "alice", "password": "wrong"},
            REMOTE_ADDR="198.51.100.7",
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        )
    assert "Too many attempts" in answer.context["form"].non_field_errors()[0]


def test_right_attempts_do_not_count(alice: User) -> None:
    for _ in range(7):
        assert sign_in(Client()).status_code == 302


def test_very_many_attempts_from_one_address_are_refused_at_the_door(client: Client) -> None:
    answers = [sign_in(client, f"name{number}", "wrong").status_code for number in range(31)]
    assert answers[-1] == 429
    assert "Too many attempts" in sign_in(client).content.decode()


def test_the_administrations_own_sign_in_has_the_same_limits(client: Client, carol: User) -> None:
    form = {"username": "carol", "password": "wrong", "next": "/admin/"}
    for _ in range(5):
        assert client.post("/admin/login/", form).status_code == 200
    right = {**form, "password": "secret-enough"}
    assert client.post("/admin/login/", right).status_code == 200
    assert client.post("/admin/login/", right, REMOTE_ADDR="203.0.113.5").status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_member_is_led_on(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(URL, {"next": "/recent/"})["Location"] == "/recent/"


def test_pages_that_need_an_account_lead_here_and_back(client: Client, alice: User) -> None:
    there = client.get("/account/tokens/")
    assert there["Location"] == "/account/login/?next=/account/tokens/"
    page = client.get(there["Location"]).content.decode()
    assert '<input type="hidden" name="next" value="/account/tokens/">' in page
    assert sign_in(client, next="/account/tokens/")["Location"] == "/account/tokens/"


def test_signing_out_needs_a_click_and_ends_the_session(client: Client, alice: User) -> None:
    sign_in(client)
    assert client.get("/account/logout/").status_code == 200
    assert client.get("/account/").status_code == 200
    assert client.post("/account/logout/")["Location"] == "/"
    assert client.get("/account/").status_code == 302
    assert not UserSession.objects.filter(session_key=client.session.session_key).exists()


def test_after_signing_out_the_browser_is_another_guest(guest_client: Client, alice: User) -> None:
    piece = factories.make_piece(factories.guest())
    sign_in(guest_client)
    guest_client.post("/account/logout/")
    assert guest_client.get(f"/pieces/{piece.pk}/").status_code == 404


def test_an_account_that_was_closed_by_the_administration_stays_closed(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    answer = client.post(URL, {"login": "alice", "password": "secret-enough"}, follow=True)
    assert answer.redirect_chain == [("/account/closed/", 302)]
    assert client.get("/account/").status_code == 302


def test_the_menu_says_who_one_is(client: Client, alice: User) -> None:
    assert 'href="/account/login/"' in client.get("/library/").content.decode()
    client.force_login(alice)
    text = client.get("/library/").content.decode()
    assert 'href="/account/"' in text and ">alice<" in text and "Sign out" in text
