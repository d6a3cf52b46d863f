"""MIDI files → pieces on the grid: bars, steps, keys, feel."""

import mido
import numpy as np
import pytest

from generator.engine.band_files import STRAIGHT, SWING, UNKNOWN_FEEL, grid_strength, on_grid, read_band_pieces
from generator.engine.encodings.band import PARTS, STEPS_PER_BAR
from generator.engine.encodings.drum_sounds import DRUM_SOUNDS
from generator.engine.styles import style_of

TICKS = 480
KICK, SNARE, CLOSED_HAT = (
    next(i for i, sound in enumerate(DRUM_SOUNDS) if sound.name == name) for name in ("kick", "snare", "closed hi-hat")
)


@pytest.fixture
def written(tmp_path):
    """Writes a file of tracks (program, or None for drums, with rows of quarter, quarters, pitch, velocity)."""

    def write(*tracks, signatures=(), tempos=((0, 120),)):
        file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
        events = [(q, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(qpm))) for q, qpm in tempos]
        events += [
            (q, mido.MetaMessage("time_signature", numerator=over, denominator=under)) for q, over, under in signatures
        ]
        file.tracks.append(_track(events))
        for index, (program, *rows) in enumerate(tracks):
            channel = 9 if program is None else index
            events = [(0, mido.Message("program_change", channel=channel, program=program or 0))]
            for start, length, pitch, velocity in rows:
                events.append((start, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
                events.append((start + length, mido.Message("note_off", channel=channel, note=pitch)))
            file.tracks.append(_track(events))
        path = tmp_path / "song.mid"
        file.save(path)
        return path

    return write


def _track(events):
    track, now = mido.MidiTrack(), 0
    for quarter, message in sorted(events, key=lambda event: (event[0], event[1].type == "note_on")):
        tick = round(quarter * TICKS)
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def line(*pitches, first=0.0, every=1.0, length=None, velocity=80):
    return [
        (first + index * every, every if length is None else length, pitch, velocity)
        for index, pitch in enumerate(pitches)
    ]


def drums_at(*places, pitch=42, bars=2, first=0.0, velocity=80):
    """One drum at these places of every beat, for so many bars."""
    return [(first + beat + place, 0.05, pitch, velocity) for beat in range(bars * 4) for place in places]


def part(piece, name):
    chosen = piece.parts == PARTS.index(name)
    return list(
        zip(
            piece.starts[chosen].tolist(), piece.durations[chosen].tolist(), piece.pitches[chosen].tolist(), strict=True
        )
    )


SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


class TestGrid:
    def test_a_small_band_lands_on_its_steps(self, written) -> None:
        path = written(
            (None, *drums_at(0, 0.5)),
            (33, *line(36, 43, every=4)),
            (80, *line(*SCALE, every=0.5), *line(*SCALE, first=4, every=0.5)),
        )
        [piece] = read_band_pieces(path, drum_map="gm")
        assert part(piece, "bass") == [(0, 48, 36), (48, 48, 43)]
        assert part(piece, "lead")[:3] == [(0, 6, 60), (6, 6, 62), (12, 6, 64)]
        assert part(piece, "drums") == [(step, 1, CLOSED_HAT) for step in range(0, 96, 6)]
        assert piece.num_steps == 2 * STEPS_PER_BAR
        assert piece.has_start and piece.has_end
        assert not piece.offsets.any()
        keys = list(zip(piece.starts, piece.parts, piece.pitches, strict=True))
        assert keys == sorted(set(keys))

    def test_only_the_wanted_parts_are_read(self, written) -> None:
        path = written((None, *drums_at(0)), (33, *line(36, 43, every=4)))
        [piece] = read_band_pieces(path, drum_map="gm", parts=("drums",))
        assert set(piece.parts) == {PARTS.index("drums")}
        assert read_band_pieces(path, drum_map="gm", parts=("lead",)) == []

    def test_a_note_struck_again_ends_the_one_before_and_twins_merge(self, written) -> None:
        rows = [*((start, 4, pitch, 50) for start, pitch in ((0, 60), (0, 65), (4, 67), (4, 71))), (2, 2, 60, 50)]
        twin = [(0, 1, 60, 90), *((4, 4, pitch, 50) for pitch in (60, 64, 72, 76))]
        [piece] = read_band_pieces(written((0, *rows), (1, *twin)), drum_map="gm")
        assert (0, 24, 60) in part(piece, "keys")
        assert (24, 24, 60) in part(piece, "keys")
        assert piece.velocities[(piece.starts == 0) & (piece.pitches == 60)].tolist() == [90]

    def test_silent_bars_before_the_music_are_left_out(self, written) -> None:
        [piece] = read_band_pieces(written((None, *drums_at(0, first=8))), drum_map="gm")
        assert piece.starts[0] == 0
        assert piece.num_steps == 2 * STEPS_PER_BAR

    def test_a_bass_in_octaves_plays_the_lower(self, written) -> None:
        both = [*line(36, 41, every=4), *line(48, 53, every=4)]
        [piece] = read_band_pieces(written((33, *both)), drum_map="gm")
        assert [pitch for _, _, pitch in part(piece, "bass")] == [36 + piece.transposed, 41 + piece.transposed]

    def test_an_empty_file_has_no_pieces(self, written) -> None:
        assert read_band_pieces(written(), drum_map="gm") == []

    def test_what_is_no_midi_file_is_an_error(self, tmp_path) -> None:
        path = tmp_path / "song.mid"
        path.write_bytes(b"no music")
        with pytest.raises(Exception, match=r"."):
            read_band_pieces(path, drum_map="gm")

    def test_drums_without_a_place_in_a_kit_are_left_out(self, written) -> None:
        path = written((None, *drums_at(0, pitch=36), *drums_at(0.5, pitch=87)))
        [piece] = read_band_pieces(path, drum_map="gm")
        assert set(piece.pitches) == {KICK}


class TestBars:
    def test_three_quarter_bars_in_the_middle_part_the_piece(self, written) -> None:
        path = written((None, *drums_at(0, bars=8)), signatures=((0, 4, 4), (8, 3, 4), (14, 4, 4)))
        first, second = read_band_pieces(path, drum_map="gm")
        assert (first.num_steps, second.num_steps) == (96, 5 * 48)
        assert (first.has_start, first.has_end) == (True, False)
        assert (second.has_start, second.has_end) == (False, True)
        assert second.starts.tolist() == list(range(0, 18 * 12, 12))

    def test_a_file_in_three_has_no_pieces(self, written) -> None:
        assert read_band_pieces(written((None, *drums_at(0)), signatures=((0, 3, 4),)), drum_map="gm") == []

    def test_twelve_eighths_are_four_beats_of_triplets(self, written) -> None:
        rows = [(eighth / 2, 0.05, 42, 80) for eighth in range(24)]
        [piece] = read_band_pieces(written((None, *rows), signatures=((0, 12, 8),), tempos=((0, 180),)), drum_map="gm")
        assert piece.starts.tolist() == list(range(0, 96, 4))
        assert piece.qpm == pytest.approx(120, abs=0.01)
        assert piece.feel == SWING

    def test_one_bar_is_a_fill_for_a_drummer_and_nothing_for_a_band(self, written) -> None:
        path = written((None, *drums_at(0, 0.5, bars=1)))
        assert len(read_band_pieces(path, drum_map="groove")) == 1
        assert read_band_pieces(path, drum_map="gm") == []


class TestTempo:
    def test_most_of_the_time_sets_the_tempo_and_its_changes_move_no_note(self, written) -> None:
        path = written((None, *drums_at(0, bars=4)), tempos=((0, 100), (4, 140), (15, 60)))
        [piece] = read_band_pieces(path, drum_map="gm")
        assert piece.qpm == pytest.approx(140, abs=0.01)
        assert piece.starts.tolist() == list(range(0, 192, 12))

    def test_no_tempo_is_120(self, written) -> None:
        [piece] = read_band_pieces(written((None, *drums_at(0)), tempos=()), drum_map="gm")
        assert piece.qpm == 120


class TestFeel:
    @pytest.mark.parametrize(
        ("places", "feel"),
        [
            ((0, 0.5), STRAIGHT),
            ((0, 2 / 3), SWING),
            ((0, 0.6), SWING),
            ((0, 0.25, 0.5, 0.75), STRAIGHT),
            ((0,), UNKNOWN_FEEL),
        ],
    )
    def test_off_beats_tell_the_feel(self, written, places, feel) -> None:
        [piece] = read_band_pieces(written((None, *drums_at(*places, bars=4))), drum_map="gm")
        assert piece.feel == feel

    def test_a_drummer_keeps_the_timing_and_a_band_loses_it(self, written) -> None:
        path = written((None, *drums_at(0.02, 0.5, 0.77)))
        [played] = read_band_pieces(path, drum_map="groove")
        assert played.starts[:3].tolist() == [0, 6, 9]
        assert played.offsets[:3] == pytest.approx([0.24, 0.0, 0.24], abs=0.02)
        [quantised] = read_band_pieces(path, drum_map="gm")
        assert quantised.starts[:3].tolist() == [0, 6, 9]
        assert not quantised.offsets.any()

    def test_pads_of_the_drummers_kit_have_their_own_pitches(self, written) -> None:
        path = written((None, *drums_at(0, pitch=22, bars=1), *drums_at(0.5, pitch=38, bars=1)))
        [piece] = read_band_pieces(path, drum_map="groove")
        assert set(piece.pitches) == {CLOSED_HAT, SNARE}


class TestLooseTiming:
    def test_a_late_file_is_moved_onto_the_grid(self) -> None:
        places = np.arange(64) * 3 + 0.9
        moved, steps, late = on_grid(places.astype(np.float64))
        assert late == pytest.approx(0.9)
        assert steps.tolist() == list(range(0, 192, 3))
        assert moved == pytest.approx(np.arange(64) * 3)

    def test_hands_are_understood_beat_by_beat(self) -> None:
        rng = np.random.default_rng(1)
        exact = np.concatenate(
            [[beat * 12 + place for place in ((0, 3, 6, 9) if beat % 4 else (0, 4, 8))] for beat in range(64)]
        )
        _, steps, _ = on_grid((exact + rng.normal(0, 0.45, len(exact))).astype(np.float64))
        nearest = np.floor(exact + rng.normal(0, 0.45, len(exact)) + 0.5)
        assert (steps == exact).mean() > 0.95 > (nearest == exact).mean()

    def test_exact_thirty_seconds_stay(self) -> None:
        _, steps, _ = on_grid((np.arange(64) * 1.5).astype(np.float64))
        assert len(set(steps)) == 64

    def test_what_was_played_to_no_beat_is_no_piece(self, written) -> None:
        rng = np.random.default_rng(2)
        rows = [(float(start), 0.05, 42, 80) for start in np.sort(rng.uniform(0, 64, 400))]
        path = written((None, *rows))
        assert grid_strength(np.array([row[0] for row in rows])) < 0.15
        assert read_band_pieces(path, drum_map="gm") == []


class TestKeys:
    @pytest.mark.parametrize("semitones", [-5, 0, 2, 6])
    def test_every_song_is_read_in_c_major_or_a_minor(self, written, semitones) -> None:
        tune = [pitch + semitones for pitch in (60, 64, 67, 72, 65, 69, 67, 71, 62, 65, 67, 64, 60, 67, 64, 60)]
        [piece] = read_band_pieces(written((80, *line(*tune, every=0.5))), drum_map="gm")
        assert (piece.mode, (piece.transposed + semitones) % 12) == (0, 0)
        assert {pitch % 12 for _, _, pitch in part(piece, "lead")} <= {0, 2, 4, 5, 7, 9, 11}

    def test_drums_alone_have_no_key(self, written) -> None:
        [piece] = read_band_pieces(written((None, *drums_at(0))), drum_map="gm")
        assert (piece.mode, piece.transposed) == (-1, 0)


@pytest.mark.parametrize(
    ("tag", "style"),
    [
        ("funk/fast beat 4-4 95bpm train", "funk"),
        ("rock fill 4-4 120bpm validation", "rock"),
        ("artist Ramones", "punk"),
        ("artist Nobody", ""),
        ("collection film", ""),
        ("edm lmms-project", "club"),
        ("synth touhou", "synth"),
        ("", ""),
    ],
)
def test_styles_come_from_the_labels_of_the_data(tag, style) -> None:
    assert style_of(tag) == style
