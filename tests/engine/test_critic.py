"""A sound piece passes; each fault is found and nothing else with it."""

import json

import numpy as np
import pytest

from generator.engine.critic import check_piece, judge, piece_facts
from generator.engine.errors import ControlError
from generator.engine.music import Note, Voice
from generator.engine.norms import Norms
from generator.engine.note_symbols import lines_of_notes
from generator.engine.originality import OriginalityIndex
from tests.music import notes


def sound_piece(length_seconds: float = 30.0) -> list[Note]:
    """Four notes a second without a pattern, each as long as the wait for the next."""
    pitches = np.random.default_rng(5).integers(40, 90, int(length_seconds * 4)).tolist()
    return [Note(pitch, 80, i / 4, (i + 1) / 4) for i, pitch in enumerate(pitches)]


def faults(piece: list[Note], length_seconds: float = 30.0) -> tuple[str, ...]:
    return check_piece(piece, length_seconds).faults


class TestFaults:
    def test_a_sound_piece_has_none(self) -> None:
        check = check_piece(sound_piece(), 30.0)
        assert check.passed
        assert check.faults == ()

    def test_no_notes(self) -> None:
        assert faults([]) == ("It has no notes.",)

    def test_the_length_may_be_off_by_a_second(self) -> None:
        assert faults(sound_piece(30.0), 31.0) == ()
        assert faults(sound_piece(30.0), 31.5) == ("It ends at 30.00 s instead of 31.5 s.",)
        assert faults(sound_piece(30.0), 28.5) == ("It ends at 30.00 s instead of 28.5 s.",)

    def test_a_silence(self) -> None:
        piece = [note for note in sound_piece() if not 10.0 <= note.start_seconds < 13.0]
        assert faults(piece) == ()
        piece = [note for note in piece if not 13.0 <= note.start_seconds < 13.5]
        assert faults(piece) == ("There is a silence of 3.5 s.",)

    def test_a_late_first_note_is_a_silence(self) -> None:
        assert faults([note for note in sound_piece() if note.start_seconds >= 5]) == ("There is a silence of 5.0 s.",)

    def test_a_note_that_hangs(self) -> None:
        assert faults([*sound_piece(), Note(20, 80, 1.0, 16.0)]) == ()
        assert faults([*sound_piece(), Note(20, 80, 1.0, 17.0)]) == ("A note lasts 16.0 s.",)

    def test_notes_that_overlap(self) -> None:
        assert faults([*sound_piece(), *notes((20, 80, 1.0, 2.0), (20, 80, 1.5, 2.5))]) == (
            "1 notes start while the same pitch still sounds.",
        )

    def test_a_pitch_of_two_voices_does_not_overlap(self) -> None:
        assert faults([*sound_piece(), Note(20, 80, 1.0, 2.0, 0), Note(20, 80, 1.5, 2.5, 1)]) == ()

    def test_too_few_notes(self) -> None:
        thin = [Note(40 + i, 80, i * 1.5, i * 1.5 + 1.5) for i in range(20)]
        assert faults(thin) == ("It only has 0.67 notes per second.",)

    def test_too_few_pitches(self) -> None:
        piece = [Note(60 + note.pitch % 11, 80, note.start_seconds, note.end_seconds) for note in sound_piece()]
        assert faults(piece) == ("It only uses 11 different pitches.",)

    def test_one_pitch_again_and_again(self) -> None:
        piece = [
            Note(60, 80, note.start_seconds, note.end_seconds) if 5 <= note.start_seconds < 12 else note
            for note in sound_piece()
        ]
        (fault,) = faults(piece)
        assert fault.startswith("One pitch repeats 2")

    @pytest.mark.parametrize(("times", "passes"), [(6, True), (7, False)])
    def test_a_pattern_of_16_notes(self, times: int, passes: bool) -> None:
        pattern = [40, 43, 47, 52, 55, 59, 64, 67, 66, 63, 58, 54, 51, 46, 42, 39]
        other = sound_piece()
        piece = [
            Note(pattern[i % 16], 80, note.start_seconds, note.end_seconds) if i < 16 * times else note
            for i, note in enumerate(other)
        ]
        assert check_piece(piece, 30.0).passed is passes

    def test_a_note_that_ends_before_it_begins(self) -> None:
        assert "A note ends before it begins." in faults([*sound_piece(), Note(20, 80, 5.0, 4.0)])


