"""An untrusted MIDI file → lines of notes in quarters, with the sustain pedal applied.

note_seq does the same for trusted files, with five times the CPU time and an array of all ticks; here time and
memory grow only with the file size (docs/decisions/0014-midi-from-strangers.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from generator.engine.errors import MidiError
from generator.engine.midi_inspect import (
    CONTROL,
    DRUM_CHANNEL,
    META,
    META_METER,
    META_TEMPO,
    META_TRACK_NAME,
    NOTE_OFF,
    NOTE_ON,
    PRIMER_LIMITS,
    PROGRAM,
    Event,
    MidiLimits,
    MidiReader,
    TempoMap,
    tempo_of,
    text_of,
)

_SUSTAIN_PEDAL = 64
_PEDAL_DOWN = 64


@dataclass(slots=True)
class LineNote:
    """One note of a line.

    Attributes:
        start, end: ticks; the end is after the start.
        released: tick at which the key was released; the pedal may have held the note longer.
        pitch, velocity: 0–127 and 1–127.
    """

    start: int
    end: int
    released: int
    pitch: int
    velocity: int


@dataclass(slots=True)
class Line:
    """The notes of one track on one channel with one program, in order of onset.

    Attributes:
        name: of the track.
        program: General MIDI sound, 0-based; 0 by default.
        is_drum: whether pitches name drums.
        channel: 0–15.
    """

    name: str
    program: int
    is_drum: bool
    notes: list[LineNote] = field(default_factory=list)
    channel: int = 0


@dataclass(frozen=True, slots=True)
class MidiLines:
    """Attributes: `lines` that have notes, in track order; `meters` as (tick, numerator, denominator)."""

    ticks_per_quarter: int
    tempos: TempoMap
    meters: tuple[tuple[int, int, int], ...]
    lines: tuple[Line, ...]


def read_lines(data: bytes, *, limits: MidiLimits = PRIMER_LIMITS) -> MidiLines:
    """
    Raises:
        MidiError: as for `inspect`.
    """
    reader = MidiReader(data, limits)
    tempos: list[tuple[int, int]] = []
    meters: list[tuple[int, int, int]] = []
    lines: list[Line] = []
    for events in reader.tracks():
        track = _Track()
        for event in events:
            if event.kind != META:
                track.add(event)
            elif event.channel == META_TEMPO:
                tempos.append((event.tick, tempo_of(event.data)))
            elif event.channel == META_METER:
                meters.append((event.tick, *_meter(event.data)))
            elif event.channel == META_TRACK_NAME and not track.name:
                track.name = text_of(event.data)
        lines += track.finished(reader.end_tick)
    return MidiLines(
        reader.ticks_per_quarter,
        TempoMap(tempos, reader.ticks_per_quarter),
        tuple(meters),
        tuple(line for line in lines if line.notes),
    )


class _Track:
    """The keyboards, one per channel, that a track's events play."""

    def __init__(self) -> None:
        self.name = ""
        self._lines: dict[tuple[int, int], Line] = {}
        self._programs = [0] * 16
        self._pedals = [False] * 16
        # By channel and pitch: notes whose key is down, and the note held only by the pedal.
        self._down: dict[tuple[int, int], list[LineNote]] = {}
        self._held: list[dict[int, LineNote]] = [{} for _ in range(16)]

    def add(self, event: Event) -> None:
        tick, kind, channel, values = event
        if kind == NOTE_ON and values[1]:
            self._begin(tick, channel, values[0], values[1])
        elif kind in (NOTE_ON, NOTE_OFF):
            self._release(tick, channel, values[0])
        elif kind == PROGRAM:
            self._programs[channel] = values[0]
        elif kind == CONTROL and values[0] == _SUSTAIN_PEDAL:
            self._pedals[channel] = values[1] >= _PEDAL_DOWN
            if not self._pedals[channel]:
                self._end_held(self._held[channel], tick)

    def finished(self, end_tick: int) -> Iterable[Line]:
        """The lines; notes still sounding end with the track, as in static/js/midi-file.js and in sequencers."""
        for notes in self._down.values():
            for note in notes:
                note.end = note.released = end_tick
        for held in self._held:
            self._end_held(held, end_tick)
        for line in self._lines.values():
            line.name = self.name
            if line.is_drum:
                # Many programs release a drum in the same tick in which they strike it.
                for note in line.notes:
                    note.end = max(note.end, note.start + 1)
            line.notes = [note for note in line.notes if note.end > note.start]
        return self._lines.values()

    def _begin(self, tick: int, channel: int, pitch: int, velocity: int) -> None:
        program = self._programs[channel]
        line = self._lines.get((channel, program))
        if line is None:
            line = self._lines[channel, program] = Line("", program, channel == DRUM_CHANNEL, channel=channel)
        if held := self._held[channel].pop(pitch, None):
            held.end = tick
        note = LineNote(tick, tick, tick, pitch, velocity)
        line.notes.append(note)
        self._down.setdefault((channel, pitch), []).append(note)

    def _release(self, tick: int, channel: int, pitch: int) -> None:
        for note in self._down.pop((channel, pitch), ()):
            note.end = note.released = tick
            if self._pedals[channel] and channel != DRUM_CHANNEL:
                if held := self._held[channel].get(pitch):
                    held.end = tick
                self._held[channel][pitch] = note

    def _end_held(self, held: dict[int, LineNote], tick: int) -> None:
        for note in held.values():
            note.end = max(note.end, tick)
        held.clear()


def _meter(values: bytes) -> tuple[int, int]:
    if len(values) < 2 or values[1] > 10:
        raise MidiError("This MIDI file is damaged: its events cannot be read.")
    return max(1, values[0]), 1 << values[1]
