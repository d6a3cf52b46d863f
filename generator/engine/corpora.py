"""One way to training data, whatever the encoding: a folder's split as pieces, events, segments and notes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from generator.engine.dataset import Segment, files_of_split, load_corpus
from generator.engine.encodings import performance
from generator.engine.encodings.band import spec_of
from generator.engine.errors import BundleError
from generator.engine.genres import GenreProfile
from generator.engine.manifest import Encoding
from generator.engine.music import Note, Voice


class Sampler(Protocol):
    """Draws training segments without end."""

    def draw(self) -> Segment: ...


class Corpus(Protocol):
    """The pieces of one split of a folder.

    Attributes:
        files: names of the files that were read; skipped: of those that could not be, with the reason.
    """

    skipped: list[str]

    def __len__(self) -> int: ...
    @property
    def num_notes(self) -> int: ...
    @property
    def files(self) -> list[str]: ...
    def encoded(self, index: int) -> NDArray[np.uint16]:
        """A whole piece's events."""
        ...

    def file_segments(self, index: int) -> Iterator[Segment]:
        """A whole piece from START on, in chunks, with what a composer would always be told."""
        ...

    def validation_segments(self, rows: int, num_events: int) -> list[Segment]:
        """The same stretches each time."""
        ...

    def voices(self) -> tuple[Voice, ...]:
        """What `Note.voice` of `piece_notes` counts."""
        ...

    def piece_notes(self, index: int) -> list[Note]:
        """A whole piece in seconds from 0."""
        ...

    def sampler(self, *, num_events: int, rng: np.random.Generator, stretch: float, transpose: int) -> Sampler: ...


def shape_of(encoding: Encoding) -> dict[str, Any]:
    """What a `NetworkConfig` needs to know of an encoding.

    Raises:
        BundleError: an encoding that this version does not have.
    """
    if encoding.name == "performance":
        return {"num_classes": performance.NUM_CLASSES, "num_features": performance.NUM_FEATURES}
    if encoding.name == "band":
        spec = spec_of(encoding)
        return {
            "num_classes": spec.num_classes,
            "num_features": spec.num_features,
            "keyboard": False,
            "shortcuts": spec.shortcuts,
        }
    raise BundleError(f"Expected an encoding of performance or band; got {encoding.name!r}.")


def open_corpus(profile: GenreProfile, data_dir: Path, split: str, *, cache_dir: Path, progress: bool = True) -> Corpus:
    """One split of a folder, "train" or "validation", read once and then kept as arrays in `cache_dir`.

    Raises:
        TrainingError: no usable file.
    """
    if profile.encoding.name == "performance":
        return load_corpus(data_dir, split, cache_dir=cache_dir, progress=progress)
    from generator.engine.band_dataset import load_band_corpus

    return load_band_corpus(
        files_of_split(data_dir, split),
        spec=spec_of(profile.encoding),
        styles=profile.styles,
        drum_map=profile.drum_map,
        cache_dir=cache_dir,
        progress=progress,
    )
