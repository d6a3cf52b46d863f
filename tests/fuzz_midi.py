"""Damaged and hostile MIDI files, and what must hold for every one of them.

`python -m tests.fuzz_midi --minutes 10` tries as many as there is time for (`make check-slow`); the test-suite tries a
few with fixed seeds. A file that breaks a rule is printed in hexadecimal: keep it in tests/engine/test_midi_fuzz.py.
"""

import argparse
import contextlib
import random
import resource
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

from generator.engine.errors import MidiError, PrimerError
from generator.engine.manifest import Defaults, Encoding, Ensemble, Manifest
from generator.engine.midi import inspect, write_midi
from generator.engine.midi_inspect import PRIMER_LIMITS
from generator.engine.music import Note, Voice
from generator.engine.primers import check_primer, continuation_of, kept_notes, opening_of, primer_of
from tests.manifests import band_manifest, piano_manifest

MAX_INSPECT_CPU_SECONDS = 1.5
MAX_GROWTH_BYTES = 400 * 1024 * 1024

NOTE = bytes([0x00, 0x90, 60, 80, 0x60, 0x80, 60, 0])
END = b"\x00\xff\x2f\x00"


def file_of(*tracks: bytes, midi_type: int = 1, num_tracks: int | None = None, division: int = 480) -> bytes:
    """A MIDI file of these tracks' events."""
    declared = len(tracks) if num_tracks is None else num_tracks
    chunks = [b"MThd" + struct.pack(">IHHh", 6, midi_type, declared, division)]
    chunks += [b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks]
    return b"".join(chunks)


def sound_files() -> list[bytes]:
    """Files of the kinds that people have: a band in many tracks, everything in one track, pedal, tempo changes."""
    rng = random.Random(0)
    voices = [Voice("Drums", 0, is_drum=True), Voice("Bass", 33), Voice("Guitar", 29), Voice("Lead", 81)]
    band = []
    for beat in range(48):
        at = beat * 0.5
        band += [
            Note(rng.choice((36, 38, 42)), rng.randint(40, 120), at, at + 0.1, 0),
            Note(rng.choice((36, 41, 43)), 90, at, at + 0.4, 1),
            Note(rng.choice((60, 64, 67)), 70, at, at + 0.5, 2),
            Note(rng.choice((72, 74, 76)), 80, at + 0.25, at + 0.5, 3),
        ]
    pedal = b"\x00\xff\x51\x03\x07\xa1\x20\x00\xc0\x04\x00\xb0\x40\x7f"
    pedal += b"".join(bytes([0x10, 0x90, 50 + i % 30, 64, 0x83, 0x10, 50 + i % 30, 0]) for i in range(40))
    pedal += b"\x00\xff\x51\x03\x09\x27\xc0\x00\xf0\x03\x43\x12\x00\x00\xff\x58\x04\x04\x02\x18\x08\x10\xb0\x40\x00"
    channels = b"".join(
        bytes([0x30, 0x90 | channel, pitch, 90, 0x30, 0x80 | channel, pitch, 0])
        for channel, pitch in [(0, 60), (9, 36), (1, 40), (9, 38)] * 12
    )
    return [
        write_midi(band, voices, qpm=97.0, title="Band", texts=["Some text."]),
        file_of(pedal + END, midi_type=0),
        file_of(channels + END, midi_type=0, division=96),
        file_of(b"\x00\xff\x03\x04Keys" + NOTE * 30 + END, b"\x00\xc9\x00" + b"\x30\x99\x26\x50" * 40 + END),
    ]


