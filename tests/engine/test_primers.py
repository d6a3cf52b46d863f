"""Primers: the end or the beginning of a file as an ensemble plays it, and what makes no primer."""

import struct
from dataclasses import replace

import pytest

from generator.engine.errors import PrimerError
from generator.engine.manifest import RangeControl, StartControl
from generator.engine.midi import read_midi, write_midi
from generator.engine.midi_inspect import PRIMER_LIMITS, TempoMap
from generator.engine.midi_lines import read_lines
from generator.engine.music import Note, Voice
from generator.engine.primers import Primer, check_primer, continuation_of, kept_notes, opening_of, primer_of
from tests.fuzz_midi import END, NOTE, drums_manifest, file_of
from tests.manifests import band_manifest, piano_manifest
from tests.music import GRAND_PIANO, notes, scale

PIANO = replace(piano_manifest(), controls=replace(piano_manifest().controls, start=StartControl(note=True, midi=True)))
BAND = band_manifest()
DRUMS = drums_manifest()
KIT = Voice("Kit", 0, is_drum=True)
SLAP, STRUMMED, SUNG = Voice("Slap", 36), Voice("Chords", 27), Voice("Melody", 73)


def song(bars: int, *, qpm: float = 120.0, closing: bool = False, voices=(KIT, SLAP, STRUMMED, SUNG)) -> bytes:
    """C major in four voices: kick and snare, roots, chords on each bar, a tune in eighths."""
    beat = 60 / qpm
    piece = []
    for bar in range(bars):
        at = bar * 4 * beat
        piece += [Note((36, 38)[i % 2], 100, at + i * beat, at + (i + 0.5) * beat, 0) for i in range(4)]
        root = (36, 41, 43, 36)[bar % 4]
        piece += [Note(root, 90, at + i * beat, at + (i + 0.9) * beat, 1) for i in range(4)]
        piece += [Note(root + step, 70, at, at + 4 * beat, 2) for step in (12, 16, 19)]
        tune = (72, 74, 76, 77, 79, 77, 76, 74)
        piece += [Note(tune[i], 80, at + i * beat / 2, at + (i + 1) * beat / 2, 3) for i in range(8)]
    if closing:
        at = bars * 4 * beat
        piece += [Note(36, 110, at, at + beat, 0), Note(36, 90, at, at + 4 * beat, 1)]
    return write_midi(piece, voices, qpm=qpm)


def refusal(midi: bytes, manifest=PIANO, make=check_primer) -> str:
    with pytest.raises(PrimerError) as caught:
        make(midi, manifest, manifest.defaults.ensemble)
    assert caught.value.message.endswith(".")
    return caught.value.message


