"""Zips of MIDI files: the voices of a piece, and many pieces."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import mido
import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from generator.engine.errors import MidiError
from generator.engine.midi import inspect, write_midi
from generator.engine.midi_lines import read_lines
from generator.engine.music import Note, Voice
from library.downloads import pieces_zip, voices_zip
from library.models import Piece
from library.voice_files import voice_files
from tests import factories
from tests.music import notes_of_midi, scale

BAND = [Voice("Drums", 0, is_drum=True), Voice("Bass", 33), Voice("Lead / Guitar", 27)]
MARK = "Composed by a recurrent neural network."


def band_midi(qpm: float = 90.0) -> bytes:
    music = [
        Note(36, 100, 0.0, 0.2, 0),
        Note(40, 90, 0.0, 1.0, 1),
        Note(43, 90, 1.0, 2.0, 1),
        Note(64, 80, 0.5, 1.5, 2),
    ]
    return write_midi(music, BAND, qpm=qpm, title="Band", texts=[MARK])


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


class TestVoiceFiles:
    def test_each_voice_has_its_own_notes_program_name_and_the_tempo_of_all(self) -> None:
        files = voice_files(band_midi(), max_bytes=10**6)
        assert [file.name for file in files] == ["Drums", "Bass", "Lead / Guitar"]
        for number, file in enumerate(files):
            facts = inspect(file.data)
            assert facts.qpm == pytest.approx(90)
            (track,) = [track for track in facts.tracks if track.notes]
            assert (track.name, track.program, track.is_drum) == (
                BAND[number].name,
                BAND[number].program,
                BAND[number].is_drum,
            )
            assert MARK in facts.texts
        together = [
            (note.pitch, note.start_seconds, note.end_seconds) for file in files for note in notes_of_midi(file.data)
        ]
        assert sorted(together) == sorted(
            (note.pitch, note.start_seconds, note.end_seconds) for note in notes_of_midi(band_midi())
        )

    def test_channels_of_one_track_are_voices_of_their_own(self) -> None:
        file = mido.MidiFile(type=0)
        track = mido.MidiTrack()
        for channel in (3, 0):
            track.append(mido.Message("program_change", program=10 + channel, channel=channel))
            track.append(mido.Message("note_on", note=60 + channel, velocity=64, channel=channel))
            track.append(mido.Message("note_off", note=60 + channel, channel=channel, time=480))
        file.tracks.append(track)
        stream = io.BytesIO()
        file.save(file=stream)
        files = voice_files(stream.getvalue(), max_bytes=10**6)
        assert [file.name for file in files] == ["channel 1", "channel 4"]
        assert [inspect(file.data).lowest_pitch for file in files] == [60, 63]
        assert inspect(files[0].data).length_seconds == pytest.approx(1.0)

    def test_no_notes_and_too_many_voices_are_said(self) -> None:
        with pytest.raises(MidiError, match="no notes"):
            voice_files(bytes.fromhex("4d546864000000060001000100604d54726b0000000400ff2f00"), max_bytes=10**6)
        with pytest.raises(MidiError, match="too many voices"):
            voice_files(band_midi(), max_bytes=200)

    @given(st.binary(max_size=200))
    def test_whatever_bytes_come_it_is_a_midi_error_or_files_that_can_be_read(self, data: bytes) -> None:
        try:
            files = voice_files(b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60MTrk" + data, max_bytes=10**6)
        except MidiError:
            return
        for file in files:
            assert inspect(file.data).notes > 0

    @given(st.lists(st.integers(0, 127), min_size=1, max_size=30))
    def test_a_piece_of_one_voice_keeps_its_notes(self, pitches: list[int]) -> None:
        music = [Note(pitch, 64, index * 0.5, index * 0.5 + 0.5) for index, pitch in enumerate(pitches)]
        (file,) = voice_files(write_midi(music, [Voice("Piano", 0)]), max_bytes=10**6)
        assert [note.pitch for note in notes_of_midi(file.data)] == pitches


@pytest.mark.django_db
class TestVoicesZip:
    def test_is_the_same_every_time_and_its_names_are_safe(self, alice: User) -> None:
        piece = factories.make_piece(factories.member(alice), title="../Nächte: No. 1\r\n")
        data = voices_zip(piece, band_midi())
        assert data == voices_zip(piece, band_midi())
        assert list(entries(data)) == [
            "nachte-no-1/01-drums.mid",
            "nachte-no-1/02-bass.mid",
            "nachte-no-1/03-lead-guitar.mid",
        ]

    def test_a_damaged_file_is_said(self) -> None:
        with pytest.raises(ValidationError, match="damaged"):
            voices_zip(factories.make_piece(), band_midi()[:40])


def test_a_note_that_nobody_ends_is_as_long_in_the_file_of_its_voice() -> None:
    track = bytes.fromhex("00903c64 8360ff2f00")  # it ends with the track, at tick 480
    midi = bytes.fromhex("4d54686400000006000100010060 4d54726b00000009") + track
    (file,) = voice_files(midi, max_bytes=10**6)
    whole, alone = (
        [(note.start, note.end) for line in read_lines(data).lines for note in line.notes] for data in (midi, file.data)
    )
    assert whole == alone == [(0, 480)]


@pytest.mark.django_db
class TestPiecesZip:
    def test_holds_every_piece_under_a_name_of_its_own(self) -> None:
        midi = write_midi(scale(2), [Voice("Piano", 0)])
        pieces = [factories.make_piece(title=title, midi=midi) for title in ("Rain", "rain", "🎹", "CON")]
        found = entries(b"".join(pieces_zip(pieces)))
        readme = found.pop("README.txt")
        assert b"recurrent neural network" in readme
        assert list(found) == ["rain.mid", "rain-2.mid", "piece.mid", "piece-con.mid"]
        assert set(found.values()) == {midi}

    def test_begins_before_all_is_read(self) -> None:
        pieces = [factories.make_piece() for _ in range(3)]
        read: list[Piece] = []

        def reading(piece: Piece) -> bytes:
            read.append(piece)
            return factories.TINY_MIDI

        parts: Iterator[bytes] = pieces_zip(pieces, reading)
        assert next(parts)[:2] == b"PK"
        assert len(read) == 1

    def test_a_file_that_is_gone_is_named_and_the_others_come(self) -> None:
        gone, there = factories.make_piece(title="Gone"), factories.make_piece(title="There")
        default_storage.delete(str(gone.midi.name))
        found = entries(b"".join(pieces_zip([gone, there])))
        assert set(found) == {"README.txt", "there.mid", "missing.txt"}
        assert b"gone.mid" in found["missing.txt"]

    def test_no_request_for_each_piece(self, django_assert_num_queries: Any) -> None:
        for _ in range(4):
            factories.make_piece()
        with django_assert_num_queries(1):
            b"".join(pieces_zip(Piece.objects.all()))
