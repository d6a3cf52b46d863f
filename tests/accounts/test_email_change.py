"""A changed address: proven before it counts, told to the owner of the old one, and taken back within a week."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail as outbox
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from accounts.clean_up import accounts_clean_up
from accounts.models import EmailChange, User
from accounts.tokens import token_create, token_find

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mail")]

OLD, NEW = "alice@example.org", "thief@example.net"


@pytest.fixture
def proven(alice: User) -> User:
    EmailAddress.objects.create(user=alice, email=OLD, verified=True, primary=True)
    User.objects.filter(pk=alice.pk).update(email=OLD)
    return alice


Change = Callable[..., None]


@pytest.fixture
def change(alices: Client, proven: User, django_capture_on_commit_callbacks: Any) -> Change:
    def change(email: str = NEW) -> None:
        """Asks for another address and answers the mail that went there."""
        with django_capture_on_commit_callbacks(execute=True):
            alices.post("/account/email/", {"email": email})
            if email:
                alices.post(link_to(email, "/account/email/"))

    return change


def link_to(address: str, path: str) -> str:
    message = next(one for one in reversed(outbox.outbox) if one.to == [address] and path in str(one.body))
    return "/" + re.findall(rf"https?://[^/]+(/?\S*{re.escape(path)}\S*)", str(message.body))[-1].lstrip("/")


def addresses(user: User) -> list[tuple[str, bool, bool]]:
    found = EmailAddress.objects.filter(user=user).order_by("email")
    return list(found.values_list("email", "verified", "primary"))


def test_the_old_address_stays_until_the_new_one_is_proven(alices: Client, proven: User) -> None:
    alices.post("/account/email/", {"email": NEW})
    assert addresses(proven) == [(OLD, True, True), (NEW, False, False)]
    proven.refresh_from_db()
    assert proven.email == OLD
    page = alices.get("/account/").content.decode()
    assert f"Open the link we sent to {NEW}" in page and f"Until then your address is {OLD}" in page
    alices.post("/account/email/", {"email": "other@example.net"})
    assert [address for address, *_ in addresses(proven)] == [OLD, "other@example.net"], "one waits, not many"
    alices.post("/account/email/", {"email": OLD})
    assert addresses(proven) == [(OLD, True, True)], "and it is given up by saving the old one"


def test_an_address_that_gets_no_mail_any_more_today_changes_nothing(
    alices: Client, proven: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    alices.post("/account/email/", {"email": NEW})
    monkeypatch.setattr("accounts.mails.A_DAY", 0)
    assert alices.post("/account/email/", {"email": "other@example.net"}).status_code == 429
    assert addresses(proven) == [(OLD, True, True), (NEW, False, False)]
    assert "other@example.net" not in alices.get("/account/").content.decode()


def test_codes_and_resets_go_to_proven_addresses_alone(alices: Client, proven: User, bob: User) -> None:
    alices.post("/account/email/", {"email": NEW})
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")
    EmailAddress.objects.create(user=bob, email="bob@example.org", verified=False, primary=True)
    outbox.outbox.clear()
    for url in ("/account/reset/", "/account/code/"):
        for address in (NEW, "bob@example.org", OLD):
            assert Client().post(url, {"email": address}).status_code == 302
    told = [(message.to[0], "code" in message.subject.lower()) for message in outbox.outbox]
    assert told == [("bob@example.org", False), (OLD, True), (OLD, True)], "and who has no account hears it once a day"


def test_the_old_address_is_told_and_can_undo_it(change: Change, proven: User) -> None:
    change()
    assert addresses(proven) == [(NEW, True, True)]
    notice = next(message for message in outbox.outbox if message.to == [OLD])
    assert "Your email address was changed" in notice.subject
    assert "t…@example.net" in str(notice.body) and NEW not in str(notice.body)
    assert "7 days" in str(notice.body)
    page = Client().get(link_to(OLD, "/account/email/undo/"))
    assert page.status_code == 200 and "Take my account back" in page.content.decode()
    assert addresses(proven) == [(NEW, True, True)], "mail programs open links too"


def test_undoing_gives_the_account_back_whatever_the_thief_did(change: Change, alices: Client, proven: User) -> None:
    old_passkey = Authenticator.objects.create(user=proven, type="webauthn", data={"name": "mine"})
    Authenticator.objects.filter(pk=old_passkey.pk).update(created_at=timezone.now() - timedelta(days=30))
    change()
    form = {"oldpassword": "secret-enough", "password1": "thief-and-ships", "password2": "thief-and-ships"}
    alices.post("/account/password/", form)
    _, token = token_create(user=proven, name="thief", scopes=["read"])
    Authenticator.objects.create(user=proven, type="webauthn", data={"name": "thief"})
    alices.post("/account/delete/", {"password": "thief-and-ships"})
    owner = Client()
    url = link_to(OLD, "/account/email/undo/")
    outbox.outbox.clear()
    assert owner.post(url)["Location"] == "/account/reset/code/"
    proven.refresh_from_db()
    assert addresses(proven) == [(OLD, True, True)] and proven.email == OLD
    assert proven.is_active and proven.deletion_requested_at is None
    assert not proven.has_usable_password() and token_find(token) is None
    assert [row.pk for row in Authenticator.objects.filter(user=proven)] == [old_passkey.pk]
    assert alices.get("/account/").status_code == 302
    code = re.search(r"^\s+([A-Z0-9-]{6,12})\s*$", str(outbox.outbox[-1].body), re.MULTILINE)
    assert outbox.outbox[-1].to == [OLD] and code
    owner.post("/account/reset/code/", {"code": code[1]})
    owner.post("/account/reset/password/", {"password1": "harps-and-ships", "password2": "harps-and-ships"})
    proven.refresh_from_db()
    assert proven.check_password("harps-and-ships")


def test_a_link_undoes_once(change: Change, proven: User) -> None:
    change()
    url = link_to(OLD, "/account/email/undo/")
    assert Client().post(url).status_code == 302
    assert Client().post(url).status_code == Client().get(url).status_code == 410
    assert "expired or has already been used" in Client().get(url).content.decode()


def test_the_thiefs_own_link_is_dead_after_the_owners(change: Change, proven: User) -> None:
    """Changed twice: the thief has a link of the second change, which would give the account to the thief again."""
    change()
    change("second@example.net")
    owners, thiefs = link_to(OLD, "/account/email/undo/"), link_to(NEW, "/account/email/undo/")
    assert Client().post(owners).status_code == 302
    assert Client().post(thiefs).status_code == 410
    assert addresses(proven) == [(OLD, True, True)]


def test_a_confirmation_waits_for_an_undo_that_removes_its_address(
    alices: Client, proven: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    alices.post("/account/email/", {"email": NEW})
    lock = QuerySet.select_for_update

    def after_the_undo(rows: Any, *args: Any, **options: Any) -> Any:
        EmailAddress.objects.filter(email=NEW).delete()
        return lock(rows, *args, **options)

    monkeypatch.setattr(QuerySet, "select_for_update", after_the_undo)
    assert alices.post(link_to(NEW, "/account/email/")).status_code == 404
    assert (OLD, True, True) in addresses(proven)


def test_it_can_be_undone_for_a_week(change: Change, proven: User, settings: Any) -> None:
    change()
    url = link_to(OLD, "/account/email/undo/")
    EmailChange.objects.update(changed_at=timezone.now() - timedelta(days=settings.EMAIL_UNDO_DAYS, seconds=1))
    assert Client().post(url).status_code == 410
    accounts_clean_up()
    assert not EmailChange.objects.exists()


def test_a_removed_address_is_told_too(change: Change, proven: User) -> None:
    change("")
    assert addresses(proven) == []
    assert "Your email address was removed" in outbox.outbox[-1].subject
    assert Client().post(link_to(OLD, "/account/email/undo/")).status_code == 302
    assert addresses(proven) == [(OLD, True, True)]


def test_an_address_that_another_account_has_proven_by_now_is_not_taken(
    change: Change, proven: User, bob: User
) -> None:
    change()
    EmailAddress.objects.create(user=bob, email=OLD, verified=True, primary=True)
    answer = Client().post(link_to(OLD, "/account/email/undo/"))
    assert answer.status_code == 422 and "another account" in answer.content.decode()
    assert addresses(proven) == [(NEW, True, True)]


@pytest.mark.parametrize("key", ["nonsense", "MQ:1abc:xyz", "a" * 300])
def test_a_link_of_ones_own_making_is_none(key: str) -> None:
    assert Client().get(f"/account/email/undo/{key}/").status_code == 410
    assert Client().post(f"/account/email/undo/{key}/").status_code == 410


def test_the_link_of_a_confirmation_undoes_nothing(change: Change, proven: User) -> None:
    """Each signature is good for one thing."""
    change()
    key = link_to(NEW, "/account/email/").rstrip("/").rpartition("/")[2]
    assert Client().post(f"/account/email/undo/{key}/").status_code == 410


def test_an_unproven_old_address_is_told_nothing(
    alices: Client, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    """It may be anybody's."""
    EmailAddress.objects.create(user=alice, email="typo@example.org", verified=False, primary=True)
    User.objects.filter(pk=alice.pk).update(email="typo@example.org")
    with django_capture_on_commit_callbacks(execute=True):
        alices.post("/account/email/", {"email": OLD})
        alices.post(link_to(OLD, "/account/email/"))
    assert {message.to[0] for message in outbox.outbox} == {OLD}
    assert addresses(alice) == [(OLD, True, True)]
    assert not EmailChange.objects.exists()


