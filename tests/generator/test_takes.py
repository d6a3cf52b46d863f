"""Several takes of one job: one batch, judged, ranked, drafts until they are kept."""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from generator.composers import composers
from generator.engine.composer import Composer, Composition
from generator.live_notes import LiveNotes, Stop
from generator.models import Generation, GenreModel, NoteChunk, Take
from generator.services import clean_up, generation_cancel, generation_compose, takes
from generator.services.judging import Verdict, ranks_of
from library.models import Piece
from tests import factories
from tests.music import notes_of_midi

pytestmark = pytest.mark.django_db

BROKEN = Verdict(faults=("Nothing sounds for 3.5 s.",), score=-1.0)
Judge = Callable[[Any, Any, Composition], Verdict]


@pytest.fixture
def batches(piano: GenreModel, monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[int, int]]]:
    """(take, attempt) of each request of each batch that is composed."""
    composers.load(piano)  # it warms up by composing
    seen: list[list[tuple[int, int]]] = []
    compose_many = Composer.compose_many

    def spy(self: Composer, requests: Sequence[Any], listeners: Any = None) -> Any:
        seen.append([(request.take, request.attempt) for request in requests])
        return compose_many(self, requests, listeners)

    monkeypatch.setattr(Composer, "compose_many", spy)
    return seen


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, int], Verdict]:
    """What is said of (take, attempt); of all others that they are sound."""
    told: dict[tuple[int, int], Verdict] = {}
    monkeypatch.setattr(
        takes, "judge", lambda loaded, request, _: told.get((request.take, request.attempt), Verdict(score=0.5))
    )
    return told


def compose(piano: GenreModel, count: int, owner: Any = None, **fields: Any) -> Generation:
    generation = factories.make_generation(owner, genre=piano.genre, seed=3, takes_asked=count, **fields)
    generation_compose(pk=generation.pk, worker_id="worker-1")
    generation.refresh_from_db()
    return generation


def found(generation: Generation) -> list[tuple[int, int, int | None]]:
    return [(take.index, take.attempt, take.rank) for take in generation.takes.all()]


def sound(rows: list[Any]) -> Counter[tuple[int, ...]]:
    return Counter(tuple(row) for row in rows)


def test_all_takes_are_composed_in_one_batch(piano: GenreModel, batches: Any, verdicts: Any) -> None:
    verdicts[2, 0] = Verdict(score=0.9)
    generation = compose(piano, 4)
    assert generation.status == Generation.Status.SUCCEEDED
    assert batches == [[(0, 0), (1, 0), (2, 0), (3, 0)]]
    assert found(generation) == [(2, 0, 1), (0, 0, 2), (1, 0, 3), (3, 0, 4)]
    files = {take.piece.midi.open("rb").read() for take in generation.takes.all() if take.piece}
    assert len(files) == 4, "each take is music of its own"
    assert generation.piece is None, "which one it is, the owner says"


def test_the_first_take_is_the_one_that_plays_and_the_same_as_alone(piano: GenreModel, verdicts: Any) -> None:
    one, several = compose(piano, 1), compose(piano, 3)
    alone, first = one.takes.get().piece, several.takes.get(index=0).piece
    assert alone and first
    assert notes_of_midi(alone.midi.open("rb").read()) == notes_of_midi(first.midi.open("rb").read())
    played = [row for chunk in NoteChunk.objects.filter(generation=several) for row in chunk.notes]
    heard = [row for chunk in NoteChunk.objects.filter(generation=one) for row in chunk.notes]
    assert sound(played) == sound(heard)
    assert set(NoteChunk.objects.values_list("take", flat=True)) == {0}
    titles = list(
        Piece.objects.filter(take__generation=several).order_by("take__index").values_list("title", flat=True)
    )
    assert titles[0] == alone.title
    assert len(set(titles)) == 3, "each take is called otherwise"


@pytest.mark.parametrize("count", [1, 2])
def test_every_take_is_a_draft(piano: GenreModel, alice: Any, verdicts: Any, count: int) -> None:
    generation = compose(piano, count, owner=factories.member(alice))
    drafts = Piece.objects.filter(take__generation=generation)
    assert [piece.is_draft and piece.owner == alice and bool(piece.expires_at) for piece in drafts] == [True] * count
    assert not Piece.objects.kept().exists()


