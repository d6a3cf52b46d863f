"""What the rows of lists are made of: facts that are worked out once, and parts of templates that cost nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template, TemplateSyntaxError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.timesince import timesince

from accounts.models import User
from library.models import Piece
from library.rolls import ROWS, roll_notes, roll_path
from library.rows import facts_line, pictures_of, row_of
from library.services import collection_add, collection_create, pieces_tag
from library.templatetags.music import ago, whole
from tests.factories import make_piece, member

TITLE = "<b>\"R&B\"</b> 'x'"
ESCAPED = "&lt;b&gt;&quot;R&amp;B&quot;&lt;/b&gt; &#x27;x&#x27;"


class TestTexts:
    @pytest.mark.parametrize("days", [-1, 0, 1, 2, 6, 7, 27, 28, 29, 30, 31, 32, 59, 62, 180, 364, 365, 366, 367, 800])
    @pytest.mark.parametrize("seconds", [1, 70, 3599, 3700, 80_000])
    def test_how_long_ago_is_what_django_says(self, days: int, seconds: int) -> None:
        moment = datetime.now(UTC) - timedelta(days=days, seconds=seconds)
        since = timesince(moment, depth=1)
        assert ago(moment) == ("just now" if since.startswith("0") else f"{since} ago")

    @pytest.mark.parametrize(("number", "text"), [(120.0, "120"), (99.5, "100"), (100.5, "101"), (100.49, "100")])
    def test_a_tempo_is_rounded_halves_up(self, number: float, text: str) -> None:
        assert whole(number) == text

    @pytest.mark.parametrize(
        "roll",
        [
            [],
            [[0, 0, 1], [239, 31, 1], [120, 7, 20]],
            [[230, 3, 50]],
            [[0.5, 2, 3]],
            [[0, 2, 0]],
            [[-1, 2, 3], [5, 40, 3], [5, 4, 3]],
            [["1", "2", "3"], [1, 2], None],
            {"not": "a list"},
            None,
        ],
    )
    def test_a_roll_is_drawn_as_its_notes_are(self, roll: Any) -> None:
        drawn = "".join(f"M{x:g} {ROWS - y - 0.5:g}h{width - 0.6:g}" for x, y, width in roll_notes(roll))
        assert roll_path(roll) == drawn


@pytest.mark.django_db
class TestRows:
    def test_texts_are_escaped_once(self, alice: User) -> None:
        piece = make_piece(member(alice), title=TITLE, ensemble_name="A & B", voices=[{"name": '"<'}])
        pieces_tag(pieces=Piece.objects.filter(pk=piece.pk), user=alice, names=["r&b / 1"])
        (row,) = pictures_of([piece])
        assert row["title"] == ESCAPED
        assert "A &amp; B" in row["facts"]
        assert "A &amp; B" in row["picture_facts"]
        assert "&lt;" in row["voices"] and "<" not in row["voices"]
        assert row["tags"] == [("r&amp;b / 1", "/library/?tag=r%26b%20%2F%201")]
        assert Template("{{ piece.title }}").render(Context({"piece": row})) == ESCAPED

    def test_its_addresses_are_those_of_the_site(self, alice: User) -> None:
        piece = make_piece(member(alice))
        row = row_of(piece)
        assert row["url"] == f"/pieces/{piece.pk}/"
        assert row["trash_url"] == f"/pieces/{piece.pk}/trash/"

    def test_what_a_piece_lacks_leaves_no_gap(self, alice: User) -> None:
        piece = make_piece(
            member(alice), genre_name="Rock", ensemble_name="", style_name="", qpm=None, key="", length_seconds=61
        )
        assert facts_line(piece) == "Rock · 1:01"

    @pytest.mark.parametrize("path", ["/library/", "/library/?view=table&sort=title", "/library/trash/", "collection"])
    def test_no_query_for_each_row(self, client: Client, alice: User, path: str) -> None:
        client.force_login(alice)
        owner = member(alice)
        collection = collection_create(user=alice, title="All")

        def more(count: int) -> None:
            for _ in range(count):
                gone = timezone.now() if "trash" in path else None
                piece = make_piece(owner, title=TITLE, trashed_at=gone, key="F# minor", qpm=99.5)
                found = Piece.objects.filter(pk=piece.pk)
                pieces_tag(pieces=found, user=alice, names=["tag"])
                collection_add(collection=collection, pieces=found)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                page = client.get(f"/collections/{collection.pk}/" if path == "collection" else path)
            assert ESCAPED in page.content.decode()
            return len(captured)

        more(2)
        few = queries()
        more(5)
        assert queries() == few


class TestParts:
    def test_an_icon_is_written_while_the_template_is_read(self) -> None:
        drawn = Template('{% load library_pages %}{% icon "star" 22 %}{% icon "up" %}').render(Context())
        assert 'class="icon icon-star" viewBox="0 0 24 24" width="22" height="22"' in drawn
        assert 'class="icon icon-up" viewBox="0 0 24 24" width="20" height="20"' in drawn

    @pytest.mark.parametrize("tag", ['icon "no-such"', 'icon "star" big', 'icon "star" 1 2', "icon name"])
    def test_an_icon_that_does_not_exist_is_said(self, tag: str) -> None:
        with pytest.raises(TemplateSyntaxError, match="Expected an icon"):
            Template("{% load library_pages %}{% " + tag + " %}")

    def test_a_part_sees_what_stands_around_it(self) -> None:
        source = '{% load library_pages %}{% for piece in rows %}{% part "library/_roll.html" %}{% endfor %}'
        drawn = Template(source).render(Context({"rows": [{"roll": "M1 1h1"}, {"roll": "M2 2h2"}]}))
        assert 'd="M1 1h1"' in drawn and 'd="M2 2h2"' in drawn
