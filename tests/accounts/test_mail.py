"""Codes and reset by mail: only where mail is configured, and the same for addresses that nobody has."""

import re
import threading
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail as outbox
from django.test import Client

from accounts import mails
from accounts.models import User
from library.models import Piece
from tests import factories

pytestmark = pytest.mark.django_db

WAYS = ["/account/code/", "/account/reset/", "/account/reset/code/", "/account/reset/password/", "/account/reset/done/"]


@pytest.fixture
def with_address(alice: User) -> User:
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    return alice


def code_in(message: Any) -> str:
    found = re.search(r"^\s*([A-Z0-9-]{6,12})\s*$", str(message.body), re.MULTILINE)
    assert found, message.body
    return found[1]


@pytest.mark.parametrize("url", WAYS)
def test_without_mail_there_is_no_such_page(client: Client, url: str) -> None:
    assert client.get(url).status_code == 404
    assert client.post(url, {"email": "alice@example.org"}).status_code == 404


def test_with_mail_the_page_offers_both(mail: None, client: Client) -> None:
    text = client.get("/account/login/").content.decode()
    assert "/account/code/" in text and "/account/reset/" in text


def test_a_code_signs_in_and_the_guests_music_comes_along(mail: None, guest_client: Client, with_address: User) -> None:
    factories.make_piece(factories.guest())
    assert guest_client.get("/account/code/").status_code == 200
    sent = guest_client.post("/account/code/", {"email": "alice@example.org"}, follow=True)
    assert sent.redirect_chain[-1][0].startswith("/account/code/confirm/")
    wrong = guest_client.post("/account/code/confirm/", {"code": "nonsense"})
    assert wrong.status_code == 422
    right = guest_client.post("/account/code/confirm/", {"code": code_in(outbox.outbox[-1])})
    assert right.status_code == 302
    assert guest_client.get("/account/").status_code == 200
    assert Piece.objects.get().owner == with_address


@pytest.mark.parametrize("url", ["/account/code/", "/account/reset/"])
def test_an_unknown_address_gets_the_same_answer_and_a_mail_too(mail: None, with_address: User, url: str) -> None:
    answers = []
    for address in ("alice@example.org", "nobody@example.org"):
        client = Client()
        page = client.post(url, {"email": address}, follow=True)
        text = re.sub(r'value="\w{64}"', "", page.content.decode()).replace(address, "")
        answers.append((page.redirect_chain, page.status_code, text))
    assert answers[0] == answers[1]
    assert [message.to for message in outbox.outbox] == [["alice@example.org"], ["nobody@example.org"]]


def test_a_forgotten_password_is_set_anew_with_a_code(mail: None, client: Client, with_address: User) -> None:
    client.post("/account/reset/", {"email": "alice@example.org"})
    assert client.post("/account/reset/code/", {"code": "nonsense"}).status_code == 422
    assert client.get("/account/reset/password/")["Location"] == "/account/reset/code/", "not before the code"
    client.post("/account/reset/code/", {"code": code_in(outbox.outbox[-1])})
    short = client.post("/account/reset/password/", {"password1": "short", "password2": "short"})
    assert short.status_code == 422
    form = {"password1": "harps-and-ships", "password2": "harps-and-ships"}
    assert client.post("/account/reset/password/", form)["Location"] == "/account/reset/done/"
    assert client.get("/account/reset/done/").status_code == 200
    with_address.refresh_from_db()
    assert with_address.check_password("harps-and-ships")


def test_codes_cannot_be_guessed_for_long(mail: None, client: Client, with_address: User) -> None:
    client.post("/account/reset/", {"email": "alice@example.org"})
    answers = [client.post("/account/reset/code/", {"code": f"AAAA-{number}"}).status_code for number in range(4)]
    assert answers == [422, 422, 422, 302]
    assert client.get("/account/reset/code/")["Location"] == "/account/login/"


def test_mail_is_asked_for_a_few_times_only(mail: None, with_address: User) -> None:
    answers = [
        Client().post("/account/reset/", {"email": "alice@example.org"}, REMOTE_ADDR=f"192.0.2.{number}").status_code
        for number in range(7)
    ]
    assert answers[0] == 302 and answers[-1] == 429


@pytest.mark.parametrize("url", ["/account/code/", "/account/reset/"])
def test_what_is_no_address_is_said_beside_it(mail: None, client: Client, url: str) -> None:
    assert client.post(url, {"email": "nonsense"}).status_code == 422


def test_a_wrong_method_is_refused(mail: None, client: Client) -> None:
    assert client.delete("/account/reset/").status_code == 405


