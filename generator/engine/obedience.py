"""Control adherence: whether a composed piece has the requested length, key and a proper ending, and other readers can
read its file."""

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from generator.engine.errors import MidiError
from generator.engine.keys import Key
from generator.engine.music import Note, Voice

# No onset this close to the end, in seconds.
QUIET_END_SECONDS = 0.5
# The length is right within this, or within a bar.
LENGTH_SECONDS = 1.0
# Without a grid a beat is that of 120 quarters per minute, the tempo such a file states.
DEFAULT_QPM = 120.0
QUARTERS_PER_BAR = 4
# Share of the pitched notes in the scale of the requested key.
SCALE_SHARE = 0.95
# Onsets closer than this are one chord.
CHORD_SECONDS = 0.06
# Times in files are whole ticks.
SLACK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Ending:
    """How a piece ends.

    Attributes:
        is_quiet: no note starts in the last `QUIET_END_SECONDS` before the end of the last note.
        rings: of the pitched notes that start last, the longest lasts at least a beat. True without pitched notes.
        closes: the bass is on a note of the tonic triad; None if no key was requested.
    """

    is_quiet: bool
    rings: bool
    closes: bool | None

    @property
    def is_real(self) -> bool:
        return self.is_quiet and self.rings and self.closes is not False


def ending_of(
    notes: Sequence[Note],
    *,
    drum_voices: Collection[int] = (),
    bass_voice: int | None = None,
    qpm: float | None = None,
    key: Key | None = None,
) -> Ending:
    """
    Args:
        notes: of the whole piece, at least one.
        bass_voice: whose last note closes the piece; None takes the lowest note of the last chord.
        qpm: quarters per minute; a beat is a quarter.
        key: the requested one.
    """
    end = max(note.end_seconds for note in notes)
    pitched = [note for note in notes if note.voice not in drum_voices]
    last = _last_chord(pitched)
    beat = 60.0 / (qpm or DEFAULT_QPM)
    closes = None
    if key is not None and pitched:
        bass = _last_chord([note for note in pitched if note.voice == bass_voice]) or last
        closes = min(note.pitch for note in bass) % 12 in key.tonic_triad
    return Ending(
        is_quiet=max(note.start_seconds for note in notes) <= end - QUIET_END_SECONDS + SLACK_SECONDS,
        rings=not last or max(note.length_seconds for note in last) >= beat - SLACK_SECONDS,
        closes=closes,
    )


def _last_chord(notes: Sequence[Note]) -> list[Note]:
    start = max((note.start_seconds for note in notes), default=0.0)
    return [note for note in notes if note.start_seconds >= start - CHORD_SECONDS]


def length_is_right(end_seconds: float, asked_seconds: float, qpm: float | None = None) -> bool:
    """Within a second of the requested length, or within a bar if there is a tempo."""
    bar = QUARTERS_PER_BAR * 60.0 / qpm if qpm else 0.0
    return abs(end_seconds - asked_seconds) <= max(LENGTH_SECONDS, bar) + SLACK_SECONDS


def scale_share(notes: Sequence[Note], key: Key, *, drum_voices: Collection[int] = ()) -> float:
    """Share of the pitched notes whose pitch class is in the key's scale; 1 if there are none."""
    pitched = [note for note in notes if note.voice not in drum_voices]
    inside = sum(note.pitch % 12 in key.pitch_classes for note in pitched)
    return inside / len(pitched) if pitched else 1.0


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What two third-party readers find in a MIDI file.

    Attributes:
        is_readable: mido, pretty_midi and note_seq all read it and find as many notes as the piece has.
        stuck_notes: notes without a note-off, or that start while already sounding.
        qpm: the first tempo in the file.
    """

    is_readable: bool
    stuck_notes: int
    qpm: float


def file_facts(data: bytes, notes: Sequence[Note], voices: Sequence[Voice]) -> FileFacts:
    """Read a piece's file back.

    Args:
        data: the file. notes, voices: of the piece that was written.
    """
    import mido

    from generator.engine.midi import read_midi

    try:
        file = mido.MidiFile(file=io.BytesIO(data))
        sequence = read_midi(data)
    except (MidiError, ValueError, EOFError, OSError, KeyError, IndexError):
        return FileFacts(is_readable=False, stuck_notes=0, qpm=0.0)
    begun = stuck = 0
    tempo = 500_000
    tempos: list[int] = []
    for track in file.tracks:
        sounding: set[tuple[int, int]] = set()
        for message in track:
            if message.type == "set_tempo":
                tempos.append(message.tempo)
            if message.type not in ("note_on", "note_off"):
                continue
            place = (message.channel, message.note)
            if message.type == "note_on" and message.velocity:
                stuck += place in sounding
                sounding.add(place)
                begun += 1
            else:
                sounding.discard(place)
        stuck += len(sounding)
    tempo = tempos[0] if tempos else tempo
    is_readable = begun == len(notes) == len(sequence.notes) and len(file.tracks) >= len(voices)
    return FileFacts(is_readable, stuck, float(Fraction(60_000_000, tempo)))