class TestBadInput:
    """The light look and the full conversion say the same."""

    @pytest.mark.parametrize("make", [check_primer, primer_of])
    @pytest.mark.parametrize(
        ("midi", "sentence"),
        [
            (b"GIF89a" + bytes(50), "This is not a MIDI file."),
            (song(2)[:200], "damaged or cut off"),
            (song(2)[:-5], "damaged or cut off"),
            (write_midi([], [GRAND_PIANO]), "This MIDI file has no notes."),
            (file_of(NOTE) + bytes(1024 * 1024), "up to 1,024 kB; this one has 1,025 kB"),
            (file_of(b"\x00\x90\x3c\x50" + b"\x00\x3c\x50" * 100_000), "more than 100,000 events"),
            (file_of(b"\x00\xff\x51\x03\x00\x00\x00" + NOTE), "a tempo of zero"),
            (file_of(b"\x00\xff\x51\x02\x07\xa1" + NOTE), "damaged"),
            (file_of(b"\xff\xff\xff\x7f\x90\x3c\x50" * 9), "longer than any piece of music"),
            (file_of(b"\x00\x3c\x50" + NOTE), "damaged: its events cannot be read"),
            (file_of(b"\x00\xf0\x01\xf7\x00\x3c\x50"), "damaged: its events cannot be read"),
            (file_of(b"\x00\x90\x3c\xd0" + NOTE), "damaged: its events cannot be read"),
            (file_of(b"\x80\x80\x80\x80\x00\x90\x3c\x50"), "damaged: its events cannot be read"),
            (file_of(NOTE, midi_type=2), "type 0 or 1; got type 2"),
            (file_of(*[NOTE] * 64), "more than 48 tracks"),
            (file_of(NOTE, num_tracks=2), "damaged or cut off"),
            (file_of(NOTE, division=-7600), "film frames"),
            (file_of(), "damaged"),
            (
                file_of(b"\x00\x90\x3c\x50\x83\xff\xff\x7f\x80\x3c\x00", division=480),
                "up to 60 minutes long; this one has 146 minutes",
            ),
            (song(2)[:14], "cut off"),
        ],
    )
    def test_is_refused_in_one_sentence(self, midi, sentence, make) -> None:
        assert sentence in refusal(midi, make=make)

    def test_drums_alone_for_a_piano(self) -> None:
        drums = write_midi([Note(36, 90, 0.0, 0.5)], [KIT])
        assert refusal(drums) == "This MIDI file only has drums, and Piano needs other notes to start from."
        assert refusal(drums, make=primer_of) == refusal(drums)

    def test_no_drums_for_a_drummer(self) -> None:
        assert "has no drums (channel 10), and Drums" in refusal(write_midi(scale(), [GRAND_PIANO]), DRUMS)

    def test_a_band_takes_either(self) -> None:
        for midi in (write_midi([Note(36, 90, 0.0, 0.5)], [KIT]), write_midi(scale(), [GRAND_PIANO])):
            assert check_primer(midi, BAND, "full-band").notes
            assert primer_of(midi, BAND, "full-band").notes

    def test_a_file_in_a_container_of_windows_is_read_as_the_file_in_it(self) -> None:
        midi = song(2)
        rmi = b"RIFF" + struct.pack("<I", len(midi) + 12) + b"RMID" + b"data" + struct.pack("<I", len(midi)) + midi
        assert check_primer(rmi, BAND, "full-band") == check_primer(midi, BAND, "full-band")
        assert primer_of(rmi, BAND, "full-band") == primer_of(midi, BAND, "full-band")
        assert read_midi(rmi) == read_midi(midi)
        assert refusal(rmi[:-5]) == refusal(rmi[:-5], make=primer_of) == "This RMI file is damaged or cut off."

    def test_a_genre_that_starts_from_no_file_says_so(self) -> None:
        for start in (None, StartControl(note=True, midi=False)):
            without = replace(PIANO, controls=replace(PIANO.controls, start=start))
            assert refusal(song(2), without) == "Piano cannot start from a MIDI file."

    def test_a_type_that_is_not_there(self) -> None:
        with pytest.raises(PrimerError, match="Expected a type"):
            primer_of(song(2), BAND, "kazoo")

    def test_what_only_the_conversion_finds(self) -> None:
        waltz = file_of(b"\x00\xff\x58\x04\x03\x02\x18\x08" + NOTE * 12)
        assert check_primer(waltz, BAND, "full-band")
        assert refusal(waltz, BAND, primer_of) == "This MIDI file has no bars of four beats, which this genre needs."
        effects = file_of(b"\x00\xc0\x7f" + NOTE * 12)
        assert "no notes that the instruments of this type can play" in refusal(effects, BAND, primer_of)
        slow = replace(BAND, controls=replace(BAND.controls, qpm=RangeControl(100.0, 110.0, 105.0)))
        assert (
            refusal(song(2, qpm=120), slow, primer_of)
            == "Expected a tempo of 100 to 110 BPM in the MIDI file; got 120."
        )


class TestLines:
    """The bounded reader against note_seq, which knows no bounds."""

    def test_notes_and_pedal_are_those_of_note_seq(self) -> None:
        pedal = b"\x00\xc0\x04"
        for i in range(60):
            down = {0: b"\x05\xb0\x40\x7f", 7: b"\x05\xb0\x40\x00"}.get(i % 11, b"")
            pitch = 50 + i * 7 % 20
            pedal += down + bytes([0x10, 0x90, pitch, 64]) + bytes([0x61, 0x80, pitch, 0])
        midi = file_of(b"\x00\xff\x51\x03\x09\x27\xc0" + pedal + b"\x10\xb0\x40\x00" + END, NOTE * 4)
        lines = read_lines(midi)
        seconds_at = lines.tempos.seconds_at
        ours = sorted(
            (round(seconds_at(n.start), 6), round(seconds_at(n.end), 6), n.pitch, n.velocity)
            for line in lines.lines
            for n in line.notes
        )
        theirs = sorted(
            (round(n.start_time, 6), round(n.end_time, 6), n.pitch, n.velocity) for n in read_midi(midi).notes
        )
        assert ours == theirs

    def test_one_track_of_many_channels_is_many_lines(self) -> None:
        midi = file_of(
            NOTE + b"\x00\xc1\x21\x00\x91\x28\x50\x30\x28\x00\x00\x99\x26\x50\x00\x26\x00" + END, midi_type=0
        )
        assert [(line.program, line.is_drum, len(line.notes)) for line in read_lines(midi).lines] == [
            (0, False, 1),
            (33, False, 1),
            (0, True, 1),
        ]

    def test_the_tempo_between_two_places_is_that_of_most_of_the_time(self) -> None:
        tempos = TempoMap([(0, 500_000), (480, 600_000), (2400, 1_000_000)], 480)
        assert tempos.qpm_between(0, 2400) == pytest.approx(100)
        assert tempos.qpm_between(0, 480) == pytest.approx(120)
        assert tempos.qpm_between(2400, 9600) == pytest.approx(60)
        assert tempos.seconds_at(960) == pytest.approx(1.1)


