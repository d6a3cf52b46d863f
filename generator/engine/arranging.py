"""Arranges the tracks of any MIDI file for the five parts of a band: drums, bass, rhythm, keys and lead.

Instrument names are unreliable and doublings are common. A track's part follows from its General MIDI program, its
register and its role among the others; a track that only doubles another is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.engine.encodings.band import DRUMS, PARTS, PITCH_RANGES, STEPS_PER_BAR, STEPS_PER_QUARTER

BASS, RHYTHM, KEYS, LEAD = PARTS[1:]

MAJOR, MINOR, UNKNOWN_MODE = 0, 1, -1
# Below this correlation the notes have no key.
MIN_KEY_CONFIDENCE = 0.3
BASS_KEY_WEIGHT = 2.0

_DOUBLING_SHARE = 0.8
_BASS_PROGRAMS = range(32, 40)
_GUITAR_PROGRAMS = range(24, 32)
# Mostly below the open E string: a bass, whatever its name.
_LOWEST_GUITAR = 40
# Timpani, unpitched percussion and sound effects.
_EFFECT_PROGRAMS = (47, *range(115, 128))
# How likely an instrument is to carry the melody, by program.
_MELODY_PROGRAMS = {
    **dict.fromkeys(range(52, 55), 1.0),  # voices
    **dict.fromkeys(range(56, 64), 0.7),  # brass
    **dict.fromkeys(range(64, 80), 1.0),  # reeds and pipes
    **dict.fromkeys(range(80, 88), 1.0),  # synth leads
    **dict.fromkeys((22, 40, 41, 42, 110, 111), 0.7),  # harmonica and bowed solos
    **dict.fromkeys(range(24, 26), 0.4),
    **dict.fromkeys(range(26, 32), 0.7),
}
_MELODY_WORDS = dict.fromkeys(("melod", "vocal", "vox", "voice", "sing"), 5.0) | {"lead": 2.0, "solo": 2.0}
_RHYTHM_WORDS = ("rhythm", "rythm", "chord", "strum", "arp")
_DRUM_WORDS = ("drum", "snare", "hihat", "hi-hat", "tambourine")
# A track named as drums with at most this many pitches is a drum track, whatever its channel.
_MAX_DRUM_PITCHES = 6
# Maximum delay of an echo, in steps.
_MAX_ECHO = 12
_MIN_MELODY_SCORE = 0.15

# Kostka–Payne key profiles (Temperley, Music and Probability, 2007); the minor one with the seventh of rock's natural
# minor as common as the leading note.
_MAJOR_PROFILE = np.array([0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400])
_MINOR_PROFILE = np.array([0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.330, 0.133])
_SCALES = np.array([[1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0]], np.float64)
_SCALE_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Track:
    """A track as read from the file.

    Attributes:
        program: General MIDI sound, 0-based.
        is_drum: whether pitches name drums.
        starts, ends: float64 [n], in quarters.
        pitches: uint8 [n].
        velocities: uint8 [n], 1–127.
        name: from the file.
    """

    program: int
    is_drum: bool
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    pitches: NDArray[np.uint8]
    velocities: NDArray[np.uint8]
    name: str = ""


@dataclass(frozen=True, slots=True)
class PartNotes:
    """Notes with their parts, in order of start, part and pitch.

    Attributes:
        starts, ends: float64 [n], in quarters.
        parts: uint8 [n], index into PARTS.
        pitches: uint8 [n], as in the file.
        velocities: uint8 [n].
    """

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    parts: NDArray[np.uint8]
    pitches: NDArray[np.uint8]
    velocities: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "PartNotes":
        return PartNotes(
            self.starts[chosen], self.ends[chosen], self.parts[chosen], self.pitches[chosen], self.velocities[chosen]
        )


@dataclass(frozen=True, slots=True)
class _Role:
    """What a pitched track does: chord size, register and when it plays."""

    num_notes: int
    chord_size: float
    median_pitch: float
    bars: NDArray[np.int64]
    exact: NDArray[np.int64]
    octaves: NDArray[np.int64]


def arrange(tracks: Sequence[Track]) -> PartNotes:
    """The notes a band of five would play of these tracks. Pitches do not change; `folded` moves them into a part's
    range once the key is known, and `polyphony_kept` limits the polyphony."""
    chosen = [(track, part) for track, part in zip(tracks, assign_parts(tracks), strict=True) if part is not None]
    if not chosen:
        empty = np.zeros(0, np.uint8)
        return PartNotes(np.zeros(0), np.zeros(0), empty, empty, empty)
    starts = np.concatenate([track.starts for track, _ in chosen])
    parts = np.concatenate([np.full(len(track.starts), PARTS.index(part), np.uint8) for track, part in chosen])
    pitches = np.concatenate([track.pitches for track, _ in chosen])
    notes = PartNotes(
        starts,
        np.concatenate([track.ends for track, _ in chosen]),
        parts,
        pitches,
        np.concatenate([track.velocities for track, _ in chosen]),
    )
    return notes.take(np.lexsort((pitches, parts, starts)))


def assign_parts(tracks: Sequence[Track]) -> list[str | None]:
    """The part of each track; None for empty tracks, sound effects and doublings."""
    parts: list[str | None] = [None] * len(tracks)
    roles: dict[int, _Role] = {}
    for index, track in enumerate(tracks):
        if not len(track.starts):
            continue
        if track.is_drum or _is_drum_by_name(track):
            parts[index] = DRUMS
        elif track.program not in _EFFECT_PROGRAMS:
            roles[index] = _role_of(track)
    basses = _basses(tracks, roles)
    # Guitars audibly double the bass's riffs; keys do not.
    fills = {
        i: roles[i].exact
        for i in roles
        if i not in basses
        and (
            tracks[i].program in _GUITAR_PROGRAMS
            or not any(_repeats(roles[i].octaves, roles[b].octaves) for b in basses)
        )
    }
    others = _without_doublings(fills)
    for index in _without_doublings({i: roles[i].octaves for i in basses}):
        parts[index] = BASS
    leads = _leads(tracks, roles, others)
    for index in others:
        parts[index] = LEAD if index in leads else _accompaniment(tracks[index], roles[index])
    for part in (RHYTHM, KEYS, LEAD):
        members = {i: roles[i].octaves for i in others if parts[i] == part}
        for index in set(members) - set(_without_doublings(members)):
            parts[index] = None
    return parts


def _role_of(track: Track) -> _Role:
    places = np.floor(track.starts * STEPS_PER_QUARTER + 0.5).astype(np.int64)
    pitches = track.pitches.astype(np.int64)
    return _Role(
        num_notes=len(places),
        chord_size=len(places) / len(np.unique(places)),
        median_pitch=float(np.median(pitches)),
        bars=np.unique(places // STEPS_PER_BAR),
        exact=np.unique(places * 128 + pitches),
        octaves=np.unique(places * 128 + pitches % 12),
    )


def _is_drum_by_name(track: Track) -> bool:
    name = track.name.lower()
    if "steel" in name or not any(word in name for word in _DRUM_WORDS):
        return False
    return len(np.unique(track.pitches)) <= _MAX_DRUM_PITCHES


def _repeats(keys: NDArray[np.int64], fuller: NDArray[np.int64]) -> bool:
    """Whether most of one track's notes also occur in the other, at the same time or as an echo."""
    if np.isin(keys, fuller, assume_unique=True).mean() >= _DOUBLING_SHARE:
        return True
    lag = int(keys[0]) // 128 - int(fuller[0]) // 128
    return 0 < lag <= _MAX_ECHO and bool(
        np.isin(keys - lag * 128, fuller, assume_unique=True).mean() >= _DOUBLING_SHARE
    )


