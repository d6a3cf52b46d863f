"""Confirm it's you: what asks for it, what counts, and that a form that was sent meanwhile is not lost."""

import json
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.confirmation import MAX_STASH_BYTES
from accounts.exports import export_create
from accounts.models import ApiToken, DataExport, User
from accounts.tokens import token_create, token_find
from tests.accounts.conftest import later
from tests.accounts.test_passkeys import Key

pytestmark = pytest.mark.django_db

AGAIN = "/account/again/"
PASSWORD = {"password": "secret-enough"}
NOWHERE = "00000000-0000-0000-0000-000000000000"
SENSITIVE = [
    ("post", "/account/email/", {"email": "thief@example.org"}, "/account/"),
    ("post", "/account/tokens/", {"name": "thief", "scopes": ["read"]}, "/account/tokens/"),
    ("post", "/account/export/", {}, "/account/export/"),
    ("get", f"/account/export/{NOWHERE}/download/", {}, f"/account/export/{NOWHERE}/download/"),
    ("get", "/account/passkeys/", {}, "/account/passkeys/"),
    ("post", "/account/passkeys/", {}, "/account/passkeys/"),
    ("get", "/account/passkeys/options/", {}, "/account/passkeys/options/"),
    ("post", "/account/passkeys/1/remove/", {}, "/account/passkeys/"),
    ("post", "/account/sessions/end/", {"session": "others"}, "/account/sessions/"),
    ("get", "/account/two-factor/app/", {}, "/account/two-factor/app/"),
    ("post", "/account/two-factor/app/", {"code": "123456"}, "/account/two-factor/app/"),
    ("get", "/account/two-factor/app/remove/", {}, "/account/two-factor/app/remove/"),
    ("post", "/account/two-factor/app/remove/", {}, "/account/two-factor/app/remove/"),
    ("get", "/account/two-factor/codes/", {}, "/account/two-factor/codes/"),
    ("get", "/account/two-factor/codes/file/", {}, "/account/two-factor/codes/file/"),
    ("post", "/account/two-factor/codes/new/", {}, "/account/two-factor/codes/new/"),
    ("get", "/account/password/set/", {}, "/account/password/set/"),
    ("post", "/account/password/set/", {"password1": "x"}, "/account/password/set/"),
]


@pytest.fixture(autouse=True)
def _no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.tasks import make_exports

    monkeypatch.setattr(make_exports, "delay", lambda: None)


@pytest.fixture
def stolen(alices: Client, settings: Any) -> Client:
    """A session that was opened some time ago; whoever has it knows no password."""
    later(alices, settings.REAUTHENTICATION_SECONDS)
    return alices


@pytest.mark.parametrize(("method", "url", "form", "back"), SENSITIVE)
def test_a_stolen_session_gets_no_further(
    stolen: Client, alice: User, method: str, url: str, form: dict[str, Any], back: str
) -> None:
    answer = getattr(stolen, method)(url, form)
    assert answer.status_code == 302
    assert answer["Location"] == f"{AGAIN}?next={back.replace('/', '%2F')}"
    assert stolen.post(answer["Location"], {"password": "guessed"}).status_code == 422
    assert not EmailAddress.objects.exists() and not ApiToken.objects.exists()
    assert not DataExport.objects.exists() and not Authenticator.objects.exists()


