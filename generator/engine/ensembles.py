"""The choices of the shipped genres: instruments, lengths, controls and sampling temperature."""

from generator.engine.keys import MODES
from generator.engine.manifest import Controls, Defaults, Ensemble
from generator.engine.manifest_controls import (
    Choice,
    ChoiceControl,
    KeyControl,
    LengthControl,
    Level,
    RangeControl,
    StartControl,
)
from generator.engine.music import Voice

PRESETS = (30.0, 60.0, 120.0, 300.0)
LEVELS = (
    Level("careful", "Safe", 0.85, 0.9),
    Level("balanced", "Balanced", 1.0, 0.95),
    Level("bold", "Bold", 1.1, 0.98),
    Level("wild", "Wild", 1.25, 1.0),
)
# On a grid one odd event breaks a groove, so drummers are sampled a little more carefully; a band needs its variety.
BAND_LEVELS = (
    Level("careful", "Safe", 0.95, 0.95),
    Level("balanced", "Balanced", 1.0, 0.97),
    Level("bold", "Bold", 1.05, 0.98),
    Level("wild", "Wild", 1.15, 1.0),
)
BAND_TOP_P = RangeControl(min=0.5, max=1.0, default=0.97)
DRUM_LEVELS = (
    Level("careful", "Safe", 0.8, 0.93),
    Level("balanced", "Balanced", 0.84, 0.94),
    Level("bold", "Bold", 0.95, 0.97),
    Level("wild", "Wild", 1.1, 1.0),
)
DRUM_TEMPERATURE = RangeControl(min=0.5, max=1.5, default=0.84)
DRUM_TOP_P = RangeControl(min=0.5, max=1.0, default=0.94)
TEMPERATURE = RangeControl(min=0.5, max=1.5, default=1.0)
TOP_P = RangeControl(min=0.5, max=1.0, default=0.95)
FEELS = ChoiceControl((Choice("straight", "Straight", 0), Choice("swing", "Swing", 1)))


def _densities(sparse: int, medium: int, dense: int) -> ChoiceControl:
    return ChoiceControl(
        (Choice("sparse", "Sparse", sparse), Choice("medium", "Medium", medium), Choice("dense", "Dense", dense))
    )


def _solo(
    key: str, name: str, program: int, lowest: int = 21, highest: int = 108, max_note_seconds: float = 15.0
) -> Ensemble:
    return Ensemble(key, name, (Voice(name, program),), lowest, highest, max_note_seconds)


# Ranges are those of the instruments. For sounds that do not decay by themselves, maximum note lengths are shorter:
# notes that fade under a pianist's pedal would blur everything.
PIANO_ENSEMBLES = (
    _solo("grand-piano", "Grand piano", 0),
    _solo("bright-piano", "Bright piano", 1),
    _solo("electric-piano", "Electric piano", 4, 28, 103),
    _solo("harpsichord", "Harpsichord", 6, 29, 89, 8.0),
    _solo("vibraphone", "Vibraphone", 11, 41, 96, 8.0),
    _solo("pipe-organ", "Pipe organ", 19, 24, 96, 4.0),
    _solo("nylon-guitar", "Nylon guitar", 24, 40, 88, 6.0),
    _solo("strings", "Strings", 48, 28, 100, 5.0),
    _solo("choir", "Choir", 52, 36, 84, 5.0),
)

PIANO_CONTROLS = Controls(
    length=LengthControl(min_seconds=15.0, max_seconds=300.0, default_seconds=60.0, presets=PRESETS),
    temperature=TEMPERATURE,
    top_p=TOP_P,
    key=KeyControl(MODES),
    density=_densities(2, 4, 6),
    adventurousness=LEVELS,
    start=StartControl(note=True, midi=True),
)
PIANO_DEFAULTS = Defaults(ensemble="grand-piano", length_seconds=60.0, temperature=1.0, top_p=0.95)


def _drums(name: str, kit: int) -> Voice:
    return Voice(name, kit, True, "drums")


def _kit(key: str, name: str, kit: int) -> Ensemble:
    return Ensemble(key, name, (_drums(name, kit),))


DRUM_ENSEMBLES = (
    _kit("acoustic-kit", "Acoustic kit", 0),
    _kit("room-kit", "Room kit", 8),
    _kit("electronic-kit", "Electronic kit", 24),
    _kit("brushes", "Brushes", 40),
)
# Name, label and median tempo in the training files; a style's position here is its index in the network.
_DRUM_STYLES = (
    ("rock", "Rock", 112.0),
    ("funk", "Funk", 104.0),
    ("jazz", "Jazz", 126.0),
    ("latin", "Latin", 112.0),
    ("hiphop", "Hip-hop", 90.0),
    ("afrobeat", "Afrobeat", 100.0),
    ("neworleans", "New Orleans", 96.0),
    ("afrocuban", "Afro-Cuban", 112.0),
    ("dance", "Dance", 120.0),
    ("soul", "Soul", 100.0),
    ("punk", "Punk", 144.0),
    ("reggae", "Reggae", 80.0),
    ("pop", "Pop", 100.0),
    ("country", "Country", 112.0),
    ("gospel", "Gospel", 120.0),
    ("blues", "Blues", 110.0),
)
# Learned, but from too few minutes to offer.
_DRUM_STYLES_NOT_OFFERED = ("pop", "country", "gospel", "blues")
DRUM_STYLES = tuple(key for key, _, _ in _DRUM_STYLES)