def test_a_code_that_was_sent_to_the_address_before_is_good_no_more(change: Change, proven: User) -> None:
    """A thief who has begun a reset cannot end it once the account is given back."""
    change()
    thief = Client()
    thief.post("/account/reset/", {"email": NEW})
    code = re.search(r"^\s+([A-Z0-9-]{6,12})\s*$", str(outbox.outbox[-1].body), re.MULTILINE)
    assert code
    thief.post("/account/reset/code/", {"code": code[1]})
    Client().post(link_to(OLD, "/account/email/undo/"))
    form = {"password1": "thief-and-ships", "password2": "thief-and-ships"}
    assert thief.post("/account/reset/password/", form)["Location"] == "/account/reset/"
    proven.refresh_from_db()
    assert not proven.has_usable_password()


# --- what a new password ends


def test_a_new_password_ends_tokens_and_sessions(alices: Client, proven: User) -> None:
    _, token = token_create(user=proven, name="x", scopes=["read"])
    assert "Keep my API tokens working" in alices.get("/account/password/").content.decode()
    form = {"oldpassword": "secret-enough", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    page = alices.post("/account/password/", form, follow=True).content.decode()
    assert token_find(token) is None
    assert "Your API token is revoked." in page


def test_tokens_are_kept_on_purpose(alices: Client, proven: User) -> None:
    _, token = token_create(user=proven, name="x", scopes=["read"])
    form = {"oldpassword": "secret-enough", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    page = alices.post("/account/password/", {**form, "keep_tokens": "on"}, follow=True).content.decode()
    assert token_find(token) is not None
    assert "revoked" not in page


def test_who_has_no_tokens_is_not_asked_about_them(alices: Client, alice: User) -> None:
    assert "API tokens" not in alices.get("/account/password/").content.decode()


@pytest.mark.parametrize("keep", [False, True])
def test_a_reset_ends_all_sessions_and_tokens_unless_they_are_kept(alices: Client, proven: User, keep: bool) -> None:
    _, token = token_create(user=proven, name="x", scopes=["read"])
    visitor = Client()
    visitor.post("/account/reset/", {"email": OLD})
    code = re.search(r"^\s+([A-Z0-9-]{6,12})\s*$", str(outbox.outbox[-1].body), re.MULTILINE)
    assert code
    visitor.post("/account/reset/code/", {"code": code[1]})
    assert "Keep my API tokens working" in visitor.get("/account/reset/password/").content.decode()
    form = {"password1": "harps-and-ships", "password2": "harps-and-ships"} | ({"keep_tokens": "on"} if keep else {})
    visitor.post("/account/reset/password/", form)
    assert alices.get("/account/").status_code == 302
    assert (token_find(token) is not None) == keep


HOSTS = ["testserver:1337", "localhost", "127.0.0.1:80"]


@pytest.mark.parametrize("host", HOSTS)
def test_links_in_mails_lead_to_the_site_whatever_host_was_asked(
    alices: Client, proven: User, host: str, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    """Who has a stolen session could otherwise break the link by which its owner takes the account back."""
    settings.SITE_URL = "https://music.example.org"
    settings.ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
    with django_capture_on_commit_callbacks(execute=True):
        alices.post("/account/email/", {"email": NEW}, headers={"host": host})
        alices.post(link_to(NEW, "/account/email/"), headers={"host": host})
    for url in ("/account/reset/", "/account/code/"):
        for address in (NEW, "nobody@example.org"):
            Client(headers={"host": host}).post(url, {"email": address})
    told = [str(message.body) for message in outbox.outbox]
    assert any("/account/email/undo/" in body for body in told) and any("/account/signup/" in body for body in told)
    for body in told:
        assert host not in body
        assert "music.example.org" in body
        assert set(re.findall(r"https?://[^/\s]+", body)) <= {"https://music.example.org"}