class TestPerformances:
    def test_the_last_seconds_begin_with_their_first_note(self) -> None:
        piece = scale(100, pitch=20, seconds=0.3)
        primer = primer_of(write_midi(piece, [GRAND_PIANO]), PIANO, "grand-piano", seconds=6.0)
        assert [note.pitch for note in primer.notes] == [*range(100, 109), *range(97, 108)]
        assert primer.notes[0].start_seconds == 0.0
        assert primer.length_seconds == pytest.approx(6.0)
        assert (primer.prefix, primer.qpm) == ((), None)

    def test_all_tracks_but_the_drums_are_one_piano(self) -> None:
        primer = primer_of(song(2), PIANO, "grand-piano")
        assert len(primer.notes) == 2 * (4 + 3 + 8)
        assert {note.voice for note in primer.notes} == {0}

    def test_a_long_last_chord_is_not_waited_for(self) -> None:
        primer = primer_of(
            write_midi(notes((60, 80, 0.0, 0.5), (64, 80, 1.0, 14.0)), [GRAND_PIANO]), PIANO, "grand-piano"
        )
        assert primer.length_seconds == pytest.approx(2.0)
        assert primer.notes[-1].end_seconds == pytest.approx(2.0)

    def test_it_fills_no_more_than_is_allowed(self) -> None:
        midi = write_midi(scale(80, pitch=24), [GRAND_PIANO])
        assert primer_of(midi, PIANO, "grand-piano", at_most_seconds=3.0).length_seconds <= 3.0

    def test_a_key_is_named_where_the_model_offers_keys(self) -> None:
        midi = song(4)
        without = replace(PIANO, controls=replace(PIANO.controls, key=None))
        assert primer_of(midi, without, "grand-piano").key is None
        with_keys = replace(PIANO, controls=replace(PIANO.controls, key=BAND.controls.key))
        assert primer_of(midi, with_keys, "grand-piano").key == "C major"

    def test_a_piece_that_is_continued_is_kept_whole(self) -> None:
        piece = scale(80, pitch=24)
        primer = continuation_of(write_midi(piece, [GRAND_PIANO]), PIANO, "grand-piano", seconds=5.0)
        assert [note.pitch for note in kept_notes(primer)] == [note.pitch for note in piece]
        assert primer.kept_seconds == pytest.approx(20.0)
        assert kept_notes(primer)[-1].end_seconds == pytest.approx(20.0)
        assert primer.length_seconds == pytest.approx(5.0)
        assert primer.new_seconds(60.0, keep=True) == 60.0

    def test_a_piece_that_is_varied_begins_alike_and_keeps_its_length(self) -> None:
        primer = opening_of(write_midi(scale(80, pitch=24), [GRAND_PIANO]), PIANO, "grand-piano", seconds=3.0)
        assert [note.pitch for note in primer.notes] == list(range(24, 36))
        assert primer.length_seconds == pytest.approx(3.0)
        assert primer.new_seconds(20.0, keep=True) == pytest.approx(17.0)
        assert primer.new_seconds(20.0, keep=False) == 20.0


