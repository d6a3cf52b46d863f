"""The library page: what it lists, finds, sorts and offers, to members and guests."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from library.models import Collection, Piece
from library.services import collection_add, collection_create, pieces_tag
from tests.factories import guest, make_piece, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page_of(client: Client, query: str = "", *, status: int = 200) -> str:
    response = client.get(f"/library/{query}")
    assert response.status_code == status
    return str(response.content.decode())


def titles(client: Client, query: str = "") -> list[str]:
    return [piece.title for piece in client.get(f"/library/{query}").context["page"].items]


class TestWhatIsListed:
    def test_own_pieces_alone_newest_first(self, alices: Client, alice: User, bob: User):
        now, own = timezone.now(), member(alice)
        make_piece(own, title="Older", created_at=now - timedelta(hours=2))
        make_piece(own, title="Newer", created_at=now - timedelta(hours=1))
        make_piece(own, title="A draft", is_draft=True, created_at=now - timedelta(hours=3))
        make_piece(own, title="In the trash", trashed_at=now)
        make_piece(own, title="Expired", expires_at=now)
        make_piece(member(bob), title="Bobs")
        make_piece(guest(), title="A guests")
        make_piece(guest(""), title="An example", is_example=True)
        assert titles(alices) == ["Newer", "Older", "A draft"]
        page = page_of(alices)
        for hidden in ("In the trash", "Expired", "Bobs", "A guests", "An example"):
            assert hidden not in page

    def test_a_guest_sees_recent_pieces_and_is_offered_to_sign_up(self, guest_client: Client, alice: User):
        make_piece(title="Mine")
        make_piece(guest("guest-bob"), title="Another guests")
        make_piece(member(alice), title="Alices")
        page = page_of(guest_client)
        assert "Recent pieces" in page
        assert "Mine" in page
        assert "Another guests" not in page
        assert "Alices" not in page
        assert "/account/signup/?next=/library/" in page
        # Tags and collections are for members.
        assert 'name="tags"' not in page
        assert "/collections/" not in page

    def test_a_guest_saves_drafts_with_an_account(self, guest_client: Client):
        draft = make_piece(is_draft=True, expires_at=timezone.now() + timedelta(days=3))
        page = page_of(guest_client)
        assert f'href="/account/signup/?next=/pieces/{draft.pk}/&amp;keep={draft.pk}"' in page
        assert "Save with an account" in page
        assert ">Keep<" not in page
        assert 'value="keep"' not in page

    def test_the_days_of_guests_come_from_the_settings(self, guest_client: Client, settings: Any):
        settings.GUEST_DAYS = 3
        make_piece(is_draft=True, expires_at=timezone.now() + timedelta(days=3))
        page = page_of(guest_client)
        assert "Pieces made in this browser are kept for 3 days." in page
        assert "Drafts are deleted after 3 days." in page

    def test_nothing_yet(self, client: Client, alice: User):
        assert "Nothing here yet" in page_of(client)
        client.force_login(alice)
        page = page_of(client)
        assert "Nothing here yet" in page
        assert "Sign in" not in page

    def test_titles_and_tags_are_text(self, alices: Client, alice: User):
        piece = make_piece(member(alice), title="<script>alert(1)</script>")
        pieces_tag(pieces=Piece.objects.filter(pk=piece.pk), user=alice, names=['"><img src=x>'])
        for view in ("", "?view=table"):
            page = page_of(alices, view)
            assert "<script>alert" not in page
            assert "<img src=x>" not in page

    def test_a_draft_says_when_it_goes(self, alices: Client, alice: User):
        make_piece(member(alice), is_draft=True, expires_at=timezone.now() + timedelta(days=11, hours=5))
        page = page_of(alices)
        assert "Draft · 12 days left" in page
        assert "1 draft. Drafts are deleted after" in page

    def test_the_roll_is_drawn_and_broken_ones_are_passed_over(self, alices: Client, alice: User):
        make_piece(member(alice), roll=[[0, 31, 20], [120, 0, 400], [300, 1, 2], ["x", 1, 2], [1, 2]])
        assert 'd="M0 0.5h19.4M120 31.5h119.4"' in page_of(alices)

    def test_the_old_address_leads_here(self, client: Client):
        response = client.get("/recent/")
        assert (response.status_code, response["Location"]) == (301, "/library/")

    def test_it_is_only_read(self, client: Client):
        assert client.post("/library/").status_code == 405
        assert client.post("/recent/").status_code == 405


class TestFinding:
    @pytest.fixture(autouse=True)
    def pieces(self, alice: User) -> Collection:
        own, now = member(alice), timezone.now()
        nocturne = make_piece(
            own, title="Nocturne", qpm=60.0, key="C minor", length_seconds=90.0, is_favourite=True, created_at=now,
            search_text=" nocturne",
        )  # fmt: skip
        make_piece(
            own, title="beat", genre="drums", genre_name="Drums", ensemble="kit", ensemble_name="Drum kit", qpm=120.0,
            length_seconds=30.0, is_draft=True, created_at=now - timedelta(days=3), search_text=" beat",
        )  # fmt: skip
        make_piece(
            own, title="An upload", kind="upload", genre="", genre_name="Uploaded", rating=1, length_seconds=10.0,
            created_at=now - timedelta(days=9), search_text=" an upload",
        )  # fmt: skip
        pieces_tag(pieces=Piece.objects.filter(pk=nocturne.pk), user=alice, names=["Night music"])
        collection = collection_create(user=alice, title="Evening")
        collection_add(collection=collection, pieces=Piece.objects.filter(pk=nocturne.pk))
        return collection

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("?q=noct", ["Nocturne"]),
            ("?q=night+music", ["Nocturne"]),
            ("?q=nothing", []),
            ("?genre=drums", ["beat"]),
            ("?type=kit", ["beat"]),
            ("?key=C+minor", ["Nocturne"]),
            ("?qpm_min=100", ["beat"]),
            ("?length_max=0:20", ["An upload"]),
            ("?favourite=1", ["Nocturne"]),
            ("?tag=night+MUSIC", ["Nocturne"]),
            ("?origin=upload", ["An upload"]),
            ("?rating=1", ["An upload"]),
            ("?state=draft", ["beat"]),
            ("?state=kept&sort=oldest", ["An upload", "Nocturne"]),
            ("?sort=title", ["An upload", "beat", "Nocturne"]),
            ("?sort=longest", ["Nocturne", "beat", "An upload"]),
            ("?sort=tempo", ["Nocturne", "beat", "An upload"]),
        ],
    )
    def test_filters_and_orders(self, alices: Client, query: str, found: list[str]):
        assert titles(alices, query) == found

    def test_by_collection(self, alices: Client, pieces: Collection):
        assert titles(alices, f"?collection={pieces.pk}") == ["Nocturne"]

    def test_each_chosen_filter_can_be_taken_back_and_the_others_stay(self, alices: Client):
        page = page_of(alices, "?genre=drums&qpm_min=100&sort=title&view=table")
        assert 'href="/library/?qpm_min=100&amp;sort=title&amp;view=table"' in page
        assert 'href="/library/?genre=drums&amp;sort=title&amp;view=table"' in page
        assert "Genre: Drums" in page
        assert 'href="/library/?sort=title&amp;view=table"' in page

    def test_the_form_shows_what_was_chosen(self, alices: Client):
        page = page_of(alices, "?q=%22%3E%3Cb%3E&genre=drums")
        assert '<option value="drums" selected>Drums</option>' in page
        assert 'value="&quot;&gt;&lt;b&gt;"' in page

    def test_what_is_searched_for_is_no_filter(self, alices: Client):
        assert "filters-count" not in page_of(alices, "?q=noct")
        assert '<span class="filters-count">2<' in page_of(alices, "?q=noct&genre=piano&length_min=10")

    def test_a_length_that_is_no_length_is_refused(self, alices: Client):
        page = page_of(alices, "?length_min=9:99", status=422)
        assert "Enter a length, e.g. 90, 1:30 or 2 min." in page
        assert 'value="9:99"' in page
        assert "filters-count" not in page and "Length: 9:99" not in page, "nothing is left out because of it"

    def test_the_page_says_whose_days_it_means(self, alices: Client):
        days = "?from=2026-09-27&until=2026-09-27"
        assert "Days in UTC time." in page_of(alices, days)
        page = page_of(alices, f"{days}&genre=drums&tz=Pacific/Auckland")
        assert "Days in Pacific/Auckland time." in page
        assert 'name="tz" value="Pacific/Auckland"' in page
        assert "&amp;tz=Pacific%2FAuckland" in page, "what leads to other lists keeps the days"
        links = re.findall(r'href="(/library/[^"]*)"', page_of(alices, "?tz=Pacific/Auckland&genre=drums"))
        assert links and not [link for link in links if "tz" in link], "no day, no zone"
        page = page_of(alices, f"{days}&tz=Mars/Olympus", status=422)
        assert "Unknown time zone. These days are in the site&#x27;s time zone (UTC)." in page
        assert 'name="tz" value=""' in page

    def test_nothing_is_like_that(self, alices: Client):
        page = page_of(alices, "?q=nothing")
        assert "No pieces match." in page
        assert "Show all pieces" in page

    def test_a_filter_that_cannot_be_understood_is_said_and_the_others_hold(self, alices: Client):
        response = alices.get("/library/?qpm_min=fast&genre=drums")
        assert response.status_code == 422
        assert list(response.context["finding"].errors) == ["qpm_min"]
        assert [piece.title for piece in response.context["page"].items] == ["beat"]
        assert 'aria-invalid="true"' in response.content.decode()

    @pytest.mark.parametrize("query", ["after=x", "sort=x", "collection=x", "collection=999999", "from=x", "view=x"])
    def test_no_query_breaks_the_page(self, alices: Client, query: str):
        assert alices.get(f"/library/?{query}").status_code in (200, 422)

    def test_the_table_has_the_same(self, alices: Client):
        page = page_of(alices, "?view=table")
        assert "<table" in page
        for wanted in ("Nocturne", "C minor", "1:30", "Drum kit"):
            assert wanted in page


class TestPages:
    def test_next_and_back(self, alices: Client, alice: User):
        now = timezone.now()
        for number in range(30):
            make_piece(member(alice), title=f"Piece {number:02}", created_at=now - timedelta(minutes=number))
        first = alices.get("/library/?state=kept")
        assert [piece.title for piece in first.context["page"].items] == [f"Piece {n:02}" for n in range(24)]
        assert first.context["previous_url"] is None
        assert "state=kept" in first.context["next_url"]
        second = alices.get(first.context["next_url"])
        assert [piece.title for piece in second.context["page"].items] == [f"Piece {n:02}" for n in range(24, 30)]
        assert second.context["next_url"] is None
        back = alices.get(second.context["previous_url"])
        assert [piece.title for piece in back.context["page"].items] == [f"Piece {n:02}" for n in range(24)]

    @pytest.mark.parametrize("view", ["pictures", "table"])
    def test_more_pieces_ask_the_database_no_more(self, alices: Client, alice: User, view: str):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                alices.get(f"/library/?view={view}")
            return len(captured)

        def fill(count: int) -> None:
            made = [make_piece(member(alice), is_draft=True) for _ in range(count)]
            pieces_tag(pieces=Piece.objects.filter(pk__in=[one.pk for one in made]), user=alice, names=["a", "b"])

        fill(2)
        alices.get("/library/")
        few = queries()
        fill(15)
        assert queries() == few
        assert few <= 12


class TestHowLongAgo:
    def test_in_one_unit(self, alices: Client, alice: User):
        now = timezone.now()
        make_piece(member(alice), created_at=now)
        make_piece(member(alice), created_at=now - timedelta(hours=3, minutes=20))
        page = page_of(alices).replace("\xa0", " ")
        assert "just now" in page
        assert "3 hours ago" in page


class TestFavouriteAndBack:
    def test_the_form_leads_back_to_the_same_list(self, alices: Client, alice: User):
        piece = make_piece(member(alice))
        data: dict[str, Any] = {"is_favourite": "1", "next": "/library/?view=table"}
        response = alices.post(f"/pieces/{piece.pk}/favourite/", data)
        assert (response.status_code, response["Location"]) == (302, "/library/?view=table")
        piece.refresh_from_db()
        assert piece.is_favourite

    @pytest.mark.parametrize("address", ["https://else.example/", "//else.example", "javascript:alert(1)", ""])
    def test_never_to_another_site(self, alices: Client, alice: User, address: str):
        piece = make_piece(member(alice))
        response = alices.post(f"/pieces/{piece.pk}/favourite/", {"is_favourite": "1", "next": address})
        assert response["Location"] == f"/pieces/{piece.pk}/"