class TestFacts:
    def test_figures_of_a_few_notes(self) -> None:
        facts = piece_facts(notes((60, 80, 0.0, 1.0), (64, 90, 0.5, 2.0), (60, 100, 3.0, 4.0)), 4.0)
        assert (facts.notes, facts.distinct_pitches, facts.lowest_pitch, facts.highest_pitch) == (3, 2, 60, 64)
        assert (facts.notes_per_second, facts.median_velocity, facts.max_polyphony) == (0.75, 90, 2)
        assert (facts.longest_silence_seconds, facts.longest_gap_seconds) == (1.0, 2.5)

    def test_notes_that_follow_each_other_do_not_sound_at_once(self) -> None:
        assert piece_facts(notes((60, 80, 0.0, 1.0), (64, 80, 1.0, 2.0)), 2.0).max_polyphony == 1

    def test_a_short_pattern_is_a_loop(self) -> None:
        piece = [Note(60 + i % 4, 80, i / 4, (i + 1) / 4) for i in range(40)]
        assert piece_facts(piece, 10.0).loop_seconds == 9.75

    def test_the_notes_of_a_chord_have_no_order(self) -> None:
        shift = [0.0, 0.01, 0.02]
        piece = [
            Note(pitch, 80, i + shift[(n + i) % 3], i + 0.9)
            for i in range(24)
            for n, pitch in enumerate([48, 52 + i % 4, 67])
        ]
        assert piece_facts(piece, 24.0).loop_seconds == pytest.approx(23.0, abs=0.03)

    def test_an_empty_piece_has_figures(self) -> None:
        facts = piece_facts([], 10.0)
        assert (facts.notes, facts.lowest_pitch, facts.loop_seconds, facts.most_repeated) == (0, None, 0.0, 0)
        assert (facts.key, facts.key_agreement, facts.max_polyphony) == ("", None, 0)


PIANO = (Voice("Grand piano", 0),)
BAND = (Voice("Drums", 0, is_drum=True), Voice("Bass", 33))


class TestJudgement:
    def test_a_take_without_norms_and_index_has_facts_alone(self) -> None:
        judgement = judge(sound_piece(), PIANO, 30.0)
        assert (judgement.faults, judgement.score, judgement.originality) == ((), 0.0, None)
        assert judgement.facts == check_piece(sound_piece(), 30.0).facts
        values = json.loads(json.dumps(judgement.as_dict(), allow_nan=False))
        assert values["facts"]["notes"] == 120
        assert len(values["facts"]["density"]) == 6

    def test_a_copy_is_said(self) -> None:
        index = OriginalityIndex.build([lines_of_notes(sound_piece(), PIANO)], grid=False)
        borrowed = judge(sound_piece(), PIANO, 30.0, originality=index).originality
        assert borrowed is not None
        assert borrowed.notes > 100

    def test_a_loop_longer_than_people_make_is_broken(self) -> None:
        loop = [Note(40 + i % 40, 80, i / 4, (i + 1) / 4) for i in range(120)]
        norms = Norms(27.0, {}, {"loop_seconds": 12.0})
        (fault,) = judge(loop, PIANO, 30.0, norms=norms).faults
        assert fault.startswith("It loops for 29.8 s. In 99% of human-written music")
        assert judge(loop, PIANO, 30.0, norms=Norms(27.0, {}, {"loop_seconds": 30.0})).faults == ()
        assert judge(sound_piece(), PIANO, 30.0, norms=norms).faults == ()

    def test_bands_may_play_few_pitches_and_end_within_a_bar(self) -> None:
        beat = [Note(36 if i % 2 else 42, 90, i / 2, i / 2 + 0.1, 0) for i in range(58)]
        bass = [Note((33, 40, 38)[i % 3], 90, i * 1.0, i + 0.9, 1) for i in range(28)]
        assert judge([*beat, *bass], BAND, 30.0, qpm=120.0).faults == ()
        assert judge(beat, BAND, 30.0, qpm=120.0).faults == ()
        assert judge([*beat, *bass], BAND, 32.0, qpm=120.0).faults == ("It ends at 28.60 s instead of 32 s.",)

    def test_one_drum_alone_is_broken(self) -> None:
        ticks = [Note(42, 90, i / 2, i / 2 + 0.1, 0) for i in range(60)]
        assert judge(ticks, BAND, 30.0, qpm=120.0).faults == (
            "It repeats a single note.",
            "One pitch repeats 60 times in a row.",
        )

    def test_the_asked_key_counts_the_pitched_notes_alone(self) -> None:
        tune = [Note(60 + step, 80, i / 2, i / 2 + 0.4, 1) for i, step in enumerate([0, 2, 3, 5, 7, 8, 10, 4])]
        drums = [Note(37, 80, i / 2, i / 2 + 0.1, 0) for i in range(8)]
        facts = judge([*tune, *drums], BAND, 4.0, qpm=120.0, key="C minor").facts
        assert (facts.key, facts.key_agreement) == ("C minor", 7 / 8)
        with pytest.raises(ControlError, match="Expected a key"):
            judge(tune, BAND, 4.0, key="H")

    def test_the_likeliest_key_is_named_where_none_was_asked(self) -> None:
        tune = [
            Note(62 + step, 80, i / 4, i / 4 + 0.2) for i, step in enumerate([0, 4, 7, 12, 7, 4, 0, 2, 5, 11, 0, 7])
        ]
        facts = piece_facts(tune, 3.0)
        assert (facts.key, facts.key_agreement) == ("D major", 1.0)
