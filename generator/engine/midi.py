"""MIDI files: writing a piece, reading a performance, and a light, bounded look at a file somebody sent.

pretty_midi writes, note_seq reads; both are imported only where they are needed, because the web process uses
`inspect` alone, which needs no more than mido. (Standard MIDI Files 1.0, MMA RP-001.)
"""

import io
import struct
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generator.engine.errors import MidiError
from generator.engine.music import MAX_PITCH, MAX_PROGRAM, MAX_VELOCITY, MIN_VELOCITY, Note, Voice, without_overlaps

if TYPE_CHECKING:
    from note_seq.protobuf.music_pb2 import NoteSequence

# At 120 quarter notes a minute one millisecond is 1.2 ticks and a 10 ms step exactly 12; a 24th of a quarter is 25.
TICKS_PER_QUARTER = 600
DEFAULT_QPM = 120.0
# A MIDI port has sixteen channels; one of them is for drums.
MAX_MELODIC_VOICES = 15
DRUM_CHANNEL = 9

_MICROSECONDS_PER_MINUTE = 60_000_000
_DEFAULT_TEMPO = 500_000


@dataclass(frozen=True)
class MidiLimits:
    """How much of a stranger's file is looked at before it is refused."""

    max_bytes: int = 2 * 1024 * 1024
    max_tracks: int = 128
    max_events: int = 200_000
    max_ticks: int = 20_000_000
    max_length_seconds: float = 3600.0
    max_cpu_seconds: float = 1.0


@dataclass(frozen=True)
class TrackFacts:
    """One track: its name, its first program (None where it names none), whether it plays drums, how many notes."""

    name: str
    program: int | None
    is_drum: bool
    notes: int


@dataclass(frozen=True)
class MidiFacts:
    """What `inspect` finds.

    Attributes:
        midi_type: 0 or 1.
        ticks_per_quarter: the file's resolution.
        qpm: the first tempo, 120 where none is given.
        length_seconds: end of the last note.
        notes: all notes, in all tracks.
        stuck_notes: notes that begin and never end.
        overlapping_notes: notes that begin while the same pitch of the same channel sounds.
        lowest_pitch, highest_pitch: None where there is no note.
        tracks: every track in order, those without notes included.
        texts: text events of the first track.
    """

    midi_type: int
    ticks_per_quarter: int
    qpm: float
    length_seconds: float
    notes: int
    stuck_notes: int
    overlapping_notes: int
    lowest_pitch: int | None
    highest_pitch: int | None
    tracks: tuple[TrackFacts, ...]
    texts: tuple[str, ...]


def write_midi(
    notes: Iterable[Note],
    voices: Sequence[Voice],
    *,
    qpm: float = DEFAULT_QPM,
    title: str = "",
    texts: Sequence[str] = (),
) -> bytes:
    """A type 1 file: tempo, title and texts in track 0, then one named track a voice with its program.

    The same arguments give the same bytes; no date is written. Overlapping notes of one pitch are cut where the next
    begins, so that no end can be taken for another's.

    Raises:
        MidiError: notes or voices that MIDI cannot hold.
    """
    _check_voices(voices)
    if not 4.0 <= qpm <= 960.0:
        raise MidiError(f"Expected a tempo of 4 to 960 quarter notes a minute, got {qpm:g}.")
    # A tempo is stored in whole microseconds; ticks are counted by what is stored.
    tempo = round(_MICROSECONDS_PER_MINUTE / qpm)
    ticks_per_second = TICKS_PER_QUARTER * 1e6 / tempo
    on_ticks = without_overlaps(_on_tick(_checked(note, len(voices)), ticks_per_second) for note in notes)

    import pretty_midi  # half a second, and only writers need it

    # The hundredth keeps pretty_midi, which rounds a tempo down, from storing one microsecond too few.
    file = pretty_midi.PrettyMIDI(resolution=TICKS_PER_QUARTER, initial_tempo=_MICROSECONDS_PER_MINUTE / (tempo + 0.01))
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
    """The performance in a file, with the sustain pedal applied to the ends of notes as Magenta does.

    Raises:
        MidiError: the file is damaged, has no notes, or exceeds a limit.
    """
    facts = inspect(data, limits=limits)
    if facts.notes == 0:
        raise MidiError("This MIDI file has no notes.")
    with warnings.catch_warnings():
        # note_seq's own imports and pretty_midi's doubts about other programs' files are nothing a caller can mend.
        warnings.simplefilter("ignore")
        from note_seq import midi_io, sequences_lib  # 2–3 seconds

        try:
            return sequences_lib.apply_sustain_control_changes(midi_io.midi_to_note_sequence(data))
        except (midi_io.MIDIConversionError, ValueError, IndexError) as error:
            raise MidiError("This MIDI file is damaged: its events cannot be read.") from error


