"""Damaged and hostile MIDI files give music or one sentence, nothing else; tests/fuzz_midi.py tries many more."""

import random

import pytest

from generator.engine.errors import MidiError
from generator.engine.midi import inspect
from generator.engine.midi_inspect import PRIMER_LIMITS
from tests.fuzz_midi import END, NOTE, damaged_files, file_of, hold_to_rules, hostile_files, manifests

# Files that once broke a rule, or that another reader is known to stumble over.
KEPT = {
    "a number that never ends": file_of(b"\xff" * 4000),
    "a number of five bytes": file_of(b"\x80\x80\x80\x80\x00\x90\x3c\x50" + END),
    "a track that ends within a number": file_of(b"\x00\x90\x3c\x50\x81"),
    "a track that ends within a note": file_of(b"\x00\x90\x3c"),
    "a text longer than its track": file_of(b"\x00\xff\x01\x7fabc"),
    "a text of 268 million bytes": file_of(b"\x00\xff\x01\xff\xff\xff\x7f"),
    "a system exclusive message longer than its track": file_of(b"\x00\xf0\x7f\x43"),
    "a status that no file may hold": file_of(b"\x00\xf4\x00" + NOTE),
    "a data byte above 127": file_of(b"\x00\x90\x3c\xff"),
    "a meta event alone": file_of(b"\x00\xff"),
    "a meter without numbers": file_of(b"\x00\xff\x58\x00" + NOTE * 9),
    "a meter over two to the 255th": file_of(b"\x00\xff\x58\x04\x04\xff\x18\x08" + NOTE * 9),
    "a meter of nothing": file_of(b"\x00\xff\x58\x04\x00\x02\x18\x08" + NOTE * 9),
    "a note that ends as it begins": file_of(b"\x00\x90\x3c\x50\x00\x80\x3c\x00" + END),
    "one drum, let go in the tick in which it is struck": file_of(b"\x00\x99\x26\x50\x00\x89\x26\x00" + END),
    "a drum that no kit has": file_of(b"\x00\x99\x00\x50\x10\x89\x00\x00" + END),
    "one note that nobody lets go": file_of(b"\x00\x90\x3c\x50" + END),
    "one note of an hour": file_of(b"\x00\x90\x3c\x50\xd2\x80\x00\x80\x3c\x00" + END),
    "sound effects alone": file_of(b"\x00\xc0\x7f" + NOTE * 9 + END),
    "a tick that lasts a second, a billion quarters from the beginning": file_of(
        b"\x00\xff\x51\x03\x00\x00\x01" + b"\xff\xff\xff\x7f\x90\x3c\x50\x01\x80\x3c\x00" * 7, division=1
    ),
    "a drum struck late, with the last step of a bar": file_of(
        b"\x00\x99\x26\x50\x30\x26\x00" + b"\x8e\x34\x26\x50\x30\x26\x00" + END
    ),
    "one beat that closes, twelve bars after all others": file_of(
        NOTE * 4 + b"\x81\xb1\x00\x90\x3c\x50\x60\x80\x3c\x00" + END
    ),
    "a header that is all": file_of(),
    "a header longer than the file": b"MThd\xff\xff\xff\xff" + bytes(100),
    "a header that says it is short": b"MThd\x00\x00\x00\x00\x00\x00\x00\x01\x01\xe0" + file_of(NOTE)[14:],
    "a chunk of 4 GB": file_of(NOTE)[:18] + b"\xff\xff\xff\xff" + NOTE,
}

NAMES = list(hostile_files(1500))


@pytest.fixture(scope="module")
def models():
    return manifests()


@pytest.mark.parametrize("name", KEPT)
def test_files_that_were_found(name, models) -> None:
    hold_to_rules(KEPT[name], models)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files(seed, models) -> None:
    files = damaged_files(random.Random(seed))
    outcomes = [hold_to_rules(next(files), models) for _ in range(40)]
    assert "read" in outcomes
    assert len(set(outcomes)) > 2, "damages that are all alike find little"


@pytest.fixture(scope="module")
def small():
    return hostile_files(1500)


@pytest.fixture(scope="module")
def large():
    return hostile_files()


@pytest.mark.parametrize("name", NAMES)
def test_hostile_files(name, small, models) -> None:
    hold_to_rules(small[name], models)


@pytest.mark.parametrize("name", NAMES)
def test_the_largest_hostile_files_are_looked_at_without_running_out_of_time(name, large) -> None:
    """`inspect` gives up after its CPU seconds (TestInspecting); none of these comes so far."""
    try:
        facts = inspect(large[name], limits=PRIMER_LIMITS)
    except MidiError as error:
        assert "takes too long" not in error.message
    else:
        assert facts.notes <= PRIMER_LIMITS.max_events
