"""Keys: how people write them, and which notes they stand for."""

import pytest

from generator.engine.errors import ControlError
from generator.engine.keys import MODES, Key, parse_key

WHITE = {0, 2, 4, 5, 7, 9, 11}


@pytest.mark.parametrize(
    ("text", "key", "name"),
    [
        ("C minor", Key(0, "minor"), "C minor"),
        ("C", Key(0, "major"), "C major"),
        ("CM", Key(0, "major"), "C major"),
        ("Cm", Key(0, "minor"), "C minor"),
        (" f#  Dorian ", Key(6, "dorian"), "F# dorian"),
        ("Bb", Key(10, "major"), "Bb major"),
        ("B♭ min", Key(10, "minor"), "Bb minor"),
        ("b minor", Key(11, "minor"), "B minor"),
        ("Cb major", Key(11, "major"), "Cb major"),
        ("D♯ MIXOLYDIAN", Key(3, "mixolydian"), "D# mixolydian"),
    ],
)
def test_keys_are_read_as_people_write_them(text: str, key: Key, name: str) -> None:
    assert parse_key(text) == key
    assert parse_key(text).name == name


@pytest.mark.parametrize(
    "text", ["", "H", "C blues", "C##", "minor", "C locrian", "C minor minor", "c" * 5000, None, 5]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ControlError, match=r"^Expected a key such as C minor") as raised:
        parse_key(text)
    assert raised.value.control == "key"


@pytest.mark.parametrize("mode", MODES)
def test_every_key_is_named_and_read_back(mode: str) -> None:
    keys = [Key(tonic, mode) for tonic in range(12)]
    assert [parse_key(key.name) for key in keys] == keys
    assert len({key.pitch_classes for key in keys}) == 12


@pytest.mark.parametrize("mode", MODES)
def test_music_in_c_or_a_is_transposed_the_short_way(mode: str) -> None:
    keys = [Key(tonic, mode) for tonic in range(12)]
    assert sorted(key.transposition for key in keys) == list(range(-5, 7))
    assert {(key.tonic - key.transposition) % 12 for key in keys} == {9 if keys[0].is_minor else 0}


def test_major_and_minor_lie_on_the_white_notes_where_nothing_is_transposed() -> None:
    assert Key(0, "major").pitch_classes == Key(9, "minor").pitch_classes == WHITE
    assert parse_key("D dorian").pitch_classes == WHITE
    assert parse_key("Bb mixolydian").pitch_classes == parse_key("Eb").pitch_classes


def test_triads_and_thirds() -> None:
    assert parse_key("C minor").tonic_triad == {0, 3, 7}
    assert parse_key("G lydian").tonic_triad == {7, 11, 2}
    assert [mode for mode in MODES if Key(0, mode).is_minor] == ["minor", "dorian", "phrygian"]
