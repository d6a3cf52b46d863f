"""The sounds of the instruments: the files that the page plays with too (static/sounds), chosen as the page does.

An SF3 file is a SoundFont 2 file whose samples are Ogg Vorbis streams; frontend/sounds.py made ours. Framework-free:
the process that renders uses it.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

DRUM_BANK = 128
_FAMILY_OF = 8  # programs of General MIDI come in families of eight
_GENERATOR = struct.Struct("<HH")
_VELOCITIES, _ATTENUATION = 44, 48


class Sounds:
    """Which file has the sound of a voice.

    Attributes:
        folder: with the files and index.json.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = json.loads((folder / "index.json").read_text())
        self._files: dict[bool, dict[int, str]] = {
            is_drum: {int(program): str(entry["file"]) for program, entry in index[kind].items()}
            for is_drum, kind in ((False, "programs"), (True, "drums"))
        }

    def sound_of(self, program: int, *, is_drum: bool) -> tuple[int, Path]:
        """The program, or drum kit, that sounds for this one, and its file: the nearest of its family of eight where
        there is no file for it, else the first. The page's soundOf() (static/js/sound-engine.js) chooses the same."""
        files = self._files[is_drum]
        if program not in files:
            family = [other for other in files if other // _FAMILY_OF == program // _FAMILY_OF]
            program = min(family, key=lambda other: abs(other - program), default=0)
        return program, self.folder / files[program]


def read_sound(path: Path) -> bytes:
    """The bytes of a sound file, with each chunk of an even size.

    Ours leave out the padding that RIFF wants behind an odd one, which the page's reader allows and others do not.
    """
    data = path.read_bytes()
    parts = []
    for kind, body in _chunks(data[12:]):
        if kind == b"LIST":
            body = body[:4] + b"".join(_chunk(inner, content) for inner, content in _chunks(body[4:]))
        parts.append(_chunk(kind, body))
    content = b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + data[8:12] + content


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size
        if size % 2 and data[at : at + 1] == b"\0":
            at += 1


def _chunk(kind: bytes, body: bytes) -> bytes:
    body += b"\0" * (len(body) % 2)
    return kind + struct.pack("<I", len(body)) + body


def plain_sound(path: Path) -> bytes:
    """The bytes of a sound file for a synthesizer of few means, which tinysoundfont is.

    It takes loudness for linear in the velocity, where the format's default is its square: `plain_velocity` gives it
    the square, and ranges of velocity are moved with it. And it takes an attenuation at its word, where the
    synthesizers that fonts are made with, the page's too, take two fifths of it.
    """
    data = read_sound(path)
    for kind in (b"pgen", b"igen"):
        at = data.index(kind, data.index(b"pdta")) + 8
        size = struct.unpack_from("<I", data, at - 4)[0]
        records = bytearray(data[at : at + size])
        for place in range(0, size, _GENERATOR.size):
            generator, amount = _GENERATOR.unpack_from(records, place)
            if generator == _ATTENUATION:
                signed = amount - 0x10000 if amount & 0x8000 else amount
                amount = round(signed * 0.4) & 0xFFFF
            elif generator == _VELOCITIES:
                amount = plain_velocity(amount >> 8) << 8 | (plain_velocity(amount & 0xFF) if amount & 0xFF else 0)
            _GENERATOR.pack_into(records, place, generator, amount)
        data = data[:at] + bytes(records) + data[at + size :]
    return data


def plain_velocity(velocity: int) -> int:
    """Of the velocities 1–127 the one that a synthesizer which is linear in them needs for the same loudness."""
    return max(1, round(velocity * velocity / 127))
