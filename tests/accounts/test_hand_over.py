"""A hand-over while a job runs, twice at once, and requests that come too late."""

from datetime import timedelta
from functools import partial

import pytest
from django.test import TransactionTestCase
from django.utils import timezone

from accounts.clean_up import accounts_clean_up
from accounts.hand_over import guest_hand_over, hand_overs_finish
from accounts.models import GuestHandOver, User
from accounts.owners import Owner
from generator.models import Generation
from generator.services.jobs import generation_claim, owner_now
from library.models import Piece
from tests import factories
from tests.at_once import at_once


@pytest.mark.django_db
def test_twice_is_once(alice: User) -> None:
    factories.make_piece(factories.guest())
    assert guest_hand_over(guest_key="guest-alice", user=alice) == 1
    assert guest_hand_over(guest_key="guest-alice", user=alice) == 0
    assert Piece.objects.filter(owner=alice).count() == 1
    assert GuestHandOver.objects.count() == 1


@pytest.mark.django_db
def test_a_worker_asks_whose_the_job_is_when_it_stores(alice: User) -> None:
    made = factories.make_generation(factories.guest())
    claimed = generation_claim(pk=made.pk, worker_id="w")
    assert claimed is not None and claimed.owner is None
    guest_hand_over(guest_key="guest-alice", user=alice)
    assert claimed.owner is None, "what the worker read at the beginning"
    assert owner_now(claimed) == Owner(user=alice, guest_key="")


@pytest.mark.django_db
def test_jobs_come_before_pieces() -> None:
    """Else a worker that stores in between would leave a piece behind."""
    from accounts.registry import registry

    names = [function.__module__ for function in registry.hand_overs]
    assert names == ["generator.members", "library.members"]


@pytest.mark.django_db
def test_what_comes_late_follows(alice: User) -> None:
    guest_hand_over(guest_key="guest-alice", user=alice)
    late = factories.make_generation(factories.guest())
    hand_overs_finish()
    late.refresh_from_db()
    assert late.owner == alice


@pytest.mark.django_db
def test_after_a_day_nothing_follows(alice: User) -> None:
    guest_hand_over(guest_key="guest-alice", user=alice)
    GuestHandOver.objects.update(handed_over_at=timezone.now() - timedelta(days=2))
    accounts_clean_up()
    assert not GuestHandOver.objects.exists()
    late = factories.make_piece(factories.guest())
    accounts_clean_up()
    late.refresh_from_db()
    assert late.owner is None


@pytest.mark.django_db
def test_what_fails_moves_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.registry import registry

    def fail(*, guest_key: str, user: User) -> int:
        raise RuntimeError("on purpose")

    factories.make_generation(factories.guest())
    monkeypatch.setattr(registry, "hand_overs", [*registry.hand_overs, fail])
    with pytest.raises(RuntimeError):
        guest_hand_over(guest_key="guest-alice", user=alice)
    assert Generation.objects.get().owner is None
    assert not GuestHandOver.objects.exists()


class AtOnce(TransactionTestCase):
    def test_two_hand_overs_at_once_are_one(self) -> None:
        alice, bob = factories.make_user("alice"), factories.make_user("bob")
        for _ in range(5):
            factories.make_succeeded_generation(factories.guest())

        def hand_over(user: User) -> int:
            return guest_hand_over(guest_key="guest-alice", user=user)

        moved = at_once(*(partial(hand_over, user) for user in (alice, bob, alice, bob)))
        assert sorted(moved) == [0, 0, 0, 5]
        owners = set(Piece.objects.values_list("owner", flat=True)) | set(
            Generation.objects.values_list("owner", flat=True)
        )
        assert len(owners) == 1 and None not in owners