def hostile_files(most: int = PRIMER_LIMITS.max_events) -> dict[str, bytes]:
    """Files of about so many events, made to cost as much as they can."""
    pairs = most // 2 - 10
    doubled = b"".join(bytes([0, 0x90 | c, 60, 80, 0, 64, 80, 48, 60, 0, 0, 64, 0]) for c in range(16))
    meters = b"\x01\xff\x58\x04\x03\x02\x18\x08\x01\xff\x58\x04\x04\x02\x18\x08"
    return {
        "one pitch struck again and again, never let go": file_of(b"\x01\x90\x3c\x50" + b"\x01\x3c\x50" * (most - 10)),
        "all struck at once, then all let go at once": file_of(
            b"\x00\x90\x3c\x50" + b"\x00\x3c\x50" * pairs + b"\x01\x80\x3c\x00" + b"\x00\x3c\x00" * pairs
        ),
        "a pedal that never comes up": file_of(
            b"\x00\xb0\x40\x7f\x00\x90\x3c\x50"
            + b"".join(bytes([1, 30 + i % 70, 80, 1, 30 + i % 70, 0]) for i in range(pairs))
        ),
        "a tempo for each note": file_of(b"\x01\xff\x51\x03\x00\x00\x01\x01\x90\x3c\x50\x01\x80\x3c\x00" * (most // 3)),
        "the slowest tempo, the longest waits": file_of(
            b"\x00\xff\x51\x03\xff\xff\xff" + b"\xff\xff\xff\x7f\x90\x3c\x50\x01\x80\x3c\x00" * 7
        ),
        "the fastest tempo, the longest waits": file_of(
            b"\x00\xff\x51\x03\x00\x00\x01" + b"\xff\xff\xff\x7f\x90\x3c\x50\x01\x80\x3c\x00" * 7, division=1
        ),
        "a program for each note on each channel": file_of(
            *(
                b"".join(
                    bytes([0, 0xC0 | i % 16, i % 128, 0, 0x90 | i % 16, 40 + i % 40, 80, 48, 40 + i % 40, 0])
                    for i in range(most // 150)
                )
                for _ in range(48)
            )
        ),
        "many short lines that double each other": file_of(*[doubled * (most // 8400 + 1)] * 48),
        "texts without end": file_of((b"\x00\xff\x01\x00" * (most - 20)) + NOTE * 9),
        "a meter for each tick": file_of(meters * (most // 3) + NOTE * 9),
        "a time signature of 255 over 1024": file_of(b"\x00\xff\x58\x04\xff\x0a\x18\x08" + NOTE * 9),
        "alien chunks": file_of(NOTE * 9)[:14] + b"XFIH\x00\x00\x00\x00" * most + file_of(NOTE * 9)[14:],
    }


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with one to six damages, mostly one: after many, few files are read any further."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        rng.choice(_DAMAGES)(damaged, rng)
        if not damaged:
            break
    return bytes(damaged)


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0x90, 0xF0, 0xF7, 0xFF, rng.randrange(256)))


def _truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _cut_out(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randint(1, 16)]


def _lie_about_length(data: bytearray, rng: random.Random) -> None:
    at = data.find(b"MTrk", rng.randrange(len(data)))
    if at < 0:
        at = data.find(b"MThd")
    data[at + 4 : at + 8] = struct.pack(">I", rng.choice((0, 1, rng.randrange(4000), 2**31, 2**32 - 1)))


def _huge_number(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = bytes([0x80 | rng.randrange(128)] * rng.randint(1, 12)) + bytes([rng.randrange(128)])


def _drop_status(data: bytearray, rng: random.Random) -> None:
    places = [at for at, byte in enumerate(data) if byte >= 0x80]
    if places:
        del data[rng.choice(places)]


def _insert_chunk(data: bytearray, rng: random.Random) -> None:
    at = rng.choice([i for i in range(len(data)) if data[i : i + 4] == b"MTrk"] or [len(data)])
    body = rng.randbytes(rng.randrange(64))
    data[at:at] = rng.choice((b"MTrk", b"MTrx", b"MThd")) + struct.pack(">I", len(body)) + body


def _insert_event(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.choice(
        (
            b"\x00\xff\x51\x03" + rng.randbytes(3),
            b"\x00\xff\x51\x03\x00\x00\x00",
            b"\x00\xff\x58\x04" + rng.randbytes(4),
            b"\x00\xf0" + rng.randbytes(4),
            b"\x00\xb0\x40\x7f",
            NOTE,
            END,
        )
    )


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = data[at : at + rng.randint(1, 64)] * rng.randint(1, 20)


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip, _set, _set, _truncate, _cut_out, _lie_about_length, _huge_number, _drop_status, _insert_chunk,
    _insert_event, _insert_event, _repeat,
)  # fmt: skip


def drums_manifest() -> Manifest:
    """A drummer whose hits stand a little before or behind the beat."""
    band = band_manifest()
    return band_manifest(
        name="drums-test",
        genre="drums",
        genre_name="Drums",
        encoding=Encoding("band", 0, 16, 200, steps_per_quarter=12, offset_bins=8, parts=("drums",)),
        controls=replace(band.controls, key=None),
        ensembles=(Ensemble("kit", "Drum kit", (Voice("Drums", 0, is_drum=True, part="drums"),)),),
        defaults=Defaults("kit", 60.0, 1.0, 0.95),
    )


def manifests() -> tuple[Manifest, ...]:
    """A genre without a grid, a band and a drummer."""
    return piano_manifest(), band_manifest(), drums_manifest()


def hold_to_rules(data: bytes, models: tuple[Manifest, ...]) -> str:
    """Everything that reads a stranger's file, on this one; anything raised but the two errors goes through.

    Returns:
        "read" or the sentence with which it was refused.
    """
    try:
        facts = inspect(data, limits=PRIMER_LIMITS)
    except MidiError as error:
        _check_sentence(error.message)
        outcome = error.message
    else:
        assert 0 <= facts.drum_notes <= facts.notes <= PRIMER_LIMITS.max_events
        assert 0 <= facts.length_seconds <= PRIMER_LIMITS.max_length_seconds
        outcome = "read"
    for model in models:
        key = model.defaults.ensemble
        for make in (primer_of, continuation_of, opening_of):
            try:
                primer = make(data, model, key)
            except PrimerError as error:
                _check_sentence(error.message)
                continue
            assert outcome == "read", "a file was played that was not to be read"
            voices = model.ensembles[0].voices
            assert primer.notes
            assert primer.length_seconds > 0
            for note in (*primer.notes, *kept_notes(primer)):
                assert 0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 and 0 <= note.voice < len(voices)
                assert 0 <= note.start_seconds < note.end_seconds
            assert max(note.end_seconds for note in primer.notes) <= primer.length_seconds + 1e-6
        try:
            check_primer(data, model, key)
        except PrimerError as error:
            _check_sentence(error.message)
    return outcome


def _check_sentence(sentence: str) -> None:
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence and len(sentence) < 200


def damaged_files(rng: random.Random) -> Iterator[bytes]:
    """Without end."""
    files = sound_files()
    while True:
        yield mutated(rng.choice(files), rng)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    print(f"seed {seed}", file=sys.stderr)
    models = manifests()
    for name, data in hostile_files().items():
        started = time.thread_time()
        with contextlib.suppress(MidiError):
            inspect(data, limits=PRIMER_LIMITS)
        looked = time.thread_time() - started
        outcome = hold_to_rules(data, models)
        whole = time.thread_time() - started
        print(f"{looked:6.2f} s to inspect, {whole:6.2f} s in all: {name}: {outcome}", file=sys.stderr)
        if looked > MAX_INSPECT_CPU_SECONDS:
            return 1
    ends_at, count, read = time.monotonic() + options.minutes * 60, 0, 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in damaged_files(random.Random(seed)):
        try:
            read += hold_to_rules(data, models) == "read"
        except Exception:
            traceback.print_exc()
            print(f"This file breaks a rule: {data.hex()}")
            return 1
        count += 1
        if time.monotonic() > ends_at:
            break
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(f"{count:,} damaged files, {read:,} of them read; memory grew by {growth // 2**20} MB", file=sys.stderr)
    return 0 if growth <= MAX_GROWTH_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
