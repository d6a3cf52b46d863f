"""The drum sounds of the `band` encoding and the MIDI pitches that map to them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DrumSound:
    """Attributes: `name` as a drummer says it; `pitch` of General MIDI's drum map that a piece is written with."""

    name: str
    pitch: int


# In the order of the class indices: the nine classes of the Groove papers, with articulations separate, then additions
# for rock and club music.
DRUM_SOUNDS = (
    DrumSound("kick", 36),
    DrumSound("snare", 38),
    DrumSound("side stick", 37),
    DrumSound("snare rim", 40),
    DrumSound("clap", 39),
    DrumSound("closed hi-hat", 42),
    DrumSound("pedal hi-hat", 44),
    DrumSound("open hi-hat", 46),
    DrumSound("low tom", 43),
    DrumSound("mid tom", 47),
    DrumSound("high tom", 50),
    DrumSound("crash", 49),
    DrumSound("second crash", 57),
    DrumSound("splash", 55),
    DrumSound("china", 52),
    DrumSound("ride", 51),
    DrumSound("ride edge", 59),
    DrumSound("ride bell", 53),
    DrumSound("tambourine", 54),
    DrumSound("cowbell", 56),
    DrumSound("shaker", 70),
    DrumSound("high conga", 63),
    DrumSound("low conga", 64),
    DrumSound("claves", 75),
)
NUM_DRUM_SOUNDS = len(DRUM_SOUNDS)

_INDEX = {sound.pitch: index for index, sound in enumerate(DRUM_SOUNDS)}
_OWN = dict(_INDEX)

# Pitch of a General MIDI drum track → index. Sound effects are left out.
GM_MAP: dict[int, int] = _OWN | {
    pitch: _INDEX[sound]
    for pitch, sound in {
        27: 39, 28: 39, 31: 37, 33: 75, 35: 36, 41: 43, 45: 47, 48: 50, 58: 75, 60: 63, 61: 64, 62: 63,
        65: 50, 66: 47, 67: 56, 68: 56, 69: 70, 76: 75, 77: 75, 80: 54, 81: 54, 82: 70, 83: 54, 85: 75,
    }.items()
}  # fmt: skip

# Pitch in a file of the Groove MIDI Dataset, played on an electronic kit of 22 pads, → index.
GROOVE_MAP: dict[int, int] = {
    pitch: _INDEX[sound]
    for pitch, sound in {
        36: 36, 38: 38, 40: 40, 37: 37, 42: 42, 22: 42, 44: 44, 46: 46, 26: 46, 43: 43, 58: 43, 47: 47, 45: 47,
        50: 50, 48: 50, 49: 49, 52: 52, 55: 55, 57: 57, 51: 51, 53: 53, 59: 59, 39: 39, 54: 54, 56: 56,
    }.items()
}  # fmt: skip
