"""What an address asks of a list, and what it gets."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.test import override_settings
from django.utils import timezone

from library.filters import PieceFilters
from library.models import Piece
from library.services import collection_add, collection_create, pieces_tag
from tests import factories

DAY = datetime(2026, 5, 1, 12, tzinfo=ZoneInfo("UTC"))


def read(query: str) -> PieceFilters:
    return PieceFilters.from_query(QueryDict(query))


def wrong(query: str) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        read(query)
    return caught.value.message_dict


def test_an_address_holds_every_filter() -> None:
    query = (
        "q=d%C3%A9j%C3%A0+vu&genre=rock&type=full-band&style=metal&key=C+minor&qpm_min=90&qpm_max=120.5&length_min=1%3A30"
        "&length_max=200&from=2026-05-01&until=2026-05-31&favourite=1&collection=7&tag=for+later&origin=vary&rating=-1"
        "&state=draft&sort=title&view=table"
    )
    filters = read(query + "&after=abc")
    assert (filters.q, filters.type, filters.length_min, filters.from_) == (
        "déjà vu",
        "full-band",
        90,
        date(2026, 5, 1),
    )
    assert (filters.favourite, filters.collection, filters.rating, filters.after) == (True, 7, -1, "abc")
    again = filters.query()
    assert "after" not in again, "other filters begin the list anew"
    assert PieceFilters.from_query(QueryDict(again)) == read(query)
    assert read(filters.query(genre="", sort="newest")).genre == ""


def test_nothing_is_a_list_without_filters() -> None:
    assert read("") == read("q=&genre=+&favourite=0&page=7") == PieceFilters()
    assert not read("sort=title&view=table").is_active
    assert read("rating=0").is_active
    assert PieceFilters().query() == ""


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("qpm_min=fast", {"qpm_min"}),
        ("qpm_min=nan&qpm_max=inf", {"qpm_min", "qpm_max"}),
        ("qpm_min=-1", {"qpm_min"}),
        ("qpm_min=120&qpm_max=90", {"qpm_max"}),
        ("length_min=1:2:3&length_max=%00", {"length_min"}),
        ("length_min=9:99&length_max=1:60", {"length_min", "length_max"}),
        ("length_min=-5", {"length_min"}),
        ("length_min=99999999", {"length_min"}),
        ("from=2026-05-01&tz=Mars/Olympus", {"tz"}),
        ("tz=../../etc/passwd", {"tz"}),
        ("tz=Europe", {"tz"}),
        ("tz=zone.tab", {"tz"}),
        ("tz=%00", {"tz"}),
        ("tz=" + "A" * 5000, {"tz"}),
        ("from=yesterday&until=0001-01-01", {"from", "until"}),
        ("from=2026-05-02&until=2026-05-01", {"until"}),
        ("until=9999-12-31", {"until"}),
        ("favourite=maybe", {"favourite"}),
        ("collection=99999999999999999999", {"collection"}),
        ("collection=%D9%A1", {"collection"}),
        ("collection=" + "9" * 5000, {"collection"}),
        ("origin=stolen&rating=5&state=trashed&sort=random&view=3d", {"origin", "rating", "state", "sort", "view"}),
        ("q=" + "a" * 201, {"q"}),
    ],
)
def test_what_cannot_be_understood_is_told_by_field(query: str, fields: set[str]) -> None:
    told = wrong(query)
    assert fields <= told.keys()
    assert all(sentence.endswith(".") for sentences in told.values() for sentence in sentences)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("1:30", 90), ("2 min", 120), ("1 min 30 s", 90), ("0:59", 59), ("1,5 min", 90)],
)
def test_lengths_are_written_as_on_the_compose_page(written: str, seconds: float) -> None:
    assert read(urlencode({"length_min": written})).length_min == seconds


def test_a_page_gets_what_is_right_beside_what_is_wrong() -> None:
    filters, errors = PieceFilters.read(QueryDict("genre=rock&qpm_min=fast"))
    assert (filters.genre, list(errors)) == ("rock", ["qpm_min"])


@pytest.mark.django_db
class TestFound:
    def piece(self, owner: Any, **fields: Any) -> Piece:
        return factories.make_piece(factories.member(owner), **fields)

    def found(self, owner: Any, query: str) -> set[str]:
        pieces = Piece.objects.in_library(factories.member(owner)).filtered(read(query))
        return set(pieces.values_list("title", flat=True))

    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("genre=rock", {"genre": "rock"}),
            ("type=power-trio", {"ensemble": "power-trio"}),
            ("style=metal", {"style": "metal"}),
            ("key=C+minor", {"key": "C minor"}),
            ("qpm_min=90&qpm_max=100", {"qpm": 100.0}),
            ("length_min=0:59&length_max=61", {"length_seconds": 60.0}),
            ("from=2026-05-01&until=2026-05-01", {"created_at": DAY}),
            ("favourite=1", {"is_favourite": True}),
            ("origin=upload", {"kind": "upload"}),
            ("rating=-1", {"rating": -1}),
            ("state=draft", {"is_draft": True}),
        ],
    )
    def test_each_filter_leaves_out_the_others_and_what_is_others(
        self, alice: Any, bob: Any, query: str, fields: dict[str, Any]
    ) -> None:
        self.piece(alice, title="wanted", **fields)
        self.piece(alice, title="another", qpm=101.0)
        self.piece(alice, title="gone", trashed_at=timezone.now(), **fields)
        self.piece(alice, title="over", expires_at=timezone.now() - timedelta(minutes=1), **fields)
        self.piece(bob, title="Bob's", **fields)
        assert self.found(alice, query) == {"wanted"}
        assert self.found(alice, "") == {"wanted", "another"}

    def test_by_tag_and_by_collection(self, alice: Any, bob: Any) -> None:
        one, two = self.piece(alice, title="one"), self.piece(alice, title="two")
        bobs = self.piece(bob, title="Bob's")
        for piece, owner in ((one, alice), (bobs, bob)):
            pieces_tag(pieces=Piece.objects.filter(pk=piece.pk), user=owner, names=["Late Night"])
        mine, his = (collection_create(user=user, title="A") for user in (alice, bob))
        collection_add(collection=mine, pieces=Piece.objects.filter(pk=two.pk))
        collection_add(collection=his, pieces=Piece.objects.filter(pk=bobs.pk))
        assert self.found(alice, "tag=late+night") == {"one"}
        assert self.found(alice, "tag=Late") == set()
        assert self.found(alice, f"collection={mine.pk}") == {"two"}
        assert self.found(alice, f"collection={his.pk}") == set()
        assert self.found(bob, f"collection={mine.pk}") == set()

    @override_settings(TIME_ZONE="America/New_York")
    def test_days_are_those_of_the_site(self, alice: Any) -> None:
        self.piece(alice, title="late", created_at=datetime(2026, 5, 2, 3, tzinfo=ZoneInfo("UTC")))
        assert self.found(alice, "from=2026-05-01&until=2026-05-01") == {"late"}
        assert self.found(alice, "from=2026-05-02") == set()

    @pytest.mark.parametrize(
        ("moment", "day"),
        [
            ("2026-05-01T11:59", "2026-05-01"),  # NZST is 12 hours ahead: one minute before midnight
            ("2026-05-01T12:00", "2026-05-02"),
            ("2026-01-15T10:59", "2026-01-15"),  # NZDT is 13 hours ahead
            ("2026-01-15T11:00", "2026-01-16"),
            ("2026-09-26T12:00", "2026-09-27"),  # clocks go forward on this day of 23 hours
            ("2026-09-27T10:59", "2026-09-27"),
            ("2026-09-27T11:00", "2026-09-28"),
            ("2026-04-04T11:00", "2026-04-05"),  # and back on this one of 25
            ("2026-04-05T11:59", "2026-04-05"),
            ("2026-04-05T12:00", "2026-04-06"),
        ],
    )
    def test_days_are_those_of_the_visitor(self, alice: Any, moment: str, day: str) -> None:
        self.piece(alice, title="late", created_at=datetime.fromisoformat(f"{moment}+00:00"))
        one = date.fromisoformat(day)
        for wanted in (one - timedelta(days=1), one, one + timedelta(days=1)):
            found = self.found(alice, f"from={wanted}&until={wanted}&tz=Pacific/Auckland")
            assert found == ({"late"} if wanted == one else set()), wanted

    def test_a_day_that_begins_at_one_begins_there(self) -> None:
        """In Beirut clocks go from midnight to one o'clock."""
        filters = read("from=2026-03-29&until=2026-03-29&tz=Asia/Beirut")
        assert filters.starts_at and filters.ends_at
        assert filters.starts_at.astimezone(ZoneInfo("UTC")).isoformat() == "2026-03-28T22:00:00+00:00"
        assert filters.ends_at.timestamp() - filters.starts_at.timestamp() == 23 * 3600

    def test_facets_are_what_there_is(self, alice: Any, bob: Any) -> None:
        self.piece(alice, genre="rock", genre_name="Rock", style="metal", style_name="Metal", key="A minor")
        self.piece(alice)
        self.piece(alice, genre="", genre_name="Uploaded", ensemble="", ensemble_name="")
        self.piece(bob, genre="drums", genre_name="Drums")
        assert Piece.objects.in_library(factories.member(alice)).facets() == {
            "genres": [("piano", "Piano"), ("rock", "Rock")],
            "types": [("grand-piano", "Grand piano")],
            "styles": [("metal", "Metal")],
            "keys": [("A minor", "A minor")],
        }


@pytest.mark.django_db
class TestWords:
    @pytest.fixture
    def piece(self, alice: Any) -> Piece:
        from library.services import piece_edit

        piece = factories.make_piece(factories.member(alice))
        return piece_edit(
            piece=piece, title="Déjà vu, No. 2", comment="A quiet_one\nfor Łódź 音楽", tags=["Late night"]
        )

    @pytest.mark.parametrize("text", ["deja", "VU 2", "quiet", "one", "late dej", "night", "音", "no.2"])
    def test_every_word_begins_one_of_the_piece(self, piece: Piece, text: str) -> None:
        assert list(Piece.objects.found_by(text)) == [piece]

    @pytest.mark.parametrize(
        "text", ["eja", "quiet nothing", "🎵", "%", "_", "'); DROP", "&|!:*", "\\", "a" * 3000, "\x00"]
    )
    def test_other_text_finds_nothing_and_breaks_nothing(self, piece: Piece, text: str) -> None:
        assert not Piece.objects.found_by(text).exists()

    def test_no_text_finds_all(self, piece: Piece) -> None:
        assert Piece.objects.found_by("  ").exists()
