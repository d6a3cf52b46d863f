"""The report from end to end on a small bundle, and each of its measures on music made to meet or miss it."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from generator.engine.keys import parse_key
from generator.engine.midi import write_midi
from generator.engine.music import Note, Voice
from generator.engine.obedience import ending_of, file_facts, length_is_right, scale_share
from generator.engine.phrases import closing_bars, drum_bars
from generator.engine.plots import bars, piano_roll
from generator.engine.report_controls import _swing_share
from generator.engine.report_targets import Target, targets_of
from generator.engine.style_classifier import StyleClassifier, excerpts_of_bars, style_features
from tests.music import GRAND_PIANO, notes, scale
from tests.tiny_bundle import tiny_bundle


def test_an_ending_is_quiet_rings_and_closes_on_the_tonic() -> None:
    body = notes((60, 80, 0.0, 0.5), (62, 80, 0.5, 1.0))
    c_major = parse_key("C major")
    real = ending_of([*body, *notes((48, 80, 1.5, 3.0), (67, 80, 1.52, 3.0))], key=c_major)
    assert real.is_quiet and real.rings and real.closes and real.is_real
    assert not ending_of([*body, *notes((48, 80, 1.5, 1.9))]).is_quiet
    short = ending_of([*body, *notes((48, 80, 1.5, 1.8)), Note(36, 80, 0.0, 4.0)])
    assert short.is_quiet and not short.rings and not short.is_real
    off = ending_of([*body, *notes((50, 80, 1.5, 3.0), (60, 80, 1.5, 3.0))], key=c_major)
    assert off.is_quiet and off.rings and off.closes is False and not off.is_real
    assert ending_of([*body, *notes((50, 80, 1.5, 3.0))]).closes is None


def test_the_bass_voice_closes_a_band_and_a_beat_is_one_of_its_tempo() -> None:
    band = [Note(64, 80, 4.0, 5.2, 2), Note(36, 90, 4.0, 4.1, 0), Note(31, 80, 3.0, 5.2, 1)]
    key = parse_key("C major")
    assert ending_of(band, drum_voices={0}, bass_voice=1, qpm=60.0, key=key).is_real
    assert not ending_of(band, drum_voices={0}, bass_voice=1, qpm=40.0, key=key).rings
    # Drums alone have nothing that rings.
    assert ending_of([Note(36, 90, 0.0, 0.1), Note(49, 90, 2.0, 2.6)], drum_voices={0}, qpm=60.0).is_real


def test_lengths_are_right_within_a_second_or_a_bar() -> None:
    assert length_is_right(29.2, 30.0) and not length_is_right(28.9, 30.0)
    assert length_is_right(28.2, 30.0, 120.0) and not length_is_right(27.9, 30.0, 120.0)


def test_the_share_in_a_scale_leaves_drums_out() -> None:
    mixed = [*scale(12, pitch=60), Note(61, 80, 0.0, 1.0, 1)]
    assert scale_share(mixed, parse_key("C major"), drum_voices={1}) == pytest.approx(7 / 12)
    assert scale_share([], parse_key("C major")) == 1.0


def test_a_file_is_read_back_by_others_and_stuck_notes_are_counted() -> None:
    piece = scale(8)
    data = write_midi(piece, [GRAND_PIANO], qpm=97.3)
    facts = file_facts(data, piece, [GRAND_PIANO])
    assert facts.is_readable and facts.stuck_notes == 0
    assert facts.qpm == pytest.approx(97.3, abs=0.01)
    assert not file_facts(data, piece[:-1], [GRAND_PIANO]).is_readable
    assert not file_facts(data[:60], piece, [GRAND_PIANO]).is_readable
    # The last note's end is taken out: it sounds for ever.
    ends = data.rindex(bytes([0x80])) if bytes([0x80]) in data else data.rindex(bytes([72 - 17, 0]))
    stuck = bytearray(data)
    stuck[ends + 1 if data[ends] == 0x80 else ends] = 1
    assert file_facts(bytes(stuck), piece, [GRAND_PIANO]).stuck_notes >= 1


def beat(bars_of: list[list[tuple[float, int]]], qpm: float = 120.0) -> list[Note]:
    """Drums: (quarter, pitch) of each bar."""
    quarter = 60.0 / qpm
    return [
        Note(pitch, 90, (4 * bar + at) * quarter, (4 * bar + at) * quarter + 0.1, 0)
        for bar, hits in enumerate(bars_of)
        for at, pitch in hits
    ]


def test_a_phrase_that_closes_with_a_fill_differs_from_the_bar_before() -> None:
    groove = [(0.0, 36), (1.0, 38), (2.0, 36), (3.0, 38)]
    fill = [(0.0, 36), (0.25, 50), (0.5, 47), (0.75, 43)]
    with_fill = drum_bars(beat([groove, groove, groove, fill, groove]), 120.0, drum_voices={0})
    assert closing_bars(with_fill) == (1, 1)
    assert closing_bars(drum_bars(beat([groove] * 9), 120.0, drum_voices={0})) == (0, 2)
    # A bar that changes one hit of four is the same groove, and a hand's unevenness changes nothing.
    late = [(at + 0.05, pitch) for at, pitch in groove[:3]]
    assert closing_bars(drum_bars(beat([groove, groove, groove, late, groove]), 120.0, drum_voices={0})) == (0, 1)
    # The bar that ends a piece is no fill.
    assert closing_bars(drum_bars(beat([groove, groove, groove, fill]), 120.0, drum_voices={0})) == (0, 0)


def test_swing_is_told_from_straight_by_the_places_of_the_off_beats() -> None:
    straight = beat([[(i / 2, 42) for i in range(8)]] * 2)
    swung = beat([[(i + off, 42) for i in range(4) for off in (0.0, 2 / 3)]] * 2)
    assert _swing_share(straight, 120.0) == 0.0 and _swing_share(swung, 120.0) == 1.0


def test_a_classifier_tells_two_grooves_apart_at_any_tempo() -> None:
    rng = np.random.default_rng(7)
    grooves = {
        "rock": [(0.0, 36), (1.0, 38), (2.0, 36), (2.5, 36), (3.0, 38)],
        "jazz": [(0.0, 51), (1.0, 51), (1.667, 51), (2.0, 51), (3.0, 51), (3.667, 51)],
    }

    def vectors(qpm: float) -> tuple[np.ndarray, list[str]]:
        rows, styles = [], []
        for style, groove in grooves.items():
            for _ in range(12):
                played = [[hit for hit in groove if rng.random() < 0.8] or groove for _ in range(10)]
                for part, num_bars in excerpts_of_bars(beat(played, qpm), qpm):
                    assert num_bars == 8
                    rows.append(style_features(part, qpm, drum_voices={0}, num_bars=num_bars))
                    styles.append(style)
        return np.stack(rows), styles

    classifier = StyleClassifier.fit(*vectors(120.0))
    found, styles = vectors(90.0)
    assert classifier.accuracy(found, styles) > 0.9
    assert classifier.probabilities(found).sum(1) == pytest.approx(1.0)
    # Asked for the other style, all of it is wrong.
    swapped = ["jazz" if style == "rock" else "rock" for style in styles]
    assert classifier.accuracy(found, swapped) < 0.1


def test_targets_say_what_is_met_missed_and_open() -> None:
    assert Target("a", 0.8, 0.8).state == "met"
    assert Target("a", 0.79, 0.8).state == "missed"
    assert Target("a", 1.0, 0, at_most=True).state == "missed"
    assert Target("a", None, 0.8).state == "open" and Target("a", None, 0.8).value_text == "–"


def test_plots_escape_what_they_are_told() -> None:
    assert "<b>" not in bars([("<b>", 0.5, None)])
    roll = piano_roll([Note(60, 80, 0.0, 1.0, 3)], 30.0, title="A & B")
    assert "A &amp; B" in roll and "voice3" in roll
    assert "<svg" in piano_roll([], 30.0, title="silence")


class Addresses(HTMLParser):
    """Everything of a page that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        assert tag not in ("script", "link", "iframe", "img")


