"""MIDI files → training pieces for bands: 4/4 bars on the metric grid, with named parts and a normalised key."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from generator.engine.arranging import (
    MIN_KEY_CONFIDENCE,
    UNKNOWN_MODE,
    PartNotes,
    Track,
    arrange,
    estimate_key,
    folded,
    normalising_shift,
    pitch_class_weights,
    polyphony_kept,
)
from generator.engine.beats import Stretch, four_beat_stretches
from generator.engine.encodings.band import (
    DRUMS,
    DURATIONS,
    MAX_NOTES_AT_ONCE,
    PARTS,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
)
from generator.engine.encodings.drum_sounds import GM_MAP, GROOVE_MAP
from generator.engine.styles import style_of

DrumMap = Literal["gm", "groove"]
Tempos = tuple[NDArray[np.float64], NDArray[np.float64]]

STRAIGHT, SWING, UNKNOWN_FEEL = 0, 1, -1
DEFAULT_QPM = 120.0
# Fewer bars are no piece; half of Groove's files are fills of one bar.
MIN_BARS = {"gm": 2, "groove": 1}
# Minimum number of off-beat onsets to detect a feel.
MIN_OFF_BEATS = 8
# Below this attraction to eighths, sixteenths or triplets, onsets do not follow the file's beat (0 even, 1 exact).
MIN_GRID_STRENGTH = 0.3
# From this strength on, a stretch that is offset from the grid by this many steps is shifted onto it.
PLAIN_GRID_STRENGTH = 0.5
MIN_LATENESS = 0.2
# Share of onsets between half steps above which a band was played by hand (random: 0.6).
LOOSE_SHARE = 0.2
_DRUM = PARTS.index(DRUMS)
_NO_SOUND = 255


@dataclass(frozen=True, slots=True)
class BandPiece:
    """One stretch of 4/4 bars of one MIDI file on the grid, in order of start, part and pitch.

    Attributes:
        starts, durations: int32 [n], in steps; durations at least 1, of drums 1.
        parts: uint8 [n], index into PARTS.
        pitches: uint8 [n], transposed to C major or A minor; of drums the index of the drum sound.
        velocities: uint8 [n], 1–127.
        offsets: float32 [n], how much later than the grid a note is played, in steps, -0.5 up to 0.5; 0 for bands.
        num_steps: the end of the piece, a whole number of bars.
        qpm: quarters per minute, the median over the stretch's time.
        mode: MAJOR, MINOR or UNKNOWN_MODE.
        transposed: semitones added.
        feel: STRAIGHT, SWING or UNKNOWN_FEEL.
        style: of the file; "" if unknown.
        has_start, has_end: whether the stretch starts and ends the file.
    """

    starts: NDArray[np.int32]
    durations: NDArray[np.int32]
    parts: NDArray[np.uint8]
    pitches: NDArray[np.uint8]
    velocities: NDArray[np.uint8]
    offsets: NDArray[np.float32]
    num_steps: int
    qpm: float
    mode: int
    transposed: int
    feel: int
    style: str
    has_end: bool
    has_start: bool


def read_band_pieces(path: Path, *, drum_map: DrumMap, parts: Sequence[str] = PARTS, tag: str = "") -> list[BandPiece]:
    """The stretches of a MIDI file with four beats per bar; for training (symusic).

    Args:
        drum_map: how the file numbers its drums; "groove" keeps each drum's micro-timing.
        parts: the ones to read; notes of others are dropped.
        tag: the file's tag in the data set's index; gives the style.

    Raises:
        Exception: anything the reader raises on a file that is not MIDI; callers report and skip the file.
    """
    import symusic

    score: Any = symusic.Score(str(path))
    tracks = []
    for track in score.tracks:
        notes = track.notes.numpy()
        heard = (notes["duration"] > 0) & (notes["velocity"] > 0)
        if not heard.any():
            continue
        starts = notes["time"][heard].astype(np.float64) / score.tpq
        tracks.append(
            Track(
                int(track.program),
                bool(track.is_drum),
                starts,
                starts + notes["duration"][heard] / score.tpq,
                notes["pitch"][heard].astype(np.uint8),
                np.clip(notes["velocity"][heard], 1, 127).astype(np.uint8),
                str(track.name),
            )
        )
    tempos = score.tempos.numpy()
    return band_pieces(
        tracks,
        signatures=[(s.time / score.tpq, int(s.numerator), int(s.denominator)) for s in score.time_signatures],
        tempos=(tempos["time"].astype(np.float64) / score.tpq, 6e7 / tempos["mspq"].astype(np.float64)),
        drum_map=drum_map,
        parts=parts,
        style=style_of(tag),
    )


def band_pieces(
    tracks: Sequence[Track],
    *,
    signatures: Sequence[tuple[float, int, int]],
    tempos: Tempos,
    drum_map: DrumMap,
    parts: Sequence[str] = PARTS,
    style: str = "",
) -> list[BandPiece]:
    """The stretches of one file's tracks with four beats per bar.

    Args:
        signatures: (quarter, numerator, denominator) of each time signature.
        tempos: where each tempo starts, in quarters, and the tempo in quarters per minute; both float64 [changes].
        drum_map, parts: as in `read_band_pieces`.
    """
    notes = arrange(tracks)
    wanted = np.array([part in parts for part in PARTS])
    notes = notes.take(wanted[notes.parts])
    if not len(notes):
        return []
    last = float(notes.starts[-1])
    pieces = []
    for stretch in four_beat_stretches(signatures, last):
        piece = _piece(notes, stretch, last, tempos, drum_map, style)
        if piece is not None and piece.num_steps >= MIN_BARS[drum_map] * STEPS_PER_BAR:
            pieces.append(piece)
    return pieces


def _piece(
    notes: PartNotes,
    stretch: Stretch,
    last: float,
    tempos: Tempos,
    drum_map: DrumMap,
    style: str,
) -> BandPiece | None:
    first, end, steps_per_quarter = stretch.first, stretch.end, STEPS_PER_QUARTER / stretch.beat
    half = 0.5 / steps_per_quarter
    notes = notes.take((notes.starts >= first - half) & (notes.starts < end - half))
    sounds = np.full(128, _NO_SOUND, np.uint8)
    for pitch, sound in (GROOVE_MAP if drum_map == "groove" else GM_MAP).items():
        sounds[pitch] = sound
    drums = notes.parts == _DRUM
    notes = notes.take(~drums | (sounds[notes.pitches] != _NO_SOUND))
    if not len(notes) or (
        drum_map == "gm" and grid_strength((notes.starts - first) / stretch.beat) < MIN_GRID_STRENGTH
    ):
        return None
    drums = notes.parts == _DRUM
    mode, shift = UNKNOWN_MODE, 0
    if not drums.all():
        tonic, likely, confidence = estimate_key(pitch_class_weights(notes))
        if confidence >= MIN_KEY_CONFIDENCE:
            mode, shift = likely, normalising_shift(tonic, likely)
    places = (notes.starts - first) * steps_per_quarter
    places, steps, late = on_grid(places, as_played=drum_map == "groove")
    ends = np.floor((np.minimum(notes.ends, end) - first) * steps_per_quarter - late + 0.5).astype(np.int64)
    skipped = int(steps.min()) // STEPS_PER_BAR * STEPS_PER_BAR
    places, steps, ends = places - skipped, steps - skipped, ends - skipped
    ends = np.where(drums, steps + 1, np.clip(ends, steps + 1, steps + DURATIONS[-1]))
    pitches = notes.pitches.astype(np.int64)
    pitches = np.where(drums, sounds[notes.pitches], folded(notes.parts, pitches + shift))
    offsets = (places - steps).astype(np.float32)
    feel = feel_of(steps)
    if drum_map != "groove":
        offsets = np.zeros_like(offsets)
    chosen, ends = playable(steps, ends, notes.parts, pitches, notes.velocities)
    num_bars = -(-int(ends.max()) // STEPS_PER_BAR)
    begins, finishes = first + skipped / steps_per_quarter, float(notes.starts[-1])
    return BandPiece(
        steps[chosen].astype(np.int32),
        (ends - steps[chosen]).astype(np.int32),
        notes.parts[chosen],
        pitches[chosen].astype(np.uint8),
        notes.velocities[chosen],
        offsets[chosen],
        num_bars * STEPS_PER_BAR,
        _median_qpm(*tempos, begins, max(finishes, begins + 1.0)) / stretch.beat,
        mode,
        shift,
        feel,
        style,
        has_end=end > last,
        has_start=first == 0.0,
    )


def grid_strength(quarters: NDArray[np.float64]) -> float:
    """How strongly onsets gather at equal positions of the beat, 0 (anywhere) to 1; the best of 2, 3 and 4
    positions."""
    return max(abs(_gathering(quarters, places)) for places in (2, 3, 4))


def on_grid(
    places: NDArray[np.float64], *, as_played: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """The positions of onsets on the grid.

    Args:
        places: float64 [n], in steps from the beginning of a bar.
        as_played: to the nearest step, whatever beat the music keeps; its small deviations are the music.

    Returns:
        The places, the nearest steps that the beat asks for, int64 [n], and how late, in steps, all of it had been,
        which is taken off the places.
    """
    late = 0.0 if as_played else lateness(places)
    places = np.maximum(places - late, 0.0)
    if not as_played and is_loose(places):
        return places, snapped(places), late
    return places, np.floor(places + 0.5).astype(np.int64), late


def _gathering(quarters: NDArray[np.float64], places: int) -> complex:
    """The circular mean of onsets, with each of the beat's `places` as one full turn."""
    return complex(np.exp(2j * np.pi * places * quarters).mean())


