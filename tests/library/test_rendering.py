"""MIDI → sound: what is heard of it, how long it is, how loud, and what the file says of itself."""

import io
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from django.conf import settings

from generator.engine.midi import write_midi
from generator.engine.music import Note, Voice
from library.rendering import FORMATS, PEAK, render
from library.score import PITCH_BEND, RenderError, ScoreLimits, read_score
from library.sounds import Sounds, plain_sound, plain_velocity, read_sound
from library.synthesizers import GRAIN_FRAMES, SAMPLE_RATE, TAIL_SECONDS, synthesizer_of
from tests.music import GRAND_PIANO, notes, scale

SOUNDS = settings.BASE_DIR / "static" / "sounds"
DRUMS = Voice("Drums", 0, is_drum=True)
MARK = "Composed by a recurrent neural network (Musicgen)."
TITLE = "Über שלום 🎹"
HAS_FLUIDSYNTH = shutil.which("fluidsynth") is not None
SYNTHESIZERS = [
    "tinysoundfont",
    pytest.param("fluidsynth", marks=pytest.mark.skipif(not HAS_FLUIDSYNTH, reason="fluidsynth is not installed")),
]


def midi_of(*messages: mido.Message | mido.MetaMessage) -> bytes:
    file = mido.MidiFile(ticks_per_beat=500)  # at 120 quarters a minute a tick is a millisecond
    file.tracks.append(mido.MidiTrack(messages))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def played(midi: bytes, tmp_path: Path, audio_format: str = "wav", synthesizer: str = "tinysoundfont") -> np.ndarray:
    output = tmp_path / f"sound.{audio_format}"
    render(
        midi,
        output,
        audio_format=audio_format,
        sounds=SOUNDS,
        folder=tmp_path,
        synthesizer=synthesizer,
        title=TITLE,
        mark=MARK,
    )
    frames, rate = soundfile.read(output)
    assert rate == SAMPLE_RATE
    return np.asarray(frames)


