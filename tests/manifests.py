"""Manifests for tests. Light, as the web process has to be: no numpy comes along."""

from dataclasses import replace
from typing import Any

from generator.engine import ensembles
from generator.engine.keys import MODES
from generator.engine.manifest import (
    Choice,
    ChoiceControl,
    Controls,
    Defaults,
    Encoding,
    Ensemble,
    KeyControl,
    LengthControl,
    Level,
    Manifest,
    RangeControl,
    StartControl,
)
from generator.engine.music import PARTS, Voice


def piano_manifest(name: str = "piano-1") -> Manifest:
    """What the shipped piano model offers, with no network behind it."""
    return Manifest(
        name=name,
        genre="piano",
        genre_name="Piano",
        encoding=Encoding("performance", steps_per_second=100, velocity_bins=32, num_classes=388),
        network={},
        controls=ensembles.PIANO_CONTROLS,
        ensembles=ensembles.PIANO_ENSEMBLES,
        defaults=ensembles.PIANO_DEFAULTS,
    )


def band_manifest(name: str = "rock-test", **changes: Any) -> Manifest:
    """A band that offers every control there is; `changes` replace fields."""
    manifest = Manifest(
        name=name,
        genre="rock",
        genre_name="Rock",
        encoding=Encoding("band", 0, velocity_bins=8, num_classes=357, steps_per_quarter=12, parts=PARTS),
        network={},
        controls=Controls(
            length=LengthControl(15.0, 300.0, 60.0, (30.0, 60.0), bars=True),
            temperature=RangeControl(0.5, 1.5, 1.0),
            top_p=RangeControl(0.5, 1.0, 0.95),
            qpm=RangeControl(60.0, 200.0, 120.0),
            key=KeyControl(MODES),
            density=ChoiceControl(
                (Choice("sparse", "Sparse", 1), Choice("medium", "Medium", 3), Choice("dense", "Dense", 5))
            ),
            feel=ChoiceControl((Choice("straight", "Straight", 0), Choice("swing", "Swing", 1))),
            style=ChoiceControl((Choice("ballad", "Ballad", 0, qpm=76.0), Choice("punk", "Punk", 1))),
            adventurousness=(Level("tame", "Tame", 0.8, 0.85), Level("wild", "Wild", 1.2, 1.0)),
            start=StartControl(note=True, midi=True),
        ),
        ensembles=(
            Ensemble(
                "full-band",
                "Full band",
                (
                    Voice("Drums", 0, is_drum=True, part="drums"),
                    Voice("Bass", 33, part="bass"),
                    Voice("Guitar", 27, part="rhythm"),
                    Voice("Organ", 16, part="keys"),
                    Voice("Lead guitar", 29, part="lead"),
                ),
            ),
            Ensemble(
                "trio",
                "Power trio",
                (
                    Voice("Drums", 0, is_drum=True, part="drums"),
                    Voice("Bass", 33, part="bass"),
                    Voice("Guitar", 30, part="rhythm"),
                ),
            ),
        ),
        defaults=Defaults("full-band", 60.0, 1.0, 0.95),
    )
    return replace(manifest, **changes)
