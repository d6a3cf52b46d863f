"""A MIDI file → one file per voice. A voice is what one track plays on one channel. Framework-free."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from generator.engine.errors import MidiError
from generator.engine.midi_inspect import (
    META,
    META_METER,
    META_TEMPO,
    META_TEXT,
    META_TRACK_NAME,
    NOTE_ON,
    MidiLimits,
    MidiReader,
    text_of,
)

LIMITS = MidiLimits(max_bytes=8 * 2**20, max_events=400_000, max_ticks=2**31 - 1, max_cpu_seconds=5.0)
META_COPYRIGHT, META_KEY = 0x02, 0x59
# What all voices share: texts, tempo, metre, key.
_SHARED = (META_TEXT, META_COPYRIGHT, META_TEMPO, META_METER, META_KEY)
_END = b"\xff\x2f\x00"

# When, and the bytes from the status byte on.
_Move = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """`name`: of its track, or which channel it was on; hostile text. `data`: a MIDI file of type 1."""

    name: str
    data: bytes


@dataclass(slots=True)
class _Voice:
    name: str = ""
    moves: list[_Move] = field(default_factory=list)
    has_notes: bool = False
    end_tick: int = 0


def voice_files(midi: bytes, *, max_bytes: int, limits: MidiLimits = LIMITS) -> list[VoiceFile]:
    """One file for each voice that has notes, in the order of the score.

    Raises:
        MidiError: the file is damaged, has no notes, is above a limit, or all its voices together are.
    """
    reader = MidiReader(midi, limits)
    shared: list[_Move] = []
    voices: list[_Voice] = []
    for index, events in enumerate(reader.tracks()):
        name = b""
        channels: dict[int, _Voice] = {}
        for tick, kind, channel, data in events:
            if kind != META:
                voice = channels.setdefault(channel, _Voice())
                voice.moves.append((tick, bytes((kind | channel,)) + data))
                voice.has_notes |= kind == NOTE_ON and data[1] > 0
            elif channel == META_TRACK_NAME:
                name = name or data
            elif channel in _SHARED and (index == 0 or channel not in (META_TEXT, META_COPYRIGHT)):
                shared.append((tick, _meta(channel, data)))
        if index == 0 and name:
            shared.insert(0, (0, _meta(META_TRACK_NAME, name)))
        playing = {channel: voice for channel, voice in channels.items() if voice.has_notes}
        for channel, voice in sorted(playing.items()):
            voice.name = text_of(name) if name else ""
            if not voice.name or len(playing) > 1:
                voice.name = f"{voice.name} channel {channel + 1}".strip()
            voice.moves.insert(0, (0, _meta(META_TRACK_NAME, voice.name.encode())))
            voice.end_tick = reader.end_tick
            voices.append(voice)
    if not voices:
        raise MidiError("This MIDI file has no notes.")
    shared.sort(key=lambda move: move[0])
    conductor = _track(shared)
    if len(voices) * len(conductor) + len(midi) > max_bytes:
        raise MidiError("This MIDI file has too many voices to split.")
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, 2, reader.ticks_per_quarter)
    return [VoiceFile(voice.name, header + conductor + _track(voice.moves, voice.end_tick)) for voice in voices]


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((META, kind)) + midi_number(len(data)) + data


def _track(moves: Iterable[_Move], end_tick: int = 0) -> bytes:
    """It ends at `end_tick`, where a note does that has no end of its own, or with its last move."""
    body = bytearray()
    now = 0
    for tick, data in moves:
        body += midi_number(tick - now) + data
        now = tick
    body += midi_number(max(end_tick - now, 0)) + _END
    return b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def midi_number(value: int) -> bytes:
    """As MIDI writes numbers: seven bits a byte, the high ones first."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(0x80 | value & 0x7F)
    return bytes(reversed(parts))