def loudness(frames: np.ndarray, start: float, end: float) -> float:
    part = frames[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    return float(np.sqrt((part**2).mean()))


def pitch_class_of(frames: np.ndarray) -> float:
    """Of the strongest sine, which may be an octave of the note's: 0–12 from C."""
    spectrum = np.abs(np.fft.rfft(frames[:, 0] * np.hanning(len(frames))))
    hertz = np.argmax(spectrum) * SAMPLE_RATE / len(frames)
    return float((69 + 12 * np.log2(hertz / 440)) % 12)


@pytest.mark.parametrize("synthesizer", SYNTHESIZERS)
def test_notes_sound_when_they_should_at_their_pitch(tmp_path: Path, synthesizer: str) -> None:
    midi = write_midi(notes((69, 100, 1.0, 1.5), (73, 100, 3.0, 3.5)), [Voice("Flute", 73)])
    frames = played(midi, tmp_path, synthesizer=synthesizer)
    assert loudness(frames, 0.0, 0.95) < 1e-4
    assert loudness(frames, 1.1, 1.5) > 0.05
    assert loudness(frames, 2.8, 2.95) < 0.1 * loudness(frames, 1.1, 1.5)
    assert pitch_class_of(frames[round(1.1 * SAMPLE_RATE) : round(1.5 * SAMPLE_RATE)]) == pytest.approx(9, abs=0.4)
    assert pitch_class_of(frames[round(3.1 * SAMPLE_RATE) : round(3.5 * SAMPLE_RATE)]) == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize("synthesizer", SYNTHESIZERS)
@pytest.mark.parametrize("velocity", [10, 127])
def test_the_loudest_moment_is_as_loud_as_that_of_any_piece_and_nothing_clips(
    tmp_path: Path, synthesizer: str, velocity: int
) -> None:
    chord = notes(*((pitch, velocity, 0.0, 1.0) for pitch in range(40, 90, 2)))
    frames = played(write_midi(chord, [GRAND_PIANO]), tmp_path, synthesizer=synthesizer)
    assert float(np.abs(frames).max()) == pytest.approx(PEAK, abs=0.01)


def test_the_end_is_the_last_note_and_its_fading_and_no_long_silence(tmp_path: Path) -> None:
    frames = played(write_midi(notes((60, 100, 0.0, 2.0)), [GRAND_PIANO]), tmp_path)
    length = len(frames) / SAMPLE_RATE
    assert 2.0 < length < 2.0 + TAIL_SECONDS
    # It ends in silence without a click, and is not silent for long before.
    assert float(np.abs(frames[-1]).max()) < 1e-3
    assert float(np.abs(frames[-SAMPLE_RATE // 4 :]).max()) > 1e-4


def test_softer_notes_are_softer_by_the_square_of_their_velocity(tmp_path: Path) -> None:
    frames = played(write_midi(notes((60, 120, 0.0, 0.5), (60, 60, 3.0, 3.5)), [GRAND_PIANO]), tmp_path)
    assert loudness(frames, 0.0, 0.5) / loudness(frames, 3.0, 3.5) == pytest.approx(4.0, rel=0.15)


@pytest.mark.skipif(not HAS_FLUIDSYNTH, reason="fluidsynth is not installed")
def test_both_synthesizers_balance_the_instruments_alike(tmp_path: Path) -> None:
    voices = [Voice("Bass", 33), Voice("Guitar", 29), Voice("Strings", 48), DRUMS]
    music = [
        Note(36, 100, 0.0, 0.9, 0),
        Note(60, 100, 2.0, 2.9, 1),
        Note(60, 100, 4.0, 4.9, 2),
        Note(36, 100, 6.0, 6.9, 3),
        Note(42, 100, 8.0, 8.9, 3),
        Note(38, 50, 10.0, 10.9, 3),
    ]
    midi = write_midi(music, voices)
    of_each = []
    for synthesizer in ("tinysoundfont", "fluidsynth"):
        frames = played(midi, tmp_path, synthesizer=synthesizer)
        of_each.append(np.array([loudness(frames, start, start + 0.9) for start in range(0, 12, 2)]))
    decibels = 20 * np.log10(of_each[0] / of_each[1])
    assert np.ptp(decibels) < 2.5


@pytest.mark.parametrize("audio_format", FORMATS)
def test_each_format_sounds_alike_and_says_how_the_music_came_to_be(tmp_path: Path, audio_format: str) -> None:
    midi = write_midi(scale(8), [GRAND_PIANO])
    frames = played(midi, tmp_path, audio_format)
    wav = played(midi, tmp_path, "wav")
    assert float(np.abs(frames).max()) < 1.0
    assert len(frames) == pytest.approx(len(wav), abs=3000)
    assert loudness(frames, 0, 2) == pytest.approx(loudness(wav, 0, 2), rel=0.05)
    data = (tmp_path / f"sound.{audio_format}").read_bytes()
    assert MARK.encode() in data
    assert TITLE.encode() in data
    where = {"wav": b"LISTx", "mp3": b"ID3\x04", "ogg": b"TITLE="}[audio_format]
    assert where.rstrip(b"x") in data[:5000] if audio_format != "wav" else b"INFO" in data


def test_the_tag_of_an_mp3_can_be_read_to_its_end(tmp_path: Path) -> None:
    played(write_midi(scale(4), [GRAND_PIANO]), tmp_path, "mp3")
    data = (tmp_path / "sound.mp3").read_bytes()
    size = data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]
    at, texts = 10, {}
    while at < 10 + size:
        kind, length = data[at : at + 4], struct.unpack(">I", data[at + 4 : at + 8])[0]
        texts[kind] = data[at + 10 : at + 10 + length]
        at += 10 + length
    assert at == 10 + size
    assert data[at] == 0xFF, "the sound begins right behind the tag"
    assert texts[b"TIT2"] == b"\x03" + TITLE.encode()
    assert texts[b"COMM"] == b"\x03eng\x00" + MARK.encode()


def test_each_sound_of_the_page_can_be_played() -> None:
    import tinysoundfont

    sounds = Sounds(SOUNDS)
    index = json.loads((SOUNDS / "index.json").read_text())
    for kind, is_drum, pitch in (("programs", False, 60), ("drums", True, 38)):
        for program in map(int, index[kind]):
            known, path = sounds.sound_of(program, is_drum=is_drum)
            synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE)
            font = synth.sfload(plain_sound(path))
            synth.program_select(0, font, 128 if is_drum else 0, known)
            synth.noteon(0, pitch, plain_velocity(100))
            frames = np.frombuffer(synth.generate(4410), np.float32)
            assert float(np.abs(frames).max()) > 0.0005, f"{kind} {program} is silent"


def test_a_program_without_a_sound_is_played_by_the_nearest_of_its_family() -> None:
    sounds = Sounds(SOUNDS)
    assert sounds.sound_of(28, is_drum=False)[0] == 27
    assert sounds.sound_of(0, is_drum=False)[0] == 0
    assert sounds.sound_of(9, is_drum=False)[0] == 11
    assert sounds.sound_of(120, is_drum=False)[0] == 0, "of a family without sounds"
    assert sounds.sound_of(16, is_drum=True)[0] == 0


def test_sounds_are_whole_after_their_chunks_were_padded() -> None:
    for path in SOUNDS.glob("*.sf3"):
        data = read_sound(path)
        assert len(data) == 8 + struct.unpack("<I", data[4:8])[0]
        at = 12
        while at < len(data):
            size = struct.unpack("<I", data[at + 4 : at + 8])[0]
            assert size % 2 == 0
            at += 8 + size
        assert at == len(data)


def test_a_plain_velocity_rises_with_the_velocity() -> None:
    squares = [plain_velocity(velocity) for velocity in range(1, 128)]
    assert squares == sorted(squares)
    assert (squares[0], squares[-1]) == (1, 127)


class TestScore:
    def test_the_pedal_is_in_the_notes_and_controls_are_in_seconds(self) -> None:
        score = read_score(
            midi_of(
                mido.Message("program_change", program=24, channel=2),
                mido.Message("control_change", control=7, value=90, channel=2),
                mido.Message("control_change", control=64, value=127, channel=2),
                mido.Message("note_on", note=60, velocity=70, channel=2),
                mido.Message("pitchwheel", pitch=0, channel=2, time=250),
                mido.Message("note_off", note=60, channel=2, time=250),
                mido.Message("control_change", control=64, value=0, channel=2, time=1000),
            )
        )
        (note,) = score.notes
        assert (note.pitch, note.velocity, note.channel, note.program, note.is_drum) == (60, 70, 2, 24, False)
        assert [note.start, note.end] == pytest.approx([0.0, 1.5])
        assert [(control.seconds, control.number, control.value) for control in score.controls] == [
            (0.0, 7, 90),
            (pytest.approx(0.25), PITCH_BEND, 8192),
        ]

    def test_a_note_that_nobody_ends_lasts_as_long_as_its_track(self) -> None:
        score = read_score(
            midi_of(
                mido.Message("note_on", note=60, velocity=70),
                mido.Message("note_on", note=64, velocity=70, time=500),
                mido.Message("note_off", note=64, time=500),
                mido.MetaMessage("end_of_track", time=1000),
            )
        )
        assert [(note.pitch, note.start, note.end) for note in score.notes] == [(60, 0.0, 2.0), (64, 0.5, 1.0)]

    def test_one_without_any_time_is_none(self) -> None:
        with pytest.raises(RenderError, match="no notes"):
            read_score(midi_of(mido.Message("note_on", note=60, velocity=70, time=500)))

    def test_an_empty_piece_has_nothing_to_hear(self) -> None:
        with pytest.raises(RenderError, match="no notes"):
            read_score(midi_of(mido.MetaMessage("set_tempo", tempo=500_000)))

    @pytest.mark.parametrize(
        ("limits", "sentence"),
        [
            (ScoreLimits(max_notes=3), "limited to pieces of 3 notes. This one has 4"),
            (ScoreLimits(max_seconds=0.5), "limited to pieces of 0.00833333 minutes"),
        ],
    )
    def test_a_piece_above_a_limit_is_told_so(self, limits: ScoreLimits, sentence: str) -> None:
        with pytest.raises(RenderError, match=sentence):
            read_score(write_midi(scale(4), [GRAND_PIANO]), limits)

    def test_what_is_no_midi_file_is_said_in_a_sentence(self) -> None:
        with pytest.raises(RenderError, match="not a MIDI file"):
            read_score(b"RIFF....")


def test_the_volume_of_a_channel_is_heard(tmp_path: Path) -> None:
    def tone(volume: int, start: int) -> list[mido.Message]:
        return [
            mido.Message("control_change", control=7, value=volume, time=start),
            mido.Message("note_on", note=60, velocity=100),
            mido.Message("note_off", note=60, time=500),
        ]

    frames = played(midi_of(*tone(127, 0), *tone(40, 2500)), tmp_path)
    assert loudness(frames, 3.0, 3.5) < 0.3 * loudness(frames, 0.0, 0.5)


def test_later_notes_begin_as_exactly_as_the_first() -> None:
    score = read_score(write_midi(scale(80, seconds=0.0625), [GRAND_PIANO]))
    for index, note in enumerate(score.notes):
        assert note.start == pytest.approx(index * 0.0625, abs=GRAIN_FRAMES / SAMPLE_RATE)


def test_without_a_synthesizer_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.synthesizers.shutil.which", lambda name: None)
    with pytest.raises(RenderError, match="no synthesizer is installed"):
        synthesizer_of("fluidsynth")


class TestProcess:
    """`python -m library.renderer`."""

    def run(self, tmp_path: Path, midi: bytes, *options: str) -> tuple[int, list[dict]]:
        (tmp_path / "piece.mid").write_bytes(midi)
        command = [sys.executable, "-m", "library.renderer", str(tmp_path / "piece.mid"), "--format", "wav"]
        command += ["--output", str(tmp_path / "sound.wav"), "--sounds", str(SOUNDS), "--synthesizer", "tinysoundfont"]
        done = subprocess.run([*command, *options], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def test_says_how_far_it_is_and_what_it_made(self, tmp_path: Path) -> None:
        code, said = self.run(tmp_path, write_midi(scale(8), [GRAND_PIANO]))
        assert code == 0
        assert said[-1]["facts"]["peak"] == pytest.approx(PEAK)
        shares = [line["share"] for line in said[:-1]]
        assert shares == sorted(shares)
        assert shares
        assert soundfile.info(tmp_path / "sound.wav").duration == pytest.approx(
            said[-1]["facts"]["length_seconds"], abs=0.01
        )

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (("--max-notes=4",), "limited to pieces of 4 notes"),
            (("--file-mb=0",), "disk is full"),
        ],
    )
    def test_stays_within_its_limits(self, tmp_path: Path, options: tuple[str, ...], sentence: str) -> None:
        _, said = self.run(tmp_path, write_midi(scale(8), [GRAND_PIANO]), *options)
        assert sentence in said[-1]["error"]

    @pytest.mark.parametrize("option", ["--cpu-seconds=1", "--memory-mb=150"])
    def test_ends_where_its_computing_time_or_memory_does(self, tmp_path: Path, option: str) -> None:
        _, said = self.run(tmp_path, write_midi(notes((60, 80, 0.0, 1000.0)), [GRAND_PIANO]), option)
        assert not any("facts" in line for line in said)
        assert not (tmp_path / "sound.wav").exists()
