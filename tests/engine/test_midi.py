"""MIDI files: what is written is what was meant, what is read is bounded."""

import io
import struct

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.engine.errors import MidiError
from generator.engine.midi import MidiLimits, inspect, read_midi, write_midi
from generator.engine.music import Note, Voice, in_order
from tests.music import GRAND_PIANO, notes, notes_of_midi, scale

STRINGS = Voice("Strings", 48)
DRUMS = Voice("Drums", 0, is_drum=True)

any_note = st.builds(
    lambda pitch, velocity, start, length, voice: Note(pitch, velocity, start / 100, (start + length) / 100, voice),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 500),
    st.integers(1, 300),
    st.integers(0, 1),
)


class TestWriting:
    def test_a_piece_reads_back_note_for_note(self) -> None:
        piece = notes((60, 100, 0.0, 0.5), (64, 1, 0.25, 0.75), (67, 127, 0.25, 2.0))
        assert notes_of_midi(write_midi(piece, [GRAND_PIANO])) == piece

    def test_the_tempo_stands_in_track_0_and_each_voice_in_a_named_track_with_its_program(self) -> None:
        piece = [Note(60, 80, 0.0, 1.0, 0), Note(48, 80, 0.0, 1.0, 1), Note(36, 80, 0.0, 0.1, 2)]
        data = write_midi(piece, [GRAND_PIANO, STRINGS, DRUMS], qpm=90)
        file = mido.MidiFile(file=io.BytesIO(data))
        assert (file.type, file.ticks_per_beat >= 480) == (1, True)
        assert [m.tempo for track in file.tracks for m in track if m.type == "set_tempo"] == [666_667]
        assert any(m.type == "set_tempo" for m in file.tracks[0])
        facts = inspect(data)
        assert [(t.name, t.program, t.is_drum, t.notes) for t in facts.tracks] == [
            ("", None, False, 0),
            ("Grand piano", 0, False, 1),
            ("Strings", 48, False, 1),
            ("Drums", 0, True, 1),
        ]

    def test_title_and_texts_are_kept_in_any_script(self) -> None:
        data = write_midi(scale(), [GRAND_PIANO], title="Étude 夜", texts=["Composed by a network.", "Seed 7 – ü"])
        facts = inspect(data)
        assert (facts.tracks[0].name, facts.texts) == ("Étude 夜", ("Composed by a network.", "Seed 7 – ü"))

    def test_a_note_is_cut_where_its_pitch_begins_again(self) -> None:
        data = write_midi(notes((60, 80, 0.0, 1.0), (60, 90, 0.5, 0.75)), [GRAND_PIANO])
        assert notes_of_midi(data) == notes((60, 80, 0.0, 0.5), (60, 90, 0.5, 0.75))

    def test_a_note_shorter_than_a_tick_keeps_one(self) -> None:
        (note,) = notes_of_midi(write_midi(notes((60, 80, 0.0, 0.0001)), [GRAND_PIANO]))
        assert note.length_seconds > 0

    def test_no_notes_make_a_file_that_can_be_read(self) -> None:
        assert inspect(write_midi([], [GRAND_PIANO])).notes == 0

    @settings(deadline=None, max_examples=60)
    @given(st.lists(any_note, max_size=60))
    def test_any_notes_give_equal_bytes_without_stuck_or_overlapping_notes(self, piece: list[Note]) -> None:
        voices = [GRAND_PIANO, STRINGS]
        data = write_midi(piece, voices)
        assert data == write_midi(list(reversed(in_order(piece))), voices)
        facts = inspect(data)
        assert (facts.stuck_notes, facts.overlapping_notes) == (0, 0)
        begun = {(note.voice, note.pitch, note.start_seconds) for note in piece}
        assert {(n.voice, n.pitch, round(n.start_seconds, 6)) for n in notes_of_midi(data)} == begun

    @pytest.mark.parametrize(
        "bad",
        [
            Note(128, 80, 0, 1),
            Note(60, 0, 0, 1),
            Note(60, 80, 1, 1),
            Note(60, 80, -1, 1),
            Note(60, 80, 0, float("inf")),
            Note(60, 80, 0, float("nan")),
            Note(60, 80, 0, 1, voice=1),
        ],
    )
    def test_notes_that_midi_cannot_hold_are_refused(self, bad: Note) -> None:
        with pytest.raises(MidiError, match="Expected"):
            write_midi([bad], [GRAND_PIANO])

    @pytest.mark.parametrize("voices", [[], [GRAND_PIANO] * 16, [DRUMS, DRUMS], [Voice("Odd", 128)]])
    def test_voices_that_midi_cannot_hold_are_refused(self, voices: list[Voice]) -> None:
        with pytest.raises(MidiError, match="Expected"):
            write_midi([], voices)

    def test_fifteen_voices_and_drums_have_a_channel_each(self) -> None:
        voices = [Voice(f"Voice {i}", i) for i in range(15)] + [DRUMS]
        piece = [Note(60, 80, 0.0, 1.0, i) for i in range(16)]
        file = mido.MidiFile(file=io.BytesIO(write_midi(piece, voices)))
        channels = [{m.channel for m in track if m.type == "note_on"} for track in file.tracks[1:]]
        assert len(set().union(*channels)) == 16


