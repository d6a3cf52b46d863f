"""What a MIDI file tells of itself."""

import io
import subprocess
import sys

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.engine.errors import MidiError
from generator.engine.midi import write_midi
from generator.engine.music import Note, Voice
from library.upload_facts import MAX_UPLOAD_BYTES, MAX_VOICES, upload_facts
from tests.music import notes

PIANO = Voice("Right hand", 0)


def file_of(*tracks: list[mido.Message | mido.MetaMessage]) -> bytes:
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.extend(mido.MidiTrack(messages) for messages in tracks)
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def bars(count: int, channel: int = 0) -> list[mido.Message]:
    """Whole notes of C, E, G in turn, one a bar of 4/4."""
    found = []
    for number in range(count):
        pitch = (60, 64, 67)[number % 3]
        found += [
            mido.Message("note_on", note=pitch, velocity=80, channel=channel),
            mido.Message("note_off", note=pitch, channel=channel, time=1920),
        ]
    return found


def test_everything_that_a_file_says() -> None:
    head = [
        mido.MetaMessage("track_name", name="Song"),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90)),
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
    ]
    first = [mido.MetaMessage("track_name", name="Melody"), mido.Message("program_change", program=73), *bars(6)]
    drums = [mido.Message("note_on", note=38, velocity=90, channel=9), mido.Message("note_off", note=38, channel=9)]
    facts = upload_facts(file_of(head, first, drums), "My_Song No.1.mid")
    assert facts.title == "My Song No.1"
    assert facts.voices == [
        {"name": "Melody", "program": 73, "is_drum": False},
        {"name": "Drums", "program": 0, "is_drum": True},
    ]
    assert facts.length_seconds == pytest.approx(6 * 4 * 60 / 90)
    assert (facts.notes_count, facts.qpm, facts.metre, facts.bars) == (7, 90, "3/4", 8)
    assert facts.key == "C major"
    assert [x for x, *_ in facts.roll] == pytest.approx([0, 0, 40, 80, 120, 160, 200], abs=1)


@pytest.mark.parametrize(
    ("file_name", "title"),
    [
        ("C:\\Music\\Rain.mid", "Rain"),
        ("folder/../../etc/passwd.mid", "passwd"),
        ("\x00\x1b[31m‮evil.mid", "[31mevil"),
        ("مقطوعة.mid", "مقطوعة"),
        ("🎹.mid", "🎹"),
        ("x" * 10_000 + ".mid", "x" * 200),
        ("J.S.Bach - Air", "J.S.Bach - Air"),
        ("J.S.Bach - Air.MID", "J.S.Bach - Air"),
        ("Sonata No.14", "Sonata No.14"),
        ("Sonata No.14.kar", "Sonata No.14"),
        ("Take 1.mid.mid", "Take 1.mid"),
        ("می\u200cخواهم.mid", "می\u200cخواهم"),
        ("  \t.mid", "Right hand"),
        ("", "Right hand"),
    ],
)
def test_titles_are_what_can_be_seen_of_the_file_name(file_name: str, title: str) -> None:
    midi = file_of([mido.MetaMessage("track_name", name="Right hand"), *bars(1)])
    assert upload_facts(midi, file_name).title == title


def test_a_file_without_names_is_untitled_and_its_voices_are_called_after_their_sounds() -> None:
    facts = upload_facts(file_of([mido.Message("program_change", program=40), *bars(1)]), "")
    assert (facts.title, facts.voices[0]["name"]) == ("Untitled upload", "Strings")
    assert (facts.metre, facts.bars) == ("", None)


def test_names_of_tracks_are_hostile_text() -> None:
    midi = file_of([mido.MetaMessage("track_name", name="<b>\x00\x07Bass\n\n" + "y" * 900), *bars(1)])
    name = str(upload_facts(midi, "a.mid").voices[0]["name"])
    assert name.startswith("<b>Bass yyy")
    assert len(name) == 100


def test_one_voice_for_what_a_track_plays_on_a_channel_whatever_its_programs() -> None:
    track = [
        mido.Message("program_change", program=4),
        *bars(1),
        mido.Message("program_change", program=5),
        *bars(1),
        *bars(1, channel=1),
    ]
    assert [voice["program"] for voice in upload_facts(file_of(track), "a.mid").voices] == [4, 0]


