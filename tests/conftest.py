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
