"""What a genre offers beside its network: names, instruments, controls. Training puts it into the bundle, and from then
on the bundle alone is asked."""

from dataclasses import dataclass

from generator.engine.ensembles import PIANO_CONTROLS, PIANO_DEFAULTS, PIANO_ENSEMBLES
from generator.engine.errors import TrainingError
from generator.engine.manifest import Controls, Defaults, Ensemble


@dataclass(frozen=True)
class GenreProfile:
    """Attributes: `genre` is the slug; the rest goes into the manifest as it is."""

    genre: str
    genre_name: str
    ensembles: tuple[Ensemble, ...]
    controls: Controls
    defaults: Defaults


PROFILES = {
    profile.genre: profile
    for profile in (GenreProfile("piano", "Piano", PIANO_ENSEMBLES, PIANO_CONTROLS, PIANO_DEFAULTS),)
}


def genre_profile(genre: str) -> GenreProfile:
    """
    Raises:
        TrainingError: no profile of that name.
    """
    if genre not in PROFILES:
        raise TrainingError(f"Expected a genre of {', '.join(PROFILES)}; got {genre!r}.")
    return PROFILES[genre]
