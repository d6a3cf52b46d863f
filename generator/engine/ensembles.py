"""What the shipped genres let a user choose: instruments, lengths and how freely events are drawn."""

from generator.engine.manifest import Controls, Defaults, Ensemble, LengthControl, RangeControl
from generator.engine.music import Voice


def _solo(
    key: str, name: str, program: int, lowest: int = 21, highest: int = 108, max_note_seconds: float = 15.0
) -> Ensemble:
    return Ensemble(key, name, (Voice(name, program),), lowest, highest, max_note_seconds)


# Ranges are those of the instruments. Where a sound does not fade by itself, notes that a pianist's pedal would let
# die away are held for less long, or everything blurs.
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
    length=LengthControl(min_seconds=15.0, max_seconds=300.0, default_seconds=60.0, presets=(30.0, 60.0, 120.0, 300.0)),
    temperature=RangeControl(min=0.5, max=1.5, default=1.0),
    top_p=RangeControl(min=0.5, max=1.0, default=0.95),
)

PIANO_DEFAULTS = Defaults(ensemble="grand-piano", length_seconds=60.0, temperature=1.0, top_p=0.95)