def test_many_tracks_have_a_bound() -> None:
    tracks = [bars(1, channel) for _ in range(5) for channel in range(16) if channel != 9]
    assert len(upload_facts(file_of(*tracks[:48]), "a.mid").voices) <= MAX_VOICES
    with pytest.raises(MidiError, match="more than 48 tracks"):
        upload_facts(file_of(*tracks), "a.mid")


def test_music_without_a_key_and_drums_alone_have_none() -> None:
    every = [Note(48 + step, 80, step / 4, step / 4 + 0.25) for step in range(24)]
    assert upload_facts(write_midi(every, [PIANO]), "a.mid").key == ""
    drums = [Note(38, 80, 0.0, 0.1)]
    assert upload_facts(write_midi(drums, [Voice("Drums", 0, is_drum=True)]), "a.mid").key == ""


@pytest.mark.parametrize(
    ("signature", "pitches", "key"),
    [
        # What the file says counts, whatever the notes are; but of "major" the notes decide between the two keys.
        ("Eb", (63, 67, 70), "Eb major"),
        ("Eb", (60, 63, 67), "C minor"),
        ("F#m", (60, 64, 67), "F# minor"),
        # What programs write where nobody chose a key says nothing.
        ("C", (62, 65, 69), "D minor"),
        ("C", (60, 64, 67), "C major"),
        (None, (65, 69, 72), "F major"),
    ],
)
def test_the_key_is_the_one_written_or_else_the_one_that_fits(
    signature: str | None, pitches: tuple[int, ...], key: str
) -> None:
    head = [mido.MetaMessage("key_signature", key=signature)] if signature else []
    chords = [
        message
        for _ in range(4)
        for message in (
            *(mido.Message("note_on", note=pitch, velocity=80) for pitch in pitches),
            *(mido.Message("note_off", note=pitch, time=480 * (pitch == pitches[0])) for pitch in pitches),
        )
    ]
    assert upload_facts(file_of([*head, *chords]), "a.mid").key == key


def test_of_a_metre_that_changes_no_bars_are_counted() -> None:
    head = [
        mido.MetaMessage("time_signature", numerator=4, denominator=4),
        mido.MetaMessage("time_signature", numerator=7, denominator=8, time=1920),
    ]
    facts = upload_facts(file_of(head, bars(2)), "a.mid")
    assert (facts.metre, facts.bars) == ("4/4", None)


@pytest.mark.parametrize(
    ("midi", "sentence"),
    [
        (b"", "not a MIDI file"),
        (b"RIFF....WAVEfmt ", "not a MIDI file"),
        (write_midi(notes((60, 80, 0.0, 1.0)), [PIANO])[:-9], "damaged or cut off"),
        (file_of([mido.MetaMessage("set_tempo", tempo=500_000)]), "no notes"),
        (write_midi(notes((60, 80, 0.0, 3700.0)), [PIANO]), "up to 60 minutes"),
        (b"MThd" + bytes(MAX_UPLOAD_BYTES), "up to 1,024 kB"),
    ],
)
def test_what_makes_no_piece_is_refused_in_a_sentence(midi: bytes, sentence: str) -> None:
    with pytest.raises(MidiError, match=sentence):
        upload_facts(midi, "a.mid")


@given(st.binary(max_size=300), st.text(max_size=50))
def test_whatever_comes_it_is_a_midi_error_or_facts_that_fit(data: bytes, name: str) -> None:
    try:
        facts = upload_facts(b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk" + data, name)
    except MidiError:
        return
    assert facts.notes_count > 0
    assert 0 < len(facts.title) <= 200


def test_the_web_process_needs_no_engine_for_it() -> None:
    program = (
        "import sys\n"
        "from library.upload_facts import upload_facts\n"
        "print(upload_facts(sys.stdin.buffer.read(), 'a.mid').key)\n"
        "assert {'numpy', 'note_seq', 'pretty_midi', 'mido'}.isdisjoint(sys.modules), sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=file_of(bars(6)), capture_output=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, b"C major"), done.stderr
