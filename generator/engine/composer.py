"""Composing: requests in, notes out, many pieces in one batch, heard while they are made."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from generator.engine.bundles import Bundle
from generator.engine.controls import ComposeRequest, checked
from generator.engine.encodings import performance
from generator.engine.encodings.performance import NOTE_OFF, START, STEPS_PER_SECOND, TIME_SHIFT, velocity_of_bin
from generator.engine.errors import BundleError, ComposingStopped, ControlError
from generator.engine.manifest import Ensemble
from generator.engine.music import Note, Voice, in_order
from generator.engine.runtimes import Runtime, open_runtime
from generator.engine.sampling import PerformanceGrammar, PieceRules, Uniforms, draw

__all__ = ["ComposeRequest", "Composer", "Composition", "Listener"]

# The first notes are handed out as soon as this much music is settled; later ones each time this much time has passed.
FIRST_CHUNK_SECONDS = 1.0
CHUNK_WALL_SECONDS = 0.25


@dataclass(frozen=True)
class Listener:
    """Who follows one piece while it is composed; called between two chunks, by the composing thread.

    Attributes:
        on_notes: gets each note once, when its end is known, in order of (start, voice, pitch) within a call.
        on_progress: gets the seconds that are settled: every note that begins before was handed to `on_notes` already.
        should_stop: asked after each chunk; True abandons the piece.
    """

    on_notes: Callable[[list[Note]], None] | None = None
    on_progress: Callable[[float], None] | None = None
    should_stop: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Composition:
    """A composed piece and what it takes to compose it again.

    Attributes:
        notes: in order of (start, voice, pitch).
        voices: of the ensemble.
        length_seconds: end of the last note, at most a second before the asked length.
        seed, take, attempt: of the request.
        bundle_name, bundle_sha256, runtime: what composed it.
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

    def to_midi_bytes(self, title: str = "") -> bytes:
        """A MIDI file; the same composition and title give the same bytes."""
        from generator.engine.midi import write_midi

        candidate = f", take {self.take + 1}" if self.take else ""
        return write_midi(
            self.notes,
            self.voices,
            title=title,
            texts=[
                "Composed by a recurrent neural network.",
                f"Bundle: {self.bundle_name}, sha256 {self.bundle_sha256[:16]}, runtime {self.runtime}.",
                f"Seed: {self.seed}{candidate}.",
            ],
        )