@pytest.fixture(scope="module")
def performances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("performances")
    for i in range(4):
        rng = np.random.default_rng(i)
        starts = np.cumsum(rng.exponential(0.1, 450)).tolist()
        played = [Note(int(rng.integers(40, 80)), int(rng.integers(30, 110)), at, at + 0.3) for at in starts]
        (folder / f"{i}.mid").write_bytes(write_midi(played, [GRAND_PIANO]))
    rows = [f"{i}.mid\t{'validation' if i > 1 else 'train'}" for i in range(4)]
    (folder / "index.tsv").write_text("\n".join(["file\tsplit", *rows]))
    return folder


def test_a_report_is_written_whole_and_needs_nothing_else(
    performances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tiny_bundle()), "--data", str(performances), "--output", str(tmp_path / "report")]
    arguments += ["--work-dir", str(tmp_path / "work"), "--quick", "--pieces", "3", "--events", "600"]
    call_command("report_genre_model", *arguments)
    figures = json.loads((tmp_path / "report" / "report.json").read_text())
    assert json.loads(capsys.readouterr().out) == figures["targets"]
    assert figures["bundle"]["genre"] == "piano"
    loss = figures["loss"]
    assert loss["bundle"]["events"] == loss["three_grams"]["events"]
    assert loss["margins_nats_per_note"]["three_grams"] == pytest.approx(
        loss["three_grams"]["nats_per_note"] - loss["bundle"]["nats_per_note"], abs=1e-3
    )
    assert figures["pieces"]["composed"] == 3 and figures["pieces"]["unreadable_files"] == 0
    assert set(figures["overlap"]["first_takes"]["features"]) == set(figures["overlap"]["ceiling"]["features"])
    assert 0.0 <= figures["overlap"]["first_takes"]["mean"] <= 1.0
    page = (tmp_path / "report" / "report.html").read_text()
    parser = Addresses()
    parser.feed(page)
    assert parser.found == [] and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "url(" not in page and "@import" not in page
    assert page.count("<svg") >= 1 + len(figures["overlap"]["names"]) + 3
    names = {target.name for target in targets_of(figures)}
    assert {"real endings of 100", "nats per note better than 3-grams"} <= names


def test_what_cannot_be_reported_on_is_one_sentence(performances: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.bundle").write_bytes(b"PK nothing")
    output = ["--output", str(tmp_path / "report"), "--quick"]
    with pytest.raises(CommandError, match="bundle"):
        call_command("report_genre_model", str(tmp_path / "broken.bundle"), "--data", str(performances), *output)
    with pytest.raises(CommandError, match="at least 2 pieces"):
        call_command("report_genre_model", "a.bundle", "--data", str(performances), *output, "--pieces", "1")
    assert not (tmp_path / "report" / "report.json").exists()


def test_voices_of_a_band_are_told_apart_in_a_file() -> None:
    voices = [Voice("Drums", 0, True, "drums"), Voice("Bass", 33, False, "bass")]
    piece = [Note(36, 90, 0.0, 0.1, 0), Note(40, 80, 0.0, 1.0, 1)]
    assert file_facts(write_midi(piece, voices), piece, voices).is_readable
