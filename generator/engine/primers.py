"""Primers: music that a piece goes on from."""

from dataclasses import dataclass

from generator.engine.music import Note


@dataclass(frozen=True, slots=True)
class Primer:
    """Music to start from.

    Attributes:
        notes: in order, seconds from 0; `voice` is an index into the ensemble.
        length_seconds: of the notes; on a grid a whole number of bars.
        qpm: tempo; None where there is no grid.
        key: such as "C minor"; None where it is unknown.
        prefix: older music that stands before the notes when the primer is kept; never heard by the network.
        prefix_seconds: its length.
    """

    notes: tuple[Note, ...]
    length_seconds: float
    qpm: float | None = None
    key: str | None = None
    prefix: tuple[Note, ...] = ()
    prefix_seconds: float = 0.0
