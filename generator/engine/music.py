"""Notes and voices: the plain values that composing, MIDI files, jobs and pages exchange."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

MIN_PITCH = 0
MAX_PITCH = 127
MIN_VELOCITY = 1
MAX_VELOCITY = 127
MAX_PROGRAM = 127

_PITCH_CLASS_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

# The parts of a band, in the order of its voices and tracks.
PARTS = ("drums", "bass", "rhythm", "keys", "lead")

# A note as a list of plain numbers, ready for JSON: [pitch, velocity, start_ms, end_ms, voice].
NoteRow = list[int]


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Attributes:
        pitch: 0–127 inclusive, 60 is middle C.
        velocity: 1–127 inclusive.
        start_seconds, end_seconds: from the start of the piece; the end is after the start.
        voice: index into the ensemble's voices.
    """

    pitch: int
    velocity: int
    start_seconds: float
    end_seconds: float
    voice: int = 0

    @property
    def length_seconds(self) -> float:
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True, slots=True)
class Voice:
    """One instrument line of an ensemble; becomes one track of the MIDI file.

    Attributes:
        name: of the track, and as shown on pages.
        program: General MIDI sound, 0-based; meaningless for drums.
        is_drum: whether pitches name drums (MIDI channel 10).
        part: one of `PARTS`; empty outside bands.
    """

    name: str
    program: int
    is_drum: bool = False
    part: str = ""


def rows_of_notes(notes: Iterable[Note]) -> list[NoteRow]:
    """The notes as JSON-ready rows, times in whole milliseconds."""
    return [
        [note.pitch, note.velocity, round(note.start_seconds * 1000), round(note.end_seconds * 1000), note.voice]
        for note in notes
    ]


def notes_of_rows(rows: Iterable[Sequence[int]]) -> list[Note]:
    """The inverse of `rows_of_notes`."""
    return [
        Note(pitch, velocity, start_ms / 1000, end_ms / 1000, voice)
        for pitch, velocity, start_ms, end_ms, voice in rows
    ]


def in_order(notes: Iterable[Note]) -> list[Note]:
    """The notes by start, then voice and pitch: the one order in which they are stored and written."""
    return sorted(notes, key=lambda note: (note.start_seconds, note.voice, note.pitch, note.end_seconds, note.velocity))


def without_overlaps(notes: Iterable[Note]) -> list[Note]:
    """The notes in order, each ending where the same pitch of the same voice starts again.

    MIDI has one note-off per pitch and channel: if two notes of one pitch overlap, the first note-off would stop both.
    Notes left without duration are dropped; of several that start together the longest stays.
    """
    lines: dict[tuple[int, int], list[Note]] = {}
    for note in in_order(notes):
        if note.end_seconds <= note.start_seconds:
            continue
        line = lines.setdefault((note.voice, note.pitch), [])
        if line and line[-1].start_seconds == note.start_seconds:
            line.pop()
        elif line and line[-1].end_seconds > note.start_seconds:
            line[-1] = replace(line[-1], end_seconds=note.start_seconds)
        line.append(note)
    return in_order(note for line in lines.values() for note in line)


def pitch_name(pitch: int) -> str:
    """What people call a pitch; 60, middle C, is C4."""
    return f"{_PITCH_CLASS_NAMES[pitch % 12]}{pitch // 12 - 1}"
