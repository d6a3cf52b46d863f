"""Copies are found wherever they were moved to; what was not copied is not; the index survives its bytes."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from generator.engine import originality
from generator.engine.borrowing import (
    Borrowed,
    HumanBaseline,
    HumanRuns,
    copies_more_than_people,
    originality_sentence,
    parse_baseline,
)
from generator.engine.errors import BundleError
from generator.engine.music import Note, Voice
from generator.engine.note_symbols import drum_line, free_line, grid_line, lines_of_notes
from generator.engine.originality import OriginalityIndex
from generator.engine.originality_baseline import human_baseline

PIANO = (Voice("Grand piano", 0),)
BAND = (Voice("Drums", 0, is_drum=True), Voice("Bass", 33))
QPM = 100.0
# A card may come from anybody.
ENDLESS = {"runs": [asdict(HumanRuns(30.0, 100, 9.0, float("inf"), 1.0, 2.0))]}


def performance(seed: int, count: int = 200, begin: float = 0.0) -> list[Note]:
    """Notes of random pitches, now and then a chord, with waits of all sizes in whole hundredths of a second."""
    rng = np.random.default_rng(seed)
    starts = begin + np.cumsum(rng.choice([0, 8, 12, 25, 60, 150], count)) / 100
    pitches = rng.integers(30, 95, count)
    return [Note(int(p), 80, float(s), float(s) + 0.2) for p, s in zip(pitches, starts, strict=True)]


def moved(notes: list[Note], *, semitones: int = 0, seconds: float = 0.0, factor: float = 1.0) -> list[Note]:
    begin = notes[0].start_seconds
    return [
        replace(
            note,
            pitch=note.pitch + semitones,
            start_seconds=(note.start_seconds - begin) * factor + seconds,
            end_seconds=(note.end_seconds - begin) * factor + seconds,
        )
        for note in notes
    ]


def groove(seed: int, bars: int = 16, qpm: float = QPM) -> list[Note]:
    """Random hits of drums and a random bass line on sixteenths."""
    rng = np.random.default_rng(seed)
    sixteenth = 15.0 / qpm
    found = []
    for place in range(16 * bars):
        start = place * sixteenth
        for pitch in (36, 38, 42, 46, 51):
            if rng.random() < 0.25:
                found.append(Note(pitch, 90, start, start + 0.03, 0))
        if rng.random() < 0.5:
            found.append(Note(int(rng.integers(28, 52)), 90, start, start + sixteenth, 1))
    return found


@pytest.fixture(scope="module")
def training() -> list[list[Note]]:
    return [performance(seed) for seed in range(30)]


@pytest.fixture(scope="module")
def index(training: list[list[Note]]) -> OriginalityIndex:
    return OriginalityIndex.build([lines_of_notes(notes, PIANO) for notes in training], grid=False)


@pytest.fixture(scope="module")
def grooves() -> OriginalityIndex:
    return OriginalityIndex.build([lines_of_notes(groove(seed), BAND, QPM) for seed in range(30)], grid=True)


class TestGuarantee:
    def test_every_run_of_16_notes_is_found(self, training: list[list[Note]], index: OriginalityIndex) -> None:
        (line,) = lines_of_notes(training[7], PIANO)
        assert index.guaranteed_notes == 16
        for first in range(len(line.symbols) - 15):
            assert index.contains(originality.hashes(line.symbols[first : first + 15])).any()

    def test_a_whole_piece_is_found_to_the_last_notes(
        self, training: list[list[Note]], index: OriginalityIndex
    ) -> None:
        borrowed = index.query(training[3], PIANO)
        assert 200 - 14 <= borrowed.notes <= 200
        assert borrowed.share > 0.9
        assert borrowed.start_seconds == training[3][0].start_seconds

    @pytest.mark.parametrize("semitones", [-7, 0, 5])
    @pytest.mark.parametrize("run", [24, 40, 80])
    def test_a_planted_run_is_found_in_another_key(
        self, training: list[list[Note]], index: OriginalityIndex, semitones: int, run: int
    ) -> None:
        before = performance(1001, 60)
        start = before[-1].end_seconds + 2.0
        copy = moved(training[11][50 : 50 + run], semitones=semitones, seconds=start)
        piece = [*before, *copy, *performance(1002, 60, copy[-1].end_seconds + 2.0)]
        borrowed = index.query(piece, PIANO)
        # The runs found begin and end at an 8-gram that was kept.
        assert run - 15 <= borrowed.notes <= run + 2
        assert start - 0.01 <= borrowed.start_seconds <= start + copy[14].start_seconds - copy[0].start_seconds
        assert 0 < borrowed.seconds <= copy[-1].end_seconds - start + 0.01

    def test_a_copy_played_a_little_faster_is_found(self, training: list[list[Note]], index: OriginalityIndex) -> None:
        assert index.query(moved(training[5], factor=0.97, semitones=3), PIANO).notes > 40

    def test_what_was_not_copied_shares_nothing(self, index: OriginalityIndex) -> None:
        assert index.query(performance(999, 2000), PIANO) == Borrowed()

    def test_the_stored_hashes_are_one_in_eight(self, index: OriginalityIndex) -> None:
        assert len(index) == 30 * 24


class TestGrid:
    def test_drums_and_bass_are_found_at_another_tempo(self, grooves: OriginalityIndex) -> None:
        sixteenth = 15.0 / QPM
        part = [n for n in groove(9) if 64 * sixteenth <= n.start_seconds < 160 * sixteenth]
        slower = moved(part, factor=QPM / 70.0)
        drums = [note for note in slower if note.voice == 0]
        bass = [note for note in slower if note.voice == 1]
        assert len(drums) * 0.6 < grooves.query(drums, BAND, 70.0).notes <= len(drums)
        assert len(bass) * 0.6 < grooves.query(bass, BAND, 70.0).notes <= len(bass)
        assert grooves.query(groove(77), BAND, QPM).notes == 0

    def test_a_late_hit_stays_on_its_grid(self) -> None:
        late = [replace(note, start_seconds=note.start_seconds + 0.01) for note in groove(4)]
        for line, moved_line in zip(lines_of_notes(groove(4), BAND, QPM), lines_of_notes(late, BAND, QPM), strict=True):
            assert (line.symbols == moved_line.symbols).all()

    def test_drummers_may_be_a_twelfth_early_or_late(self) -> None:
        starts = np.arange(0, 48 * 4, 3)
        pitches = np.random.default_rng(0).choice([36, 38, 42], len(starts))
        uneven = starts + np.random.default_rng(1).integers(-1, 2, len(starts)) * (np.arange(len(starts)) > 0)
        line, again = (drum_line(times, np.ones_like(times), pitches) for times in (starts, uneven))
        assert (line.symbols == again.symbols).all()

    @pytest.mark.parametrize("pitches", [[40, 40], [40, 52]])
    def test_one_note_again_and_again_and_to_and_fro_belong_to_nobody(self, pitches: list[int]) -> None:
        starts = np.arange(0, 48 * 8, 6)
        line = grid_line(starts, np.full(64, 6), np.tile(pitches, 32))
        riff = grid_line(starts, np.full(64, 6), np.tile([40, 43, 45, 40, 47], 13)[:64])
        index = OriginalityIndex.build([[line], [riff]], grid=True)
        assert index.longest_run([line]).notes == 0
        assert index.longest_run([riff]).notes > 40

    def test_what_too_many_pieces_play_belongs_to_nobody(self) -> None:
        beat = np.arange(0, 48 * 8, 6)
        pitches = np.where(np.arange(len(beat)) % 4 == 2, 38, 42)
        common = drum_line(beat, np.ones_like(beat), pitches)
        own = [lines_of_notes(groove(seed), BAND, QPM) for seed in range(20)]
        everybody = OriginalityIndex.build([[*lines, common] for lines in own], grid=True)
        few = OriginalityIndex.build([*own[5:], *([*lines, common] for lines in own[:5])], grid=True)
        assert everybody.common > 0
        assert everybody.longest_run([common]).notes == 0
        assert few.longest_run([common]).notes > 40
        assert everybody.longest_run(own[0]).notes > 40


class TestSymbols:
    def test_the_unevenness_of_a_chord_does_not_matter(self) -> None:
        starts = np.repeat(np.arange(10) * 0.4, 3)
        pitches = np.tile([60, 64, 67], 10)
        rng = np.random.default_rng(0)
        # A first note of each chord on time, the others up to 30 ms late.
        uneven = starts + np.where(np.arange(30) % 3 == 1, 0.0, rng.integers(0, 4, 30) / 100)
        even = free_line(starts, starts + 0.3, pitches)
        assert (free_line(uneven, uneven + 0.3, pitches).symbols == even.symbols).all()

    def test_the_order_of_the_notes_does_not_matter(self) -> None:
        starts, pitches = np.arange(0, 300, 3), np.random.default_rng(1).integers(40, 80, 100)
        order = np.random.default_rng(2).permutation(100)
        durations = np.full(100, 3)
        line, again = grid_line(starts, durations, pitches), grid_line(starts[order], durations, pitches[order])
        assert (line.symbols == again.symbols).all()

    def test_rhythm_counts(self) -> None:
        pitches = np.arange(40, 60)
        even = grid_line(np.arange(20) * 6, np.ones(20, int), pitches)
        swung = grid_line(np.arange(20) * 6 + 2 * (np.arange(20) % 2), np.ones(20, int), pitches)
        assert (even.symbols != swung.symbols).all()

    @pytest.mark.parametrize("count", [0, 1, 8])
    def test_too_few_notes_have_no_grams(self, index: OriginalityIndex, count: int) -> None:
        assert index.query(performance(1, count), PIANO) == Borrowed()


class TestBytes:
    def test_they_read_back(self, training: list[list[Note]], index: OriginalityIndex) -> None:
        data = index.to_bytes()
        again = OriginalityIndex.from_bytes(data)
        assert len(data) == index.num_bytes
        assert again.to_bytes() == data
        assert (again.grid, again.pieces, again.step, len(again)) == (False, 30, 8, len(index))
        assert again.query(training[2], PIANO) == index.query(training[2], PIANO)

    def test_equal_music_gives_equal_bytes(self, training: list[list[Note]], index: OriginalityIndex) -> None:
        lines = [lines_of_notes(notes, PIANO) for notes in reversed(training)]
        assert OriginalityIndex.build(lines, grid=False).to_bytes() == index.to_bytes()

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: data[:20],
            lambda data: data[:-2],
            lambda data: data + b"\0\0",
            lambda data: b"ZIP!" + data[4:],
            lambda data: data[:9] + b"\x1f" + data[10:],
            lambda data: data[:30] + bytes([data[30] ^ 7]) + data[31:],
            lambda data: data + bytes(originality.MAX_INDEX_BYTES),
            lambda data: data[:4] + b"\x63\0" + data[6:],
        ],
    )
    def test_damage_is_refused_in_a_sentence(self, index: OriginalityIndex, damage) -> None:
        with pytest.raises(BundleError, match=r"^The bundle's originality index .*\.$"):
            OriginalityIndex.from_bytes(damage(index.to_bytes()))

    def test_an_empty_index_holds_nothing(self) -> None:
        empty = OriginalityIndex.from_bytes(OriginalityIndex.build([], grid=False).to_bytes())
        assert len(empty) == 0
        assert empty.query(performance(1), PIANO) == Borrowed()

    def test_false_positives_come_at_the_stated_rate_and_it_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(originality, "MAX_INDEX_BYTES", 400_000)
        rng = np.random.default_rng(0)
        lines = [[grid_line(np.arange(4000) * 3, np.ones(4000, int), rng.integers(30, 90, 4000))] for _ in range(300)]
        index = OriginalityIndex.build(lines, grid=True)
        assert 300_000 < len(index.to_bytes()) <= 400_000
        found = index.contains(rng.integers(0, 2**63, 1_000_000).astype(np.uint64) * np.uint64(2))
        assert found.mean() == pytest.approx(index.false_positive_rate, rel=0.3)
        assert index.false_positive_rate < 1e-4

    def test_music_beyond_the_room_is_thinned_further(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(originality, "MAX_INDEX_BYTES", 2_000)
        pieces = [lines_of_notes(performance(seed, 400), PIANO) for seed in range(40)]
        index = OriginalityIndex.build(pieces, grid=False)
        assert index.num_bytes <= 2_000
        assert (index.step, index.guaranteed_notes) == (32, 40)
        assert index.longest_run(pieces[0]).notes > 300


class TestBaseline:
    def test_recordings_of_trained_works_are_left_out(
        self, training: list[list[Note]], index: OriginalityIndex
    ) -> None:
        others = [lines_of_notes(performance(seed), PIANO) for seed in range(500, 506)]
        doubled = [lines_of_notes(notes, PIANO) for notes in training[:3]]
        baseline = human_baseline(index, [*others, *doubled], lengths_seconds=(20.0, 3000.0))
        assert (baseline.files, baseline.doubled_files) == (6, 3)
        (runs,) = baseline.runs
        assert (runs.length_seconds, runs.median_notes, runs.p95_notes) == (20.0, 0.0, 0.0)
        (all_runs,) = baseline.all_runs
        assert all_runs.p95_notes > 30
        assert parse_baseline(baseline.as_dict()) == baseline

    def test_a_length_that_few_files_have_is_left_out(self, index: OriginalityIndex) -> None:
        short = [lines_of_notes(performance(seed, 100), PIANO) for seed in range(500, 508)]
        long = [lines_of_notes(performance(seed, 400), PIANO) for seed in range(600, 604)]
        baseline = human_baseline(index, [*short, *long], lengths_seconds=(20.0, 100.0), excerpts=5)
        assert [runs.length_seconds for runs in baseline.runs] == [20.0]

    def test_the_length_next_to_the_piece_counts(self) -> None:
        runs = tuple(HumanRuns(length, 100, length, 2 * length, 1.0, 2.0) for length in (30.0, 60.0, 300.0))
        baseline = HumanBaseline(runs)
        assert [getattr(baseline.at(s), "length_seconds", None) for s in (5, 40, 50, 150, 3600)] == [
            30.0, 30.0, 60.0, 300.0, 300.0,
        ]  # fmt: skip
        assert HumanBaseline(()).at(30.0) is None

    @pytest.mark.parametrize("values", [None, {}, [], "x", {"runs": "x"}, {"runs": [{}]}, {"runs": [1]}, ENDLESS])
    def test_a_card_without_a_baseline_has_none(self, values: object) -> None:
        assert parse_baseline(values) is None

    def test_the_sentences(self) -> None:
        baseline = HumanBaseline((HumanRuns(30.0, 100, 14.0, 33.0, 2.0, 4.0),))
        assert originality_sentence(Borrowed(9, 1.42), baseline, 30.0) == (
            "9 notes in a row (1.4 s) match a training piece. The median for human-written music is 14."
        )
        assert originality_sentence(Borrowed(40, 6.0), None, 30.0) == (
            "40 notes in a row (6.0 s) match a training piece."
        )
        assert originality_sentence(Borrowed(40, 6.0), baseline, 30.0) == (
            "Warning: 40 notes in a row (6.0 s) match a training piece, more than in 95% of human-written music."
        )
        drums = HumanBaseline((HumanRuns(30.0, 100, 0.0, 15.0, 0.0, 2.0),))
        assert originality_sentence(Borrowed(10, 1.0), drums, 30.0).endswith(
            " match a training piece. In 95% of human-written music it is at most 15."
        )
        assert originality_sentence(Borrowed(), None, 30.0) == (
            "Original: no passage of nine or more notes matches the training music."
        )
        assert [copies_more_than_people(Borrowed(n), baseline, 30.0) for n in (33, 34)] == [False, True]
        assert not copies_more_than_people(Borrowed(99), None, 30.0)