def inspect(data: bytes, *, limits: MidiLimits | None = None) -> MidiFacts:
    """Facts of a MIDI file, at the cost of at most `limits.max_cpu_seconds` of this thread's CPU time.

    Raises:
        MidiError: not a MIDI file, damaged, or above a limit; the sentence may be shown to a user.
    """
    limits = limits or MidiLimits()
    _check_header(data, limits)
    budget = _Budget(limits.max_cpu_seconds)
    import mido

    try:
        file = mido.MidiFile(file=_BudgetedFile(data, budget))
    except MidiError:
        raise
    except Exception as error:  # mido raises many kinds: OSError, EOFError, ValueError, KeySignatureError, struct.error
        raise MidiError("This MIDI file is damaged or cut off.") from error
    if sum(len(track) for track in file.tracks) > limits.max_events:
        raise MidiError(f"This MIDI file has more than {limits.max_events:,} events.")
    return _facts(file, limits, budget)


class _Budget:
    """CPU seconds of this thread that may still be spent."""

    def __init__(self, cpu_seconds: float) -> None:
        self._ends_at = time.thread_time() + cpu_seconds

    def check(self) -> None:
        if time.thread_time() > self._ends_at:
            raise MidiError("This MIDI file takes too long to read; a simpler one is needed.")


class _BudgetedFile:
    """The two methods of a file that mido uses, looking at the budget once every thousand reads."""

    def __init__(self, data: bytes, budget: _Budget) -> None:
        self._file = io.BytesIO(data)
        self._budget = budget
        self._reads = 0

    def read(self, size: int = -1) -> bytes:
        self._reads += 1
        if self._reads % 1000 == 0:
            self._budget.check()
        return self._file.read(size)

    def tell(self) -> int:
        return self._file.tell()


def _to_mido(text: str) -> str:
    """Text as mido must see it for UTF-8 to be written.

    mido reads and writes Latin-1 unless told otherwise, and its setting is one global for all threads.
    """
    return text.encode("utf-8").decode("latin-1")


