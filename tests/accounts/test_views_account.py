"""The pages of one's account: overview, address, sessions, password, tokens."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.core import mail as outbox
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import MAX_TOKENS, token_create, token_find, token_revoke
from tests import factories

pytestmark = pytest.mark.django_db

FOR_MEMBERS = [
    ("get", "/account/"),
    ("post", "/account/email/"),
    ("get", "/account/activity/"),
    ("get", "/account/sessions/"),
    ("post", "/account/sessions/end/"),
    ("get", "/account/two-factor/"),
    ("get", "/account/two-factor/app/"),
    ("post", "/account/two-factor/app/"),
    ("get", "/account/two-factor/app/remove/"),
    ("post", "/account/two-factor/app/remove/"),
    ("get", "/account/two-factor/codes/"),
    ("get", "/account/two-factor/codes/new/"),
    ("post", "/account/two-factor/codes/new/"),
    ("get", "/account/two-factor/codes/file/"),
    ("get", "/account/again/options/"),
    ("get", "/account/tokens/"),
    ("post", "/account/tokens/"),
    ("post", "/account/tokens/1/revoke/"),
    ("get", "/account/export/"),
    ("post", "/account/export/"),
    ("get", "/account/export/00000000-0000-0000-0000-000000000000/status/"),
    ("post", "/account/export/00000000-0000-0000-0000-000000000000/stop/"),
    ("get", "/account/export/00000000-0000-0000-0000-000000000000/download/"),
    ("get", "/account/delete/"),
    ("post", "/account/delete/"),
    ("get", "/account/password/"),
    ("post", "/account/password/"),
    ("get", "/account/again/"),
]
WRONG_METHODS = [
    ("post", "/account/"),
    ("get", "/account/email/"),
    ("post", "/account/sessions/"),
    ("get", "/account/sessions/end/"),
    ("put", "/account/tokens/"),
    ("get", "/account/tokens/1/revoke/"),
    ("put", "/account/export/"),
    ("put", "/account/delete/"),
    ("put", "/account/restore/"),
    ("post", "/account/activity/"),
    ("post", "/account/two-factor/"),
    ("post", "/account/again/options/"),
    ("put", "/account/email/undo/x/"),
    ("post", "/privacy/"),
]


@pytest.mark.parametrize(("method", "url"), FOR_MEMBERS)
def test_a_guest_is_asked_to_sign_in(client: Client, method: str, url: str) -> None:
    answer = getattr(client, method)(url)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/?next=")


@pytest.mark.parametrize(("method", "url"), WRONG_METHODS)
def test_other_methods_are_refused(alices: Client, method: str, url: str) -> None:
    assert getattr(alices, method)(url).status_code == 405


def test_the_page_says_what_one_may_use(alices: Client, alice: User) -> None:
    alice_owns = factories.member(alice)
    factories.make_generation(alice_owns, length_seconds=60.0, takes_asked=2)
    factories.make_piece(alice_owns, size_bytes=2_000_000)
    page = alices.get("/account/")
    text = " ".join(page.content.decode().split())
    assert page.context["usage"].seconds_this_hour == 120
    assert page.context["usage"].running_jobs == 1
    assert "2 minutes of 120 minutes" in text
    assert "of 1000" in text.replace("\xa0", " ")


def test_an_address_is_saved_changed_and_removed(alices: Client, alice: User) -> None:
    assert alices.post("/account/email/", {"email": "Alice@Example.org"})["Location"] == "/account/"
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    alices.post("/account/email/", {"email": "a@example.org"})
    assert list(EmailAddress.objects.values_list("email", "verified")) == [("a@example.org", False)]
    alices.post("/account/email/", {"email": ""})
    alice.refresh_from_db()
    assert alice.email == "" and not EmailAddress.objects.exists()
    assert outbox.outbox == [], "there is no mail server"


def test_what_is_no_address_is_said_beside_it(alices: Client) -> None:
    answer = alices.post("/account/email/", {"email": "nonsense"})
    assert answer.status_code == 422
    assert 'id="error-email"' in answer.content.decode()


def test_the_form_of_another_page_leads_back_there(alices: Client) -> None:
    form = {"email": "a@example.org", "next": "/recent/"}
    assert alices.post("/account/email/", form)["Location"] == "/recent/"
    assert alices.post("/account/email/", {**form, "next": "//elsewhere.example/"})["Location"] == "/account/"


def test_another_accounts_address_is_told_to_nobody(alices: Client, bob: User) -> None:
    EmailAddress.objects.create(user=bob, email="bob@example.org", verified=True, primary=True)
    assert alices.post("/account/email/", {"email": "bob@example.org"}).status_code == 302


def test_where_mail_is_sent_an_address_is_confirmed_by_a_link(mail: None, alices: Client, alice: User) -> None:
    alices.post("/account/email/", {"email": "alice@example.org"})
    message = outbox.outbox[-1]
    assert message.to == ["alice@example.org"]
    link = next(word for word in str(message.body).split() if "/account/email/" in word)
    path = "/" + link.split("/", 3)[3]
    assert alices.get(path).status_code == 200
    assert not EmailAddress.objects.get().verified, "mail programs open links too"
    alices.post(path)
    assert EmailAddress.objects.get().verified


def test_a_link_that_is_no_longer_good_says_so(mail: None, alices: Client) -> None:
    assert "has expired or has already been used" in alices.get("/account/email/nonsense/").content.decode()


# --- sessions


def test_sessions_are_listed_this_one_first(alices: Client, alice: User) -> None:
    other = Client(HTTP_USER_AGENT="Mozilla/5.0 (Windows NT 10.0; rv:1) Gecko Firefox/140.0")
    other.post("/account/login/", {"login": "alice", "password": "secret-enough"}, REMOTE_ADDR="203.0.113.9")
    text = alices.get("/account/sessions/").content.decode()
    assert text.index("this browser") < text.index("Firefox on Windows")
    assert "203.0.113.9" in text


def test_a_session_is_ended(alices: Client, alice: User) -> None:
    other = Client()
    other.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    row = UserSession.objects.get(session_key=other.session.session_key)
    assert alices.post("/account/sessions/end/", {"session": row.pk})["Location"] == "/account/sessions/"
    assert other.get("/account/").status_code == 302
    assert alices.get("/account/").status_code == 200


def test_all_other_sessions_are_ended(alices: Client, alice: User) -> None:
    others = [Client(), Client()]
    for other in others:
        other.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    alices.post("/account/sessions/end/", {"session": "others"})
    assert [other.get("/account/").status_code for other in others] == [302, 302]
    assert alices.get("/account/").status_code == 200


def test_ending_this_session_is_signing_out(alices: Client) -> None:
    row = UserSession.objects.get()
    assert alices.post("/account/sessions/end/", {"session": row.pk})["Location"] == "/account/logout/"


@pytest.mark.parametrize("number", ["", "x", "-1", "99999", "9" * 40, "١"])
def test_a_session_that_is_not_there_is_404(alices: Client, number: str) -> None:
    assert alices.post("/account/sessions/end/", {"session": number}).status_code == 404


def test_anothers_session_cannot_be_ended(alices: Client, bobs: Client) -> None:
    row = UserSession.objects.get()
    assert bobs.post("/account/sessions/end/", {"session": row.pk}).status_code == 404
    assert alices.get("/account/").status_code == 200


def test_the_administrations_sign_in_stands_in_the_list_too(client: Client, carol: User) -> None:
    client.post("/account/login/", {"login": "carol", "password": "secret-enough", "next": "/admin/"})
    assert UserSession.objects.filter(user=carol).count() == 1


# --- password


def test_a_new_password_ends_other_sessions(alices: Client, alice: User) -> None:
    other = Client()
    other.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    form = {"oldpassword": "secret-enough", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    assert alices.post("/account/password/", form)["Location"] == "/account/"
    alice.refresh_from_db()
    assert alice.check_password("harps-and-ships")
    assert alices.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"oldpassword": "wrong"}, "oldpassword"),
        ({"password2": "other"}, "password2"),
        ({"password1": "short"}, "password1"),
    ],
)
def test_a_password_that_cannot_be(alices: Client, alice: User, fields: dict[str, str], field: str) -> None:
    form = {"oldpassword": "secret-enough", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    answer = alices.post("/account/password/", {**form, **fields})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    alice.refresh_from_db()
    assert alice.check_password("secret-enough")


# --- tokens


def test_a_token_is_shown_once_and_kept_as_a_hash(alices: Client, alice: User) -> None:
    answer = alices.post("/account/tokens/", {"name": "my script", "scopes": ["read", "write"], "days": "30"})
    token = ApiToken.objects.get()
    plain = answer.context["plain"]
    assert plain.startswith(token.prefix) and plain in answer.content.decode()
    assert plain not in alices.get("/account/tokens/").content.decode()
    assert plain not in str(ApiToken.objects.values().get())
    assert token.scopes == ["read", "write"]
    assert token.expires_at is not None and token.expires_at - timezone.now() > timedelta(days=29)
    found = token_find(plain)
    assert found is not None and found.user == alice


@pytest.mark.parametrize(
    "form",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "x"},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["read"], "days": "9999"},
        {"name": "x" * 101, "scopes": ["read"]},
    ],
)
def test_a_token_that_cannot_be(alices: Client, form: dict[str, Any]) -> None:
    assert alices.post("/account/tokens/", form).status_code == 422
    assert not ApiToken.objects.exists()


def test_there_is_an_end_to_tokens(alices: Client, alice: User) -> None:
    for number in range(MAX_TOKENS):
        token_create(user=alice, name=str(number), scopes=["read"])
    answer = alices.post("/account/tokens/", {"name": "one more", "scopes": ["read"]})
    assert answer.status_code == 422
    assert "Revoke one" in answer.content.decode()


def test_a_token_is_revoked_by_its_owner_alone(alices: Client, bobs: Client, alice: User) -> None:
    token, plain = token_create(user=alice, name="x", scopes=["read"])
    url = f"/account/tokens/{token.pk}/revoke/"
    assert bobs.post(url).status_code == 404
    assert token_find(plain) is not None
    assert alices.post(url)["Location"] == "/account/tokens/"
    assert token_find(plain) is None
    assert alices.post("/account/tokens/99999/revoke/").status_code == 404


def test_a_name_is_hostile_text(alices: Client, alice: User) -> None:
    token_create(user=alice, name="<script>alert(1)</script>", scopes=["read"])
    assert "<script>alert" not in alices.get("/account/tokens/").content.decode()


def test_only_usable_tokens_are_found(alice: User) -> None:
    _, good = token_create(user=alice, name="good", scopes=["read"])
    _, old = token_create(user=alice, name="old", scopes=["read"], expires_at=timezone.now() - timedelta(seconds=1))
    revoked_row, revoked = token_create(user=alice, name="revoked", scopes=["read"])
    token_revoke(token=revoked_row)
    assert token_find(good) is not None
    assert [token_find(plain) for plain in (old, revoked, "", "mg_", "nonsense", good + "x", "mg_" + "x" * 500)] == [
        None
    ] * 7
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert token_find(good) is None


def test_the_last_use_is_written_down_now_and_then(alice: User) -> None:
    row, plain = token_create(user=alice, name="x", scopes=["read"])
    token_find(plain)
    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    token_find(plain)
    row.refresh_from_db()
    assert row.last_used_at == first