def lateness(places: NDArray[np.float64]) -> float:
    """How many steps the whole stretch lags behind the grid (negative: ahead), or 0 if unclear."""
    best, count = max(
        ((_gathering(places / STEPS_PER_QUARTER, n), n) for n in (2, 3, 4)), key=lambda gathered: abs(gathered[0])
    )
    late = float(np.angle(best)) / (2 * np.pi * count) * STEPS_PER_QUARTER
    return late if abs(best) >= PLAIN_GRID_STRENGTH and abs(late) >= MIN_LATENESS else 0.0


def is_loose(places: NDArray[np.float64]) -> bool:
    """Whether onsets were played by hand: many fall between half steps."""
    return bool((np.abs(places * 2 - np.round(places * 2)) > 0.2).mean() > LOOSE_SHARE)


def snapped(places: NDArray[np.float64]) -> NDArray[np.int64]:
    """Steps of hand-played onsets: each beat snaps to its sixteenths, or to its triplets if they fit better."""
    beats = np.unique(np.floor(places / STEPS_PER_QUARTER), return_inverse=True)[1]
    sixteenths, triplets = (np.floor(places / size + 0.5).astype(np.int64) * size for size in (3, 4))
    straight_error = np.bincount(beats, (places - sixteenths) ** 2)
    triplet_error = np.bincount(beats, (places - triplets) ** 2)
    return np.where((triplet_error < 0.5 * straight_error)[beats], triplets, sixteenths)