def _without_doublings(keys: dict[int, NDArray[np.int64]]) -> list[int]:
    """The tracks left after dropping each one that mostly repeats a fuller one, in file order.

    Of two similar tracks the one that starts first is kept, so the echo is dropped.
    """
    kept: list[int] = []
    for index in sorted(keys, key=lambda i: (-len(keys[i]), int(keys[i][0]), i)):
        if not any(_repeats(keys[index], keys[other]) for other in kept):
            kept.append(index)
    return sorted(kept)


def _basses(tracks: Sequence[Track], roles: dict[int, _Role]) -> list[int]:
    """The bass tracks: those with its programs, and low lines where none of these plays."""
    basses = [i for i, role in roles.items() if tracks[i].program in _BASS_PROGRAMS and role.median_pitch < 62]
    likely: list[tuple[bool, float, int]] = []
    for index, role in roles.items():
        named = "bass" in tracks[index].name.lower()
        highest = 55 if named else _LOWEST_GUITAR if tracks[index].program in _GUITAR_PROGRAMS else 48
        if index not in basses and role.median_pitch < highest and role.chord_size < 1.6 and role.num_notes >= 8:
            likely.append((not named, role.median_pitch, index))
    taken = np.unique(np.concatenate([np.zeros(0, np.int64), *(roles[i].bars for i in basses)]))
    for *_, index in sorted(likely):
        bars = roles[index].bars
        if np.isin(bars, taken, assume_unique=True).mean() < 0.5:
            basses.append(index)
            taken = np.union1d(taken, bars)
    return basses


def _leads(tracks: Sequence[Track], roles: dict[int, _Role], candidates: Sequence[int]) -> list[int]:
    """The melody tracks: the best one, and others where no better one plays."""
    all_bars = len(np.unique(np.concatenate([roles[i].bars for i in candidates]))) if candidates else 0
    scores: dict[int, float] = {}
    for index in candidates:
        role, name = roles[index], tracks[index].name.lower()
        if role.chord_size > 1.5 or role.median_pitch < 52:
            continue
        score = _MELODY_PROGRAMS.get(tracks[index].program, 0.25)
        score *= (len(role.bars) / all_bars) ** 0.5 * (2.0 - role.chord_size)
        score *= float(np.clip((role.median_pitch - 48) / 16, 0.2, 1.0))
        score *= max((factor for word, factor in _MELODY_WORDS.items() if word in name), default=1.0)
        if any(word in name for word in _RHYTHM_WORDS):
            score *= 0.3
        if score >= _MIN_MELODY_SCORE:
            scores[index] = score
    leads: list[int] = []
    taken = np.zeros(0, np.int64)
    for index in sorted(scores, key=lambda i: (-scores[i], i)):
        bars = roles[index].bars
        if np.isin(bars, taken, assume_unique=True).mean() < 0.5:
            leads.append(index)
            taken = np.union1d(taken, bars)
    return leads