def _styles(styles: tuple[tuple[str, str, float], ...], without: tuple[str, ...] = ()) -> ChoiceControl:
    return ChoiceControl(
        tuple(Choice(key, name, index, qpm) for index, (key, name, qpm) in enumerate(styles) if key not in without)
    )


BARS = LengthControl(min_seconds=15.0, max_seconds=300.0, default_seconds=60.0, presets=PRESETS, bars=True)

DRUM_CONTROLS = Controls(
    length=BARS,
    temperature=DRUM_TEMPERATURE,
    top_p=DRUM_TOP_P,
    qpm=RangeControl(min=60.0, max=220.0, default=110.0),
    density=_densities(2, 4, 5),
    feel=FEELS,
    style=_styles(_DRUM_STYLES, _DRUM_STYLES_NOT_OFFERED),
    adventurousness=DRUM_LEVELS,
    start=StartControl(note=False, midi=True),
)
DRUM_DEFAULTS = Defaults(ensemble="acoustic-kit", length_seconds=60.0, temperature=0.84, top_p=0.94)


def _bass(name: str, program: int) -> Voice:
    return Voice(name, program, False, "bass")


def _rhythm(name: str, program: int) -> Voice:
    return Voice(name, program, False, "rhythm")


def _keys(name: str, program: int) -> Voice:
    return Voice(name, program, False, "keys")


def _lead(name: str, program: int) -> Voice:
    return Voice(name, program, False, "lead")


def _band_controls(qpm: RangeControl, density: ChoiceControl, style: ChoiceControl) -> Controls:
    """The choices shared by all multi-part bands."""
    return Controls(
        length=BARS,
        temperature=TEMPERATURE,
        top_p=BAND_TOP_P,
        qpm=qpm,
        key=KeyControl(MODES),
        density=density,
        feel=FEELS,
        style=style,
        adventurousness=BAND_LEVELS,
        start=StartControl(note=True, midi=True),
    )


ROCK_ENSEMBLES = (
    Ensemble(
        "full-band",
        "Full band",
        (
            _drums("Drums", 0),
            _bass("Electric bass", 33),
            _rhythm("Rhythm guitar", 29),
            _keys("Organ", 18),
            _lead("Lead guitar", 30),
        ),
    ),
    Ensemble(
        "power-trio",
        "Power trio",
        (_drums("Drums", 0), _bass("Picked bass", 34), _rhythm("Distorted guitar", 30)),
    ),
    Ensemble(
        "guitars-and-drums",
        "Guitars and drums",
        (_drums("Drums", 0), _rhythm("Rhythm guitar", 29), _lead("Lead guitar", 30)),
    ),
    Ensemble(
        "unplugged",
        "Unplugged",
        (
            _drums("Brushes", 40),
            _bass("Acoustic bass", 32),
            _rhythm("Steel guitar", 25),
            _keys("Piano", 0),
            _lead("Nylon guitar", 24),
        ),
    ),
)
_ROCK_STYLES = (
    ("alternative", "Alternative", 115.0),
    ("metal", "Metal", 125.0),
    ("classic", "Classic rock", 115.0),
    ("punk", "Punk", 160.0),
    ("indie", "Indie", 115.0),
    ("blues", "Blues rock", 110.0),
)
ROCK_STYLES = tuple(key for key, _, _ in _ROCK_STYLES)
ROCK_CONTROLS = _band_controls(RangeControl(60.0, 200.0, 120.0), _densities(4, 6, 7), _styles(_ROCK_STYLES))
ROCK_DEFAULTS = Defaults(ensemble="full-band", length_seconds=60.0, temperature=1.0, top_p=0.97)

ELECTRONIC_ENSEMBLES = (
    Ensemble(
        "club",
        "Club",
        (
            _drums("Drum machine", 24),
            _bass("Synth bass", 38),
            _keys("Pad", 89),
            _lead("Saw lead", 81),
        ),
    ),
    Ensemble(
        "synth-pop",
        "Synth-pop",
        (
            _drums("Drum machine", 25),
            _bass("Synth bass", 39),
            _rhythm("Clean guitar", 27),
            _keys("Synth strings", 50),
            _lead("Square lead", 80),
        ),
    ),
    Ensemble(
        "chill",
        "Chill",
        (
            _drums("Drum machine", 25),
            _bass("Fretless bass", 35),
            _keys("Electric piano", 4),
            _lead("Vibraphone", 11),
        ),
    ),
    Ensemble(
        "chiptune",
        "Chiptune",
        (
            _drums("Drum machine", 25),
            _bass("Saw bass", 81),
            _keys("Square chords", 80),
            _lead("Square lead", 80),
        ),
    ),
)
_ELECTRONIC_STYLES = (("club", "Club", 128.0), ("synth", "Synth", 140.0))
ELECTRONIC_STYLES = tuple(key for key, _, _ in _ELECTRONIC_STYLES)
ELECTRONIC_CONTROLS = _band_controls(RangeControl(70.0, 200.0, 128.0), _densities(3, 5, 7), _styles(_ELECTRONIC_STYLES))
ELECTRONIC_DEFAULTS = Defaults(ensemble="club", length_seconds=60.0, temperature=1.0, top_p=0.97)
