"""Manifests for tests. Light, as the web process has to be: no numpy comes along."""

from generator.engine import ensembles
from generator.engine.manifest import Encoding, Manifest


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
