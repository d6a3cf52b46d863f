"""What a report measures of bands: every control of a bundle that offers them all, against files made for it."""

import csv
from dataclasses import replace

import pytest

from generator.engine import report_controls, report_critic
from generator.engine.bundles import Bundle
from generator.engine.evaluation import HeldOut
from generator.engine.excerpts import cut, drum_voices_of, human_excerpts
from generator.engine.manifest import Choice, ChoiceControl
from generator.engine.music import Note
from generator.engine.report import LENGTH_SECONDS, Plan, Studio
from generator.engine.report_losses import equal_time
from tests.engine.fakes import BandRuntime, rock_bundle
from tests.engine.test_band_dataset import band_file

PLAN = Plan(pieces=4, max_events=500, control_seconds=15.0)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("rock")
    rows = [("a", "train", "artist Ramones"), ("b", "train", "artist Megadeth"), ("c", "validation", "artist Ramones")]
    for name, _, _ in rows:
        band_file(folder / f"{name}.mid")
    with (folder / "index.tsv").open("w", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t")
        writer.writerow(["file", "split", "tag"])
        writer.writerows([f"{name}.mid", split, tag] for name, split, tag in rows)
    bundle = rock_bundle()
    styles = ChoiceControl((Choice("punk", "Punk", 0), Choice("metal", "Metal", 1)))
    bundle = Bundle(
        replace(bundle.manifest, controls=replace(bundle.manifest.controls, style=styles)), b"", "ab" * 32, {}
    )
    return Studio(
        bundle,
        folder,
        cache_dir=tmp_path_factory.mktemp("cache"),
        plan=PLAN,
        tick=lambda doing: None,
        runtime=BandRuntime(bundle.manifest),
    )


def test_human_excerpts_begin_on_a_bar_and_are_cut(studio: Studio) -> None:
    bar = 4 * 60 / 100
    for excerpt in human_excerpts(studio.train, count=6, length_seconds=LENGTH_SECONDS):
        assert excerpt.qpm == pytest.approx(100.0)
        assert max(note.end_seconds for note in excerpt.notes) <= LENGTH_SECONDS + 1e-6
        kicks = [n.start_seconds for n in excerpt.notes if n.voice in drum_voices_of(studio.train) and n.pitch == 36]
        # The bar's first kick stands where the excerpt begins.
        assert kicks[0] == pytest.approx(0.0, abs=1e-6) and kicks[2] == pytest.approx(bar, abs=1e-6)
    assert cut([Note(60, 80, 1.0, 9.0)], 1.0, 3.0) == [Note(60, 80, 0.0, 2.0)]


def test_usual_pieces_have_the_tempos_and_styles_of_training_files(studio: Studio) -> None:
    requests = studio.usual_requests()
    assert [request.seed for request in requests] == [1, 2, 3, 4]
    assert {round(request.qpm or 0) for request in requests} == {100}
    assert {request.style for request in requests} == {"punk", "metal"}


def test_every_control_that_is_offered_is_measured(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_controls, "MIN_STYLE_EXCERPTS", 2)
    found = report_controls.controls(studio)
    assert set(found) == {"key", "density", "tempo", "bars", "feel", "style"}
    assert found["key"]["pieces"] == 4 and found["key"]["in_scale"] == 4
    assert found["key"]["closes_on_tonic_triad"] == 4
    assert found["tempo"]["exact"] == found["tempo"]["pieces"]
    assert found["bars"]["right"] == found["bars"]["pieces"]
    assert list(found["density"]["median_notes_per_second"]) == ["sparse", "medium", "dense"]
    assert found["style"]["styles"] == ["metal", "punk"] and found["style"]["measured"] == ["punk"]
    bare = replace(studio.manifest.controls, key=None, density=None, qpm=None, feel=None, style=None)
    monkeypatch.setattr(studio, "manifest", replace(studio.manifest, controls=bare))
    assert set(report_controls.controls(studio)) == {"bars"}


def test_broken_pieces_are_composed_again_and_sound_ones_stay(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = studio.usual_requests()
    pieces = studio.compose(requests, "pieces")
    critic = report_critic.Critic(studio)
    # The second piece is broken until its second attempt.
    monkeypatch.setattr(
        critic, "faults", lambda piece, length: ("Broken.",) if piece.seed == 2 and piece.attempt < 2 else ()
    )
    kept, figures = critic.replaced(requests, pieces, 2)
    assert [piece.attempt for piece in kept] == [0, 2, 0, 0]
    assert figures["broken_first_takes"] == 1 and figures["broken_after_critic"] == 0
    assert figures["faults"] == {"2": ["Broken."]}
    assert kept[0] is pieces[0] and kept[1].notes != pieces[1].notes
    kept, figures = critic.replaced(requests, pieces, 1)
    assert figures["broken_after_critic"] == 1


def test_loops_of_people_are_the_measure_of_loops(studio: Studio) -> None:
    pieces = studio.compose(studio.usual_requests(), "pieces")
    # The file plays one bar over and over; a random network does not.
    found = report_controls.loops(studio, pieces)
    assert found["human_loop_seconds_p95"] > 20 and found["loops_within_human_p95"] == 4
    assert found["loop_seconds_median"] < found["human_loop_seconds_median"]
    assert report_controls.phrases(studio, pieces)["human_closing_bars_that_differ"] == 0.0
    assert report_controls.originality(studio, pieces) is None


def test_equal_time_takes_the_last_point_that_the_lstm_had_time_for(studio: Studio) -> None:
    curve = [[2.0, 3.0], [4.0, 2.5], [6.0, 2.0]]
    card = replace(studio.manifest.card, training={"validation_curve": curve})
    manifest = replace(studio.manifest, card=card)
    read = HeldOut(nats=1.0, events=300, notes=100)
    facts = {"cpu_minutes": 5.0, "validation_nats_per_event": 2.9}
    found = equal_time(manifest, facts, read)
    assert found is not None and found["bundle_cpu_minutes"] == 4.0
    assert found["margin_nats_per_note"] == pytest.approx(0.4 * 3)
    assert equal_time(manifest, facts | {"cpu_minutes": 1.0}, read) is None
    assert equal_time(studio.manifest, facts, read) is None