def test_a_mail_server_that_is_away_is_told(
    mail: None, client: Client, with_address: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any) -> None:
        raise ConnectionRefusedError("on purpose")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.open", refuse)
    page = client.post("/account/reset/", {"email": "alice@example.org"}, follow=True)
    assert page.status_code == 200
    assert "couldn&#x27;t be sent" in page.content.decode()


def test_a_changed_password_is_told_by_mail(mail: None, alices: Client, with_address: User) -> None:
    form = {"oldpassword": "secret-enough", "password1": "harps-and-ships", "password2": "harps-and-ships"}
    alices.post("/account/password/", form)
    assert "Your password was changed" in outbox.outbox[-1].subject


@pytest.mark.parametrize("url", ["/account/code/", "/account/reset/"])
def test_a_stranger_hears_once_a_day_that_there_is_no_account(mail: None, with_address: User, url: str) -> None:
    """And who asks sees no difference, the second time neither."""
    pages: dict[str, list[tuple[int, str]]] = {"alice@example.org": [], "nobody@example.org": []}
    for address, seen in pages.items():
        for _ in range(3):
            answer = Client().post(url, {"email": address}, follow=True)
            text = re.sub(r'value="\w{64}"', "", answer.content.decode()).replace(address, "")
            seen.append((answer.status_code, text))
    assert pages["alice@example.org"] == pages["nobody@example.org"]
    assert [message.to for message in outbox.outbox] == [["alice@example.org"]] * 3 + [["nobody@example.org"]]


def test_all_ways_to_ask_share_the_one_mail_of_the_day(mail: None) -> None:
    for url in ("/account/code/", "/account/reset/", "/account/code/"):
        Client().post(url, {"email": "Nobody@example.org"})
    assert len(outbox.outbox) == 1


def test_whether_a_mail_goes_out_or_not_the_server_is_greeted_before_the_answer_and_sent_to_after_it(
    mail: None, with_address: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes time is the same for an address with an account, for one without, and for one that had its mail."""
    steps: list[str] = []
    after: list[Any] = []
    backend = "django.core.mail.backends.locmem.EmailBackend"
    monkeypatch.setattr(f"{backend}.open", lambda self: steps.append("open"))
    monkeypatch.setattr(f"{backend}.send_messages", lambda self, messages: steps.append(f"send {len(messages)}"))
    monkeypatch.setattr("accounts.mails.later", after.append)
    for address in ("alice@example.org", "nobody@example.org", "nobody@example.org"):
        Client().post("/account/reset/", {"email": address})
        assert steps == ["open"], address
        steps.clear()
    for act in after:
        act()
    assert steps == ["send 1", "send 1", "send 0"]


def test_a_mail_is_sent_in_a_thread_of_its_own(with_address: User, settings: Any) -> None:
    settings.MAIL_CONFIGURED = True
    done = threading.Event()
    threads: list[str] = []

    def act() -> None:
        threads.append(threading.current_thread().name)
        done.set()

    mails.later(act)
    assert done.wait(timeout=10)
    assert threads[0].startswith("mail")


@pytest.mark.parametrize("address", ["alice@example.org", "nobody@example.org"])
def test_nobody_is_flooded_with_codes(mail: None, with_address: User, address: str, settings: Any) -> None:
    """By one household few a day, by all together some more; the same for addresses that have no account."""
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"reset_password": "", "request_login_code": ""}

    def ask(number: int, way: str = "reset") -> int:
        form = {"email": address}
        return Client().post(f"/account/{way}/", form, REMOTE_ADDR=f"2001:db8:{number:x}::1").status_code

    answers = [ask(1, way) for way in ("reset", "code") * 4]
    assert answers == [302] * mails.A_DAY_BY_ONE
    assert [ask(1), ask(1, "code")] == [429, 429]
    assert [ask(number) for number in range(2, 2 + mails.A_DAY - mails.A_DAY_BY_ONE)] == [302] * 12
    refused = Client().post("/account/reset/", {"email": address}, REMOTE_ADDR="2001:db8:ff::1")
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 24 * 3600
    assert "Too many attempts" in refused.content.decode()
    assert ask(1, "code") == 429


def test_a_member_cannot_flood_a_stranger_with_questions(mail: None, alices: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"manage_email": "", "confirm_email": ""}
    answers = []
    for _ in range(mails.A_DAY_BY_ONE + 1):
        EmailAddress.objects.all().delete()
        answers.append(alices.post("/account/email/", {"email": "stranger@example.org"}).status_code)
    assert answers == [302] * mails.A_DAY_BY_ONE + [429]
    assert len(outbox.outbox) == mails.A_DAY_BY_ONE
