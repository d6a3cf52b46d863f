"""Limits by role and by user, shown before they are reached."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from accounts.owners import Owner
from accounts.quotas import Quota, quota_of, stored_bytes_left, usage_of
from accounts.templatetags.account_forms import bytes_of, minutes
from generator.errors import QuotaExceeded
from generator.models import Generation
from generator.services import generation_create
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits(settings: Any) -> None:
    for role, factor in (("GUEST", 1), ("MEMBER", 2), ("STAFF", 3)):
        setattr(settings, f"{role}_SECONDS_PER_HOUR", 100 * factor)
        setattr(settings, f"{role}_STORED_MB", factor)
        setattr(settings, f"{role}_RUNNING_JOBS", factor)


def ask(owner: Owner, seconds: float = 15.0, takes: int = 1) -> Generation:
    factories.make_genre()
    params = {"ensemble": "grand-piano", "length_seconds": seconds}
    return generation_create(owner=owner, genre_slug="piano", params=params, takes=takes, form_token=None)


def test_each_role_has_its_own(alice: User, carol: User) -> None:
    assert quota_of(factories.guest()) == Quota("guest", 100, 2**20, 1)
    assert quota_of(factories.member(alice)) == Quota("member", 200, 2 * 2**20, 2)
    assert quota_of(factories.member(carol)) == Quota("staff", 300, 3 * 2**20, 3)


def test_the_administration_may_say_otherwise_for_one(alice: User) -> None:
    alice.seconds_per_hour, alice.stored_bytes, alice.running_jobs = 7, 0, 9
    assert quota_of(factories.member(alice)) == Quota("member", 7, 0, 9)


def test_use_is_measured(alice: User) -> None:
    owner = factories.member(alice)
    assert (usage_of(owner).seconds_this_hour, usage_of(owner).stored_bytes) == (0, 0)
    factories.make_generation(owner, length_seconds=30.0, takes_asked=2)
    factories.make_piece(owner, size_bytes=1000)
    factories.make_piece(size_bytes=500)
    usage = usage_of(owner)
    assert (usage.seconds_this_hour, usage.stored_bytes, usage.running_jobs) == (60, 1000, 1)
    assert stored_bytes_left(owner) == 2 * 2**20 - 1000


def test_nobody_has_used_nothing() -> None:
    assert usage_of(Owner()).running_jobs == 0


def test_members_have_an_hourly_limit_too_and_all_takes_count(alice: User) -> None:
    owner = factories.member(alice)
    ask(owner, 60, takes=2).delete()
    ask(owner, 60, takes=2)
    with pytest.raises(QuotaExceeded, match="one member can generate") as refused:
        ask(owner, 60, takes=2)
    assert refused.value.retry_after_seconds > 3000
    with pytest.raises(ValidationError, match="A member can generate 4 minutes"):
        ask(owner, 60, takes=4)


def test_a_full_library_is_said_before_composing(alice: User) -> None:
    owner = factories.member(alice)
    factories.make_piece(owner, size_bytes=2 * 2**20)
    with pytest.raises(QuotaExceeded, match=r"Your library is full \(2 MB\)"):
        ask(owner)
    alice.stored_bytes = 5 * 2**20
    assert ask(factories.member(alice)).pk


def test_jobs_at_once_go_by_role(alice: User) -> None:
    ask(factories.guest())
    with pytest.raises(QuotaExceeded, match="1 piece in progress"):
        ask(factories.guest())
    for _ in range(2):
        ask(factories.member(alice))
    with pytest.raises(QuotaExceeded, match="2 pieces in progress"):
        ask(factories.member(alice))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (0, "1.6 minutes of music left this hour"),
        (60, "40 seconds of music left this hour"),
        (100, "used your 1.6 minutes of music for this hour"),
    ],
)
def test_the_compose_page_says_what_is_left(guest_client: Client, asked: int, sentence: str) -> None:
    factories.make_genre()
    if asked:
        factories.make_generation(factories.guest(), length_seconds=float(asked))
    text = guest_client.get("/").content.decode()
    assert sentence in text
    assert "library is" not in text


@pytest.mark.parametrize(
    ("size", "sentence"), [(2**20 - 1000, "Your library is almost full"), (2**20, "Your library is full")]
)
def test_the_compose_page_says_when_room_is_short(guest_client: Client, size: int, sentence: str) -> None:
    factories.make_genre()
    factories.make_piece(factories.guest(), size_bytes=size)
    assert sentence in guest_client.get("/").content.decode()


def test_the_administration_sets_the_limits_of_a_user(client: Client, carol: User, alice: User) -> None:
    client.force_login(carol)
    url = f"/admin/accounts/user/{alice.pk}/change/"
    page = client.get(url)
    form = {name: value for name, value in page.context["adminform"].form.initial.items() if value is not None}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "10:00:00", "seconds_per_hour": "77", "stored_bytes": ""}
    form = {name: value for name, value in form.items() if name not in ("groups", "user_permissions", "last_login")}
    answer = client.post(url, form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    alice.refresh_from_db()
    assert quota_of(factories.member(alice)).seconds_per_hour == 77
    assert quota_of(factories.member(alice)).stored_bytes == 2 * 2**20


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(40, "40 seconds"), (60, "1 minute"), (90, "1.5 minutes"), (599, "9.9 minutes"), (1859, "30 minutes")],
)
def test_music_is_counted_in_minutes_that_people_write(seconds: float, words: str) -> None:
    assert minutes(seconds) == words


def test_whole_megabytes_have_no_decimals() -> None:
    assert bytes_of(1000 * 2**20) == "1000\xa0MB"
    assert bytes_of(3 * 2**19) == "1.5\xa0MB"
