"""My generations: what was asked for, what became of it, and asking again."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from generator.models import Generation
from library.models import Piece
from tests.factories import guest, make_generation, make_genre, make_piece, make_succeeded_generation, member

pytestmark = pytest.mark.django_db
URL = "/generations/"


def page_of(client: Client, address: str = URL) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


class TestList:
    def test_every_state_with_what_to_do_next(self, guest_client: Client):
        failed = make_generation(status="failed", error_message="The disk is full. Try again later.")
        running = make_generation(status="running", length_seconds=60.0, seconds_composed=15)
        queued = make_generation()
        done = make_succeeded_generation(piece=make_piece(title="Copper River"))
        page = page_of(guest_client)
        for wanted in ("The disk is full.", "0:15 of 1:00 composed.", "Queued", "Copper River"):
            assert wanted in page
        assert f'action="/generations/{failed.pk}/retry/"' in page
        assert f'action="/generations/{done.pk}/retry/"' not in page
        for unfinished in (running, queued):
            assert f'action="/generations/{unfinished.pk}/cancel/"' in page
            assert f'action="/generations/{unfinished.pk}/delete/"' not in page
            assert f'data-live="/api/v1/generations/{unfinished.pk}/"' in page
        assert f'data-live="/api/v1/generations/{done.pk}/"' not in page

    def test_settings_in_words_and_again(self, guest_client: Client):
        params = {
            "ensemble": "grand-piano", "length_seconds": 90.0, "temperature": 1.0, "top_p": 0.97, "qpm": 96.5,
            "key": "Bb minor",
        }  # fmt: skip
        make_generation(status="cancelled", params=params, length_seconds=90.0, takes_asked=3)
        page = page_of(guest_client)
        assert "1:30 · 97 BPM · B♭ minor · 3 takes" in page
        assert "/?genre=piano&amp;length=1%3A30&amp;ensemble=grand-piano&amp;top_p=0.97" in page
        assert "qpm=96.5&amp;key=Bb+minor" in page

    def test_where_it_started_from(self, guest_client: Client):
        make_generation(kind="continue", source_piece=make_piece(title="<b>First</b>"), status="failed")
        page = page_of(guest_client)
        assert "continues “&lt;b&gt;First&lt;/b&gt;”" in page

    def test_own_ones_alone_newest_first(self, guest_client: Client, alice: User):
        now = timezone.now()
        older = make_generation(status="failed", created_at=now - timedelta(hours=2))
        newer = make_generation(status="failed", created_at=now - timedelta(hours=1))
        others = [make_generation(guest("guest-bob")), make_generation(member(alice))]
        page = page_of(guest_client)
        assert page.index(str(newer.pk)) < page.index(str(older.pk))
        assert not any(str(other.pk) in page for other in others)
        assert "Nothing here yet" in page_of(Client())

    def test_pieces_in_the_trash_are_not_shown(self, guest_client: Client):
        make_succeeded_generation(piece=make_piece(title="Gone", trashed_at=timezone.now()))
        page = page_of(guest_client)
        assert "Gone" not in page
        assert "has been deleted" in page

    def test_it_renews_itself_without_script_only_while_something_runs(self, guest_client: Client):
        make_generation(status="failed")
        assert "http-equiv" not in page_of(guest_client)
        make_generation()
        assert '<noscript><meta http-equiv="refresh"' in page_of(guest_client)

    def test_it_is_paged(self, guest_client: Client):
        for _ in range(21):
            make_generation(status="failed")
        first = guest_client.get(URL)
        assert len(first.context["rows"]) == 20
        second = guest_client.get(URL + first.context["next_url"])
        assert len(second.context["rows"]) == 1
        assert second.context["previous_url"]
        assert guest_client.get(f"{URL}?after=x").status_code in (200, 302)
        assert guest_client.post(URL).status_code == 405

    def test_more_of_them_ask_the_database_no_more(self, guest_client: Client):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                guest_client.get(URL)
            return len(captured)

        make_succeeded_generation()
        make_generation(status="failed")
        few = queries()
        for _ in range(6):
            make_succeeded_generation()
        assert queries() == few


class TestRetry:
    def test_the_same_is_asked_for_again(self, guest_client: Client):
        make_genre()
        failed = make_generation(status="failed", length_seconds=30.0, takes_asked=2)
        response = guest_client.post(f"/generations/{failed.pk}/retry/", {"form_token": "token"})
        made = Generation.objects.exclude(pk=failed.pk).get()
        assert response["Location"] == f"/generations/{made.pk}/"
        assert (made.length_seconds, made.takes_asked, made.status) == (30.0, 2, "queued")
        # A double click.
        again = guest_client.post(f"/generations/{failed.pk}/retry/", {"form_token": "token"})
        assert again["Location"] == response["Location"]

    def test_why_not_is_said(self, guest_client: Client, settings: object):
        make_genre()
        failed = make_generation(status="failed", kind="continue", start="continue")
        response = guest_client.post(f"/generations/{failed.pk}/retry/", follow=True)
        assert "The piece it started from has been deleted." in response.content.decode()

    def test_one_that_still_runs_is_not_asked_for_again(self, guest_client: Client):
        assert guest_client.post(f"/generations/{make_generation().pk}/retry/").status_code == 404


class TestDelete:
    def test_the_request_goes_and_its_pieces_stay(self, guest_client: Client):
        done = make_succeeded_generation()
        response = guest_client.post(f"/generations/{done.pk}/delete/")
        assert (response.status_code, response["Location"]) == (302, URL)
        assert "Nothing here yet" in page_of(guest_client)
        assert guest_client.post(f"/generations/{done.pk}/delete/").status_code == 404
        assert Piece.objects.in_library(guest()).count() == 1

    def test_what_runs_stays(self, guest_client: Client):
        running = make_generation(status="running")
        assert guest_client.post(f"/generations/{running.pk}/delete/").status_code == 404
        assert Generation.objects.filter(pk=running.pk).exists()


class TestDraft:
    def test_a_member_is_told_when_what_came_out_goes_and_may_keep_it(self, client: Client, alice: User):
        piece = make_piece(member(alice), is_draft=True, expires_at=timezone.now() + timedelta(days=30))
        done = make_succeeded_generation(member(alice), piece=piece)
        client.force_login(alice)
        address = f"/generations/{done.pk}/result/"
        assert f'action="/pieces/{piece.pk}/keep/" data-keep-here' in page_of(client, address)
        client.post(f"/pieces/{piece.pk}/keep/")
        assert "data-keep-here" not in page_of(client, address)

    def test_a_guest_is_offered_to_sign_up_instead(self, guest_client: Client):
        done = make_succeeded_generation(piece=make_piece(is_draft=True, expires_at=timezone.now() + timedelta(days=7)))
        page = page_of(guest_client, f"/generations/{done.pk}/result/")
        assert "data-keep-here" not in page
        assert "data-sign-up" in page


@pytest.mark.parametrize("what", ["retry", "delete"])
def test_only_the_owner_and_only_by_post(guest_client: Client, bob: User, carol: User, what: str):
    failed = make_generation(status="failed")
    for user in (None, bob, carol):
        client = Client()
        if user:
            client.force_login(user)
        assert client.post(f"/generations/{failed.pk}/{what}/").status_code == 404
    assert guest_client.get(f"/generations/{failed.pk}/{what}/").status_code == 405
    assert guest_client.post(f"/generations/{uuid.uuid4()}/{what}/").status_code == 404
    assert Generation.objects.count() == 1
