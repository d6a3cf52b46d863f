"""Tracks → parts: who plays what, what is only doubled, and in which key."""

import numpy as np
import pytest

from generator.engine.arranging import (
    MAJOR,
    MIN_KEY_CONFIDENCE,
    MINOR,
    Track,
    arrange,
    assign_parts,
    estimate_key,
    folded,
    normalising_shift,
    pitch_class_weights,
    polyphony_kept,
)
from generator.engine.encodings.band import PARTS

BARS = 8


def track(program, *pitches, drums=False, every=0.5, bars=BARS, at=0.0, name="", velocity=80):
    """The pitches in turn (a tuple is a chord), one every so many quarters, for so many bars."""
    rows = []
    for index in range(int(bars * 4 / every)):
        chord = pitches[index % len(pitches)]
        for pitch in chord if isinstance(chord, tuple) else (chord,):
            rows.append((at + index * every, pitch))
    starts = np.array([start for start, _ in rows])
    return Track(
        program,
        drums,
        starts,
        starts + every,
        np.array([pitch for _, pitch in rows], np.uint8),
        np.full(len(rows), velocity, np.uint8),
        name,
    )


KIT = track(0, (36, 42), 42, (38, 42), 42, drums=True)
BASS = track(33, 36, 36, 43, 41)
CHORDS = track(29, (48, 55, 60), (50, 57, 62))
PIANO = track(0, (60, 64, 67), (59, 62, 67), every=2)
TUNE = track(80, 72, 74, 76, 79, 77, 76, 74)


class TestParts:
    def test_a_band_is_recognised(self) -> None:
        assert assign_parts([KIT, BASS, CHORDS, PIANO, TUNE]) == ["drums", "bass", "rhythm", "keys", "lead"]

    def test_a_lone_line_of_a_guitar_leads_and_its_chords_do_not(self) -> None:
        solo = track(30, 64, 67, 69, 72, 74)
        assert assign_parts([CHORDS, solo]) == ["rhythm", "lead"]

    def test_of_two_lines_at_once_the_one_called_melody_leads(self) -> None:
        other = track(73, 72, 76, 79, 84)
        melody = track(11, 67, 65, 64, 62, 60, name="Melody")
        assert assign_parts([other, melody]) == ["keys", "lead"]

    def test_lines_that_take_turns_both_lead(self) -> None:
        later = track(65, 70, 69, 67, 65, at=BARS * 4.0)
        assert assign_parts([TUNE, later]) == ["lead", "lead"]

    def test_the_lowest_line_is_the_bass_where_none_is_named(self) -> None:
        low = track(87, 33, 33, 40, every=1)
        assert assign_parts([low, PIANO, TUNE]) == ["bass", "keys", "lead"]

    def test_low_lines_take_over_where_the_bass_is_silent(self) -> None:
        later = track(87, 33, 33, 40, at=BARS * 4.0)
        together = track(87, 45, 43, 41)
        assert assign_parts([BASS, later, together]) == ["bass", "bass", "rhythm"]

    def test_sound_effects_and_empty_tracks_play_nothing(self) -> None:
        empty = track(0, 60, bars=0)
        assert assign_parts([track(122, 60), empty, PIANO]) == [None, None, "keys"]

    def test_drums_on_a_wrong_channel_are_known_by_name(self) -> None:
        assert assign_parts([track(0, 36, 42, 38, name="Rock drums")]) == ["drums"]
        assert assign_parts([track(114, 60, 62, 64, name="Steel drums")]) != ["drums"]

    def test_nothing_gives_nothing(self) -> None:
        assert len(arrange([])) == 0