def test_a_broken_take_that_nobody_heard_is_composed_again(piano: GenreModel, batches: Any, verdicts: Any) -> None:
    verdicts[1, 0] = verdicts[2, 0] = verdicts[2, 1] = BROKEN
    generation = compose(piano, 3)
    assert batches == [[(0, 0), (1, 0), (2, 0)], [(1, 1), (2, 1)], [(2, 2)]]
    assert found(generation) == [(0, 0, 1), (1, 1, 2), (2, 2, 3)]
    assert not Take.objects.exclude(faults=[]).exists()


def test_it_is_composed_again_at_most_twice(piano: GenreModel, batches: Any, verdicts: Any) -> None:
    verdicts |= dict.fromkeys([(1, 0), (1, 1), (1, 2)], BROKEN)
    verdicts[1, 0] = Verdict(faults=("One.", "Two."))
    generation = compose(piano, 2)
    assert len(batches) == 3
    assert found(generation) == [(0, 0, 1), (1, 1, 2)], "of broken ones the least broken, and it ranks last"
    assert generation.takes.get(index=1).faults == list(BROKEN.faults)


def test_what_played_is_never_swapped(piano: GenreModel, verdicts: Any, guest_client: Client) -> None:
    verdicts[0, 0] = BROKEN
    generation = compose(piano, 1)
    assert found(generation) == [(0, 1, 1), (0, 0, 2)]
    replacement, heard = guest_client.get(f"/api/v1/generations/{generation.pk}/").json()["takes"]
    assert (heard["plays_live"], heard["broken"], heard["replaces"]) == (True, True, None)
    assert heard["broken_sentences"] == ["Nothing sounds for 3.5 s."]
    assert (replacement["label"], replacement["broken"], replacement["replaces"]) == (
        "Take 1, second try",
        False,
        0,
    )
    assert replacement["piece"]["title"] != heard["piece"]["title"]
    assert heard["is_draft"]
    assert replacement["is_draft"]
    assert heard["piece"]["id"] != replacement["piece"]["id"]


def test_what_played_stays_alone_when_no_replacement_is_sound(piano: GenreModel, batches: Any, verdicts: Any) -> None:
    verdicts |= dict.fromkeys([(0, 0), (0, 1), (0, 2)], BROKEN)
    generation = compose(piano, 1)
    assert len(batches) == 3
    assert found(generation) == [(0, 0, 1)]
    assert generation.piece is not None
    assert generation.takes.get().is_broken


def test_a_job_that_is_done_again_ends_with_the_same_pieces(piano: GenreModel, verdicts: Any) -> None:
    verdicts[0, 0] = BROKEN
    generation = factories.make_generation(genre=piano.genre, seed=3, takes_asked=2)
    stored = []
    for _ in range(2):
        Piece.objects.all().delete()
        Generation.objects.update(status=Generation.Status.QUEUED)
        generation_compose(pk=generation.pk, worker_id="worker-1")
        stored.append(set(Piece.objects.values_list("pk", flat=True)))
    assert stored[0] == stored[1]
    assert len(stored[0]) == 3
    assert Take.objects.count() == 3