class TestInspecting:
    def test_facts_of_a_small_file(self) -> None:
        facts = inspect(write_midi(notes((60, 80, 0.0, 1.0), (72, 80, 1.5, 2.0)), [GRAND_PIANO], qpm=60))
        assert (facts.notes, facts.lowest_pitch, facts.highest_pitch) == (2, 60, 72)
        assert facts.length_seconds == pytest.approx(2.0)
        assert facts.qpm == pytest.approx(60)

    def test_length_follows_every_tempo_change(self) -> None:
        track = mido.MidiTrack(
            [
                mido.MetaMessage("set_tempo", tempo=1_000_000),
                mido.Message("note_on", note=60, velocity=80),
                mido.MetaMessage("set_tempo", tempo=250_000, time=480),
                mido.Message("note_off", note=60, time=480),
            ]
        )
        assert inspect(saved(track)).length_seconds == pytest.approx(1.25)

    def test_stuck_and_overlapping_notes_are_counted(self) -> None:
        on = [mido.Message("note_on", note=60, velocity=80, time=10) for _ in range(2)]
        facts = inspect(saved(mido.MidiTrack(on)))
        assert (facts.stuck_notes, facts.overlapping_notes) == (1, 1)

    def test_names_in_latin_1_are_read(self) -> None:
        track = mido.MidiTrack([mido.MetaMessage("track_name", name="Flöte")])
        assert inspect(saved(track)).tracks[0].name == "Flöte"

    def test_a_long_text_is_cut_between_characters(self) -> None:
        facts = inspect(write_midi(scale(2), [GRAND_PIANO], texts=["x" + "ü" * 900]))
        assert facts.texts == ("x" + "ü" * 499,)

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (b"", "not a MIDI file"),
            (b"RIFF" + bytes(40), "not a MIDI file"),
            (b"MThd" + bytes(3), "cut off"),
            (b"MThd" + struct.pack(">IHHh", 6, 2, 1, 480), "type 0 or 1; got type 2"),
            (b"MThd" + struct.pack(">IHHh", 6, 1, 60000, 480), "more than 128 tracks"),
            (b"MThd" + struct.pack(">IHHh", 6, 1, 1, -7600), "film frames"),
            (b"MThd" + struct.pack(">IHHh", 6, 1, 1, 480), "cut off"),
        ],
    )
    def test_what_is_no_midi_file_is_refused_in_one_sentence(self, data: bytes, sentence: str) -> None:
        with pytest.raises(MidiError, match=sentence):
            inspect(data)

    @pytest.mark.parametrize(
        ("limits", "sentence"),
        [
            (MidiLimits(max_bytes=50), "up to"),
            (MidiLimits(max_tracks=1), "more than 1 tracks"),
            (MidiLimits(max_events=10), "more than 10 events"),
            (MidiLimits(max_ticks=100), "longer than any piece"),
            (MidiLimits(max_length_seconds=1), "minutes"),
            (MidiLimits(max_cpu_seconds=-1), "takes too long"),
        ],
    )
    def test_each_limit_refuses(self, limits: MidiLimits, sentence: str) -> None:
        data = write_midi(scale(70), [GRAND_PIANO]) + bytes(2000)
        with pytest.raises(MidiError, match=sentence):
            inspect(data, limits=limits)

    @settings(deadline=None, max_examples=200)
    @given(st.data())
    def test_damaged_files_give_facts_or_a_midi_error_and_nothing_else(self, data: st.DataObject) -> None:
        damaged = bytearray(write_midi(scale(), [GRAND_PIANO], title="A"))
        for _ in range(data.draw(st.integers(1, 6))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
        try:
            assert inspect(bytes(damaged)).notes >= 0
        except MidiError as error:
            assert error.message.endswith(".")


class TestReading:
    """note_seq gives the performance, with its pedal."""

    def test_the_pedal_lengthens_a_note(self) -> None:
        track = mido.MidiTrack(
            [
                mido.Message("note_on", note=60, velocity=80),
                mido.Message("control_change", control=64, value=127, time=10),
                mido.Message("note_off", note=60, time=230),
                mido.Message("control_change", control=64, value=0, time=240),
            ]
        )
        (note,) = read_midi(saved(track)).notes
        assert note.end_time == pytest.approx(0.5)

    def test_a_file_without_notes_is_refused(self) -> None:
        with pytest.raises(MidiError, match="no notes"):
            read_midi(write_midi([], [GRAND_PIANO]))

    def test_limits_hold_before_note_seq_sees_the_file(self) -> None:
        with pytest.raises(MidiError, match="up to"):
            read_midi(write_midi(scale(), [GRAND_PIANO]), limits=MidiLimits(max_bytes=10))

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_damaged_files_give_a_performance_or_a_midi_error(self, data: st.DataObject) -> None:
        damaged = bytearray(write_midi(scale(), [GRAND_PIANO]))
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        try:
            assert len(read_midi(bytes(damaged)).notes) > 0
        except MidiError as error:
            assert error.message.endswith(".")


def saved(track: mido.MidiTrack) -> bytes:
    buffer = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(file=buffer)
    return buffer.getvalue()