class TestDoublings:
    def test_the_same_track_again_is_left_out(self) -> None:
        assert assign_parts([CHORDS, CHORDS]) == ["rhythm", None]

    def test_a_track_an_octave_higher_is_left_out_within_its_part(self) -> None:
        higher = track(27, (60, 67, 72), (62, 69, 74))
        assert assign_parts([CHORDS, higher]) == ["rhythm", None]

    def test_the_fuller_track_stays(self) -> None:
        part = track(29, (48, 55, 60), (50, 57, 62), bars=BARS - 2)
        assert assign_parts([part, CHORDS]) == [None, "rhythm"]

    def test_an_echo_is_left_out(self) -> None:
        echo = track(80, 72, 74, 76, 79, 77, 76, 74, at=0.25, velocity=40)
        assert assign_parts([echo, TUNE]) == [None, "lead"]

    def test_a_guitar_may_double_the_bass_and_an_organ_may_not(self) -> None:
        riff, organ = track(30, 48, 48, 55, 53), track(16, 48, 48, 55, 53)
        assert assign_parts([BASS, riff, organ])[0] == "bass"
        assert assign_parts([BASS, riff, organ])[1:] == ["rhythm", None]

    def test_tracks_that_share_little_both_stay(self) -> None:
        other = track(27, (52, 59), (53, 60), (55, 62))
        assert assign_parts([CHORDS, other]) == ["rhythm", "rhythm"]


class TestArranging:
    def test_notes_come_in_order_with_their_parts(self) -> None:
        notes = arrange([TUNE, BASS, KIT])
        order = np.lexsort((notes.pitches, notes.parts, notes.starts))
        assert (order == np.arange(len(notes))).all()
        assert sorted({PARTS[part] for part in notes.parts}) == ["bass", "drums", "lead"]
        assert len(notes) == len(TUNE.starts) + len(BASS.starts) + len(KIT.starts)

    def test_pitches_are_folded_into_their_parts_by_octaves(self) -> None:
        parts = np.array([PARTS.index(p) for p in ("bass", "bass", "lead", "rhythm", "drums")], np.uint8)
        moved = folded(parts, np.array([12, 72, 110, 31, 5]))
        assert moved.tolist() == [24, 60, 98, 43, 5]


class TestPolyphony:
    def test_of_a_big_chord_the_outer_notes_stay(self) -> None:
        kept, _ = polyphony_kept(np.zeros(5, np.int64), np.full(5, 12), 2)
        assert kept.tolist() == [True, False, False, False, True]

    def test_a_bass_plays_one_note_at_once_and_of_an_octave_the_lower(self) -> None:
        kept, ends = polyphony_kept(np.array([0, 0, 6]), np.array([24, 24, 12]), 1)
        assert kept.tolist() == [True, False, True]
        assert ends[[0, 2]].tolist() == [6, 12]

    def test_the_oldest_note_gives_way_and_no_other(self) -> None:
        starts, ends = np.array([0, 3, 6, 9]), np.array([48, 6, 48, 12])
        kept, ends = polyphony_kept(starts, ends, 2)
        assert kept.all()
        assert ends.tolist() == [9, 6, 48, 12]


class TestKey:
    @pytest.mark.parametrize("tonic", range(12))
    @pytest.mark.parametrize(
        ("mode", "chords"),
        [(MAJOR, ((0, 4, 7), (5, 9, 12), (7, 11, 14))), (MINOR, ((0, 3, 7), (5, 8, 12), (8, 12, 15)))],
    )
    def test_a_cadence_names_its_key_and_the_shift_brings_it_home(self, tonic, mode, chords) -> None:
        weights = np.zeros(12)
        for chord, weight in zip(chords, (3.0, 1.0, 1.0), strict=True):
            for pitch in chord:
                weights[(tonic + pitch) % 12] += weight
        found, found_mode, confidence = estimate_key(weights)
        assert (found, found_mode) == (tonic, mode)
        assert confidence > MIN_KEY_CONFIDENCE
        shift = normalising_shift(tonic, mode)
        assert -6 <= shift <= 5
        assert (tonic + shift) % 12 == (0 if mode == MAJOR else 9)

    @pytest.mark.parametrize("weights", [np.zeros(12), np.ones(12)])
    def test_no_notes_and_all_notes_are_in_no_key(self, weights) -> None:
        assert estimate_key(weights)[2] == 0.0

    def test_drums_say_nothing_and_the_bass_counts_double(self) -> None:
        weights = pitch_class_weights(arrange([KIT, track(33, 36), track(0, (62, 66), every=0.5)]))
        assert weights[[0, 2, 6]] == pytest.approx(weights[2] * np.array([2, 1, 1]))
        assert weights.sum() == pytest.approx(weights[[0, 2, 6]].sum())
