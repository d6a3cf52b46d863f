"""MIDI files: writing a piece and reading a performance; the lightweight `inspect` has its own module.

pretty_midi writes, note_seq reads; both are imported only where needed, because the web process uses only
`inspect`. (Standard MIDI Files 1.0, MMA RP-001.)
"""

import io
import struct
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from generator.engine.errors import MidiError
from generator.engine.midi_inspect import (
    DEFAULT_QPM,
    MICROSECONDS_PER_MINUTE,
    PRIMER_LIMITS,
    MidiFacts,
    MidiLimits,
    TrackFacts,
    inspect,
)
from generator.engine.midi_riff import without_riff
from generator.engine.music import MAX_PITCH, MAX_PROGRAM, MAX_VELOCITY, MIN_VELOCITY, Note, Voice, without_overlaps

if TYPE_CHECKING:
    from note_seq.protobuf.music_pb2 import NoteSequence

__all__ = [
    "DEFAULT_QPM",
    "PRIMER_LIMITS",
    "MidiFacts",
    "MidiLimits",
    "TrackFacts",
    "inspect",
    "read_midi",
    "write_midi",
]

# At 120 quarter notes per minute one millisecond is 1.2 ticks and a 10 ms step exactly 12; a 24th of a quarter is 25.
TICKS_PER_QUARTER = 600
# A MIDI port has sixteen channels, one of them for drums.
MAX_MELODIC_VOICES = 15


def write_midi(
    notes: Iterable[Note],
    voices: Sequence[Voice],
    *,
    qpm: float = DEFAULT_QPM,
    title: str = "",
    texts: Sequence[str] = (),
) -> bytes:
    """A type 1 file: tempo, title and texts in track 0, then one named track per voice with its program.

    The same arguments give the same bytes; no date is written. Overlapping notes of one pitch are cut where the next
    starts, so that note-offs are unambiguous.

    Raises:
        MidiError: notes or voices that MIDI cannot represent.
    """
    _check_voices(voices)
    if not 4.0 <= qpm <= 960.0:
        raise MidiError(f"Expected a tempo of 4 to 960 quarter notes a minute; got {qpm:g}.")
    # Tempos are stored in whole microseconds; ticks are based on the stored value.
    tempo = round(MICROSECONDS_PER_MINUTE / qpm)
    ticks_per_second = TICKS_PER_QUARTER * 1e6 / tempo
    on_ticks = without_overlaps(_on_tick(_checked(note, len(voices)), ticks_per_second) for note in notes)

    import pretty_midi  # takes half a second, and only writers need it

    # The hundredth keeps pretty_midi, which rounds tempos down, from storing one microsecond too little.
    file = pretty_midi.PrettyMIDI(resolution=TICKS_PER_QUARTER, initial_tempo=MICROSECONDS_PER_MINUTE / (tempo + 0.01))
    file.text_events = [pretty_midi.Text(_to_mido(text), 0.0) for text in texts]
    instruments = [
        pretty_midi.Instrument(voice.program, is_drum=voice.is_drum, name=_to_mido(voice.name)) for voice in voices
    ]
    for note in on_ticks:
        instruments[note.voice].notes.append(
            pretty_midi.Note(note.velocity, note.pitch, note.start_seconds, note.end_seconds)
        )
    file.instruments = instruments
    buffer = io.BytesIO()
    file.write(buffer)
    return _with_title(buffer.getvalue(), title)


def read_midi(data: bytes, *, limits: MidiLimits | None = None) -> "NoteSequence":
    """The performance in a file, with the sustain pedal applied to note ends as in Magenta.

    Raises:
        MidiError: the file is damaged, has no notes, or exceeds a limit.
    """
    facts = inspect(data, limits=limits)
    if facts.notes == 0:
        raise MidiError("This MIDI file has no notes.")
    with warnings.catch_warnings():
        # Callers cannot fix note_seq's import warnings or pretty_midi's complaints about files of other programs.
        warnings.simplefilter("ignore")
        from note_seq import midi_io, sequences_lib  # 2–3 seconds

        try:
            return sequences_lib.apply_sustain_control_changes(midi_io.midi_to_note_sequence(without_riff(data)))
        except (midi_io.MIDIConversionError, ValueError, IndexError) as error:
            raise MidiError("This MIDI file is damaged: its events cannot be read.") from error


def _to_mido(text: str) -> str:
    """Text as mido must see it in order to write UTF-8.

    mido reads and writes Latin-1 unless told otherwise, and its setting is one global for all threads.
    """
    return text.encode("utf-8").decode("latin-1")


def _check_voices(voices: Sequence[Voice]) -> None:
    melodic = sum(not voice.is_drum for voice in voices)
    if not voices or melodic > MAX_MELODIC_VOICES or len(voices) - melodic > 1:
        raise MidiError(
            f"Expected 1 to {MAX_MELODIC_VOICES} melodic voices and at most one of drums, "
            f"got {melodic} and {len(voices) - melodic}."
        )
    for voice in voices:
        if not 0 <= voice.program <= MAX_PROGRAM:
            raise MidiError(f"Expected a program of 0 to {MAX_PROGRAM} for {voice.name!r}; got {voice.program}.")


def _checked(note: Note, num_voices: int) -> Note:
    if not (0 <= note.pitch <= MAX_PITCH and MIN_VELOCITY <= note.velocity <= MAX_VELOCITY):
        raise MidiError(f"Expected a pitch of 0 to 127 and a velocity of 1 to 127; got {note.pitch}, {note.velocity}.")
    if not (0 <= note.voice < num_voices and 0.0 <= note.start_seconds < note.end_seconds < float("inf")):
        raise MidiError("Expected notes that end after they start, in voices that exist.")
    return note


def _on_tick(note: Note, ticks_per_second: float) -> Note:
    """The note with its times rounded to ticks, at least one tick long."""
    start = round(note.start_seconds * ticks_per_second)
    end = max(start + 1, round(note.end_seconds * ticks_per_second))
    return Note(note.pitch, note.velocity, start / ticks_per_second, end / ticks_per_second, note.voice)


def _with_title(data: bytes, title: str) -> bytes:
    """Put the title at the start of track 0, where the format wants it; pretty_midi has no field for it."""
    if not title:
        return data
    name = title.encode("utf-8")
    event = b"\x00\xff\x03" + _variable_length(len(name)) + name
    (size,) = struct.unpack(">I", data[18:22])
    return data[:18] + struct.pack(">I", size + len(event)) + event + data[22:]


def _variable_length(value: int) -> bytes:
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(0x80 | value & 0x7F)
    return bytes(reversed(parts))
