"""Mail by a real SMTP server on this machine, with the settings that EMAIL_URL gives."""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from musicgen_site import env
from tests.services.servers import free_port

pytestmark = pytest.mark.django_db


class Inbox:
    """What came, as the server took it."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        message = BytesParser(policy=policy.default).parsebytes(envelope.original_content)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def inbox(mail: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    monkeypatch.setenv("EMAIL_URL", f"smtp://127.0.0.1:{controller.port}?tls=0")
    for name, value in env.mail("EMAIL_URL").items():
        setattr(settings, name, value)
    yield inbox
    controller.stop()


@pytest.fixture
def alice_with_address(alice: User) -> User:
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    return alice


def test_a_code_arrives_and_signs_in(inbox: Inbox, client: Client, alice_with_address: User, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "music@example.net"
    assert client.post("/account/code/", {"email": "alice@example.org"}).status_code == 302
    (message,) = inbox.messages
    assert inbox.recipients == ["alice@example.org"]
    assert (message["From"], message["To"]) == ("music@example.net", "alice@example.org")
    assert message["Subject"].startswith("[Musicgen] ")
    assert message["Date"] and message["Message-ID"]
    body = message.get_body(("plain",))
    assert body is not None
    code = re.search(r"^\s*([A-Z0-9-]{6,12})\s*$", body.get_content(), re.MULTILINE)
    assert code
    assert client.post("/account/code/confirm/", {"code": code[1]}).status_code == 302
    assert client.get("/account/").status_code == 200


def test_a_server_that_is_away_is_said_and_breaks_nothing(
    mail: None, client: Client, alice_with_address: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtp://127.0.0.1:1?tls=0")
    for name, value in env.mail("EMAIL_URL").items():
        setattr(settings, name, value)
    known = client.post("/account/code/", {"email": "alice@example.org"}, follow=True)
    unknown = Client().post("/account/code/", {"email": "nobody@example.org"}, follow=True)
    assert known.status_code == unknown.status_code
    assert known.status_code < 500
    assert "mail" in known.content.decode().lower()