def test_a_stolen_session_cannot_delete_the_account_or_change_the_password(stolen: Client, alice: User) -> None:
    assert stolen.post("/account/delete/", {"password": "guessed"}).status_code == 422
    form = {"oldpassword": "guessed", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    assert stolen.post("/account/password/", form).status_code == 422
    alice.refresh_from_db()
    assert alice.is_active and alice.check_password("secret-enough")


def test_what_takes_nothing_away_asks_nothing(stolen: Client, alice: User) -> None:
    token, plain = token_create(user=alice, name="x", scopes=["read"])
    for url in ("/account/", "/account/tokens/", "/account/export/", "/account/sessions/", "/account/activity/"):
        assert stolen.get(url).status_code == 200
    assert stolen.post(f"/account/tokens/{token.pk}/revoke/")["Location"] == "/account/tokens/"
    assert token_find(plain) is None


def test_a_sign_in_counts_until_its_time_is_over(alices: Client, settings: Any) -> None:
    later(alices, settings.REAUTHENTICATION_SECONDS - 30)
    assert alices.post("/account/tokens/", {"name": "one", "scopes": ["read"]}).status_code == 200
    settings.REAUTHENTICATION_SECONDS = 600
    assert alices.post("/account/tokens/", {"name": "two", "scopes": ["read"]}).status_code == 302


def test_the_form_goes_on_after_the_password(stolen: Client) -> None:
    asked = stolen.post("/account/tokens/", {"name": "my script", "scopes": ["read", "write"], "days": "30"})
    page = stolen.get(asked["Location"]).content.decode()
    assert "Confirm it&#x27;s you." in page or "Confirm it's you." in page
    assert '<input type="hidden" name="next" value="/account/tokens/">' in page
    answer = stolen.post(AGAIN, {**PASSWORD, "next": "/account/tokens/"})
    assert answer.status_code == 200
    token = ApiToken.objects.get()
    assert (token.name, token.scopes) == ("my script", ["read", "write"])
    assert answer.context["plain"].startswith(token.prefix)
    assert stolen.post(AGAIN, {**PASSWORD, "next": "/account/tokens/"}).status_code == 302, "it is sent on once"
    assert ApiToken.objects.count() == 1


def test_a_form_without_a_page_of_its_own_leads_back_to_where_it_stands(stolen: Client, alice: User) -> None:
    stolen.post("/account/email/", {"email": "alice@example.org"})
    answer = stolen.post(AGAIN, {**PASSWORD, "next": "/account/"})
    assert answer["Location"] == "/account/"
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


def test_a_form_that_waits_for_another_page_is_not_sent(stolen: Client, alice: User) -> None:
    stolen.post("/account/email/", {"email": "alice@example.org"})
    assert stolen.get("/account/passkeys/").status_code == 302
    assert stolen.post(AGAIN, {**PASSWORD, "next": "/account/passkeys/"})["Location"] == "/account/passkeys/"
    assert not EmailAddress.objects.exists()


def test_a_very_long_form_is_not_kept(stolen: Client) -> None:
    stolen.post("/account/tokens/", {"name": "x" * MAX_STASH_BYTES, "scopes": ["read"]})
    assert "confirm_stash" not in stolen.session
    stolen.post("/account/password/set/", {"password1": "a-secret"})
    assert "confirm_stash" not in stolen.session, "and no password"


def test_nobody_is_led_elsewhere(stolen: Client) -> None:
    answer = stolen.post(AGAIN, {**PASSWORD, "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/account/"


def test_other_sessions_end_after_the_password_alone(stolen: Client, alice: User) -> None:
    other = Client()
    other.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    stolen.post("/account/sessions/end/", {"session": "others"})
    assert other.get("/account/").status_code == 200
    stolen.post(AGAIN, {**PASSWORD, "next": "/account/sessions/"})
    assert other.get("/account/").status_code == 302
    assert UserSession.objects.filter(user=alice).count() == 1


def test_attempts_to_confirm_are_limited(stolen: Client) -> None:
    for _ in range(5):
        assert stolen.post(AGAIN, {"password": "wrong"}).status_code == 422
    assert "Too many attempts" in stolen.post(AGAIN, PASSWORD).content.decode()


# --- passkeys


@pytest.fixture
def with_passkey(alice: User) -> tuple[Client, Key]:
    """Alice's browser, with a passkey and no password any more."""
    client = Client(HTTP_HOST="localhost")
    client.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    key = Key()
    options = client.get("/account/passkeys/options/").json()["publicKey"]
    client.post("/account/passkeys/", {"name": "My phone", "credential": json.dumps(key.create(options))})
    alice.set_unusable_password()
    alice.save()
    visitor = Client(HTTP_HOST="localhost")
    options = visitor.get("/account/passkeys/login/").json()["publicKey"]
    visitor.post("/account/passkeys/login/", {"credential": json.dumps(key.get(options))})
    later(visitor, 3600)
    return visitor, key


def confirm_with(client: Client, key: Key, target: str, **how: Any) -> Any:
    options = client.get(f"{AGAIN}options/").json()["publicKey"]
    return client.post(AGAIN, {"credential": json.dumps(key.get(options, **how)), "next": target})


def test_who_has_no_password_confirms_with_the_passkey(with_passkey: tuple[Client, Key], alice: User) -> None:
    client, key = with_passkey
    asked = client.post("/account/tokens/", {"name": "mine", "scopes": ["read"]})
    page = client.get(asked["Location"]).content.decode()
    assert "passkey-login" in page and 'type="password"' not in page
    assert confirm_with(client, Key(), "/account/tokens/").status_code == 422
    assert confirm_with(client, key, "/account/tokens/", verified=False).status_code == 422
    assert not ApiToken.objects.exists()
    assert confirm_with(client, key, "/account/tokens/").status_code == 200
    assert ApiToken.objects.get().name == "mine"


def test_who_has_no_password_deletes_the_account_with_the_passkey(
    with_passkey: tuple[Client, Key], alice: User
) -> None:
    client, key = with_passkey
    for ask in (client.get, client.post):
        assert ask("/account/delete/")["Location"].startswith(AGAIN)
    alice.refresh_from_db()
    assert alice.is_active
    confirm_with(client, key, "/account/delete/")
    alice.refresh_from_db()
    assert not alice.is_active


def test_the_last_way_in_cannot_be_removed(with_passkey: tuple[Client, Key]) -> None:
    client, key = with_passkey
    confirm_with(client, key, "/account/passkeys/")
    passkey = Authenticator.objects.get()
    page = client.post(f"/account/passkeys/{passkey.pk}/remove/", follow=True).content.decode()
    assert "only way to sign in" in page
    assert Authenticator.objects.exists()


def test_who_has_neither_is_told_to_sign_in_again(alices: Client, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    alices.force_login(alice)
    later(alices, 3600)
    asked = alices.post("/account/tokens/", {"name": "mine", "scopes": ["read"]})
    page = alices.get(asked["Location"]).content.decode()
    assert "Sign out and sign in again" in page
    assert alices.post(AGAIN, {"password": ""}).status_code == 422


def test_another_members_passkey_confirms_nothing(with_passkey: tuple[Client, Key], bob: User) -> None:
    _, key = with_passkey
    client = Client(HTTP_HOST="localhost")
    client.force_login(bob)
    later(client, 3600)
    assert confirm_with(client, key, "/account/tokens/").status_code == 422


def test_the_download_of_an_export_asks_too(stolen: Client, alice: User) -> None:
    export = export_create(user=alice)
    url = f"/account/export/{export.pk}/download/"
    assert stolen.get(url).status_code == 302
    assert stolen.post(AGAIN, {**PASSWORD, "next": url})["Location"] == url
