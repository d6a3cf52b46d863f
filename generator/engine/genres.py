"""What a genre adds to its network: names, instruments, controls and how its files are read. Training copies it into
the bundle; after that, only the bundle matters."""

from dataclasses import dataclass, replace

from generator.engine import ensembles
from generator.engine.encodings import performance
from generator.engine.encodings.band import DRUMS, PARTS, STEPS_PER_QUARTER, band_spec
from generator.engine.errors import TrainingError
from generator.engine.manifest import Controls, Defaults, Encoding, Ensemble
from generator.engine.manifest_fields import is_slug

PERFORMANCE = Encoding(
    "performance", performance.STEPS_PER_SECOND, performance.NUM_VELOCITY_BINS, performance.NUM_CLASSES
)


def _band(parts: tuple[str, ...], velocity_bins: int, offset_bins: int = 0) -> Encoding:
    return Encoding(
        name="band",
        steps_per_second=0,
        velocity_bins=velocity_bins,
        num_classes=band_spec(parts, velocity_bins, offset_bins).num_classes,
        steps_per_quarter=STEPS_PER_QUARTER,
        offset_bins=offset_bins,
        parts=parts,
    )


@dataclass(frozen=True)
class GenreProfile:
    """The manifest fields of a genre, and how its training files are read.

    Attributes:
        genre: the slug.
        styles: in the order of the network's style inputs.
        drum_map: "gm", or "groove" for files of the Groove MIDI Dataset.
    """

    genre: str
    genre_name: str
    encoding: Encoding
    ensembles: tuple[Ensemble, ...]
    controls: Controls
    defaults: Defaults
    styles: tuple[str, ...] = ()
    drum_map: str = "gm"


PROFILES = {
    profile.genre: profile
    for profile in (
        GenreProfile(
            "piano",
            "Piano",
            PERFORMANCE,
            ensembles.PIANO_ENSEMBLES,
            ensembles.PIANO_CONTROLS,
            ensembles.PIANO_DEFAULTS,
        ),
        GenreProfile(
            "drums",
            "Drums",
            _band((DRUMS,), velocity_bins=16, offset_bins=8),
            ensembles.DRUM_ENSEMBLES,
            ensembles.DRUM_CONTROLS,
            ensembles.DRUM_DEFAULTS,
            ensembles.DRUM_STYLES,
            "groove",
        ),
        GenreProfile(
            "rock",
            "Rock",
            _band(PARTS, velocity_bins=8),
            ensembles.ROCK_ENSEMBLES,
            ensembles.ROCK_CONTROLS,
            ensembles.ROCK_DEFAULTS,
            ensembles.ROCK_STYLES,
        ),
        GenreProfile(
            "electronic",
            "Electronic",
            _band(PARTS, velocity_bins=8),
            ensembles.ELECTRONIC_ENSEMBLES,
            ensembles.ELECTRONIC_CONTROLS,
            ensembles.ELECTRONIC_DEFAULTS,
            ensembles.ELECTRONIC_STYLES,
        ),
    )
}


def genre_profile(genre: str, like: str | None = None, genre_name: str | None = None) -> GenreProfile:
    """The profile of a shipped genre, or of a new one.

    Args:
        genre: slug.
        like: for a new genre, the shipped one that provides encoding, instruments and controls.
        genre_name: as shown on pages; by default the slug, capitalised.

    Raises:
        TrainingError: no profile of that name, or not a slug.
    """
    if like is None or like == genre:
        if genre not in PROFILES:
            raise TrainingError(
                f"Expected a genre of {', '.join(PROFILES)}; got {genre!r}. "
                "For a new one, say which of them it is like."
            )
        return PROFILES[genre]
    if not is_slug(genre):
        raise TrainingError(f"Expected a genre in lower-case letters, digits and hyphens; got {genre!r}.")
    profile = genre_profile(like)
    return replace(profile, genre=genre, genre_name=genre_name or genre.replace("-", " ").capitalize())
