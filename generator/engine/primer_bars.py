"""Primers for genres on a grid: a file's tracks as the parts of a band, in whole bars of four quarters."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from generator.engine import band_files, keys
from generator.engine.arranging import (
    MIN_KEY_CONFIDENCE,
    MINOR,
    PartNotes,
    Track,
    arrange,
    estimate_key,
    folded,
    normalising_shift,
    pitch_class_weights,
)
from generator.engine.band_files import playable
from generator.engine.beats import CLOSING_STEPS, Stretch, four_beat_stretches, quarters_of_meters, tempo_of_stretch
from generator.engine.encodings.band import DRUMS, DURATIONS, PARTS, STEPS_PER_BAR, STEPS_PER_QUARTER
from generator.engine.encodings.drum_sounds import DRUM_SOUNDS, GM_MAP
from generator.engine.errors import ControlError, PrimerError
from generator.engine.manifest import Ensemble, Manifest
from generator.engine.midi_lines import Line, MidiLines
from generator.engine.music import Note, in_order, without_overlaps
from generator.engine.primers import Primer

# Arranging compares tracks pairwise; more tracks than this are absurd.
_MAX_LINES = 64
# An hour at an unrealistically slow tempo.
_MAX_QUARTERS = 30_000
_DRUM = PARTS.index(DRUMS)
_NO_SOUND = 255
# Which part takes over from one that the ensemble lacks, if it has nothing to play itself.
_STAND_INS = {"rhythm": ("keys", "lead"), "keys": ("rhythm", "lead"), "lead": ("keys", "rhythm")}


class BarsOfMidi:
    """The last stretch of a file in bars of four quarters, as an ensemble plays it."""

    def __init__(
        self, midi: MidiLines, manifest: Manifest, ensemble: Ensemble, voices_off: Collection[str], key: str
    ) -> None:
        """
        Args:
            voices_off: parts that do not play.
            key: of the music, if known.

        Raises:
            PrimerError: nothing in the file is playable this way.
        """
        if not midi.lines:
            raise PrimerError("This MIDI file has no notes that sound.")
        lines = sorted(midi.lines, key=lambda line: -len(line.notes))[:_MAX_LINES]
        tracks = [_track(line, midi.ticks_per_quarter) for line in lines]
        is_own = _is_own(lines, ensemble)
        # Neither our own music nor a drummer's may be moved onto the beat.
        self._has_offsets = manifest.encoding.offset_bins > 0
        self._is_exact = is_own or self._has_offsets
        notes = _as_written(tracks, ensemble) if is_own else arrange(tracks)
        notes = self._cast(notes, ensemble, voices_off)
        if not len(notes):
            raise PrimerError("This MIDI file has no notes that the instruments of this type can play.")
        if notes.starts[-1] > _MAX_QUARTERS:
            raise PrimerError("This MIDI file is longer than any piece of music and probably damaged.")
        half = 0.5 / STEPS_PER_QUARTER
        for stretch in reversed(four_beat_stretches(quarters_of_meters(midi), float(notes.starts[-1]))):
            inside = notes.take((notes.starts >= stretch.first - half) & (notes.starts < stretch.end - half))
            if len(inside):
                break
        else:
            raise PrimerError("This MIDI file has no bars of four beats, which this genre needs.")
        self._qpm, factor = tempo_of_stretch(midi, stretch, float(inside.starts[-1]), manifest)
        self._mode_names = manifest.controls.key.modes if manifest.controls.key else ()
        self._settle_key(inside, key)
        self._settle_notes(inside, stretch, factor / stretch.beat)

    def end(self, bars: int, at_most_seconds: float | None) -> Primer:
        """The last bars; all earlier ones become the prefix."""
        all_bars = num_bars = int(self._steps.max()) // STEPS_PER_BAR + 1
        in_last = self._steps[self._steps >= (num_bars - 1) * STEPS_PER_BAR] % STEPS_PER_BAR
        if num_bars > 1 and in_last.max() < CLOSING_STEPS:
            num_bars -= 1
        first = num_bars - self._bounded(bars, num_bars, at_most_seconds)
        # A primer that starts with silence says less, and after a long silence only the closing chord would be left.
        onsets = self._steps[(self._steps >= first * STEPS_PER_BAR) & (self._steps < num_bars * STEPS_PER_BAR)]
        if len(onsets):
            first = int(onsets.min()) // STEPS_PER_BAR
        else:
            first, num_bars = all_bars - 1, all_bars
        return self._primer(first, num_bars)

    def opening(self, bars: int, at_most_seconds: float | None) -> Primer:
        num_bars = int(self._steps.max()) // STEPS_PER_BAR + 1
        return self._primer(0, self._bounded(bars, num_bars, at_most_seconds))

    def _cast(self, notes: PartNotes, ensemble: Ensemble, voices_off: Collection[str]) -> PartNotes:
        """Notes of parts that the ensemble has, or that another of its parts takes over."""
        self._voices = {voice.part: index for index, voice in enumerate(ensemble.voices) if voice.part}
        playing = {part for part in self._voices if part not in voices_off}
        busy = {PARTS[index] for index in np.unique(notes.parts).tolist()}
        parts = notes.parts.copy()
        for part in sorted(busy - set(self._voices)):
            stand_in = next((p for p in _STAND_INS.get(part, ()) if p in playing and p not in busy), None)
            if stand_in:
                parts[notes.parts == PARTS.index(part)] = PARTS.index(stand_in)
                busy.add(stand_in)
        notes = PartNotes(notes.starts, notes.ends, parts, notes.pitches, notes.velocities)
        notes = notes.take(np.isin(parts, [PARTS.index(part) for part in playing]))
        sounds = _sounds()
        drums = notes.parts == _DRUM
        notes = notes.take(~drums | (sounds[notes.pitches] != _NO_SOUND))
        return notes.take(np.lexsort((notes.pitches, notes.parts, notes.starts)))

    def _settle_key(self, notes: PartNotes, key: str) -> None:
        self._key, self._shift = None, 0
        if (notes.parts == _DRUM).all():
            return
        if key:
            try:
                known = keys.parse_key(key)
            except ControlError:
                pass
            else:
                self._key, self._shift = known.name, -known.transposition
                return
        tonic, mode, confidence = estimate_key(pitch_class_weights(notes))
        if confidence >= MIN_KEY_CONFIDENCE:
            self._shift = normalising_shift(tonic, mode)
            name = "minor" if mode == MINOR else "major"
            if name in self._mode_names:
                self._key = keys.Key(tonic, name).name

    def _settle_notes(self, notes: PartNotes, stretch: Stretch, factor: float) -> None:
        drums = notes.parts == _DRUM
        places = (notes.starts - stretch.first) * factor * STEPS_PER_QUARTER
        late = 0.0 if self._is_exact else band_files.lateness(places)
        places = np.maximum(places - late, 0.0)
        steps = np.floor(places + 0.5).astype(np.int64)
        if not self._is_exact and band_files.is_loose(places):
            steps = band_files.snapped(places)
        lasting = (np.minimum(notes.ends, stretch.end) - stretch.first) * factor * STEPS_PER_QUARTER - late
        ends = np.floor(lasting + 0.5).astype(np.int64)
        skipped = int(steps.min()) // STEPS_PER_BAR * STEPS_PER_BAR
        places, steps, ends = places - skipped, steps - skipped, ends - skipped
        ends = np.where(drums, steps + 1, np.clip(ends, steps + 1, steps + DURATIONS[-1]))
        pitches = notes.pitches.astype(np.int64)
        pitches = np.where(drums, _sounds()[notes.pitches], folded(notes.parts, pitches + self._shift)).astype(np.int64)
        chosen, ends = playable(steps, ends, notes.parts, pitches, notes.velocities)
        order = np.argsort(steps[chosen], kind="stable")
        chosen = chosen[order]
        self._steps, self._ends = steps[chosen], ends[order]
        offsets = np.where(drums, places - steps, 0.0)[chosen] if self._has_offsets else np.zeros(len(chosen))
        self._offsets = offsets
        self._parts, self._velocities = notes.parts[chosen], notes.velocities[chosen]
        self._pitches = pitches[chosen]

    def _bounded(self, bars: int, num_bars: int, at_most_seconds: float | None) -> int:
        if at_most_seconds is not None:
            bars = min(bars, int(at_most_seconds / self._seconds(STEPS_PER_BAR) + 1e-6))
        return max(1, min(bars, num_bars))

    def _primer(self, first_bar: int, end_bar: int) -> Primer:
        first, end = first_bar * STEPS_PER_BAR, end_bar * STEPS_PER_BAR
        return Primer(
            notes=self._notes(first, end, first),
            length_seconds=self._seconds(end - first),
            qpm=self._qpm,
            key=self._key,
            prefix=self._notes(0, first, 0),
            prefix_seconds=self._seconds(first),
        )

    def _notes(self, first: int, end: int, origin: int) -> tuple[Note, ...]:
        """The notes that start from `first` up to `end`, cut there, in seconds from `origin`."""
        index = np.flatnonzero((self._steps >= first) & (self._steps < end))
        starts = self._steps[index] - origin + self._offsets[index]
        ends = np.minimum(self._ends[index] + self._offsets[index], end) - origin
        # Notes anticipating the first beat move onto it: nothing comes before.
        early = np.minimum(starts, 0.0)
        notes = [
            Note(
                DRUM_SOUNDS[pitch].pitch if part == _DRUM else pitch - self._shift,
                velocity,
                self._seconds(start),
                self._seconds(stop),
                self._voices[PARTS[part]],
            )
            for part, pitch, velocity, start, stop in zip(
                self._parts[index].tolist(),
                self._pitches[index].tolist(),
                self._velocities[index].tolist(),
                (starts - early).tolist(),
                (ends - early).tolist(),
                strict=True,
            )
        ]
        return tuple(in_order(without_overlaps(notes)))

    def _seconds(self, steps: float) -> float:
        return steps * 60.0 / (self._qpm * STEPS_PER_QUARTER)


def _is_own(lines: Sequence[Line], ensemble: Ensemble) -> bool:
    """Whether this ensemble wrote the file: the tracks have the names of the ensemble's voices."""
    names = [(line.name, line.is_drum) for line in lines]
    own = {(voice.name, voice.is_drum) for voice in ensemble.voices}
    return len(own) == len(ensemble.voices) and len(set(names)) == len(names) and set(names) <= own


