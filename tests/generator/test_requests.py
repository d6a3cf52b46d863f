"""Asking for music."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.owners import Owner
from generator import tasks
from generator.errors import NoModelInstalled, QuotaExceeded
from generator.models import Generation
from generator.quota import client_hash, seconds_left
from generator.services import generation_cancel, generation_create, requests
from tests import factories
from tests.at_once import at_once
from tests.generator.conftest import Outbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def genre(outbox: Outbox, db: None) -> Any:
    return factories.make_genre("piano")


def ask(
    owner: Owner | None = None,
    *,
    form_token: str | None = None,
    genre_slug: str = "piano",
    takes: int = 1,
    **params: Any,
) -> Any:
    return generation_create(
        owner=owner or factories.guest(), genre_slug=genre_slug, params=params, form_token=form_token, takes=takes
    )


def test_defaults_come_from_the_active_model(genre: Any) -> None:
    generation = ask()
    assert generation.status == Generation.Status.QUEUED
    assert generation.params == factories.PIANO_MANIFEST["defaults"]
    assert generation.length_seconds == 60
    assert generation.genre_model == genre.active_model
    assert generation.guest_key == "guest-alice"
    assert generation.queue_position == 1
    assert ask().queue_position == 2


def test_the_seed_is_drawn_or_given() -> None:
    assert ask(factories.guest("a")).seed != ask(factories.guest("b")).seed
    assert (
        generation_create(owner=factories.guest("c"), genre_slug="piano", params={}, form_token=None, seed=42).seed
        == 42
    )


@pytest.mark.parametrize("length", ["", 0, -5, 14.9, 300.1, 10**12, "long", float("nan"), [], True])
def test_a_length_that_is_not_on_offer_is_named(length: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        ask(length_seconds=length)
    assert list(caught.value.message_dict) == ["length_seconds"]
    assert caught.value.messages[0].endswith(".")
    assert not Generation.objects.exists()


def test_a_type_that_is_not_on_offer_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        ask(ensemble="kazoo")
    assert list(caught.value.message_dict) == ["ensemble"]


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        ask(ensemble="kazoo", length_seconds=1, colour="blue")
    assert sorted(caught.value.message_dict) == ["colour", "ensemble", "length_seconds"]


def test_an_unknown_genre_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        ask(genre_slug="polka")
    assert list(caught.value.message_dict) == ["genre"]


def test_a_model_of_another_version_is_no_crash(genre: Any) -> None:
    model = genre.active_model
    model.manifest = {"format": 99}
    model.save()
    with pytest.raises(ValidationError) as caught:
        ask()
    assert list(caught.value.message_dict) == ["genre"]


def test_without_any_model_it_says_what_to_run(genre: Any) -> None:
    genre.active_model = None
    genre.save()
    with pytest.raises(NoModelInstalled, match="import_genre_model"):
        ask()


def test_a_form_that_is_sent_twice_is_one_job() -> None:
    first, second = ask(form_token="token"), ask(form_token="token")
    assert first == second
    assert (first.is_repeat, second.is_repeat) == (False, True)
    assert Generation.objects.count() == 1


def test_two_clicks_at_the_same_moment_are_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(form_token="token")
    look_up, answers = requests._made_before, iter([None])
    # The first question is asked before the other click's row was there.
    monkeypatch.setattr(requests, "_made_before", lambda *args: next(answers, ...) and look_up(*args))
    second = ask(form_token="token")
    assert second == first
    assert second.is_repeat


def test_somebody_elses_form_token_gives_nothing_away() -> None:
    ask(form_token="token")
    with pytest.raises(ValidationError) as caught:
        ask(factories.guest("mallory"), form_token="token")
    assert list(caught.value.message_dict) == ["form_token"]


def test_forms_without_a_token_are_jobs_of_their_own() -> None:
    assert ask() != ask()


def test_nobody_owns_nothing() -> None:
    with pytest.raises(ValueError, match="owner"):
        ask(Owner())


@pytest.mark.django_db(transaction=True)
def test_the_message_is_sent_when_the_row_can_be_seen(outbox: Outbox) -> None:
    factories.make_genre("piano")
    with transaction.atomic():
        generation = ask()
        assert outbox == []
    assert outbox == [str(generation.pk)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("away"), PermissionError("broker folder")])
def test_a_broker_that_is_away_loses_nothing(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> None:
        raise error

    monkeypatch.setattr(tasks.compose, "delay", away)
    factories.make_genre("piano")
    assert ask().status == Generation.Status.QUEUED


class TestQuota:
    def test_a_guest_may_ask_for_so_much_an_hour(self, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 100
        ask(length_seconds=60)
        with pytest.raises(QuotaExceeded) as caught:
            ask(length_seconds=60)
        assert 3500 < caught.value.retry_after_seconds <= 3600
        assert "minutes" in caught.value.message
        assert ask(length_seconds=40)

    def test_each_take_counts(self, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 100
        with pytest.raises(ValidationError) as caught:
            ask(length_seconds=30, takes=4)
        assert list(caught.value.message_dict) == ["takes"]
        ask(length_seconds=30, takes=3)
        with pytest.raises(QuotaExceeded, match="shorter piece or fewer takes, or come back"):
            ask(length_seconds=15, takes=2)
        with pytest.raises(QuotaExceeded, match="shorter piece, or come back"):
            ask(length_seconds=15)

    def test_of_what_ended_early_all_takes_count_and_nothing_that_was_there_before(self, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 100
        factories.make_generation(status="cancelled", takes_asked=2, kept_seconds=60, seconds_composed=90)
        assert ask(length_seconds=40)
        with pytest.raises(QuotaExceeded):
            ask(length_seconds=15)

    def test_waiting_until_the_oldest_is_an_hour_old_is_enough(self, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 100
        for minutes in (50, 10):
            made = factories.make_generation(length_seconds=45, status="succeeded")
            Generation.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(minutes=minutes))
        with pytest.raises(QuotaExceeded) as caught:
            ask(length_seconds=50)
        assert 590 < caught.value.retry_after_seconds <= 600
        assert caught.value.message.endswith("come back in 10 minutes.")

    def test_an_hour_later_it_is_forgotten(self, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 60
        ask(length_seconds=60)
        Generation.objects.update(created_at=timezone.now() - timedelta(minutes=61), status="succeeded")
        assert ask(length_seconds=60)

    def test_what_was_cancelled_at_once_is_not_even_read(self) -> None:
        for _ in range(3):
            generation_cancel(generation=ask(length_seconds=90))
        cut_off = factories.make_generation(status="cancelled", seconds_composed=4)
        waiting = ask(length_seconds=90)
        assert set(Generation.objects.counted()) == {cut_off, waiting}

    def test_what_was_cancelled_counts_as_far_as_it_was_composed(self, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 100
        generation_cancel(generation=ask(length_seconds=90))
        assert ask(length_seconds=90)

    def test_other_guests_behind_one_address_share_a_larger_limit(self, settings: Any) -> None:
        settings.ADDRESS_SECONDS_PER_HOUR = 100
        ask(factories.guest("a"), length_seconds=60)
        with pytest.raises(QuotaExceeded):
            ask(factories.guest("b"), length_seconds=60)
        assert ask(factories.guest("b", address="192.0.2.77"), length_seconds=60)

    def test_members_have_no_hourly_limit(self, settings: Any, alice: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 1
        assert ask(factories.member(alice), length_seconds=60).client_hash == ""

    def test_only_so_many_jobs_wait_at_once(self, settings: Any) -> None:
        settings.GUEST_RUNNING_JOBS = 2
        ask(length_seconds=15)
        waiting = ask(length_seconds=15)
        with pytest.raises(QuotaExceeded, match="2 pieces"):
            ask(length_seconds=15)
        assert ask(factories.guest("bob", address="192.0.2.2"), length_seconds=15)
        generation_cancel(generation=waiting)
        assert ask(length_seconds=15)

    def test_more_than_an_empty_hour_allows_is_no_matter_of_waiting(self, settings: Any) -> None:
        settings.GUEST_SECONDS_PER_HOUR = 120
        with pytest.raises(ValidationError) as caught:
            ask(length_seconds=300)
        assert list(caught.value.message_dict) == ["length_seconds"]

    def test_addresses_are_hashed_with_a_key_of_the_day(self) -> None:
        now = timezone.now()
        assert "192.0.2.1" not in client_hash("192.0.2.1", now)
        assert client_hash("192.0.2.1", now) != client_hash("192.0.2.2", now)
        assert client_hash("192.0.2.1", now) != client_hash("192.0.2.1", now + timedelta(days=1))
        assert client_hash("2001:db8::1", now) == client_hash("2001:db8::ffff", now), "one household"
        assert client_hash("", now) == ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_guest", [True, False])
def test_of_many_requests_at_once_only_as_many_pass_as_there_is_room(settings: Any, same_guest: bool) -> None:
    """Threads with connections of their own; tests/services does the same on PostgreSQL."""
    settings.GUEST_SECONDS_PER_HOUR, settings.ADDRESS_SECONDS_PER_HOUR = 60, 60
    settings.GUEST_RUNNING_JOBS = 100
    together = threading.Barrier(6)

    def request(number: int) -> bool:
        together.wait()
        try:
            ask(factories.guest("one" if same_guest else f"guest {number}"), length_seconds=30)
        except QuotaExceeded:
            return False
        finally:
            connection.close()
        return True

    factories.make_genre("piano")
    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(request, range(6))) == 2


class TestAllGuestsTogether:
    """A ceiling for guests from everywhere, beside those of each guest and of each address."""

    def test_guests_of_many_addresses_share_it_and_members_do_not(self, settings: Any, alice: Any) -> None:
        settings.GUESTS_SECONDS_PER_HOUR = 100
        ask(factories.guest("a", address="192.0.2.1"), length_seconds=60)
        with pytest.raises(QuotaExceeded) as caught:
            ask(factories.guest("b", address="2001:db8::1"), length_seconds=60)
        assert 3500 < caught.value.retry_after_seconds <= 3600
        assert caught.value.message.startswith("Visitors without an account have used up")
        assert seconds_left(factories.guest("c", address="198.51.100.7")) == 40
        assert ask(factories.member(alice), length_seconds=60)

    def test_the_page_and_the_api_say_so_and_when_to_come_back(self, settings: Any, client: Any) -> None:
        settings.GUESTS_SECONDS_PER_HOUR = 100
        ask(factories.guest("a", address="192.0.2.1"), length_seconds=90)
        page = client.get("/").content.decode()
        token = re.search(r'name="form_token" value="([^"]+)"', page)
        assert token
        form = {"genre": "piano", "piano-ensemble": "grand-piano", "length_preset": "60", "form_token": token[1]}
        refused = client.post("/", form)
        assert refused.status_code == 429
        assert "Visitors without an account have used up" in refused.content.decode()
        assert int(refused["Retry-After"]) > 3500
        body = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 60, "form_token": "t"}
        refused = client.post("/api/v1/generations/", body, content_type="application/json")
        assert refused.status_code == 429 and int(refused["Retry-After"]) > 3500

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_only_as_many_pass_as_there_is_room(self, settings: Any) -> None:
        settings.GUESTS_SECONDS_PER_HOUR = 60

        def request(number: int) -> bool:
            try:
                ask(factories.guest(f"guest {number}", address=f"192.0.2.{number}"), length_seconds=30)
            except QuotaExceeded:
                return False
            return True

        assert sum(at_once(*(partial(request, number) for number in range(6)))) == 2


@pytest.mark.parametrize("takes", [1, 3])
@pytest.mark.parametrize("status", ["queued", "succeeded", "failed", "cancelled"])
def test_what_counts_is_one_fact(status: str, takes: int) -> None:
    factories.make_generation(status=status, takes_asked=takes, length_seconds=90, kept_seconds=20, seconds_composed=50)
    composed = 30 if status in ("failed", "cancelled") else 90
    assert Generation.objects.seconds_counted() == takes * composed
    factories.make_generation(status="cancelled", kept_seconds=20, seconds_composed=10)
    assert Generation.objects.seconds_counted() == takes * composed
