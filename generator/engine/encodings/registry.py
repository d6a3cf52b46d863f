"""The encodings of this version: from the name in a bundle's manifest to the code that composes in it.

The composer is independent of event types. It asks a *session* for the network's input and the classes that may come
next, and reports the sampled events; the session keeps one row for each piece of the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from generator.engine.controls import ComposeRequest
from generator.engine.errors import BundleError
from generator.engine.manifest import Ensemble, Manifest
from generator.engine.music import Note


class PieceRow(Protocol):
    """The state of one piece in a session."""

    @property
    def notes(self) -> list[Note]:
        """Notes whose end is known, in the order in which it became known; in seconds from the start of the new music.
        Append-only."""
        ...

    @property
    def moved(self) -> bool:
        """Whether the last event advanced the clock."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether the piece is over and `notes` is complete."""
        ...

    @property
    def settled_seconds(self) -> float:
        """Every note that starts before this time is in `notes`."""
        ...

    @property
    def qpm(self) -> float | None:
        """The tempo; None if the clock has none."""
        ...

    @property
    def key(self) -> str:
        """The key of the piece; "" for none."""
        ...


class Session(Protocol):
    """The pieces of one batch while they are being composed."""

    @property
    def rows(self) -> Sequence[PieceRow]:
        """One row per piece, in batch order."""
        ...

    def features(self) -> NDArray[np.float32]:
        """The network's input besides the last event, float32 [B, features]."""
        ...

    def allowed(self) -> NDArray[np.bool_]:
        """Classes that may come next, bool [B, C]; at least one for each row that is not done."""
        ...

    def biases(self) -> NDArray[np.float32] | None:
        """Logit biases, float32 [B, C]; None if there are none."""
        ...

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        """Apply one allowed event per row, int64 [B]."""
        ...

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Keep only these rows, renumbered in this order."""
        ...


OpenSession = Callable[[Sequence[ComposeRequest], Sequence[Ensemble], Manifest], Session]


@dataclass(frozen=True)
class PlayedEncoding:
    """One encoding, as configured by a bundle's manifest.

    Attributes:
        name: as in manifests.
        num_classes, num_features: width of the network's output and of its input besides the event.
        start: class index of the input before the first event; never sampled.
        shaped: ranges of classes within which temperature and top-p apply.
        open_session: starts the pieces of a batch; raises ControlError or PrimerError.
        guided: feature columns, first and last plus one, amplified by guidance (`generator.engine.guidance`); equal
            for none.
    """

    name: str
    num_classes: int
    num_features: int
    start: int
    shaped: tuple[tuple[int, int], ...]
    open_session: OpenSession
    guided: tuple[int, int] = (0, 0)


def encoding_of(manifest: Manifest) -> PlayedEncoding:
    """
    Raises:
        BundleError: this version has no such encoding, or a different configuration of it.
    """
    declared = manifest.encoding
    make = _ENCODINGS.get(declared.name)
    encoding = make(manifest) if make else None
    if encoding is None or encoding.num_classes != declared.num_classes:
        known = f"{encoding.name} of {encoding.num_classes} classes" if encoding else " or ".join(sorted(_ENCODINGS))
        raise BundleError(f"Expected an encoding {known} in the bundle; got {declared.name} of {declared.num_classes}.")
    return encoding


def _performance(manifest: Manifest) -> PlayedEncoding:
    from generator.engine.encodings import performance, performance_session
    from generator.engine.encodings.performance_grammar import SHAPED

    _check_grid(manifest, performance.STEPS_PER_SECOND, 0, performance.NUM_VELOCITY_BINS)
    return PlayedEncoding(
        name="performance",
        num_classes=performance.NUM_CLASSES,
        num_features=performance.NUM_FEATURES,
        start=performance.START,
        shaped=SHAPED,
        open_session=performance_session.PerformanceSession,
    )


def _band(manifest: Manifest) -> PlayedEncoding:
    from generator.engine.encodings import band_session
    from generator.engine.encodings.band import MAX_STYLES, STEPS_PER_QUARTER, spec_of

    spec = spec_of(manifest.encoding)
    _check_grid(manifest, 0, STEPS_PER_QUARTER, spec.velocity_bins)
    return PlayedEncoding(
        name="band",
        num_classes=spec.num_classes,
        num_features=spec.num_features,
        start=spec.start,
        shaped=spec.shaped,
        open_session=band_session.BandSession,
        guided=(spec.layout.style, spec.layout.style + MAX_STYLES),
    )


def _check_grid(manifest: Manifest, steps_per_second: int, steps_per_quarter: int, velocity_bins: int) -> None:
    """Properties the number of classes does not reveal: a different clock or velocity resolution would run, but play
    wrong music."""
    declared = manifest.encoding
    found = (declared.steps_per_second, declared.steps_per_quarter, declared.velocity_bins)
    if found != (steps_per_second, steps_per_quarter, velocity_bins):
        raise BundleError(
            f"Expected an encoding {declared.name} of {steps_per_second} steps a second, {steps_per_quarter} a quarter "
            f"and {velocity_bins} velocity bins in the bundle; got {found[0]}, {found[1]} and {found[2]}."
        )


_ENCODINGS: dict[str, Callable[[Manifest], PlayedEncoding]] = {"performance": _performance, "band": _band}
