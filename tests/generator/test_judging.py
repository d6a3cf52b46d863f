"""What is kept of the critic's judgement, and what it is said of."""

import json
from dataclasses import replace
from typing import Any

import pytest

from generator.composers import LoadedModel, composers
from generator.engine.borrowing import Borrowed, HumanBaseline, HumanRuns
from generator.engine.composer import Composition
from generator.engine.controls import compose_request
from generator.engine.critic import piece_facts
from generator.engine.music import Note
from generator.engine.primers import Primer
from generator.models import GenreModel
from generator.services.judging import Verdict, judge, new_notes, ranks_of, sentences_of
from tests.music import GRAND_PIANO, scale

pytestmark = pytest.mark.django_db


@pytest.fixture
def loaded(piano: GenreModel) -> LoadedModel:
    return composers.load(piano)


def composition(notes: list[Note], **fields: Any) -> Composition:
    values: dict[str, Any] = {
        "notes": notes,
        "voices": (GRAND_PIANO,),
        "length_seconds": notes[-1].end_seconds if notes else 0.0,
        "seed": 1,
        "bundle_name": "b",
        "bundle_sha256": "0" * 64,
        "runtime": "litert",
    }
    return Composition(**values | fields)


def test_a_composed_piece_is_judged_in_figures_and_words(loaded: LoadedModel) -> None:
    request = compose_request(loaded.composer.bundle.manifest, seed=3, length_seconds=15)
    made = loaded.composer.compose(request)
    verdict = judge(loaded, request, made)
    assert verdict.facts["figures"]["notes"] == len(made.notes)
    assert verdict.facts["sentences"][0].startswith(f"{len(made.notes)} notes, ")
    assert all(sentence.endswith(".") for sentence in verdict.facts["sentences"])
    # The tiny bundle has no index of its training music.
    assert (verdict.originality, verdict.facts["originality"], verdict.facts["borrowed"]) == (None, None, None)


def test_what_is_borrowed_is_told_with_what_people_borrow(loaded: LoadedModel) -> None:
    class Index:
        def query(self, *args: Any) -> Borrowed:
            return Borrowed(notes=12, seconds=3.0, share=0.1)

    bundle = loaded.composer.bundle
    runs = HumanRuns(15.0, 100, 10, 30, 2.5, 6.0)
    card = replace(bundle.manifest.card, figures={"originality": HumanBaseline((runs,)).as_dict()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(bundle), "originality", Index())
        patch.setitem(vars(bundle), "manifest", replace(bundle.manifest, card=card))
        request = compose_request(bundle.manifest, seed=3, length_seconds=15)
        verdict = judge(loaded, request, loaded.composer.compose(request))
    assert verdict.facts["originality"] == (
        "12 notes in a row (3.0 s) match a training piece. The median for human-written music is 10."
    )
    assert (verdict.facts["borrowed"]["notes"], verdict.facts["borrowed"]["human"]["p95_notes"]) == (12, 30)
    json.dumps(verdict.facts, allow_nan=False)


def test_what_was_kept_of_a_primer_is_not_judged(loaded: LoadedModel) -> None:
    """A primer with a long silence would make every take broken, and none of it is the model's."""
    kept = [Note(60, 80, 0.0, 0.5), Note(62, 80, 9.0, 10.0)]
    fresh = [
        replace(note, start_seconds=note.start_seconds + 10, end_seconds=note.end_seconds + 10) for note in scale(60)
    ]
    made = composition([*kept, *fresh], kept_seconds=10.0)
    assert new_notes(made) == scale(60)
    request = compose_request(loaded.composer.bundle.manifest, seed=3, length_seconds=15)
    verdict = judge(loaded, replace(request, primer=Primer((), 10.0), keep_primer=True), made)
    assert verdict.faults == ()
    assert verdict.facts["figures"]["notes"] == 60
    assert any("a silence of" in fault for fault in judge(loaded, request, replace(made, kept_seconds=0.0)).faults)


def test_a_piece_without_notes_is_broken(loaded: LoadedModel) -> None:
    request = compose_request(loaded.composer.bundle.manifest, seed=3, length_seconds=15)
    verdict = judge(loaded, request, composition([]))
    assert verdict.faults == ("It has no notes.",)
    assert verdict.facts["faults"] == ["It has no notes."], "the piece's own page says so too"


def test_only_what_is_notable_is_told() -> None:
    busy = piece_facts(scale(80, pitch=40, seconds=0.2), 16.0)
    assert sentences_of(busy, is_known=False) == ["80 notes, 5.0 per second.", "No single key."]
    white = piece_facts(
        [Note(60 + step, 80, 0.2 * i, 0.2 * i + 0.2) for i, step in enumerate((0, 2, 4, 5, 7, 9, 11) * 5)], 7
    )
    assert sentences_of(white, is_known=False)[1].startswith("100% of the notes fit ")
    assert sentences_of(white, is_known=True)[1].startswith("100% of the notes are in ")
    silent = piece_facts([Note(60, 80, 0.0, 0.5), Note(64, 80, 2.5, 3.0)], 3.0)
    assert "Longest silence: 2.0 s." in sentences_of(silent, is_known=True)


def test_copies_come_after_what_is_their_own() -> None:
    baseline = HumanBaseline((HumanRuns(30.0, 100, 10, 30, 2.5, 6.0),))
    copy, own = Verdict(score=2.0, originality=Borrowed(notes=31)), Verdict(score=1.0, originality=Borrowed(notes=30))
    broken = Verdict(score=9.0, faults=("It has no notes.",))
    assert ranks_of([broken, copy, own], baseline=baseline, length_seconds=30) == [3, 2, 1]
    assert ranks_of([broken, copy, own]) == [3, 1, 2]
