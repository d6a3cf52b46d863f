"""Keys in common notation ("C minor", "F# dorian"): a tonic, a mode and their pitch classes.

Light: the web process imports it.
"""

import re
from dataclasses import dataclass, field

from generator.engine.errors import ControlError

# Semitones of each mode's scale above its tonic.
SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
MODES = tuple(SCALES)
# The tonic of music with a normalised key: C for modes with a major third, A for those with a minor one.
_MAJOR_FRAME, _MINOR_FRAME = 0, 9

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_SPELLED = {"♯": "#", "♭": "b", "sharp": "#", "flat": "b"}
# The spellings with the fewest accidentals, by how major or minor a mode is.
_TONICS_LIKE_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_TONICS_LIKE_MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_KEY = re.compile(r"\s*([A-Ga-g])[\s_-]*((?i:[#b♯♭]|flat|sharp)?)[\s_-]*([^\W_]*)\s*\Z")
_SHORT_MODES = {"": "major", "m": "minor", "maj": "major", "min": "minor"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key.

    Attributes:
        tonic: pitch class, 0 is C and 11 is B.
        mode: one of `MODES`.
        spelling: of the tonic, as requested; ignored in comparisons.
    """

    tonic: int
    mode: str
    spelling: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Such as "C minor" or "F# dorian"."""
        return f"{self.spelling or tonic_names(self.mode)[self.tonic]} {self.mode}"

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The scale's seven pitch classes."""
        return frozenset((self.tonic + step) % 12 for step in SCALES[self.mode])

    @property
    def tonic_triad(self) -> frozenset[int]:
        """Pitch classes of the chord on the tonic: root, third and fifth of the scale."""
        scale = SCALES[self.mode]
        return frozenset((self.tonic + scale[degree]) % 12 for degree in (0, 2, 4))

    @property
    def is_minor(self) -> bool:
        """Whether the third above the tonic is minor."""
        return 3 in SCALES[self.mode]

    @property
    def transposition(self) -> int:
        """Semitones, −5 to 6, from C (or A, where the third is minor) to this tonic."""
        return (self.tonic - (_MINOR_FRAME if self.is_minor else _MAJOR_FRAME) + 5) % 12 - 5


def tonic_names(mode: str) -> tuple[str, ...]:
    """The usual spelling of each of the twelve tonics, C first."""
    return _TONICS_LIKE_MINOR if 3 in SCALES[mode] else _TONICS_LIKE_MAJOR


def parse_key(text: str) -> Key:
    """The key of a text such as "C minor", "Bb", "f# Dorian", "E-flat-major"; a tonic alone is major.

    Raises:
        ControlError: not a key.
    """
    found = _KEY.match(text) if isinstance(text, str) else None
    mode = ""
    if found:
        # "CM" is C major: the only place where letter case matters.
        mode = "major" if found[3] == "M" else _SHORT_MODES.get(found[3].lower(), found[3].lower())
    if not found or mode not in SCALES:
        said = str(text).strip()
        raise ControlError(
            f"Expected a key such as C minor or F# dorian, of the modes {', '.join(MODES)}; "
            f"got {said[:37] + '…' if len(said) > 40 else said or 'nothing'}.",
            "key",
        )
    accidental = found[2].lower()
    letter, accidental = found[1].upper(), _SPELLED.get(accidental, accidental)
    return Key((_LETTERS[letter] + _ACCIDENTALS[accidental]) % 12, mode, letter + accidental)
