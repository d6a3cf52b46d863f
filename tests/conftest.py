"""Fixtures that more than one folder of tests uses."""

import pytest
from django.test import Client

from accounts.models import User
from tests import factories


@pytest.fixture
def alice(db: None) -> User:
    """A member, who owns what a test is about."""
    return factories.make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    """Another member, who must not see what Alice owns."""
    return factories.make_user("bob")


@pytest.fixture
def carol(db: None) -> User:
    """Staff."""
    return factories.make_user("carol", staff=True)


@pytest.fixture
def guest_client(client: Client) -> Client:
    """A browser whose guest key is "guest-alice", as `factories.guest()` has it."""
    session = client.session
    session["guest_key"] = "guest-alice"
    session.save()
    return client


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under `pytest -n` a file of tests stays in one process; tests/services share one set of servers."""
    for item in items:
        folder = item.path.parent
        item.add_marker(pytest.mark.xdist_group("services" if folder.name == "services" else str(item.path)))