def _accompaniment(track: Track, role: _Role) -> str:
    if track.program in _GUITAR_PROGRAMS or track.program in _BASS_PROGRAMS or 104 <= track.program <= 108:
        return RHYTHM
    if 80 <= track.program <= 87 and role.chord_size < 2.0:
        return RHYTHM
    return KEYS


def estimate_key(pitch_class_weights: NDArray[np.float64]) -> tuple[int, int, float]:
    """The best-fitting key of a pitch-class distribution, by Krumhansl's profiles and the share of notes in the scale.

    Args:
        pitch_class_weights: float64 [12], how much each pitch class sounds, C first.

    Returns:
        The tonic 0–11, the mode (MAJOR or MINOR) and the correlation with that key's profile, 0 to 1.
    """
    weights = np.asarray(pitch_class_weights, np.float64)
    if weights.max(initial=0.0) <= 0 or np.ptp(weights) == 0:
        return 0, MAJOR, 0.0
    rotated = np.stack([np.roll(weights, -tonic) for tonic in range(12)])
    rotated = rotated - rotated.mean(axis=1, keepdims=True)
    rotated /= np.linalg.norm(rotated, axis=1, keepdims=True)
    profiles = np.stack([_MAJOR_PROFILE, _MINOR_PROFILE])
    profiles = profiles - profiles.mean(axis=1, keepdims=True)
    profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
    correlations = rotated @ profiles.T
    # The scale matters more than the profile: rock dwells on chords that no profile contains.
    in_scale = np.stack([np.roll(weights, -tonic) for tonic in range(12)]) @ _SCALES.T / weights.sum()
    tonic, mode = divmod(int((correlations + _SCALE_WEIGHT * in_scale).argmax()), 2)
    return tonic, mode, float(np.clip(correlations[tonic, mode], 0.0, 1.0))


def pitch_class_weights(notes: PartNotes) -> NDArray[np.float64]:
    """float64 [12]: the weight of each pitch class, half by duration in quarters and half by note count.

    The bass counts double, no note counts for more than four quarters, and drums do not count.
    """
    pitched = notes.parts != PARTS.index(DRUMS)
    if not pitched.any():
        return np.zeros(12)
    lengths = np.clip(notes.ends - notes.starts, 1 / STEPS_PER_QUARTER, 4.0)[pitched]
    weights = lengths / lengths.mean() + 1.0
    weights = weights * np.where(notes.parts[pitched] == PARTS.index(BASS), BASS_KEY_WEIGHT, 1.0)
    return np.bincount(notes.pitches[pitched] % 12, weights, 12).astype(np.float64)


def normalising_shift(tonic: int, mode: int) -> int:
    """Semitones, -6 to 5, that transpose a major key to C and a minor key to A."""
    home = 0 if mode == MAJOR else 9
    return (home - tonic + 6) % 12 - 6


def folded(parts: NDArray[np.uint8], pitches: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Pitches moved by octaves into their parts' ranges; drums do not change."""
    result = pitches.copy()
    for part, (low, high) in PITCH_RANGES.items():
        own = parts == PARTS.index(part)
        values = result[own]
        values = np.where(values < low, low + (values - low) % 12, values)
        result[own] = np.where(values > high, high - (high - values) % 12, values)
    return result.astype(np.uint8)


def polyphony_kept(
    starts: NDArray[np.int64], ends: NDArray[np.int64], limit: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Limit one part's polyphony: keep the lowest and highest notes of a chord and cut the oldest sounding notes.

    Args:
        starts, ends: int64 [n], in steps, in order of start and pitch, no pitch twice at one start.
        limit: notes that may sound at once.

    Returns:
        Which notes stay, bool [n], and the new ends, int64 [n].
    """
    count = len(starts)
    kept = np.ones(count, np.bool_)
    ends = ends.copy()
    if count == 0:
        return kept, ends
    first = np.searchsorted(starts, starts, "left")
    size = np.searchsorted(starts, starts, "right") - first
    rank = np.arange(count) - first
    kept = (rank < (limit + 1) // 2) | (rank >= size - limit // 2)
    if limit == 1:
        own = np.flatnonzero(kept)
        ends[own[:-1]] = np.minimum(ends[own[:-1]], starts[own[1:]])
        return kept, ends
    own = np.flatnonzero(kept)
    sounding_before = np.searchsorted(starts[own], starts[own], "right") - np.searchsorted(
        np.sort(ends[own]), starts[own], "right"
    )
    if (sounding_before <= limit).all():
        return kept, ends
    sounding: list[int] = []
    for index in own.tolist():
        start = int(starts[index])
        sounding = [other for other in sounding if ends[other] > start]
        if len(sounding) >= limit:
            ends[sounding.pop(0)] = start
        sounding.append(index)
    return kept, ends