class Composer:
    """Composes with one bundle. Holds the network; not for two threads at once."""

    def __init__(self, bundle: Bundle, runtime: str | Runtime = "auto", num_threads: int = 1) -> None:
        """
        Args:
            bundle: what to play.
            runtime: the name of one, or one that is open already.
            num_threads: of the runtime.

        Raises:
            BundleError: the bundle plays an encoding or a network that this version does not have.
            EngineError: there is no runtime of that name.
        """
        encoding = bundle.manifest.encoding
        if (encoding.name, encoding.num_classes) != ("performance", performance.NUM_CLASSES):
            raise BundleError(
                f"Expected an encoding performance of {performance.NUM_CLASSES} classes in the bundle; "
                f"got {encoding.name} of {encoding.num_classes}."
            )
        self.bundle = bundle
        self.runtime = open_runtime(runtime, bundle, num_threads=num_threads) if isinstance(runtime, str) else runtime
        shape = (self.runtime.num_features, self.runtime.num_classes)
        if shape != (performance.NUM_FEATURES, performance.NUM_CLASSES):
            raise BundleError(
                f"Expected a step function of {performance.NUM_FEATURES} features and {performance.NUM_CLASSES} "
                f"classes in the bundle; got {shape[0]} and {shape[1]}."
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
            ControlError: the request asks for what the bundle does not offer.
            ComposingStopped: `should_stop` said so.
        """
        (composition,) = self.compose_many([request], [Listener(on_notes, on_progress, should_stop)])
        if composition is None:
            raise ComposingStopped("Composing was stopped.")
        return composition

    def compose_many(
        self, requests: Sequence[ComposeRequest], listeners: Sequence[Listener] | None = None
    ) -> list[Composition | None]:
        """Several pieces in one batch, each the same as if it were composed alone.

        Returns:
            The pieces in the order of the requests; None where a listener stopped one.

        Raises:
            ControlError: a request asks for what the bundle does not offer.
        """
        if not requests:
            return []
        listeners = listeners or [Listener()] * len(requests)
        pieces = [
            _Piece(request, self._ensemble_of(request), listener, self.chunk_wall_seconds)
            for request, listener in zip(requests, listeners, strict=True)
        ]
        active = pieces
        grammar = PerformanceGrammar([piece.rules for piece in pieces])
        events = np.full(len(pieces), START, np.int64)
        state = np.zeros((len(pieces), self.runtime.state_size), np.float32)
        temperature = np.array([request.temperature for request in requests], np.float64)
        top_p = np.array([request.top_p for request in requests], np.float64)
        while active:
            features = grammar.state.features(grammar.seconds_left)
            logits, state = self.runtime.step(events.astype(np.int32), features, state)
            events = draw(
                logits,
                grammar.allowed(),
                temperature=temperature,
                top_p=top_p,
                uniforms=np.array([piece.uniforms.next() for piece in active]),
            )
            grammar.advance(events)
            steps, over = grammar.state.steps.tolist(), grammar.done.tolist()
            for row, (piece, event) in enumerate(zip(active, events.tolist(), strict=True)):
                piece.add(event, steps[row], grammar.velocity_bin(row), over[row])
            if any(piece.left for piece in active):
                rows = np.array([row for row, piece in enumerate(active) if not piece.left], np.intp)
                active = [active[row] for row in rows]
                grammar.keep(rows)
                events, state = events[rows], state[rows]
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
        )


@dataclass
class _Piece:
    """One row of the batch: its notes so far and who is told of them."""

    request: ComposeRequest
    ensemble: Ensemble
    listener: Listener
    chunk_wall_seconds: float
    notes: list[Note] = field(default_factory=list)
    left: bool = False
    stopped: bool = False

    def __post_init__(self) -> None:
        self.rules = PieceRules(
            self.request.length_seconds,
            self.ensemble.lowest_pitch,
            self.ensemble.highest_pitch,
            self.ensemble.max_note_seconds,
        )
        self.uniforms = Uniforms(self.request.seed, self.request.take, self.request.attempt)
        # Pitch → step and velocity of what sounds, in the order in which it began.
        self._sounding: dict[int, tuple[int, int]] = {}
        self._told = 0
        self._told_at: float | None = None

    def add(self, event: int, step: int, velocity_bin: int, is_over: bool) -> None:
        """One event at `step`; between chunks, and when the piece is over, the listener hears of it."""
        if event < NOTE_OFF:
            self._sounding[event] = (step, velocity_of_bin(velocity_bin))
        elif event < TIME_SHIFT:
            self._end(event - NOTE_OFF, step)
        elif not is_over:
            self._tell_when_due(step)
        if is_over:
            for pitch in list(self._sounding):
                self._end(pitch, step)
            self.left = True
            self._tell(self.request.length_seconds)

    def _end(self, pitch: int, step: int) -> None:
        start, velocity = self._sounding.pop(pitch)
        self.notes.append(Note(pitch, velocity, start / STEPS_PER_SECOND, step / STEPS_PER_SECOND))

    def _tell_when_due(self, step: int) -> None:
        # Notes are in the order of their beginnings, so the first of those sounding bounds what is settled.
        settled_step = next(iter(self._sounding.values()))[0] if self._sounding else step
        settled_seconds = settled_step / STEPS_PER_SECOND
        now = time.monotonic()
        if self._told_at is None:
            due = settled_seconds >= FIRST_CHUNK_SECONDS
        else:
            due = now - self._told_at >= self.chunk_wall_seconds
        if due:
            self._told_at = now
            self._tell(settled_seconds)

    def _tell(self, settled_seconds: float) -> None:
        fresh, self._told = self.notes[self._told :], len(self.notes)
        if fresh and self.listener.on_notes:
            self.listener.on_notes(in_order(fresh))
        if self.listener.on_progress:
            self.listener.on_progress(settled_seconds)
        if self.listener.should_stop and not self.left and self.listener.should_stop():
            self.left = self.stopped = True
