"""Keys: how people write them, and which notes they stand for."""

import pytest

from generator.engine.errors import ControlError
from generator.engine.keys import MODES, WHITE_TONICS, Key, parse_key

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
def test_each_mode_is_the_white_notes_transposed(mode: str) -> None:
    assert Key(WHITE_TONICS[mode], mode).pitch_classes == WHITE
    for tonic in range(12):
        key = Key(tonic, mode)
        assert -5 <= key.transposition <= 6
        assert {(pitch + key.transposition) % 12 for pitch in WHITE} == key.pitch_classes
        assert (WHITE_TONICS[mode] + key.transposition) % 12 == tonic


def test_triads_and_thirds() -> None:
    assert parse_key("C minor").tonic_triad == {0, 3, 7}
    assert parse_key("G lydian").tonic_triad == {7, 11, 2}
    assert [mode for mode in MODES if Key(0, mode).is_minor] == ["minor", "dorian", "phrygian"]