def _from_mido(text: str) -> str:
    """UTF-8 where the bytes are that, else the Latin-1 that mido made of them."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def _check_header(data: bytes, limits: MidiLimits) -> None:
    if len(data) > limits.max_bytes:
        raise MidiError(
            f"Expected a MIDI file of at most {limits.max_bytes // 1024:,} kB, got {len(data) // 1024:,} kB."
        )
    if data[:4] != b"MThd":
        raise MidiError("This is not a MIDI file.")
    if len(data) < 14:
        raise MidiError("This MIDI file is damaged or cut off.")
    midi_type, num_tracks, division = struct.unpack(">HHh", data[8:14])
    if midi_type > 1:
        raise MidiError(f"Expected a MIDI file of type 0 or 1, got type {midi_type}.")
    if num_tracks > limits.max_tracks:
        raise MidiError(f"This MIDI file has more than {limits.max_tracks} tracks.")
    if division <= 0:
        raise MidiError("This MIDI file counts time in film frames; one that counts in beats is needed.")


def _facts(file: Any, limits: MidiLimits, budget: _Budget) -> MidiFacts:
    tempos: list[tuple[int, int]] = []
    tracks: list[TrackFacts] = []
    texts: list[str] = []
    last_tick = end_tick = stuck = overlapping = 0
    lowest, highest = MAX_PITCH + 1, -1
    for index, track in enumerate(file.tracks):
        budget.check()
        tick = notes = 0
        name, program, is_drum = "", None, False
        sounding: set[tuple[int, int]] = set()
        for message in track:
            tick += message.time
            kind = message.type
            if kind in ("note_on", "note_off"):
                key = (message.channel, message.note)
                if key in sounding:
                    end_tick = max(end_tick, tick)
                if kind == "note_on" and message.velocity > 0:
                    overlapping += key in sounding
                    sounding.add(key)
                    notes += 1
                    is_drum = is_drum or message.channel == DRUM_CHANNEL
                    lowest, highest = min(lowest, message.note), max(highest, message.note)
                else:
                    sounding.discard(key)
            elif kind == "set_tempo":
                tempos.append((tick, message.tempo))
            elif kind == "program_change" and program is None:
                program, is_drum = message.program, is_drum or message.channel == DRUM_CHANNEL
            elif kind == "track_name" and not name:
                name = _from_mido(message.name)
            elif kind == "text" and index == 0:
                texts.append(_from_mido(message.text))
        last_tick = max(last_tick, tick)
        stuck += len(sounding)
        tracks.append(TrackFacts(name, program, is_drum, notes))
    if last_tick > limits.max_ticks:
        raise MidiError("This MIDI file is longer than any piece of music; it is probably damaged.")
    tempos.sort(key=lambda change: change[0])
    length_seconds = _seconds_at(end_tick, tempos, file.ticks_per_beat)
    if length_seconds > limits.max_length_seconds:
        raise MidiError(
            f"Expected a MIDI file of at most {limits.max_length_seconds / 60:g} minutes, "
            f"got {length_seconds / 60:.0f} minutes."
        )
    total = sum(track.notes for track in tracks)
    return MidiFacts(
        midi_type=file.type,
        ticks_per_quarter=file.ticks_per_beat,
        qpm=_MICROSECONDS_PER_MINUTE / max(1, tempos[0][1]) if tempos else DEFAULT_QPM,
        length_seconds=length_seconds,
        notes=total,
        stuck_notes=stuck,
        overlapping_notes=overlapping,
        lowest_pitch=lowest if total else None,
        highest_pitch=highest if total else None,
        tracks=tuple(tracks),
        texts=tuple(texts),
    )


def _seconds_at(tick: int, tempos: Sequence[tuple[int, int]], ticks_per_quarter: int) -> float:
    microseconds, since, tempo = 0, 0, _DEFAULT_TEMPO
    for at, next_tempo in tempos:
        if at >= tick:
            break
        microseconds += (at - since) * tempo
        since, tempo = at, next_tempo
    return (microseconds + (tick - since) * tempo) / ticks_per_quarter / 1e6


def _check_voices(voices: Sequence[Voice]) -> None:
    melodic = sum(not voice.is_drum for voice in voices)
    if not voices or melodic > MAX_MELODIC_VOICES or len(voices) - melodic > 1:
        raise MidiError(
            f"Expected 1 to {MAX_MELODIC_VOICES} melodic voices and at most one of drums, "
            f"got {melodic} and {len(voices) - melodic}."
        )
    for voice in voices:
        if not 0 <= voice.program <= MAX_PROGRAM:
            raise MidiError(f"Expected a program of 0 to {MAX_PROGRAM} for {voice.name!r}, got {voice.program}.")


def _checked(note: Note, num_voices: int) -> Note:
    if not (0 <= note.pitch <= MAX_PITCH and MIN_VELOCITY <= note.velocity <= MAX_VELOCITY):
        raise MidiError(f"Expected a pitch of 0 to 127 and a velocity of 1 to 127, got {note.pitch}, {note.velocity}.")
    if not (0 <= note.voice < num_voices and 0.0 <= note.start_seconds < note.end_seconds < float("inf")):
        raise MidiError("Expected notes that end after they start, in voices that exist.")
    return note


def _on_tick(note: Note, ticks_per_second: float) -> Note:
    """The note with its times moved to the nearest tick, at least one tick long."""
    start = round(note.start_seconds * ticks_per_second)
    end = max(start + 1, round(note.end_seconds * ticks_per_second))
    return Note(note.pitch, note.velocity, start / ticks_per_second, end / ticks_per_second, note.voice)


def _with_title(data: bytes, title: str) -> bytes:
    """Put the piece's name at the head of track 0, where the file format wants it; pretty_midi has no place for it."""
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
