"""Fixtures of accounts."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests import stored


@pytest.fixture(autouse=True)
def _no_attempts_yet() -> Iterator[None]:
    """Counts of attempts outlive a test: they do not lie in the database."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def alices(alice: User) -> Client:
    """Alice's browser, signed in through the page, so that the session stands in her list."""
    client = Client()
    client.post("/account/login/", {"login": "alice", "password": "secret-enough"})
    return client


@pytest.fixture
def bobs(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def mail(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where EMAIL_URL is set; what is sent lies in django.core.mail.outbox, at once and not after the answer."""
    monkeypatch.setattr("accounts.mails.later", lambda act: act())
    settings.MAIL_CONFIGURED = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    settings.ACCOUNT_LOGIN_BY_CODE_ENABLED = True
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True


def later(client: Client, seconds: float) -> None:
    """As if the last sign-in or confirmation of this browser were so many seconds ago."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()


def stored_names(folder: str) -> list[str]:
    """What lies in a folder of the storage."""
    return [name.removeprefix(f"{folder}/") for name in stored.stored_names(folder)]


@pytest.fixture
def exports_folder() -> str:
    stored.empty_stored("exports")
    return "exports"