def _as_written(tracks: Sequence[Track], ensemble: Ensemble) -> PartNotes:
    """Each note with the part of the voice named like its track."""
    part_of = {voice.name: PARTS.index(voice.part) for voice in ensemble.voices}
    return PartNotes(
        np.concatenate([track.starts for track in tracks]),
        np.concatenate([track.ends for track in tracks]),
        np.concatenate([np.full(len(track.starts), part_of[track.name], np.uint8) for track in tracks]),
        np.concatenate([track.pitches for track in tracks]),
        np.concatenate([track.velocities for track in tracks]),
    )


def _track(line: Line, ticks_per_quarter: int) -> Track:
    return Track(
        program=line.program,
        is_drum=line.is_drum,
        starts=np.array([note.start for note in line.notes], np.float64) / ticks_per_quarter,
        ends=np.array([note.end for note in line.notes], np.float64) / ticks_per_quarter,
        pitches=np.array([note.pitch for note in line.notes], np.uint8),
        velocities=np.array([note.velocity for note in line.notes], np.uint8),
        name=line.name,
    )


def _sounds() -> NDArray[np.uint8]:
    """uint8 [128]: the drum sound of each pitch."""
    sounds = np.full(128, _NO_SOUND, np.uint8)
    for pitch, sound in GM_MAP.items():
        sounds[pitch] = sound
    return sounds
