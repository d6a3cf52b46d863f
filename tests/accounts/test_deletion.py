"""Deleting an account: closed at once, gone after a week, undone by signing in."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.clean_up import accounts_clean_up
from accounts.models import ApiToken, User
from accounts.tokens import token_create, token_find
from generator.models import Generation
from library.models import Piece, ShareLink
from tests import factories

RIGHT = "secret-enough"

pytestmark = pytest.mark.django_db

URL = "/account/delete/"
PASSWORD = {"password": "secret-enough"}


def sign_in(client: Client, password: str = RIGHT) -> Any:
    return client.post("/account/login/", {"login": "alice", "password": password})


def test_the_page_asks_for_the_password(alices: Client, alice: User) -> None:
    page = alices.get(URL)
    assert list(page.context["form"].fields) == ["password"]
    for form in ({"password": "wrong"}, {"password": ""}, {}):
        answer = alices.post(URL, form)
        assert answer.status_code == 422
        assert answer.context["form"].errors["password"]
    alice.refresh_from_db()
    assert alice.is_active


def test_the_password_cannot_be_tried_for_ever(alices: Client, alice: User) -> None:
    for _ in range(5):
        alices.post(URL, {"password": "wrong"})
    assert "Too many attempts" in alices.post(URL, PASSWORD).content.decode()


def test_everything_closes_at_once(alices: Client, alice: User) -> None:
    owner = factories.member(alice)
    piece = factories.make_piece(owner)
    link = ShareLink.objects.create(piece=piece)
    running = factories.make_generation(owner, status=Generation.Status.RUNNING, worker_id="w", attempts=1)
    queued = factories.make_generation(owner)
    _, token = token_create(user=alice, name="x", scopes=["read"])
    other = Client()
    sign_in(other)

    answer = alices.post(URL, PASSWORD)
    assert answer.status_code == 200
    assert "Your account is closed" in answer.content.decode()
    for client in (alices, other):
        assert client.get("/account/").status_code == 302
    assert token_find(token) is None
    assert not ShareLink.objects.open().filter(pk=link.pk).exists()
    running.refresh_from_db()
    queued.refresh_from_db()
    assert running.cancel_requested_at is not None
    assert queued.status == Generation.Status.CANCELLED
    assert Piece.objects.filter(pk=piece.pk).exists(), "but nothing is gone yet"


def test_signing_in_within_the_week_offers_to_undo_it(alices: Client, alice: User) -> None:
    piece = factories.make_piece(factories.member(alice))
    link = ShareLink.objects.create(piece=piece)
    alices.post(URL, PASSWORD)
    assert sign_in(alices)["Location"] == "/account/restore/"
    assert alices.get("/account/").status_code == 302, "the offer alone opens nothing"
    assert "Keep my account" in alices.get("/account/restore/").content.decode()
    assert alices.post("/account/restore/")["Location"] == "/account/"
    assert alices.get(f"/pieces/{piece.pk}/").status_code == 200
    assert ShareLink.objects.open().filter(pk=link.pk).exists()
    alice.refresh_from_db()
    assert alice.is_active and alice.deletion_requested_at is None


def test_a_wrong_password_says_nothing_of_it(alices: Client, alice: User) -> None:
    alices.post(URL, PASSWORD)
    answer = sign_in(alices, "wrong")
    assert answer.status_code == 422
    assert answer.context["form"].non_field_errors() == ["Wrong username or password."]
    assert alices.get("/account/restore/")["Location"] == "/account/login/"


def test_the_offer_is_good_for_ten_minutes_and_for_this_browser(alices: Client, alice: User, client: Client) -> None:
    alices.post(URL, PASSWORD)
    sign_in(alices)
    assert client.get("/account/restore/")["Location"] == "/account/login/"
    assert client.post("/account/restore/")["Location"] == "/account/login/"
    session = alices.session
    session["restore_account"] = [alice.pk, int(timezone.now().timestamp()) - 601]
    session.save()
    assert alices.post("/account/restore/")["Location"] == "/account/login/"
    alice.refresh_from_db()
    assert not alice.is_active


def test_after_a_week_all_is_gone(alice: User, bob: User, client: Client) -> None:
    owner = factories.member(alice)
    primer = default_storage.save("primers/deletion-test.mid", ContentFile(factories.TINY_MIDI))
    piece = factories.make_piece(owner)
    factories.make_succeeded_generation(owner, piece=piece, primer=primer)
    token_create(user=alice, name="x", scopes=["read"])
    child = factories.make_piece(factories.member(bob), source_piece=piece)
    files = [str(piece.midi.name), primer]
    sign_in(client)
    client.post(URL, PASSWORD)

    User.objects.filter(pk=alice.pk).update(deletion_requested_at=timezone.now() - timedelta(days=6, hours=23))
    accounts_clean_up()
    assert User.objects.filter(pk=alice.pk).exists()
    User.objects.filter(pk=alice.pk).update(deletion_requested_at=timezone.now() - timedelta(days=7, seconds=1))
    accounts_clean_up()
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not ApiToken.objects.exists() and not Generation.objects.filter(owner=alice.pk).exists()
    assert list(Piece.objects.all()) == [child]
    assert [default_storage.exists(name) for name in files] == [False, False]
    assert sign_in(client).status_code == 422
    assert client.post("/account/signup/", {"username": "alice", "password1": "ships-and-harps"}).status_code == 302


def test_what_the_storage_does_not_let_go_is_tried_again(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [factories.make_piece(factories.member(alice)) for _ in range(3)]
    User.objects.filter(pk=alice.pk).update(is_active=False, deletion_requested_at=timezone.now() - timedelta(days=8))

    def away(name: str) -> None:
        raise OSError("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", away)
        accounts_clean_up()
    assert User.objects.filter(pk=alice.pk).exists()
    accounts_clean_up()
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not Piece.objects.filter(pk__in=[piece.pk for piece in pieces]).exists()


def test_an_account_that_the_administration_closed_is_never_removed(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    accounts_clean_up()
    assert User.objects.filter(pk=alice.pk).exists()


def test_the_only_administrator_stays(client: Client, carol: User) -> None:
    client.force_login(carol)
    answer = client.post(URL, PASSWORD)
    assert answer.status_code == 422
    assert "the only admin of this site" in answer.content.decode()
    factories.make_user("dave", staff=True)
    assert client.post(URL, PASSWORD).status_code == 200
