"""A lightweight, bounded inspection of an untrusted MIDI file. (Standard MIDI Files 1.0, MMA RP-001.)

The web process uses only this module, so it needs only the standard library. It reads the bytes once, front to back,
and keeps no events: a file with false lengths, or with nothing but events, costs no more than its size. (mido makes an
object of every event, 45 MB for the largest file allowed here, and follows a number of any length.)
"""

import struct
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from generator.engine.errors import MidiError
from generator.engine.midi_riff import without_riff
from generator.engine.music import MAX_PITCH

DEFAULT_QPM = 120.0
DRUM_CHANNEL = 9
MICROSECONDS_PER_MINUTE = 60_000_000
DEFAULT_TEMPO = 500_000

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
META, SYSEX, SYSEX_GOES_ON = 0xFF, 0xF0, 0xF7
META_TEXT, META_TRACK_NAME, META_END, META_TEMPO, META_METER = 0x01, 0x03, 0x2F, 0x51, 0x58

_CUT_OFF = "This MIDI file is damaged or cut off."
_DAMAGED = "This MIDI file is damaged: its events cannot be read."
_EVENTS_BETWEEN_CHECKS = 1000
# Texts are for people; longer ones are truncated.
_MAX_TEXT_BYTES = 1000


@dataclass(frozen=True)
class MidiLimits:
    """Limits on how much of an untrusted file is read before it is rejected."""

    max_bytes: int = 2 * 1024 * 1024
    max_tracks: int = 128
    max_events: int = 200_000
    max_ticks: int = 20_000_000
    max_length_seconds: float = 3600.0
    max_cpu_seconds: float = 1.0


# Primers are untrusted. Ticks may use 31 bits, enough for an hour at the finest resolution.
PRIMER_LIMITS = MidiLimits(max_bytes=1024 * 1024, max_tracks=48, max_events=100_000, max_ticks=2**31 - 1)


@dataclass(frozen=True)
class TrackFacts:
    """One track: its name, its first program (or None), whether it plays drums, its number of notes."""

    name: str
    program: int | None
    is_drum: bool
    notes: int


@dataclass(frozen=True)
class MidiFacts:
    """The result of `inspect`.

    Attributes:
        midi_type: 0 or 1.
        ticks_per_quarter: the file's resolution.
        qpm: the first tempo, 120 if there is none.
        length_seconds: end of the last note.
        notes: number of notes in all tracks.
        drum_notes: how many of them are on the drum channel.
        stuck_notes: notes without a note-off.
        overlapping_notes: notes that start while the same pitch of the same channel sounds.
        lowest_pitch, highest_pitch: None without notes.
        tracks: every track in order, including empty ones.
        texts: text events of the first track.
    """

    midi_type: int
    ticks_per_quarter: int
    qpm: float
    length_seconds: float
    notes: int
    drum_notes: int
    stuck_notes: int
    overlapping_notes: int
    lowest_pitch: int | None
    highest_pitch: int | None
    tracks: tuple[TrackFacts, ...]
    texts: tuple[str, ...]

    @property
    def pitched_notes(self) -> int:
        return self.notes - self.drum_notes


class Event(NamedTuple):
    """One event of a track.

    Attributes:
        tick: from the start of the track.
        kind: NOTE_OFF, NOTE_ON, CONTROL, PROGRAM or another upper half of a status byte; META for a meta event.
        channel: 0–15; the type of a meta event.
        data: the one or two data bytes; of a meta event the first thousand bytes.
    """

    tick: int
    kind: int
    channel: int
    data: bytes


