"""The sounds of the instruments: the files that the page plays with too (static/sounds), chosen as the page does.

An SF3 file is a SoundFont 2 file whose samples are Ogg Vorbis streams; frontend/sounds.py made ours. Framework-free:
the process that renders uses it.
"""

import json
import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

DRUM_BANK = 128
_FAMILY_OF = 8  # programs of General MIDI come in families of eight
_GENERATOR, _BAG = struct.Struct("<HH"), struct.Struct("<HH")
_PRESET, _INSTRUMENT_HEADER = struct.Struct("<20sHHHIII"), struct.Struct("<20sH")
# Generators by their numbers (SoundFont 2.04, 8.1.3); attenuation and resonance count tenths of a decibel.
_FILTER_Q, _INSTRUMENT, _VELOCITIES, _ATTENUATION, _SAMPLE = 9, 41, 44, 48, 53
EMU_FACTOR = 0.4
MORE_ATTENUATION = 150


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
    the square, and ranges of velocity are moved with it. It takes an attenuation at its word, where the synthesizers
    that fonts are made with, the page's too, take two fifths of it; it knows no negative one, so that all get some
    more; and it does not lower a sound by half of its filter's resonance, as the format wants.
    """
    data = read_sound(path)
    content = b"".join(
        _chunk(kind, _plain_records(body) if body[:4] == b"pdta" else body) for kind, body in _chunks(data[12:])
    )
    return data[:4] + struct.pack("<I", len(content) + 4) + data[8:12] + content


def _plain_records(body: bytes) -> bytes:
    records = dict(_chunks(body[4:]))
    presets = {bag for *_, bag, _, _, _ in _PRESET.iter_unpack(records[b"phdr"])}
    instruments = {bag for _, bag in _INSTRUMENT_HEADER.iter_unpack(records[b"inst"])}
    _rewrite(records, b"pbag", b"pgen", presets, _plain_preset)
    _rewrite(records, b"ibag", b"igen", instruments, _plain_instrument)
    return body[:4] + b"".join(_chunk(kind, content) for kind, content in records.items())


_Zone = dict[int, int]


def _rewrite(
    records: dict[bytes, bytes],
    bags: bytes,
    generators: bytes,
    firsts: set[int],
    change: Callable[[_Zone, _Zone], _Zone],
) -> None:
    """Changes each zone; `firsts` are the first zones of presets or instruments, and `change` gets the zone and the one
    that says what holds for all of its preset or instrument."""
    all_generators = list(_GENERATOR.iter_unpack(records[generators]))
    starts = list(_BAG.iter_unpack(records[bags]))
    new_bags, new_generators = bytearray(), bytearray()
    shared: _Zone = {}
    for number, ((start, modulators), (end, _)) in enumerate(pairwise(starts)):
        zone = dict(all_generators[start:end])
        if number in firsts:
            shared = {} if zone.keys() & {_INSTRUMENT, _SAMPLE} else zone
        new_bags += _BAG.pack(len(new_generators) // _GENERATOR.size, modulators)
        for generator, amount in change(zone, shared).items():
            new_generators += _GENERATOR.pack(generator, amount & 0xFFFF)
    new_bags += _BAG.pack(len(new_generators) // _GENERATOR.size, starts[-1][1])
    records[bags], records[generators] = bytes(new_bags), bytes(new_generators) + bytes(_GENERATOR.size)


def _plain_preset(zone: _Zone, shared: _Zone) -> _Zone:
    zone = _plain_ranges(zone)
    if _ATTENUATION in zone:
        zone[_ATTENUATION] = round(_signed(zone[_ATTENUATION]) * EMU_FACTOR)
    return zone


def _plain_instrument(zone: _Zone, shared: _Zone) -> _Zone:
    if _SAMPLE not in zone:
        return zone
    attenuation = _signed(zone.get(_ATTENUATION, shared.get(_ATTENUATION, 0))) * EMU_FACTOR
    resonance = zone.get(_FILTER_Q, shared.get(_FILTER_Q, 0))
    sample = zone.pop(_SAMPLE)
    # The format wants ranges first and the sample last.
    zone = _plain_ranges(zone) | {_ATTENUATION: round(MORE_ATTENUATION + attenuation + resonance / 2)}
    return zone | {_SAMPLE: sample}


def _plain_ranges(zone: _Zone) -> _Zone:
    if _VELOCITIES not in zone:
        return dict(zone)
    low, high = zone[_VELOCITIES] & 0xFF, zone[_VELOCITIES] >> 8
    return zone | {_VELOCITIES: plain_velocity(high) << 8 | (plain_velocity(low) if low else 0)}


def _signed(amount: int) -> int:
    return amount - 0x10000 if amount & 0x8000 else amount


def plain_velocity(velocity: int) -> int:
    """Of the velocities 1–127 the one that a synthesizer which is linear in them needs for the same loudness."""
    return max(1, round(velocity * velocity / 127))