def test_a_job_is_cancelled_while_it_is_composed_again(
    piano: GenreModel, batches: Any, verdicts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts[0, 0] = BROKEN

    def cancel_then_ask(self: LiveNotes) -> bool:
        if len(batches) == 2:
            generation_cancel(generation=Generation.objects.get())
            self._write()
        return should_stop(self)

    should_stop = LiveNotes.should_stop
    monkeypatch.setattr(LiveNotes, "should_stop", cancel_then_ask)
    assert compose(piano, 2).status == Generation.Status.CANCELLED
    assert not Piece.objects.exists()


def test_when_no_time_is_left_to_compose_again_what_is_there_is_offered(
    piano: GenreModel, batches: Any, verdicts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts[1, 0] = BROKEN

    def out_of_time(self: LiveNotes) -> bool:
        if len(batches) == 2:
            self.stop = Stop.DEADLINE
        return should_stop(self)

    should_stop = LiveNotes.should_stop
    monkeypatch.setattr(LiveNotes, "should_stop", out_of_time)
    generation = compose(piano, 2)
    assert generation.status == Generation.Status.SUCCEEDED
    assert found(generation) == [(0, 0, 1), (1, 0, 2)]


def test_broken_ones_rank_last_and_of_equals_the_earlier_first() -> None:
    assert ranks_of([BROKEN, Verdict(score=0.2), Verdict(score=0.7), Verdict(score=0.2)]) == [4, 2, 1, 3]


class TestOverTheApi:
    def test_takes_are_unranked_until_all_are_done(self, guest_client: Client) -> None:
        generation = factories.make_generation(status="running", takes_asked=2)
        data = guest_client.get(f"/api/v1/generations/{generation.pk}/").json()
        assert (data["takes_asked"], data["ranked"], data["piece"]) == (2, False, None)
        assert [(take["label"], take["rank"], take["rank_label"], take["piece"]) for take in data["takes"]] == [
            ("Take 1", None, "Unranked", None),
            ("Take 2", None, "Unranked", None),
        ]
        assert [take["plays_live"] for take in data["takes"]] == [True, False]

    def test_then_the_best_comes_first_with_its_piece(
        self, piano: GenreModel, verdicts: Any, guest_client: Client
    ) -> None:
        verdicts[1, 0] = Verdict(
            score=1.0, facts={"sentences": ["Lively."], "originality": "Nothing borrowed.", "figures": {"notes": 9}}
        )
        generation = compose(piano, 2)
        data = guest_client.get(f"/api/v1/generations/{generation.pk}/").json()
        assert data["ranked"]
        best, other = data["takes"]
        assert (best["label"], best["rank_label"], other["rank_label"]) == ("Take 2", "Best", "2nd")
        assert (best["facts"], best["originality"]) == (["Lively."], "Nothing borrowed.")
        assert best["piece"]["figures"] == {"notes": 9}
        assert best["piece"]["params"] == generation.params
        assert guest_client.get(best["piece"]["midi_url"]).status_code == 200, "a draft can be heard"
        assert guest_client.get("/api/v1/pieces/?state=kept").json()["results"] == [], "but it is not in the list"
        kept = guest_client.post(best["keep_url"])
        assert (kept.status_code, kept.json()["is_draft"]) == (200, False)
        assert guest_client.post(best["keep_url"]).status_code == 200
        assert [piece["id"] for piece in guest_client.get("/api/v1/pieces/?state=kept").json()["results"]] == [
            best["piece"]["id"]
        ]

    def test_what_is_kept_stays_and_drafts_go(
        self, piano: GenreModel, verdicts: Any, alice: Any, client: Client
    ) -> None:
        client.force_login(alice)
        generation = compose(piano, 2, owner=factories.member(alice))
        kept, other = generation.takes.all()
        assert kept.piece
        assert other.piece
        client.post(f"/api/v1/pieces/{kept.piece.pk}/keep/")
        Piece.objects.exclude(expires_at=None).update(expires_at=timezone.now())
        clean_up()
        assert list(Piece.objects.all()) == [kept.piece]
        assert not other.piece.midi.storage.exists(str(other.piece.midi.name))
        data = client.get(f"/api/v1/generations/{generation.pk}/").json()
        assert [take["id"] for take in data["takes"]] == [kept.pk]

    def test_only_the_owner_keeps(self, client: Client, alice: Any, bob: Any) -> None:
        draft = factories.make_piece(factories.member(alice), is_draft=True)
        address = f"/api/v1/pieces/{draft.pk}/keep/"
        assert client.post(address).status_code == 404
        client.force_login(bob)
        assert client.post(address).status_code == 404
        client.force_login(alice)
        assert client.get(address).status_code == 405
        assert client.post(f"/api/v1/pieces/{uuid.uuid4()}/keep/").status_code == 404
        draft.refresh_from_db()
        assert draft.is_draft
