"""Which encodings this version plays: from the name in a bundle's manifest to what composes in it.

A composer knows no events. It asks a *session* what the network shall read and which classes may come next, and tells
it what was drawn; the session keeps one row for each piece of the batch.
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
    """What one piece of a session has come to."""

    @property
    def notes(self) -> list[Note]:
        """Those whose end is known, in the order in which it became known; in seconds from the beginning of the new
        music. It only grows."""
        ...

    @property
    def moved(self) -> bool:
        """Whether the clock moved on with the last event."""
        ...

    @property
    def is_done(self) -> bool:
        """The piece is over, and all its notes are in `notes`."""
        ...

    @property
    def settled_seconds(self) -> float:
        """Every note that begins before is in `notes`."""
        ...

    @property
    def qpm(self) -> float | None:
        """The tempo; None where the clock knows none."""
        ...

    @property
    def key(self) -> str:
        """In which the piece is composed; "" for none."""
        ...


class Session(Protocol):
    """The pieces of one batch while they are composed."""

    @property
    def rows(self) -> Sequence[PieceRow]:
        """One a piece, in the order of the batch."""
        ...

    def features(self) -> NDArray[np.float32]:
        """What the network reads beside the last event, float32 [B, features]."""
        ...

    def allowed(self) -> NDArray[np.bool_]:
        """Which classes may come next, bool [B, C]; at least one for each row that is not done."""
        ...

    def biases(self) -> NDArray[np.float32] | None:
        """Added to the logits, float32 [B, C]; None where nothing leans on the network."""
        ...

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        """Apply one event a row, int64 [B]: one that was allowed."""
        ...

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Forget all other rows; those kept are numbered anew in this order."""
        ...


OpenSession = Callable[[Sequence[ComposeRequest], Sequence[Ensemble], Manifest], Session]


@dataclass(frozen=True)
class PlayedEncoding:
    """One encoding, in the shape that a bundle's manifest gives it.

    Attributes:
        name: as in manifests.
        num_classes, num_features: width of the network's answer and of what it reads beside the event.
        start: class index read before the first event; never drawn.
        shaped: ranges of classes within which temperature and top-p act.
        open_session: begins the pieces of a batch; raises ControlError or PrimerError.
        guided: columns of the features, the first and the one after the last, that the network is to hear more of
            than it would by itself (`generator.engine.guidance`); equal for none.
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
        BundleError: this version has no such encoding, or has it in another shape.
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
    """What the number of classes does not tell: a clock or loudness of another grain would play, but not the music."""
    declared = manifest.encoding
    found = (declared.steps_per_second, declared.steps_per_quarter, declared.velocity_bins)
    if found != (steps_per_second, steps_per_quarter, velocity_bins):
        raise BundleError(
            f"Expected an encoding {declared.name} of {steps_per_second} steps a second, {steps_per_quarter} a quarter "
            f"and {velocity_bins} velocity bins in the bundle; got {found[0]}, {found[1]} and {found[2]}."
        )


_ENCODINGS: dict[str, Callable[[Manifest], PlayedEncoding]] = {"performance": _performance, "band": _band}