def playable(
    steps: NDArray[np.int64],
    ends: NDArray[np.int64],
    parts: NDArray[np.uint8],
    pitches: NDArray[np.int64],
    velocities: NDArray[np.uint8],
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Which notes stay, in order of start, part and pitch, and their ends: one note per key, within the part's
    polyphony."""
    # Of notes at the same position, keep the loudest and give it the longest duration.
    order = np.lexsort((-velocities.astype(np.int64), pitches, parts, steps))
    place = (steps * len(PARTS) + parts) * 128 + pitches
    is_first = np.concatenate([[True], np.diff(place[order]) != 0])
    longest = np.maximum.reduceat(ends[order], np.flatnonzero(is_first))
    chosen = order[is_first]
    # Striking a note again ends the previous one.
    key = parts[chosen].astype(np.int64) * 128 + pitches[chosen]
    by_key = np.lexsort((steps[chosen], key))
    again = np.diff(key[by_key]) == 0
    before, after = by_key[:-1][again], by_key[1:][again]
    longest[before] = np.minimum(longest[before], steps[chosen][after])
    kept = np.ones(len(chosen), np.bool_)
    for index, part in enumerate(PARTS):
        own = np.flatnonzero(parts[chosen] == index)
        if index == _DRUM:
            kept[own] = _loudest(steps[chosen[own]], velocities[chosen[own]], MAX_NOTES_AT_ONCE[part])
            continue
        kept[own], longest[own] = polyphony_kept(steps[chosen[own]], longest[own], MAX_NOTES_AT_ONCE[part])
    return chosen[kept], longest[kept]


def _loudest(steps: NDArray[np.int64], velocities: NDArray[np.uint8], limit: int) -> NDArray[np.bool_]:
    order = np.lexsort((-velocities.astype(np.int64), steps))
    rank = np.arange(len(steps)) - np.searchsorted(steps[order], steps[order], "left")
    kept = np.ones(len(steps), np.bool_)
    kept[order[rank >= limit]] = False
    return kept


def feel_of(steps: NDArray[np.int64]) -> int:
    """Whether the second eighths of the beats come after half a beat (STRAIGHT) or about two thirds (SWING).

    Args:
        steps: of onsets, in any order; several at one step count once.
    """
    counts = np.bincount(np.unique(steps) % STEPS_PER_QUARTER, minlength=STEPS_PER_QUARTER)
    straight, swung, sixteenths = int(counts[6]), int(counts[[7, 8]].sum()), int(counts[[3, 9]].sum())
    if straight + swung >= MIN_OFF_BEATS:
        return SWING if swung > 1.2 * straight else STRAIGHT
    return STRAIGHT if sixteenths >= MIN_OFF_BEATS else UNKNOWN_FEEL


def _median_qpm(quarters: NDArray[np.float64], qpms: NDArray[np.float64], first: float, end: float) -> float:
    """The median tempo over time from `first` to `end`, both in quarters."""
    quarters, qpms = np.concatenate([[0.0], quarters]), np.concatenate([[DEFAULT_QPM], qpms])
    lengths = np.diff(np.clip(np.append(quarters, math.inf), first, end)) / qpms
    order = np.argsort(qpms, kind="stable")
    passed = np.cumsum(lengths[order])
    return float(qpms[order][np.searchsorted(passed, passed[-1] / 2)])
