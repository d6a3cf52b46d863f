"""The page of the benchmarks, from lines made up here: nothing is measured in tests."""

import json
import re
from dataclasses import asdict
from importlib import import_module

import pytest

from bench import figures
from bench.figures import Figure, Report, Spread
from bench.measure_magenta import figure as peer_figure
from bench.page import HEADINGS, PEER, page_of, peer_of, peer_section, with_peer
from bench.reference import ROOT

RUN = {
    "measured_at": "2026-11-22T10:00+00:00",
    "minutes": 5.5,
    "load_average": [0.1, 0.2, 0.3],
    "busy_cores": 0.05,
    "busy_cores_at_end": 0.04,
    "cores": 2,
    "processor": "A processor, 2.5 GHz",
    "memory_gb": 8.0,
    "system": "Linux x86_64",
    "python": "3.11.2",
    "packages": {"numpy": "2.4.6"},
    "commit": "abc1234",
    "bundle": "piano-1",
    "bundle_sha256": "0123456789abcdef" * 4,
    "bundle_bytes": 6_900_000,
    "failed": [],
}


def line(figure: Figure, script: str = "bench.measure_steps"):
    common = {"script": script, "command": f"python -m {script}", "load_average": [0.1, 0.2, 0.3]}
    return json.loads(json.dumps({**asdict(figure), "meets_target": figure.meets_target, **common}))


def figure(key: str, *runs: float, **fields):
    return Figure(key=key, title=f"Title of {key}", unit="s wall", value=Spread.of(runs), **fields)


def test_a_spread_is_median_and_range_of_four_figures():
    spread = Spread.of([3.000049, 1.0, 10.0])
    assert (spread.median, spread.min, spread.max, spread.runs) == (3.0, 1.0, 10.0, (3.0, 1.0, 10.0))


@pytest.mark.parametrize(("median", "meets"), [(6.0, True), (6.1, False)])
def test_a_target_is_met_by_the_median(median, meets):
    assert figure("compose", 1.0, median, 9.0, target=6.0).meets_target is meets


def test_a_figure_without_a_target_meets_none():
    assert figure("compose", 1.0).meets_target is None


def test_the_page_shows_each_figure_with_range_target_and_comparison():
    page = page_of(
        RUN,
        [
            line(figure("reference", 2.0, 4.0, 3.0)),
            line(figure("ours", 1.5, beside={"s CPU": Spread.of([0.5, 0.7])}, target=2.0, compared_with="reference")),
            line(figure("slow", 7.0, target=6.0, facts={"notes": [10, 30, 20]}), "bench.measure_compose"),
        ],
    )
    assert "| Title of reference | **3** s wall | 2 – 4 | 3 |" in page
    assert "0.6 s CPU (0.5 – 0.7) | ≤ 2, met |" in page
    assert "Title of ours: 0.50 × Title of reference." in page
    assert "| ≤ 6, **missed** |" in page
    assert "Title of slow: notes 10–30." in page
    assert "1 of 2 targets are met. Missed: Title of slow." in page
    assert page.index("## Network and composer") < page.index("## The compose command")
    assert "not idle" not in page


def test_the_page_says_when_the_machine_was_busy_or_a_script_failed():
    page = page_of({**RUN, "busy_cores_at_end": 1.0, "failed": ["site"]}, [])
    assert "was not idle" in page
    assert "Not measured, because the script failed: site." in page


def test_a_report_prints_one_json_line_that_tells_no_folder(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["measure_steps.py", "--bundle", "/somewhere/private/piano.bundle"])
    monkeypatch.setattr("bench.figures.busy_cores", lambda: 0.5)
    Report("bench.measure_steps").add(figure("step", 1.0, target=2.0))
    printed = capsys.readouterr().out
    told = json.loads(printed)
    assert printed.count("\n") == 1
    assert told["value"]["runs"] == [1.0]
    assert told["meets_target"] is True
    assert told["busy_cores"] == 0.5
    assert told["command"] == "python -m bench.measure_steps --bundle piano.bundle"


PAGE_OF_TWO = [line(figure("reference", 2.0)), line(figure("theirs", 5.0), "bench.measure_compose")]


def test_the_section_about_the_peer_outlives_the_rest_of_the_page():
    old = with_peer(page_of(RUN, PAGE_OF_TWO), peer_section(RUN, [line(figure("peer", 4.0), PEER)]))
    new = with_peer(page_of({**RUN, "commit": "def5678"}, PAGE_OF_TWO[:1]), peer_of(old))
    assert peer_of(new) == peer_of(old)
    assert new.count("## Comparison with Magenta") == 1
    assert "commit def5678" in new.partition("## Comparison with Magenta")[0]
    assert "Title of theirs" not in new


def test_the_section_about_the_peer_is_replaced_and_says_when_it_was_measured():
    old = with_peer(page_of(RUN, PAGE_OF_TWO), peer_section(RUN, [line(figure("peer", 4.0), PEER)]))
    later = {**RUN, "measured_at": "2026-12-01T10:00+00:00", "commit": "def5678"}
    new = with_peer(old, peer_section(later, [line(figure("peer", 3.0, target=2.0), PEER)]))
    assert peer_of(new).count("| Title of peer |") == 1
    assert "**3** s wall" in peer_of(new)
    assert "2026-12-01 10:00 UTC" in peer_of(new)
    assert "Missed: Title of peer." in peer_of(new)
    assert new.partition("## Comparison")[0].rstrip() == old.partition("## Comparison")[0].rstrip()


def test_a_page_without_the_peer_has_no_section_about_it():
    page = page_of(RUN, PAGE_OF_TWO)
    assert peer_of(page) == ""
    assert with_peer(page, "").rstrip() == page.rstrip()


def test_the_other_shipped_bundles_are_measured_only_beside_the_shipped_one(tmp_path, monkeypatch):
    for name in ("rock", "piano", "drums"):
        (tmp_path / f"{name}.bundle").touch()
    monkeypatch.setattr(figures, "SHIPPED", tmp_path / "piano.bundle")
    assert [path.stem for path in figures.bundles_beside(tmp_path / "piano.bundle")] == ["piano", "drums", "rock"]
    assert figures.bundles_beside(tmp_path / "mine.bundle") == [tmp_path / "mine.bundle"]


def test_ours_is_held_against_so_many_times_less_than_theirs():
    pieces = [{"cpu": 0.05, "wall": 0.06, "steps": 100}, {"cpu": 0.07, "wall": 0.06, "steps": 100}]
    ours = peer_figure("shipped-1", "Ours", pieces, peer=4.0, best=3.0, times=10)
    assert (ours.value.median, ours.target, ours.meets_target) == (0.6, 0.4, False)
    assert ours.beside["steps per second per core"].max == 2000.0
    assert ours.facts["times less CPU than Magenta"] == "6.7 (target 10)"
    assert ours.facts["than its best run"] == "5.0"


def test_each_section_of_the_written_page_describes_its_benchmark_as_the_script_does():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    scripts = {heading: script for script, heading in HEADINGS.items()}
    sections = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert len(sections) >= 9
    for heading in sections:
        assert import_module(scripts[heading]).ABOUT in page


@pytest.mark.parametrize(("median", "meets"), [(90.0, True), (89.9, False)])
def test_a_score_meets_its_target_by_being_as_high(median, meets):
    score = figure("score", 1.0, median, 100.0, target=90.0, is_more_better=True)
    assert score.meets_target is meets
    page = page_of(RUN, [line(score, "bench.measure_lighthouse")])
    assert ("≥ 90, met" in page) is meets
    assert ("≥ 90, **missed**" in page) is not meets
    assert "## Pages on a phone" in page