class MidiReader:
    """The tracks of a file, event by event, within limits.

    Attributes:
        midi_type: 0 or 1.
        ticks_per_quarter: the file's resolution.
        num_tracks: from the header; the file has that many.
        end_tick: end of the track read last, possibly long after its last note.
    """

    def __init__(self, data: bytes, limits: MidiLimits) -> None:
        """
        Raises:
            MidiError: not a MIDI file, or its header exceeds a limit or has an unsupported type.
        """
        if len(data) > limits.max_bytes:
            raise MidiError(
                f"A MIDI file can be up to {limits.max_bytes // 1024:,} kB; this one has {-(-len(data) // 1024):,} kB."
            )
        data = without_riff(data)
        if data[:4] != b"MThd":
            raise MidiError("This is not a MIDI file.")
        if len(data) < 14:
            raise MidiError(_CUT_OFF)
        header_bytes, self.midi_type, self.num_tracks, division = struct.unpack(">IHHh", data[4:14])
        if self.midi_type > 1:
            raise MidiError(f"Expected a MIDI file of type 0 or 1; got type {self.midi_type}.")
        if self.num_tracks > limits.max_tracks:
            raise MidiError(f"This MIDI file has more than {limits.max_tracks} tracks.")
        if division <= 0:
            raise MidiError("This MIDI file counts time in film frames, not in beats.")
        if header_bytes < 6 or not self.num_tracks:
            raise MidiError(_DAMAGED)
        self.ticks_per_quarter: int = division
        self.end_tick = 0
        self._data = data
        self._at = 8 + header_bytes
        self._limits = limits
        self._events_left = limits.max_events
        self._ends_at = time.thread_time() + limits.max_cpu_seconds

    def tracks(self) -> Iterator[Iterator[Event]]:
        """One iterator of events per track; exhaust each before requesting the next.

        Raises:
            MidiError: the file is truncated, damaged or exceeds a limit.
        """
        data, at = self._data, self._at
        for _ in range(self.num_tracks):
            kind = b""
            # Chunks of unknown types must be skipped.
            while kind != b"MTrk":
                self._check_time()
                if at + 8 > len(data):
                    raise MidiError(_CUT_OFF)
                kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
                start, at = at + 8, at + 8 + size
                if at > len(data):
                    raise MidiError(_CUT_OFF)
            yield self._events(start, at)

    def _events(self, at: int, end: int) -> Iterator[Event]:
        data, max_ticks = self._data, self._limits.max_ticks
        tick = status = count = self.end_tick = 0
        while at < end:
            count += 1
            if count % _EVENTS_BETWEEN_CHECKS == 0:
                self._check_time()
            self._events_left -= 1
            if self._events_left < 0:
                raise MidiError(f"This MIDI file has more than {self._limits.max_events:,} events.")
            delta, at = _number(data, at, end)
            tick += delta
            if tick > max_ticks:
                raise MidiError("This MIDI file is longer than any piece of music and probably damaged.")
            self.end_tick = tick
            if at >= end:
                raise MidiError(_DAMAGED)
            byte = data[at]
            if byte >= SYSEX:
                if byte == META and at + 1 < end:
                    kind = data[at + 1]
                    size, at = _number(data, at + 2, end)
                    if at + size > end:
                        raise MidiError(_DAMAGED)
                    if kind == META_END:
                        return
                    yield Event(tick, META, kind, data[at : at + min(size, _MAX_TEXT_BYTES)])
                elif byte in (SYSEX, SYSEX_GOES_ON):
                    size, at = _number(data, at + 1, end)
                    status = 0
                else:
                    raise MidiError(_DAMAGED)
                at += size
                if at > end:
                    raise MidiError(_DAMAGED)
                continue
            if byte >= 0x80:
                status = byte
                at += 1
            elif not status:
                # A running status without a status byte before it.
                raise MidiError(_DAMAGED)
            kind = status & 0xF0
            size = 1 if kind in (PROGRAM, 0xD0) else 2
            values = data[at : at + size]
            at += size
            if at > end or not values.isascii():
                raise MidiError(_DAMAGED)
            yield Event(tick, kind, status & 0x0F, values)

    def _check_time(self) -> None:
        if time.thread_time() > self._ends_at:
            raise MidiError("This MIDI file takes too long to read.")


class TempoMap:
    """Converts ticks to time.

    Attributes:
        qpm: the first tempo.
    """

    def __init__(self, changes: Sequence[tuple[int, int]], ticks_per_quarter: int) -> None:
        """
        Args:
            changes: (tick, microseconds per quarter), in any order.
        """
        ordered = dict(sorted(changes, key=lambda change: change[0]))
        self.qpm = MICROSECONDS_PER_MINUTE / next(iter(ordered.values()), DEFAULT_TEMPO)
        ordered = {0: ordered.get(0, DEFAULT_TEMPO)} | ordered
        self._ticks = list(ordered)
        self._tempos = list(ordered.values())
        self._micros = [0]
        for index in range(1, len(self._ticks)):
            ticks = self._ticks[index] - self._ticks[index - 1]
            self._micros.append(self._micros[-1] + ticks * self._tempos[index - 1])
        self._ticks_per_quarter = ticks_per_quarter

    def seconds_at(self, tick: int) -> float:
        index = bisect_right(self._ticks, tick) - 1
        micros = self._micros[index] + (tick - self._ticks[index]) * self._tempos[index]
        return micros / self._ticks_per_quarter / 1e6

    def qpm_between(self, first_tick: int, end_tick: int) -> float:
        """The median tempo over time between two ticks."""
        first = bisect_right(self._ticks, first_tick) - 1
        last = max(first, bisect_right(self._ticks, end_tick - 1) - 1)
        edges = [first_tick, *self._ticks[first + 1 : last + 1], end_tick]
        stretches = sorted(
            (tempo, (after - before) * tempo)
            for tempo, before, after in zip(self._tempos[first : last + 1], edges, edges[1:], strict=False)
        )
        half = sum(micros for _, micros in stretches) / 2
        passed, tempo = 0, stretches[0][0]
        while stretches and passed < half:
            tempo, micros = stretches.pop(0)
            passed += micros
        return MICROSECONDS_PER_MINUTE / tempo


