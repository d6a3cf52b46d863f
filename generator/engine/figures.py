"""Metrics by which the critic tells human from composed music: one number each, over a window of about half a minute.

None of them means "good"; human music has a typical range in each (`generator.engine.norms`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.loops import bar_hashes, bar_loop, free_loop_seconds, in_chords, repeated_share
from generator.engine.music import Note, Voice
from generator.engine.note_symbols import CLASS_OF_PITCH, DRUM_CLASSES

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

TOGETHER_SECONDS = 0.03
WINDOW_SECONDS = 2.0
# Krumhansl and Kessler's key profiles (1982), C major and C minor.
_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
_PROFILES = np.array([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)])
_PROFILES = (_PROFILES - _PROFILES.mean(1, keepdims=True)) / _PROFILES.std(1, keepdims=True)
_IOI_EDGES = 0.03 * 2 ** np.arange(0, 8, 0.5)


@dataclass(frozen=True, slots=True)
class NoteTable:
    """Notes as columns, by start.

    Attributes:
        starts, ends: float64 [n] seconds; pitches, velocities, voices: int64 [n].
        is_drum: bool [n].
    """

    starts: Floats
    ends: Floats
    pitches: Whole
    velocities: Whole
    voices: Whole
    is_drum: NDArray[np.bool_]

    def where(self, kept: NDArray[np.bool_]) -> "NoteTable":
        return NoteTable(
            self.starts[kept],
            self.ends[kept],
            self.pitches[kept],
            self.velocities[kept],
            self.voices[kept],
            self.is_drum[kept],
        )

    def between(self, begin: float, end: float) -> "NoteTable":
        """The notes that start within a time range, relative to `begin` and cut at `end`."""
        part = self.where((self.starts >= begin) & (self.starts < end))
        return NoteTable(
            part.starts - begin,
            np.minimum(part.ends, end) - begin,
            part.pitches,
            part.velocities,
            part.voices,
            part.is_drum,
        )


def table_of(notes: Sequence[Note], voices: Sequence[Voice]) -> NoteTable:
    """The notes as columns, with times in whole hundredths of a second, so that finer timing cannot tell a recording
    from an encoding; notes of unknown voices count as pitched."""
    rows = np.array(
        [(n.start_seconds, n.end_seconds, n.pitch, n.velocity, n.voice) for n in notes], np.float64
    ).reshape(-1, 5)
    rows[:, 0] = np.rint(rows[:, 0] * 100) / 100
    rows[:, 1] = np.maximum(np.rint(rows[:, 1] * 100) / 100, rows[:, 0] + 0.01)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 4], rows[:, 0]))]
    pitches, velocities, numbers = rows[:, 2:].astype(np.int64).T
    drums = np.array([number for number, voice in enumerate(voices) if voice.is_drum], np.int64)
    return NoteTable(rows[:, 0], rows[:, 1], pitches, velocities, numbers, np.isin(numbers, drums))


def figures_of(table: NoteTable, length_seconds: float, qpm: float | None = None) -> dict[str, float]:
    """All metrics of a window; pitch metrics only with pitched notes, drum metrics only with drums, bar metrics only
    with a tempo.

    Velocities are as coarse as in the encoding, drum hits have no duration, and music with a tempo is normalised to 120
    quarters per minute, because its tempo was requested and says nothing about its quality.
    """
    step = 4 if qpm is None else 16
    factor = 1.0 if qpm is None else qpm / 120.0
    starts = table.starts * factor
    table = replace(
        table,
        starts=starts,
        ends=np.where(table.is_drum, starts + 0.1, table.ends * factor),
        velocities=(table.velocities - 1) // step * step,
    )
    length_seconds *= factor
    found = _time_figures(table, length_seconds) | _velocity_figures(table)
    pitched = table.where(~table.is_drum)
    if len(pitched.starts) >= 8:
        found |= _pitch_figures(pitched, length_seconds) | _harmony_figures(pitched, length_seconds)
        found |= _repetition_figures(pitched)
    drums = table.where(table.is_drum)
    if len(drums.starts) >= 8:
        found |= _drum_figures(drums)
    if qpm is not None:
        found |= _bar_figures(table, length_seconds)
    else:
        found["loop_seconds"] = free_loop_seconds(table.starts, table.pitches)
    return {name: float(value) for name, value in found.items()}


def _time_figures(table: NoteTable, length_seconds: float) -> dict[str, float]:
    onsets = _onsets(table.starts)
    gaps = np.diff(onsets)
    logs = np.log2(np.clip(gaps, 0.02, 8.0)) if len(gaps) else np.zeros(1)
    shares = np.histogram(np.clip(gaps, _IOI_EDGES[0], _IOI_EDGES[-1] - 1e-6), _IOI_EDGES)[0]
    density = np.histogram(table.starts, np.arange(0.0, max(length_seconds, 4.0) + 0.01, WINDOW_SECONDS))[0]
    ratio = np.diff(logs)
    sounding = np.zeros(int(length_seconds * 20) + 1)
    np.add.at(sounding, np.minimum((table.starts * 20).astype(int), len(sounding) - 1), 1)
    np.add.at(sounding, np.minimum((table.ends * 20).astype(int), len(sounding) - 1), -1)
    sounding = np.cumsum(sounding)[:-1]
    pulse, pulse_at = _pulse(table, length_seconds)
    return {
        "notes_per_second": np.log2(max(len(table.starts), 1) / length_seconds),
        "onsets_per_second": np.log2(max(len(onsets), 1) / length_seconds),
        "wait_median": float(np.median(logs)),
        "wait_spread": float(np.subtract(*np.quantile(logs, [0.9, 0.1]))),
        "wait_entropy": _entropy(shares),
        "wait_change": float(np.mean(np.abs(ratio))) if len(ratio) else 0.0,
        "wait_kept": float(np.mean(np.abs(ratio) < 0.2)) if len(ratio) else 0.0,
        "longest_wait": float(logs.max()),
        "density_spread": float(density.std() / max(density.mean(), 0.1)),
        "density_memory": _memory(density.astype(np.float64)),
        "sounding": float(sounding.mean()),
        "sounding_spread": float(sounding.std()),
        "silence": float(np.mean(sounding == 0)),
        "pulse": pulse,
        "pulse_at": pulse_at,
    }


def _velocity_figures(table: NoteTable) -> dict[str, float]:
    velocities = table.velocities.astype(np.float64)
    if len(velocities) < 8:
        return {}
    blocks = velocities[: len(velocities) // 8 * 8].reshape(-1, 8).mean(1)
    return {
        "velocity": float(velocities.mean()),
        "velocity_spread": float(velocities.std()),
        "velocity_change": float(np.mean(np.abs(np.diff(velocities)))),
        "velocity_memory": _memory(velocities),
        "velocity_tide": float(blocks.std()),
    }


def _pitch_figures(pitched: NoteTable, length_seconds: float) -> dict[str, float]:
    order = in_chords(pitched.starts, pitched.pitches)
    pitches, starts = pitched.pitches[order], pitched.starts[order]
    chord = np.concatenate([[0], np.cumsum(np.diff(pitched.starts) > TOGETHER_SECONDS)])
    tops = np.full(chord[-1] + 1, -1)
    np.maximum.at(tops, chord, pitched.pitches)
    bottoms = np.full(chord[-1] + 1, 128)
    np.minimum.at(bottoms, chord, pitched.pitches)
    top_steps, steps = np.abs(np.diff(tops)), np.abs(np.diff(pitches))
    lengths = np.log2(np.clip(pitched.ends - pitched.starts, 0.02, 16.0))
    sizes = np.bincount(chord)
    low, high = np.quantile(pitches, [0.05, 0.95])
    # The position of the hands: the middle of the notes in each window.
    window = (starts / WINDOW_SECONDS).astype(int)
    counts = np.bincount(window)
    middles = (np.bincount(window, pitches) / np.maximum(counts, 1))[counts > 0]
    return {
        "pitch": float(pitches.mean()),
        "pitch_spread": float(pitches.std()),
        "pitch_range": float(high - low),
        "pitch_entropy": _entropy(np.bincount(pitches, minlength=128)),
        "top_repeats": _share(top_steps == 0),
        "top_steps": _share((top_steps >= 1) & (top_steps <= 2)),
        "top_thirds": _share((top_steps >= 3) & (top_steps <= 4)),
        "top_leaps": _share(top_steps > 7),
        "top_semitones": _share(top_steps == 1),
        "interval_repeats": _share(steps == 0),
        "interval_semitones": _share(steps == 1),
        "interval_tones": _share(steps == 2),
        "interval_thirds": _share((steps == 3) | (steps == 4)),
        "interval_fifths": _share((steps == 5) | (steps == 7)),
        "interval_octaves": _share(steps == 12),
        "interval_tritones": _share(steps == 6),
        "interval_wide": _share(steps > 12),
        "bottom_wide": _share(np.abs(np.diff(bottoms)) > 7),
        "direction_kept": _share(np.sign(np.diff(tops))[1:] == np.sign(np.diff(tops))[:-1]),
        "middle_moves": float(np.abs(np.diff(middles)).mean()) if len(middles) > 1 else 0.0,
        "middle_spread": float(middles.std()),
        "length_median": float(np.median(lengths)),
        "length_spread": float(np.subtract(*np.quantile(lengths, [0.9, 0.1]))),
        "length_memory": _memory(lengths[order]),
        "chord_size": float(sizes.mean()),
        "chord_spread": float(sizes.std()),
        "chord_memory": _memory(sizes.astype(np.float64)),
        "velocity_with_pitch": _correlation(pitched.pitches, pitched.velocities),
        "velocity_in_chords": float(_within(pitched.velocities.astype(np.float64), chord)),
    }


def _harmony_figures(pitched: NoteTable, length_seconds: float) -> dict[str, float]:
    classes = pitched.pitches % 12
    lengths = np.minimum(pitched.ends - pitched.starts, 2.0)
    whole = np.bincount(classes, lengths + 0.05, minlength=12)
    count = max(2, int(np.ceil(length_seconds / WINDOW_SECONDS)))
    window = np.minimum((pitched.starts / WINDOW_SECONDS).astype(int), count - 1)
    chroma = np.zeros((count, 12))
    np.add.at(chroma, (window, classes), lengths + 0.05)
    chroma = chroma[chroma.sum(1) > 0]
    shares = chroma / chroma.sum(1, keepdims=True)
    unit = chroma / np.linalg.norm(chroma, axis=1, keepdims=True)
    alike = unit @ unit.T
    neighbours = np.diag(alike, 1)
    fits = np.sort(key_fits(chroma), axis=1)
    further = [
        float(np.delete(alike[row], slice(max(0, row - 1), row + 2)).max(initial=0.0)) for row in range(len(alike))
    ]
    found = {
        "class_entropy": _entropy(whole),
        "key_fit": float(key_fits(whole[None]).max()),
        "window_entropy": float(np.mean([_entropy(row) for row in shares])),
        "window_key_fit": float(fits[:, -1].mean()),
        "window_key_least": float(fits[:, -1].min()),
        "chroma_kept": float(neighbours.mean()) if len(neighbours) else 0.0,
        "chroma_returns": float(np.mean(further)),
        "chroma_alike": float(alike.mean()),
    }
    # Intervals between notes that are simultaneous or within a tenth of a second.
    for name, reach in (("together", TOGETHER_SECONDS), ("near", 0.15)):
        pairs = []
        for distance in range(1, 6):
            close = pitched.starts[distance:] - pitched.starts[:-distance] <= reach
            pairs.append(np.abs(pitched.pitches[distance:] - pitched.pitches[:-distance])[close] % 12)
        intervals = np.bincount(np.concatenate(pairs), minlength=12)
        shares = intervals / max(1, intervals.sum())
        found |= {
            f"{name}_octaves": shares[0],
            f"{name}_clashes": shares[[1, 11]].sum(),
            f"{name}_seconds": shares[[2, 10]].sum(),
            f"{name}_thirds": shares[[3, 4, 8, 9]].sum(),
            f"{name}_fifths": shares[[5, 7]].sum(),
            f"{name}_tritones": shares[6],
        }
    return found


def _repetition_figures(pitched: NoteTable) -> dict[str, float]:
    order = in_chords(pitched.starts, pitched.pitches)
    pitches = pitched.pitches[order]
    return {
        "repeated_2": repeated_share(pitches, 2),
        "repeated_3": repeated_share(pitches, 3),
        "repeated_4": repeated_share(pitches, 4),
        "repeated_8": repeated_share(pitches, 8),
        "repeated_intervals_3": repeated_share(np.diff(pitches), 3),
        "repeated_intervals_5": repeated_share(np.diff(pitches), 5),
        "repeated_classes_4": repeated_share(pitches % 12, 4),
        "came_just_before": float(
            np.mean([np.mean(pitches[lag:] == pitches[:-lag]) for lag in range(2, min(13, len(pitches) - 1))])
        )
        if len(pitches) > 4
        else 0.0,
        "best_lag": max(
            (float(np.mean(pitches[lag:] == pitches[:-lag])) for lag in range(2, min(65, len(pitches) // 2))),
            default=0.0,
        ),
    }


def _drum_figures(drums: NoteTable) -> dict[str, float]:
    classes = CLASS_OF_PITCH[drums.pitches]
    shares = np.bincount(classes, minlength=len(DRUM_CLASSES) + 1) / len(classes)
    chord = np.concatenate([[0], np.cumsum(np.diff(drums.starts) > TOGETHER_SECONDS)])
    sets = np.zeros(chord[-1] + 1, np.int64)
    np.bitwise_or.at(sets, chord, 1 << classes)
    velocities = drums.velocities.astype(np.float64)
    found = {f"drums_{number}": float(share) for number, share in enumerate(shares)}
    for number, name in ((0, "kick"), (1, "snare"), (2, "hat")):
        own = velocities[classes == number]
        found[f"{name}_velocity"] = float(own.mean()) if len(own) else 0.0
        found[f"{name}_velocity_spread"] = float(own.std()) if len(own) else 0.0
    return found | {
        "drum_sets": _entropy(np.unique(sets, return_counts=True)[1]),
        "drum_set_size": float(np.bincount(chord).mean()),
        "drums_repeated_4": repeated_share(sets, 4),
        "drums_repeated_8": repeated_share(sets, 8),
        "drums_repeated_16": repeated_share(sets, 16),
    }


def _bar_figures(table: NoteTable, length_seconds: float) -> dict[str, float]:
    seconds_per_bar = 2.0
    num_bars = max(1, round(length_seconds / seconds_per_bar))
    lines = table.pitches + 128 * table.voices
    bars = bar_hashes(table.starts, lines, seconds_per_bar, num_bars)
    found = {
        "loop_seconds": bar_loop(table.starts, lines, 120.0).length * seconds_per_bar,
        "bars_again": 1.0 - len(np.unique(bars)) / num_bars,
    }
    steps = np.rint(table.starts / seconds_per_bar * 48).astype(np.int64)
    inside = steps < 48 * num_bars
    for name, chosen in (("drums", table.is_drum), ("pitched", ~table.is_drum)):
        own = chosen & inside
        if not own.any():
            continue
        grid = np.zeros((num_bars, 128, 16), np.float32)
        grid[steps[own] // 48, table.pitches[own], steps[own] % 48 // 3] = 1.0
        rhythm = grid.max(1)
        flat = grid.reshape(num_bars, -1)
        for lag in (1, 2, 4):
            if num_bars > lag:
                found[f"{name}_bars_{lag}"] = _overlap(flat[lag:], flat[:-lag])
                found[f"{name}_rhythm_{lag}"] = _overlap(rhythm[lag:], rhythm[:-lag])
        places = rhythm.sum(0)
        found[f"{name}_on_beat"] = float(places[::4].sum() / max(1.0, places.sum()))
        found[f"{name}_off_eighths"] = float(places[1::2].sum() / max(1.0, places.sum()))
        found[f"{name}_places"] = _entropy(places)
        found[f"{name}_off_grid"] = float(np.mean(steps[own] % 3 != 0))
    if table.is_drum.any() and (~table.is_drum).any():
        low = table.where((~table.is_drum) & inside)
        kicks = np.unique(steps[table.is_drum & inside & np.isin(table.pitches, (35, 36))])
        bass = np.unique(np.rint(low.starts[low.pitches < 50] / seconds_per_bar * 48).astype(np.int64))
        found["bass_with_kick"] = float(np.mean(np.isin(kicks, bass))) if len(kicks) else 0.0
    return found


def _overlap(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """Mean over bars of the share of content that two bars have in common; two empty ones share nothing."""
    both, either = np.minimum(left, right).sum(1), np.maximum(left, right).sum(1)
    return float(np.mean(both / np.maximum(either, 1.0)))


def _pulse(table: NoteTable, length_seconds: float) -> tuple[float, float]:
    """Strength of the most regular onset interval, 0.2 to 2 s, and that interval as log2 of seconds."""
    frames = np.zeros(int(length_seconds * 50) + 2)
    at = np.minimum((table.starts * 50).astype(int), len(frames) - 2)
    np.add.at(frames, at, 1.0)
    frames = np.minimum(frames, 3.0)
    frames = np.convolve(frames, [0.5, 1.0, 0.5], "same")
    frames -= frames.mean()
    size = 1 << int(np.ceil(np.log2(2 * len(frames))))
    spectrum = np.fft.rfft(frames, size)
    echo = np.fft.irfft(spectrum * np.conj(spectrum), size)[:101]
    if echo[0] <= 0 or len(frames) < 110:
        return 0.0, 0.0
    lag = 10 + int(echo[10:].argmax())
    return float(echo[lag] / echo[0]), float(np.log2(lag / 50))


def key_fits(chroma: NDArray[Any]) -> Floats:
    """Correlation of each histogram [n, 12] with the 24 key profiles, [n, 24]."""
    centred = chroma - chroma.mean(1, keepdims=True)
    return centred / np.maximum(centred.std(1, keepdims=True), 1e-9) @ _PROFILES.T / 12


def _onsets(starts: Floats) -> Floats:
    return starts[np.concatenate([[True], np.diff(starts) > TOGETHER_SECONDS])] if len(starts) else starts


def _entropy(counts: NDArray) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1e-9)
    return float(-(shares * np.log2(shares)).sum())


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _memory(values: Floats) -> float:
    """Correlation of each value with the next one."""
    return _correlation(values[1:], values[:-1])


def _correlation(left: NDArray, right: NDArray) -> float:
    if len(left) < 3 or not left.std() or not right.std():
        return 0.0
    return float(np.mean((left - left.mean()) * (right - right.mean())) / (left.std() * right.std()))


def _within(values: Floats, groups: Whole) -> float:
    """Mean standard deviation within groups of two or more."""
    counts = np.bincount(groups)
    means = np.bincount(groups, values) / counts
    spread = np.sqrt(np.bincount(groups, (values - means[groups]) ** 2) / counts)
    return float(spread[counts > 1].mean()) if (counts > 1).any() else 0.0
