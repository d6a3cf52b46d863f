"""Composing in the `band` encoding: from requests to rules and controls, from events to notes in seconds."""

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from generator.engine.controls import DEFAULT_QPM, ComposeRequest, seconds_per_bar
from generator.engine.encodings.band import (
    DENSITY_BOUNDS,
    DRUMS,
    DURATIONS,
    MAX_NOTES_AT_ONCE,
    PARTS,
    PITCH_RANGES,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    BandControls,
    BandSpec,
    BandState,
    spec_of,
)
from generator.engine.encodings.band_grammar import (
    IS_LAST_DRUM,
    STRAIGHT_PLACES,
    SWING_PLACES,
    BandGrammar,
    BandRules,
)
from generator.engine.encodings.band_leanings import FILL_SHARE, REPEAT, REPEAT_IN_FILL, WAITS, BandLeanings
from generator.engine.encodings.band_primer import primer_events, primer_key
from generator.engine.encodings.drum_sounds import DRUM_SOUNDS
from generator.engine.keys import Key, parse_key
from generator.engine.manifest import ChoiceControl, Ensemble, Manifest
from generator.engine.music import MAX_VELOCITY, Note

MIN_BARS = 2
# Maximum silence without a new note, and at the start.
MAX_GAP_SECONDS = 2.5
MAX_START_SECONDS = 0.5
# A drum note only needs an onset; its end is arbitrary.
MIN_STROKE_SECONDS, MAX_STROKE_SECONDS = 0.1, 0.25
_STROKE_STEPS = 3
_STRAIGHT, _SWING = 0, 1
# Notes per quarter that each density bin represents: the centre of its bounds.
_MIDDLES = (0.7, *(math.sqrt(low * high) for low, high in itertools.pairwise(DENSITY_BOUNDS)), 13.0)
# Each part's share of a whole band's notes.
_SHARES = {DRUMS: 0.35, "bass": 0.12, "rhythm": 0.22, "keys": 0.19, "lead": 0.12}
# Spread of densities between bands if none is requested: a standard deviation.
_DENSITY_OCTAVES = 0.5
# Separate these choices from all other uses of a seed.
_KEY_STREAM, _DENSITY_STREAM, _STYLE_STREAM, _FILL_STREAM = 0x6B6579, 0x64656E, 0x737479, 0x66696C


class BandSession:
    """See `generator.engine.encodings.registry.Session`."""

    def __init__(self, requests: Sequence[ComposeRequest], ensembles: Sequence[Ensemble], manifest: Manifest) -> None:
        self._spec = spec_of(manifest.encoding)
        self.rows = [
            BandRow(BandPlan(request, ensemble, manifest, self._spec))
            for request, ensemble in zip(requests, ensembles, strict=True)
        ]
        self._share_features()

    def features(self) -> NDArray[np.float32]:
        return self._features

    def allowed(self) -> NDArray[np.bool_]:
        allowed = np.zeros((len(self.rows), self._spec.num_classes), bool)
        for row, columns in zip(self.rows, allowed, strict=True):
            row.grammar.allow(columns)
        return allowed

    def biases(self) -> NDArray[np.float32] | None:
        leaning = [(index, row.leanings) for index, row in enumerate(self.rows) if row.leanings.is_active]
        spec = self._spec
        closes = self._features[:, spec.closing].any(axis=1, keepdims=True) if spec.closing else None
        if closes is not None and not closes.any():
            closes = None
        if not leaning and not self._has_pushes and closes is None:
            return None
        biases = np.zeros((len(self.rows), spec.num_classes), np.float32)
        if self._has_pushes:
            pushes = np.array([row.leanings.pushes() for row in self.rows], np.float32)
            biases[:, spec.note : spec.duration] = pushes[:, spec.note_parts]
            np.multiply(pushes[:, -1:], WAITS, out=biases[:, : spec.note])
        if closes is not None:
            before = spec.layout.lookbacks[1]
            stood = self._features[:, before : before + spec.num_notes]
            repeats = np.array([[row.repeat] for row in self.rows], np.float32)
            biases[:, spec.note : spec.duration] += repeats * closes * stood
        for index, leanings in leaning:
            leanings.lean(biases[index, spec.note : spec.duration])
        return biases

    def advance(self, class_indices: NDArray[np.int64]) -> None:
        for row, event in zip(self.rows, class_indices.tolist(), strict=True):
            row.advance(event)

    def keep(self, rows: NDArray[np.intp]) -> None:
        self.rows = [self.rows[row] for row in rows.tolist()]
        self._share_features()

    def _share_features(self) -> None:
        """Rows write their features directly into those of the batch."""
        self._features = np.array([row.state.features for row in self.rows])
        for row, features in zip(self.rows, self._features, strict=True):
            row.state.features = features
        self._has_pushes = any(row.leanings.has_pushes for row in self.rows)


