"""Splits a General MIDI SF3 sound font into small files, one per program, and writes them to static/sounds.

    python3 sounds.py [FluidR3Mono_GM.sf3]

The font is FluidR3Mono GM (MIT), as in Debian's package fluidr3mono-gm-soundfont. A browser then fetches only the
sounds of the piece it plays. Needs nothing but Python's standard library. Running it twice writes the same bytes.

An SF3 file is a SoundFont 2 file (https://www.synthfont.com/sfspec24.pdf) whose samples are Ogg Vorbis streams: a
sample header's start and end count bytes of the ``smpl`` chunk, and its loop points count sample frames from the
sample's start.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FONT = Path("/usr/share/sounds/sf3/FluidR3Mono_GM.sf3")
SOUNDS_FOLDER = Path(__file__).resolve().parent.parent / "static" / "sounds"

DRUM_BANK = 128
MAX_FILE_BYTES = 1_300_000
MAX_TOTAL_BYTES = 12_000_000

# General MIDI percussion keys, inclusive; the kit's other keys would only make its file larger.
DRUM_KEYS = (35, 81)

# General MIDI programs (0-based) that ensembles may use. Programs that share their samples share a file.
PROGRAM_GROUPS = (
    *((0, 1), (4,), (5,), (6,), (11,), (12,), (16,), (18,), (19,)),  # pianos, harpsichord, mallets, organs
    *((24,), (25,), (26,), (27,), (29,), (30,)),  # guitars
    *((32,), (33,), (34,), (35,), (38,), (39,)),  # basses
    *((46,), (48, 49), (50,), (51,), (52,), (56,), (61,), (62, 63), (73,)),  # harp, strings, choir, brass, flute
    *((80,), (81,), (87,), (88,), (89,), (90,), (95,)),  # leads and pads
)

# Drum kits (programs of the drum bank): standard, room and brushes share most of their samples; electronic, TR-808.
KIT_GROUPS = ((0, 8, 40), (24, 25))

OPERATOR_KEY_RANGE = 43
OPERATOR_INSTRUMENT = 41
OPERATOR_SAMPLE = 53

# Record layouts of the pdta chunks: format, bytes.
PRESET_HEADER = struct.Struct("<20sHHHIII")
BAG = struct.Struct("<HH")
GENERATOR = struct.Struct("<HH")
MODULATOR = struct.Struct("<HHhHH")
INSTRUMENT_HEADER = struct.Struct("<20sH")
SAMPLE_HEADER = struct.Struct("<20sIIIIIBbHH")


@dataclass(frozen=True)
class Zone:
    """Generators and modulators of one bag."""

    generators: list[tuple[int, int]]
    modulators: list[bytes]


class SoundFont:
    """The records of one SF3 file, read as they lie there."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
            raise SystemExit("This is no SoundFont file: expected RIFF … sfbk.")
        lists = dict(_lists(data[12:]))
        self.info = lists[b"INFO"]
        self.samples_data = dict(_chunks(lists[b"sdta"]))[b"smpl"]
        records = dict(_chunks(lists[b"pdta"]))
        self.presets = list(PRESET_HEADER.iter_unpack(records[b"phdr"]))
        self.preset_bags = list(BAG.iter_unpack(records[b"pbag"]))
        self.preset_generators = list(GENERATOR.iter_unpack(records[b"pgen"]))
        self.preset_modulators = _split(records[b"pmod"], MODULATOR.size)
        self.instruments = list(INSTRUMENT_HEADER.iter_unpack(records[b"inst"]))
        self.instrument_bags = list(BAG.iter_unpack(records[b"ibag"]))
        self.instrument_generators = list(GENERATOR.iter_unpack(records[b"igen"]))
        self.instrument_modulators = _split(records[b"imod"], MODULATOR.size)
        self.samples = list(SAMPLE_HEADER.iter_unpack(records[b"shdr"]))

    def preset_index(self, bank: int, program: int) -> int:
        """Index of the preset with this bank and 0-based program."""
        for index, (_, preset_program, preset_bank, *_) in enumerate(self.presets[:-1]):
            if (preset_bank, preset_program) == (bank, program):
                return index
        raise SystemExit(f"The sound font has no program {program} in bank {bank}.")

    def preset_zones(self, index: int) -> list[Zone]:
        first, last = self.presets[index][3], self.presets[index + 1][3]
        return _zones(self.preset_bags, self.preset_generators, self.preset_modulators, first, last)

    def instrument_zones(self, index: int) -> list[Zone]:
        first, last = self.instruments[index][1], self.instruments[index + 1][1]
        return _zones(self.instrument_bags, self.instrument_generators, self.instrument_modulators, first, last)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(data):
        kind, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        yield kind, data[position + 8 : position + 8 + size]
        position += 8 + size
        if size % 2 and data[position : position + 1] == b"\0":  # this font leaves the padding byte out
            position += 1