def inspect(data: bytes, *, limits: MidiLimits | None = None) -> MidiFacts:
    """Facts of a MIDI file, using at most `limits.max_cpu_seconds` of this thread's CPU time.

    Raises:
        MidiError: not a MIDI file, damaged, or exceeds a limit; the message can be shown to a user.
    """
    limits = limits or MidiLimits()
    reader = MidiReader(data, limits)
    tempos: list[tuple[int, int]] = []
    tracks: list[TrackFacts] = []
    texts: list[str] = []
    end_tick = drums = stuck = overlapping = 0
    lowest, highest = MAX_PITCH + 1, -1
    for index, events in enumerate(reader.tracks()):
        notes = 0
        name, program, is_drum = "", None, False
        # Channel and pitch in one number.
        sounding: set[int] = set()
        for tick, kind, channel, values in events:
            if kind in (NOTE_ON, NOTE_OFF):
                pitch = values[0]
                key = channel << 7 | pitch
                if key in sounding:
                    end_tick = max(end_tick, tick)
                if kind == NOTE_ON and values[1]:
                    overlapping += key in sounding
                    sounding.add(key)
                    notes += 1
                    if channel == DRUM_CHANNEL:
                        is_drum = True
                        drums += 1
                    lowest, highest = min(lowest, pitch), max(highest, pitch)
                else:
                    sounding.discard(key)
            elif kind == PROGRAM and program is None:
                program, is_drum = values[0], is_drum or channel == DRUM_CHANNEL
            elif kind == META:
                if channel == META_TEMPO:
                    tempos.append((tick, tempo_of(values)))
                elif channel == META_TRACK_NAME and not name:
                    name = text_of(values)
                elif channel == META_TEXT and index == 0:
                    texts.append(text_of(values))
        stuck += len(sounding)
        tracks.append(TrackFacts(name, program, is_drum, notes))
    tempo_map = TempoMap(tempos, reader.ticks_per_quarter)
    length_seconds = tempo_map.seconds_at(end_tick)
    if length_seconds > limits.max_length_seconds:
        raise MidiError(
            f"A MIDI file can be up to {limits.max_length_seconds / 60:g} minutes long; "
            f"this one has {length_seconds / 60:.0f} minutes."
        )
    total = sum(track.notes for track in tracks)
    return MidiFacts(
        midi_type=reader.midi_type,
        ticks_per_quarter=reader.ticks_per_quarter,
        qpm=tempo_map.qpm,
        length_seconds=length_seconds,
        notes=total,
        drum_notes=drums,
        stuck_notes=stuck,
        overlapping_notes=overlapping,
        lowest_pitch=lowest if total else None,
        highest_pitch=highest if total else None,
        tracks=tuple(tracks),
        texts=tuple(texts),
    )


def tempo_of(values: bytes) -> int:
    """Microseconds per quarter, from the data of a tempo event.

    Raises:
        MidiError: a tempo of zero, in which time would stand still.
    """
    if len(values) != 3:
        raise MidiError(_DAMAGED)
    tempo = int.from_bytes(values, "big")
    if not tempo:
        raise MidiError("This MIDI file has a tempo of zero.")
    return tempo


def text_of(values: bytes) -> str:
    """Decoded as UTF-8 if valid, else as Latin-1, which older programs write."""
    try:
        return values.decode("utf-8")
    except UnicodeDecodeError as error:
        # A long text was cut, perhaps within a character.
        is_cut = len(values) == _MAX_TEXT_BYTES and error.start >= _MAX_TEXT_BYTES - 3
        return values[: error.start].decode("utf-8") if is_cut else values.decode("latin-1")


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A variable-length number and where it ends; the format allows four bytes."""
    value = 0
    for index in range(at, min(at + 4, end)):
        byte = data[index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, index + 1
    raise MidiError(_DAMAGED)
