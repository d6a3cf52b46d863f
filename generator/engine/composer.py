"""Composing: requests in, notes out; many pieces in one batch, streamed while they are being composed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from generator.engine.bundles import Bundle
from generator.engine.controls import ComposeRequest, checked
from generator.engine.encodings.registry import PieceRow, encoding_of
from generator.engine.errors import BundleError, ComposingStopped, ControlError
from generator.engine.guidance import GuidedSteps
from generator.engine.manifest import Ensemble
from generator.engine.music import Note, Voice, in_order
from generator.engine.primers import kept_notes, shifted
from generator.engine.runtimes import Runtime, open_runtime
from generator.engine.sampling import Uniforms, draw

__all__ = ["ComposeRequest", "Composer", "Composition", "Listener"]

# Notes are handed out once this much music is settled, at first and each time after.
FIRST_CHUNK_SECONDS = 1.0
CHUNK_WALL_SECONDS = 0.25


@dataclass(frozen=True)
class Listener:
    """Callbacks for one piece while it is being composed; called between chunks, on the composing thread.

    Attributes:
        on_notes: receives each note once, when its end is known, in order of (start, voice, pitch) within a call.
        on_progress: receives the settled seconds: every note that starts before has been passed to `on_notes`.
        should_stop: checked after each chunk; True abandons the piece.
    """

    on_notes: Callable[[list[Note]], None] | None = None
    on_progress: Callable[[float], None] | None = None
    should_stop: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Composition:
    """A composed piece and everything needed to compose it again.

    Attributes:
        notes: in order of (start, voice, pitch), a kept primer's first.
        voices: of the ensemble.
        length_seconds: end of the last note: at most a second before the requested length; on a grid, in the last bar.
        kept_seconds: how much of that is the primer.
        seed, take, attempt: of the request.
        bundle_name, bundle_sha256, runtime: what composed it.
        qpm: the tempo, None for music off the grid.
        key: of the piece, such as "C minor"; None if no key was chosen.
    """

    notes: list[Note]
    voices: tuple[Voice, ...]
    length_seconds: float
    seed: int
    bundle_name: str
    bundle_sha256: str
    runtime: str
    take: int = 0
    attempt: int = 0
    qpm: float | None = None
    key: str | None = None
    kept_seconds: float = 0.0

    def to_midi_bytes(self, title: str = "") -> bytes:
        """A MIDI file; the same composition and title give the same bytes."""
        from generator.engine.midi import DEFAULT_QPM, write_midi

        candidate = f", take {self.take + 1}" if self.take else ""
        return write_midi(
            self.notes,
            self.voices,
            qpm=self.qpm or DEFAULT_QPM,
            title=title,
            texts=[
                "Composed by a recurrent neural network.",
                f"Bundle: {self.bundle_name}, sha256 {self.bundle_sha256[:16]}, runtime {self.runtime}.",
                f"Seed: {self.seed}{candidate}.",
            ],
        )


class Composer:
    """Composes with one bundle. Holds the network; not thread-safe."""

    def __init__(self, bundle: Bundle, runtime: str | Runtime = "auto", num_threads: int = 1) -> None:
        """
        Args:
            bundle: what to play.
            runtime: a name or an open runtime.
            num_threads: of the runtime.

        Raises:
            BundleError: the bundle needs an encoding or network that this version does not have.
            EngineError: there is no runtime of that name.
        """
        self.encoding = encoding_of(bundle.manifest)
        self.bundle = bundle
        self.runtime = open_runtime(runtime, bundle, num_threads=num_threads) if isinstance(runtime, str) else runtime
        expected = (self.encoding.num_features, self.encoding.num_classes)
        shape = (self.runtime.num_features, self.runtime.num_classes)
        if shape != expected:
            raise BundleError(
                f"Expected a step function of {expected[0]} features and {expected[1]} classes in the bundle; "
                f"got {shape[0]} and {shape[1]}."
            )
        self.chunk_wall_seconds = CHUNK_WALL_SECONDS

    def compose(
        self,
        request: ComposeRequest,
        *,
        on_notes: Callable[[list[Note]], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Composition:
        """One piece; the callbacks are those of `Listener`.

        Raises:
            ControlError: the request asks for something the bundle does not offer.
            ComposingStopped: `should_stop` said so.
        """
        (composition,) = self.compose_many([request], [Listener(on_notes, on_progress, should_stop)])
        if composition is None:
            raise ComposingStopped("Composing was stopped.")
        return composition

    def compose_many(
        self, requests: Sequence[ComposeRequest], listeners: Sequence[Listener] | None = None
    ) -> list[Composition | None]:
        """Several pieces in one batch, each the same as if composed alone.

        Returns:
            The pieces in the order of the requests; None for those that a listener stopped.

        Raises:
            ControlError: a request asks for something the bundle does not offer.
        """
        if not requests:
            return []
        listeners = listeners or [Listener()] * len(requests)
        ensembles = [self._ensemble_of(request) for request in requests]
        session = self.encoding.open_session(requests, ensembles, self.bundle.manifest)
        pieces = [
            _Piece(request, ensemble, listener, row, self.chunk_wall_seconds)
            for request, ensemble, listener, row in zip(requests, ensembles, listeners, session.rows, strict=True)
        ]
        active = pieces
        for piece in pieces:
            piece.begin()
        events = np.full(len(pieces), self.encoding.start, np.int64)
        steps = GuidedSteps(self.runtime, self.encoding.guided, len(pieces))
        temperature = np.array([request.temperature for request in requests], np.float64)
        top_p = np.array([request.top_p for request in requests], np.float64)
        while active:
            logits = steps.logits(events.astype(np.int32), session.features())
            biases = session.biases()
            events = draw(
                logits if biases is None else logits + biases,
                session.allowed(),
                temperature=temperature,
                top_p=top_p,
                uniforms=np.array([piece.uniforms.next() for piece in active]),
                shaped=self.encoding.shaped,
            )
            session.advance(events)
            for piece in active:
                piece.follow()
            if any(piece.left for piece in active):
                rows = np.array([row for row, piece in enumerate(active) if not piece.left], np.intp)
                active = [active[row] for row in rows]
                session.keep(rows)
                steps.keep(rows)
                events = events[rows]
                temperature, top_p = temperature[rows], top_p[rows]
        return [None if piece.stopped else self._composition(piece) for piece in pieces]

    def _ensemble_of(self, request: ComposeRequest) -> Ensemble:
        ensemble = self.bundle.manifest.ensemble(request.ensemble)
        if ensemble is None:
            raise ControlError(f"Expected a type that the bundle offers; got {request.ensemble!r}.")
        checked(request)
        if not (1.0 <= request.length_seconds <= 3600.0 and request.temperature > 0.0 and 0.0 < request.top_p <= 1.0):
            raise ControlError("Expected a length of 1 to 3600 seconds, a temperature above 0 and a top_p of 0 to 1.")
        return ensemble

    def _composition(self, piece: "_Piece") -> Composition:
        notes = in_order(piece.notes)
        return Composition(
            notes=notes,
            voices=piece.ensemble.voices,
            length_seconds=max(note.end_seconds for note in notes),
            seed=piece.request.seed,
            take=piece.request.take,
            attempt=piece.request.attempt,
            bundle_name=self.bundle.manifest.name,
            bundle_sha256=self.bundle.sha256,
            runtime=self.runtime.name,
            qpm=piece.row.qpm,
            key=piece.row.key or None,
            kept_seconds=piece.kept_seconds,
        )


@dataclass
class _Piece:
    """One row of the batch and its listener."""

    request: ComposeRequest
    ensemble: Ensemble
    listener: Listener
    row: PieceRow
    chunk_wall_seconds: float
    left: bool = False
    stopped: bool = False

    def __post_init__(self) -> None:
        request = self.request
        self.uniforms = Uniforms(request.seed, request.take, request.attempt)
        # The primer's notes, then the row's, as many as were handed out.
        self.notes: list[Note] = []
        self.kept_seconds = 0.0
        self._told = 0
        self._told_at: float | None = None

    def begin(self) -> None:
        """A kept primer is the start of the piece and settled at once."""
        request = self.request
        if request.primer is None or not request.keep_primer:
            return
        # On a grid the primer's notes keep their positions in the bar, at the piece's tempo.
        stretch = request.primer.qpm / self.row.qpm if self.row.qpm and request.primer.qpm else 1.0
        self.kept_seconds = request.primer.kept_seconds * stretch
        off = {index for index, voice in enumerate(self.ensemble.voices) if voice.part in request.voices_off}
        self.notes = [
            replace(note, start_seconds=note.start_seconds * stretch, end_seconds=note.end_seconds * stretch)
            for note in kept_notes(request.primer)
            if note.voice not in off
        ]
        if self.notes and self.listener.on_notes:
            self.listener.on_notes(list(self.notes))

    def follow(self) -> None:
        """After each event: notify the listener between chunks and when the piece is over."""
        if self.row.is_done:
            self.left = True
            self._tell(self.request.length_seconds)
        elif self.row.moved:
            self._tell_when_due()

    def _tell_when_due(self) -> None:
        settled_seconds = self.row.settled_seconds
        now = time.monotonic()
        if self._told_at is None:
            due = settled_seconds >= FIRST_CHUNK_SECONDS
        else:
            due = now - self._told_at >= self.chunk_wall_seconds
        if due:
            self._told_at = now
            self._tell(settled_seconds)

    def _tell(self, settled_seconds: float) -> None:
        notes = self.row.notes
        fresh, self._told = notes[self._told :], len(notes)
        if self.kept_seconds:
            fresh = shifted(fresh, self.kept_seconds)
        self.notes += fresh
        if fresh and self.listener.on_notes:
            self.listener.on_notes(in_order(fresh))
        if self.listener.on_progress:
            self.listener.on_progress(self.kept_seconds + settled_seconds)
        if self.listener.should_stop and not self.left and self.listener.should_stop():
            self.left = self.stopped = True
