"""MIDI files of a few notes, written byte by byte: the player's tests depend on no other part of the project."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

TICKS_PER_QUARTER = 480
TICKS_PER_SECOND = 960  # at 120 quarter notes per minute

Note = tuple[int, int, float, float]  # pitch, velocity, start_seconds, end_seconds
Event = tuple[int, int, bytes]  # tick, order within the tick, bytes


def variable_length(value: int) -> bytes:
    """A MIDI variable-length quantity."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append((value & 0x7F) | 0x80)
    return bytes(reversed(digits))


def track(events: Iterable[Event]) -> bytes:
    """One MTrk chunk."""
    body, now = bytearray(), 0
    for tick, _, data in sorted(events, key=lambda event: event[:2]):
        body += variable_length(tick - now) + data
        now = tick
    body += b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def voice_events(notes: Sequence[Note], *, channel: int, program: int, name: str) -> list[Event]:
    """A voice's name, program and notes."""
    label = name.encode()
    events: list[Event] = [
        (0, 0, b"\xff\x03" + bytes([len(label)]) + label),
        (0, 0, bytes([0xC0 | channel, program])),
    ]
    for pitch, velocity, start_seconds, end_seconds in notes:
        events.append((round(start_seconds * TICKS_PER_SECOND), 2, bytes([0x90 | channel, pitch, velocity])))
        events.append((round(end_seconds * TICKS_PER_SECOND), 1, bytes([0x80 | channel, pitch, 0])))
    return events


def midi_bytes(
    *voices: Sequence[Note],
    programs: Sequence[int] = (0,),
    names: Sequence[str] = ("Piano",),
    channels: Sequence[int] = tuple(range(16)),
) -> bytes:
    """A type 1 file: tempo in the first track, then one track a voice. Channel 9 is that of the drums."""
    tracks = [track([(0, 0, b"\xff\x51\x03" + (500_000).to_bytes(3, "big"))])]
    for notes, channel, program, name in zip(voices, channels, programs, names, strict=False):
        tracks.append(track(voice_events(notes, channel=channel, program=program, name=name)))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS_PER_QUARTER) + b"".join(tracks)


def scale(length_seconds: float, *, pitch: int = 60, gap_seconds: float = 0.25) -> list[Note]:
    """Steady notes up and down a scale, from the first moment to the last."""
    steps = (0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5, 4, 2)
    count = round(length_seconds / gap_seconds)
    return [
        (pitch + steps[index % len(steps)], 100, index * gap_seconds, (index + 1) * gap_seconds)
        for index in range(count)
    ]


def live_rows(notes: Sequence[Note], *, voice: int = 0) -> list[list[int]]:
    """The same notes as the page receives them: [pitch, velocity, start_ms, end_ms, voice]."""
    return [[pitch, velocity, round(start * 1000), round(end * 1000), voice] for pitch, velocity, start, end in notes]