class TestBars:
    def test_the_last_bars_with_tempo_key_and_the_voices_of_the_ensemble(self) -> None:
        primer = primer_of(song(12, qpm=96.0), BAND, "full-band", bars=4)
        assert (primer.qpm, primer.key) == (96.0, "C major")
        assert primer.length_seconds == pytest.approx(10.0)
        by_voice = {v: [n.pitch for n in primer.notes if n.voice == v] for v in range(5)}
        assert by_voice[0] == [36, 38] * 8
        assert by_voice[1][:2] == [36, 36]
        assert by_voice[2][:3] == [48, 52, 55]
        assert by_voice[4][:8] == [72, 74, 76, 77, 79, 77, 76, 74]

    def test_notes_stand_on_the_steps_of_the_tempo(self) -> None:
        for note in primer_of(song(8, qpm=97.0), BAND, "full-band").notes:
            step = note.start_seconds * 97.0 * 12 / 60
            assert step == pytest.approx(round(step), abs=1e-6)

    def test_a_part_that_the_type_does_not_have_is_taken_over_or_left_out(self) -> None:
        primer = primer_of(song(8), BAND, "trio", bars=4)
        assert {note.voice for note in primer.notes} == {0, 1, 2}
        alone = write_midi(scale(32, pitch=60), [SUNG])
        assert {note.voice for note in primer_of(alone, BAND, "trio").notes} == {2}

    def test_voices_that_are_off_do_not_play(self) -> None:
        primer = primer_of(song(8), BAND, "full-band", voices_off=("drums", "lead"))
        assert {note.voice for note in primer.notes} == {1, 2}

    @pytest.mark.parametrize(("qpm", "taken"), [(40.0, 80.0), (240.0, 120.0)])
    def test_a_tempo_out_of_range_is_counted_in_eighths_or_halves(self, qpm, taken) -> None:
        primer = primer_of(song(8, qpm=qpm), BAND, "full-band", bars=2)
        assert primer.qpm == taken
        first, second = [note.start_seconds for note in primer.notes if note.voice == 0][:2]
        assert second - first == pytest.approx(60 / qpm)

    def test_bars_fill_no_more_than_is_allowed(self) -> None:
        assert primer_of(song(12), BAND, "full-band", at_most_seconds=7.0).length_seconds == pytest.approx(6.0)
        assert primer_of(song(12), BAND, "full-band", at_most_seconds=0.5).length_seconds == pytest.approx(2.0)

    def test_music_in_12_8_is_four_beats_of_triplets(self) -> None:
        eighth = bytes([0x00, 0x90, 60, 80, 0x81, 0x70, 60, 0])
        midi = file_of(b"\x00\xff\x58\x04\x0c\x03\x18\x08\x00\xff\x51\x03\x07\xa1\x20" + eighth * 24 + END)
        primer = primer_of(midi, BAND, "full-band")
        assert primer.qpm == pytest.approx(80.0)
        assert primer.length_seconds == pytest.approx(6.0)

    def test_a_drummer_keeps_what_is_played_beside_the_beat(self) -> None:
        late = [Note(38, 100, i * 0.5 + 0.015, i * 0.5 + 0.1) for i in range(16)]
        primer = primer_of(write_midi(late, [KIT]), DRUMS, "kit")
        assert [n.start_seconds for n in primer.notes][:3] == pytest.approx([0.015, 0.515, 1.015], abs=0.002)
        band = primer_of(write_midi(late, [KIT]), BAND, "full-band")
        assert [n.start_seconds for n in band.notes][:3] == pytest.approx([0.0, 0.5, 1.0])

    def test_a_piece_of_this_ensemble_keeps_its_voices(self) -> None:
        """Though another reader would give the tune of the organ to the lead."""
        voices = BAND.ensembles[0].voices
        piece = [Note(72 + i % 5, 90, i * 0.5, i * 0.5 + 0.5, 3) for i in range(32)]
        piece += [Note(60, 90, i * 2.0, i * 2.0 + 1.0, 4) for i in range(8)]
        primer = continuation_of(write_midi(piece, voices), BAND, "full-band", key="C major")
        assert kept_notes(primer) == [*sorted(piece, key=lambda n: (n.start_seconds, n.voice))]
        assert primer.key == "C major"

    def test_a_closing_bar_makes_room_for_what_follows(self) -> None:
        voices = BAND.ensembles[0].voices
        midi = song(8, closing=True, voices=voices[:4])
        primer = continuation_of(midi, BAND, "full-band", bars=4)
        assert primer.kept_seconds == pytest.approx(16.0)
        assert primer.prefix_seconds == pytest.approx(8.0)
        assert max(note.end_seconds for note in kept_notes(primer)) <= 16.0 + 1e-6
        assert primer.is_continued

    def test_the_opening_is_the_first_bars(self) -> None:
        primer = opening_of(song(8), BAND, "full-band", bars=2)
        assert primer.length_seconds == pytest.approx(4.0)
        assert primer.prefix == ()
        assert [n.pitch for n in primer.notes if n.voice == 0] == [36, 38] * 4

    def test_another_tempo_stretches_everything(self) -> None:
        primer = continuation_of(song(8), BAND, "full-band", bars=4).at_tempo(60.0)
        assert (primer.qpm, primer.length_seconds, primer.prefix_seconds) == (60.0, 16.0, 16.0)
        assert kept_notes(primer)[-1].end_seconds == pytest.approx(32.0)
        still = Primer(notes=tuple(scale()), length_seconds=4.0)
        assert still.at_tempo(60.0) is still


def test_limits_are_what_the_page_promises() -> None:
    assert (PRIMER_LIMITS.max_bytes, PRIMER_LIMITS.max_events, PRIMER_LIMITS.max_cpu_seconds) == (2**20, 100_000, 1.0)
    assert struct.unpack(">I", file_of()[4:8]) == (6,)