def _lists(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, body in _chunks(data):
        if kind == b"LIST":
            yield body[:4], body[4:]


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _zones(bags: list, generators: list, modulators: list, first: int, last: int) -> list[Zone]:
    zones = []
    for bag in range(first, last):
        (generator_start, modulator_start), (generator_end, modulator_end) = bags[bag], bags[bag + 1]
        zones.append(Zone(generators[generator_start:generator_end], modulators[modulator_start:modulator_end]))
    return zones


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _list(kind: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


class _Table:
    """Zones being written: bags, generators and modulators grow together."""

    def __init__(self) -> None:
        self.bags, self.generators, self.modulators = bytearray(), bytearray(), bytearray()

    def next_bag(self) -> int:
        return len(self.bags) // BAG.size

    def add(self, zone: Zone, operator: int, new_index: dict[int, int]) -> None:
        self._add_bag()
        for generator, amount in zone.generators:
            self.generators += GENERATOR.pack(generator, new_index[amount] if generator == operator else amount)
        for modulator in zone.modulators:
            self.modulators += modulator

    def finish(self) -> None:
        """Every list of the format ends with an empty record."""
        self._add_bag()
        self.generators += bytes(GENERATOR.size)
        self.modulators += bytes(MODULATOR.size)

    def _add_bag(self) -> None:
        self.bags += BAG.pack(len(self.generators) // GENERATOR.size, len(self.modulators) // MODULATOR.size)


def _indices(zones: list[Zone], operator: int) -> list[int]:
    return sorted({amount for zone in zones for generator, amount in zone.generators if generator == operator})


def _sounds_within(zone: Zone, keys: tuple[int, int]) -> bool:
    """Whether a zone can sound for any of the keys (both bounds inclusive); a zone without a key range always can."""
    for generator, amount in zone.generators:
        if generator == OPERATOR_KEY_RANGE:
            return (amount & 0xFF) <= keys[1] and (amount >> 8) >= keys[0]
    return True


def split_presets(font: SoundFont, bank: int, programs: tuple[int, ...], keys: tuple[int, int] = (0, 127)) -> bytes:
    """An SF3 file with these presets alone; zones that none of the keys reach are left out."""
    presets = [font.preset_index(bank, program) for program in programs]
    zones_of_preset = {preset: font.preset_zones(preset) for preset in presets}
    instruments = _indices([zone for zones in zones_of_preset.values() for zone in zones], OPERATOR_INSTRUMENT)
    zones_of = {
        index: [zone for zone in font.instrument_zones(index) if _sounds_within(zone, keys)] for index in instruments
    }
    used = {index for zones in zones_of.values() for index in _indices(zones, OPERATOR_SAMPLE)}
    stereo = {font.samples[index][8] for index in used if font.samples[index][9] & 0x0F in (2, 4)}
    samples = sorted(used | {link for link in stereo if link < len(font.samples) - 1})
    new_instrument = {old: new for new, old in enumerate(instruments)}
    new_sample = {old: new for new, old in enumerate(samples)}

    preset_table, instrument_table = _Table(), _Table()
    preset_headers = b""
    for preset, program in zip(presets, programs, strict=True):
        name, *_, library, genre, morphology = font.presets[preset]
        preset_headers += PRESET_HEADER.pack(name, program, bank, preset_table.next_bag(), library, genre, morphology)
        for zone in zones_of_preset[preset]:
            preset_table.add(zone, OPERATOR_INSTRUMENT, new_instrument)
    preset_headers += PRESET_HEADER.pack(b"EOP", 0, 0, preset_table.next_bag(), 0, 0, 0)
    preset_table.finish()

    instrument_headers = b""
    for index in instruments:
        instrument_headers += INSTRUMENT_HEADER.pack(font.instruments[index][0], instrument_table.next_bag())
        for zone in zones_of[index]:
            instrument_table.add(zone, OPERATOR_SAMPLE, new_sample)
    instrument_headers += INSTRUMENT_HEADER.pack(b"EOI", instrument_table.next_bag())
    instrument_table.finish()

    sample_headers, sample_data = b"", bytearray()
    for index in samples:
        name, start, end, loop_start, loop_end, rate, key, cents, link, kind = font.samples[index]
        new_start = len(sample_data)
        sample_data += font.samples_data[start:end]
        sample_headers += SAMPLE_HEADER.pack(
            name, new_start, len(sample_data), loop_start, loop_end, rate, key, cents, new_sample.get(link, 0), kind
        )
    sample_headers += SAMPLE_HEADER.pack(b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)

    records = _list(
        b"pdta",
        _chunk(b"phdr", preset_headers),
        _chunk(b"pbag", bytes(preset_table.bags)),
        _chunk(b"pmod", bytes(preset_table.modulators)),
        _chunk(b"pgen", bytes(preset_table.generators)),
        _chunk(b"inst", instrument_headers),
        _chunk(b"ibag", bytes(instrument_table.bags)),
        _chunk(b"imod", bytes(instrument_table.modulators)),
        _chunk(b"igen", bytes(instrument_table.generators)),
        _chunk(b"shdr", sample_headers),
    )
    body = _chunk(b"LIST", b"INFO" + font.info) + _list(b"sdta", _chunk(b"smpl", bytes(sample_data))) + records
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"sfbk" + body


def _preset_name(font: SoundFont, bank: int, program: int) -> str:
    return font.presets[font.preset_index(bank, program)][0].split(b"\0")[0].decode("latin-1").strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("font", nargs="?", type=Path, default=DEFAULT_FONT)
    parser.add_argument("--output", type=Path, default=SOUNDS_FOLDER)
    options = parser.parse_args()
    if not options.font.exists():
        raise SystemExit(
            f"{options.font} is missing: install the package fluidr3mono-gm-soundfont or name an SF3 file."
        )
    font = SoundFont(options.font.read_bytes())

    options.output.mkdir(parents=True, exist_ok=True)
    for old in options.output.glob("*.sf3"):
        old.unlink()
    index: dict[str, dict] = {"programs": {}, "drums": {}}
    total = 0
    files = [("programs", split_presets(font, 0, group), group) for group in PROGRAM_GROUPS]
    files += [("drums", split_presets(font, DRUM_BANK, group, DRUM_KEYS), group) for group in KIT_GROUPS]
    for kind, data, programs in files:
        stem = f"{kind.removesuffix('s')}-{'-'.join(f'{program:03d}' for program in programs)}"
        file_name = f"{stem}.{hashlib.sha256(data).hexdigest()[:10]}.sf3"
        if len(data) > MAX_FILE_BYTES:
            raise SystemExit(f"{file_name} has {len(data):,} bytes; at most {MAX_FILE_BYTES:,} are allowed.")
        (options.output / file_name).write_bytes(data)
        bank = DRUM_BANK if kind == "drums" else 0
        for program in programs:
            name = _preset_name(font, bank, program)
            index[kind][str(program)] = {"file": file_name, "bytes": len(data), "name": name}
        total += len(data)
        print(f"{len(data):9,d} {file_name}", file=sys.stderr)
    if total > MAX_TOTAL_BYTES:
        raise SystemExit(f"All sounds together have {total:,} bytes; at most {MAX_TOTAL_BYTES:,} are allowed.")
    (options.output / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    print(f"{total:9,d} bytes in {len(files)} files", file=sys.stderr)


if __name__ == "__main__":
    main()