class BandPlan:
    """A resolved request: key, length, instruments and primer.

    Attributes:
        qpm: quarters per minute. key: None if nothing pitched plays.
        transpose: semitones from the network's C major or A minor to the piece's key.
        voices: index into the ensemble's voices, by index into `PARTS`; −1 for a part that does not play.
        primer: events of the primer, to the step where the new music begins.
        begin_step: that step.
    """

    def __init__(self, request: ComposeRequest, ensemble: Ensemble, manifest: Manifest, spec: BandSpec) -> None:
        self.request, self.ensemble, self.manifest, self.spec = request, ensemble, manifest, spec
        self.qpm = request.qpm or DEFAULT_QPM
        self.seconds_per_step = 60.0 / self.qpm / STEPS_PER_QUARTER
        self.voices = [-1] * len(PARTS)
        for index, voice in enumerate(ensemble.voices):
            if voice.part not in request.voices_off:
                self.voices[PARTS.index(voice.part)] = index
        self.parts = tuple(part for part, voice in zip(PARTS, self.voices, strict=True) if voice >= 0)
        has_pitches = any(part != DRUMS for part in self.parts)
        self.key = self._key() if has_pitches else None
        self.transpose = self.key.transposition if self.key else 0
        self.begin_step = 0
        self.primer: list[int] = []
        if request.primer is not None:
            self.begin_step, self.primer = primer_events(request.primer, ensemble, self.parts, self.qpm, spec)
        self.num_bars = max(MIN_BARS, round(request.length_seconds / seconds_per_bar(self.qpm)))

    def _key(self) -> Key:
        request = self.request
        if request.key:
            return parse_key(request.key)
        if request.primer is not None and (key := primer_key(request.primer, self.ensemble)):
            return key
        # From the seed alone, so all takes of a generation share a key.
        random = _stream(request.seed, _KEY_STREAM)
        keys = [Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
        note = request.starting_note
        suiting = [key for key in keys if note is None or note % 12 in key.pitch_classes]
        return suiting[int(random.integers(len(suiting)))]

    @cached_property
    def playable(self) -> NDArray[np.bool_]:
        """bool [N], note classes the instruments can play after transposition."""
        spec, ensemble = self.spec, self.ensemble
        playable = np.zeros(spec.num_notes, bool)
        for part in self.parts:
            mine = spec.note_parts == PARTS.index(part)
            if part != DRUMS:
                low, high = PITCH_RANGES[part]
                low, high = max(low, ensemble.lowest_pitch), min(high, ensemble.highest_pitch)
                if high - low < 12:
                    low, high = ensemble.lowest_pitch, ensemble.highest_pitch
                written = spec.note_pitches + self.transpose
                in_range = mine & (written >= low) & (written <= high)
                mine = in_range if in_range.any() else mine
            playable |= mine
        return playable

    @cached_property
    def outside_scale(self) -> NDArray[np.bool_]:
        """bool [N], pitched note classes outside the key."""
        if self.key is None:
            return np.zeros(self.spec.num_notes, bool)
        return (self.spec.note_parts > 0) & ~np.isin(self._pitch_classes, sorted(self.key.pitch_classes))

    @cached_property
    def closing(self) -> NDArray[np.bool_]:
        """bool [N], note classes of the last hit: big drums and the tonic triad."""
        spec = self.spec
        drums = spec.note_parts == 0
        closing = np.zeros(spec.num_notes, bool)
        closing[drums] = IS_LAST_DRUM[spec.note_pitches[drums]]
        if self.key is not None:
            closing |= ~drums & np.isin(self._pitch_classes, sorted(self.key.tonic_triad))
        return closing & self.playable

    @property
    def _pitch_classes(self) -> NDArray[np.int64]:
        return (self.spec.note_pitches + self.transpose) % 12

    @cached_property
    def roots(self) -> NDArray[np.bool_]:
        """bool [N], the bass's tonic notes."""
        tonic = self.key.tonic if self.key else -1
        return (self.spec.note_parts == PARTS.index("bass")) & (self._pitch_classes == tonic)

    def rules(self) -> BandRules:
        step, request = self.seconds_per_step, self.request
        feel = self._choice("feel")
        return BandRules(
            begin_step=self.begin_step,
            num_bars=self.num_bars,
            playable=self.playable,
            closing=self.closing,
            places=STRAIGHT_PLACES if feel == _STRAIGHT else SWING_PLACES if feel == _SWING else (),
            max_gap=min(2 * STEPS_PER_BAR, max(STEPS_PER_QUARTER, int(MAX_GAP_SECONDS / step))),
            max_start=min(STEPS_PER_QUARTER, max(1, int(MAX_START_SECONDS / step))),
            max_duration=max(1, min(DURATIONS[-1], int(self.ensemble.max_note_seconds / step))),
            first_note=-1 if request.starting_note is None else self._first_note(request.starting_note),
        )

    def controls(self) -> BandControls:
        return BandControls(
            num_steps=self.begin_step + self.num_bars * STEPS_PER_BAR,
            qpm=self.qpm,
            mode=-1 if self.key is None else int(self.key.is_minor),
            feel=self._choice("feel"),
            density=bisect.bisect_right(DENSITY_BOUNDS, self.notes_a_quarter) if self.notes_a_quarter else -1,
            style=self._style(),
            parts=self.parts,
        )

    @property
    def fills(self) -> NDArray[np.bool_]:
        """For each bar, whether a drummer plays a fill there if it closes a phrase: bool [bars + 1].

        People decide on a fill; the network on its own plays one always or never, depending on the style.
        """
        bars = self.begin_step // STEPS_PER_BAR + self.num_bars
        return _stream(self.request.seed, _FILL_STREAM).random(bars + 1) < FILL_SHARE

    def _style(self) -> int:
        """Index of the style, −1 for none.

        If no style is requested, a solo drummer still gets one, drawn from the seed: without one the network repeats a
        single bar and hardly ever closes a phrase.
        """
        style, control = self._choice("style"), self.manifest.controls.style
        if style >= 0 or control is None or len(self.spec.parts) > 1 or self.request.primer is not None:
            return style
        random = _stream(self.request.seed, _STYLE_STREAM)
        return control.choices[int(random.integers(len(control.choices)))].value

    @cached_property
    def notes_a_quarter(self) -> float:
        """The target density, 0 for none: a band with inactive parts has fewer notes at every level.

        If no density is requested, a band still gets one, drawn from the seed around the middle levels: otherwise five
        parts that react to one another play more and more.
        """
        density = self._choice("density")
        control = self.manifest.controls.density
        if density >= 0:
            whole = _middle(density)
        elif control is not None and len(self.spec.parts) > 1:
            levels = sorted(_middle(choice.value) for choice in control.choices)
            random = _stream(self.request.seed, _DENSITY_STREAM)
            whole = math.prod(levels) ** (1 / len(levels)) * 2.0 ** random.normal(0.0, _DENSITY_OCTAVES)
            whole = min(max(whole, levels[0] / 1.5), levels[-1] * 1.5)
        else:
            return 0.0
        all_parts = sum(_SHARES[part] for part in self.spec.parts)
        return whole * sum(_SHARES[part] for part in self.parts) / all_parts

    def _choice(self, name: str) -> int:
        """The value of a choice, −1 for any."""
        control: ChoiceControl | None = getattr(self.manifest.controls, name)
        choice = control.choice(getattr(self.request, name)) if control else None
        return choice.value if choice else -1

    def _first_note(self, pitch: int) -> int:
        """Note class of this pitch, or its nearest octave, in the leading pitched part; −1 if there are only drums."""
        pitched = [part for part in self.parts if part != DRUMS]
        if not pitched:
            return -1
        mine = self.playable & (self.spec.note_parts == PARTS.index(pitched[-1]))
        classes = np.flatnonzero(mine & ((self.spec.note_pitches + self.transpose) % 12 == pitch % 12))
        if not len(classes):
            return -1
        written = self.spec.note_pitches[classes] + self.transpose
        return int(classes[np.abs(written - pitch).argmin()])


def _stream(seed: int, stream: int) -> np.random.Generator:
    """Random numbers from the seed alone, for one purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, stream])))


def _middle(density: int) -> float:
    """Notes per quarter that a density bin represents."""
    return _MIDDLES[min(density, len(_MIDDLES) - 1)]


@dataclass(slots=True)
class _Held:
    """A note whose end is not known yet; times in seconds from the start of the new music."""

    part: int
    pitch: int
    step: int
    velocity: int
    start: float
    end: float


class BandRow:
    """See `generator.engine.encodings.registry.PieceRow`."""

    def __init__(self, plan: BandPlan) -> None:
        spec = plan.spec
        self.qpm: float | None = plan.qpm
        self.key = plan.key.name if plan.key else ""
        self.notes: list[Note] = []
        self.moved = False
        self.state = BandState(spec, plan.controls())
        self.grammar = BandGrammar(spec, plan.rules(), self.state, plan.primer)
        self.leanings = BandLeanings(plan, self.state, self.grammar)
        self._fills = plan.fills
        self._spec, self._voices, self._transpose = spec, plan.voices, plan.transpose
        self._begin_step, self._seconds_per_step = plan.begin_step, plan.seconds_per_step
        self._final_step = plan.begin_step + (plan.num_bars - 1) * STEPS_PER_BAR
        self._stroke = min(max(_STROKE_STEPS * plan.seconds_per_step, MIN_STROKE_SECONDS), MAX_STROKE_SECONDS)
        # How early a note of the next position can be played.
        self._early = 0.5 * plan.seconds_per_step if spec.offset_bins else 0.0
        self._part_of, self._pitch_of = spec.note_parts.tolist(), spec.note_pitches.tolist()
        # Notes at this position; (part, pitch) → sounding notes from earlier positions, in order of onset.
        self._new: list[_Held] = []
        self._sounding: dict[tuple[int, int], _Held] = {}

    @property
    def is_done(self) -> bool:
        return self.grammar.is_done

    @property
    def repeat(self) -> float:
        """Logit biases, in bars that close a phrase, on the previous bar's notes; negative ones discourage them."""
        return REPEAT_IN_FILL if self._fills[self.state.step // STEPS_PER_BAR] else REPEAT

    @property
    def settled_seconds(self) -> float:
        first = next(iter(self._sounding.values()), None)
        step = first.step if first else self.state.step
        return max(0.0, self._seconds(step) - self._early)

    def advance(self, event: int) -> None:
        """Apply one event."""
        spec = self._spec
        in_primer = self.grammar.in_primer
        self.moved = event < spec.note
        if not in_primer:
            if event < spec.note:
                self._end_position()
            elif event < spec.duration:
                self._begin(event - spec.note)
        self.leanings.follow(event)
        self.grammar.advance(event)
        if in_primer:
            self.moved = False
        elif spec.duration <= event:
            self._describe(event)
        elif self.moved:
            self._end_past()
        if self.grammar.is_done:
            for held in self._sounding.values():
                self._finish(held, held.end)
            self._sounding.clear()

    def _seconds(self, step: float) -> float:
        return (step - self._begin_step) * self._seconds_per_step

    def _begin(self, index: int) -> None:
        spec, state = self._spec, self.state
        part, pitch = self._part_of[index], self._pitch_of[index]
        line = int(spec.note_lines[index])
        start = self._seconds(state.step)
        if part:
            pitch += self._transpose
            end = self._seconds(state.step + DURATIONS[max(0, state.durations[line])])
        else:
            pitch = DRUM_SOUNDS[pitch].pitch
            is_last = state.step == self._final_step
            end = self._seconds(state.step + STEPS_PER_BAR) if is_last else start + self._stroke
        velocity = spec.velocity_of_bin(max(0, state.velocities[line]))
        held = _Held(part, pitch, state.step, min(velocity, MAX_VELOCITY), start, end)
        if spec.offset_bins:
            self._place(held, state.offsets[line])
        self._new.append(held)

    def _place(self, held: _Held, offset_bin: int) -> None:
        length = held.end - held.start
        late = self._spec.offset_of_bin(offset_bin) if offset_bin >= 0 else 0.0
        held.start = max(0.0, self._seconds(held.step + late))
        if held.step != self._final_step:
            held.end = held.start + length

    def _describe(self, event: int) -> None:
        spec, held = self._spec, self._new[-1]
        if event < spec.velocity:
            held.end = self._seconds(held.step + DURATIONS[event - spec.duration])
        elif event < spec.offset:
            held.velocity = min(spec.velocity_of_bin(event - spec.velocity), MAX_VELOCITY)
        else:
            self._place(held, event - spec.offset)

    def _end_position(self) -> None:
        """The notes that started here are complete: they end the notes they replace."""
        for held in self._new:
            key = (held.part, held.pitch)
            before = self._sounding.pop(key, None)
            if before:
                self._finish(before, held.start)
            if held.part:
                others = [one for one, note in self._sounding.items() if note.part == held.part]
                for one in others[: max(0, len(others) + 1 - MAX_NOTES_AT_ONCE[PARTS[held.part]])]:
                    self._finish(self._sounding.pop(one), held.start)
            self._sounding[key] = held
        self._new.clear()

    def _end_past(self) -> None:
        now = self._seconds(self.state.step) - self._early
        for held in [held for held in self._sounding.values() if held.end <= now]:
            del self._sounding[held.part, held.pitch]
            self._finish(held, held.end)

    def _finish(self, held: _Held, latest: float) -> None:
        self.notes.append(Note(held.pitch, held.velocity, held.start, min(held.end, latest), self._voices[held.part]))
