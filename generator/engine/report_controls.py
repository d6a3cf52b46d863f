"""Control adherence in a report: pieces are composed for each control and checked."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from generator.engine.composer import Composition
from generator.engine.excerpts import drum_voices_of, qpm_of, style_of
from generator.engine.keys import parse_key, tonic_names
from generator.engine.loops import loop_seconds
from generator.engine.music import Note
from generator.engine.obedience import SCALE_SHARE, ending_of, file_facts, length_is_right, scale_share
from generator.engine.phrases import closing_bars, drum_bars
from generator.engine.style_classifier import StyleClassifier, excerpts_of_bars, style_features

if TYPE_CHECKING:
    from generator.engine.report import Studio

# A file stores tempo in whole microseconds per quarter.
TEMPO_SLACK = 0.01
# Maximum excerpts per style for training the classifier, and minimum for evaluating it.
MAX_STYLE_EXCERPTS = 600
MIN_STYLE_EXCERPTS = 8
LOOP_PERCENTILE = 95


def drum_voices(composition: Composition) -> frozenset[int]:
    """Indices of a piece's voices that are drums."""
    return frozenset(index for index, voice in enumerate(composition.voices) if voice.is_drum)


def bass_voice(composition: Composition) -> int | None:
    return next((index for index, voice in enumerate(composition.voices) if voice.part == "bass"), None)


def loops(studio: "Studio", pieces: Sequence[Composition]) -> dict[str, Any]:
    """Longest exact loops of pieces, and how many do not exceed the 95th percentile of human excerpts."""
    human = [loop_seconds(excerpt.notes, excerpt.qpm) for excerpt in studio.people]
    composed = [loop_seconds(piece.notes, piece.qpm) for piece in pieces]
    bound = float(np.percentile(human, LOOP_PERCENTILE)) if human else None
    return {
        "loop_seconds_median": round(float(np.median(composed)), 2),
        "human_loop_seconds_median": round(float(np.median(human)), 2) if human else None,
        "human_loop_seconds_p95": round(bound, 2) if bound is not None else None,
        "loops_within_human_p95": sum(value <= bound + 1e-6 for value in composed) if bound is not None else None,
    }


def phrases(studio: "Studio", pieces: Sequence[Composition]) -> dict[str, Any]:
    """Share of the drum bars closing a phrase that differ from the previous bar, for pieces and human files."""
    corpus = studio.validation
    drums = drum_voices_of(corpus)
    if not drums or qpm_of(corpus, 0) is None:
        return {}
    human = [
        closing_bars(drum_bars(source.piece_notes(index), qpm_of(source, index) or 120.0, drum_voices=drums))
        for source in (corpus, studio.train)
        for index in range(len(source))
    ]
    composed = [
        closing_bars(drum_bars(piece.notes, piece.qpm or 120.0, drum_voices=drum_voices(piece))) for piece in pieces
    ]
    shares = [_share(human), _share(composed)]
    return {
        "closing_bars_that_differ": shares[1],
        "human_closing_bars_that_differ": shares[0],
        "closing_bars": sum(count for _, count in composed),
        "human_closing_bars": sum(count for _, count in human),
    }


def _share(counts: Sequence[tuple[int, int]]) -> float:
    return round(sum(differ for differ, _ in counts) / max(sum(count for _, count in counts), 1), 4)


def originality(studio: "Studio", pieces: Sequence[Composition]) -> dict[str, Any] | None:
    """Longest matches with the training music, composed and human; None without an index."""
    from generator.engine.borrowing import copies_more_than_people, parse_baseline

    index = studio.bundle.originality
    if index is None:
        return None
    baseline = parse_baseline(studio.manifest.card.figures.get("originality"))
    studio.tick("looking for borrowed notes")
    runs = [index.query(piece.notes, piece.voices, piece.qpm) for piece in pieces]
    human = baseline.at(pieces[0].length_seconds) if baseline and pieces else None
    notes = [run.notes for run in runs]
    return {
        "median_notes": float(np.median(notes)),
        "p95_notes": float(np.percentile(notes, 95)),
        "human_median_notes": human.median_notes if human else None,
        "human_p95_notes": human.p95_notes if human else None,
        "copy_more_than_people": sum(
            copies_more_than_people(run, baseline, piece.length_seconds)
            for run, piece in zip(runs, pieces, strict=True)
        ),
        "false_positive_rate": index.false_positive_rate,
        "pieces": len(pieces),
    }


def controls(studio: "Studio") -> dict[str, Any]:
    """Results for each control the bundle offers."""
    offered = studio.manifest.controls
    found: dict[str, Any] = {}
    if offered.key is not None:
        found["key"] = _keys(studio)
    if offered.density is not None:
        found["density"] = _densities(studio)
    if offered.qpm is not None:
        found["tempo"] = _tempos(studio)
    if offered.length.bars:
        found["bars"] = _bars(studio)
    if offered.feel is not None:
        found["feel"] = _feels(studio)
    if offered.style is not None:
        found["style"] = _styles(studio)
    return found


def _seconds(studio: "Studio") -> float:
    return max(studio.plan.control_seconds, studio.manifest.controls.length.min_seconds)


def _keys(studio: "Studio") -> dict[str, Any]:
    """Each seed in another key: all twelve tonics and the modes in turn."""
    control = studio.manifest.controls.key
    assert control is not None  # noqa: S101 - asked before
    names = []
    for seed in range(1, studio.plan.pieces + 1):
        mode = control.modes[seed % len(control.modes)]
        names.append(f"{tonic_names(mode)[seed * 5 % 12]} {mode}")
    requests = [
        studio.request(seed, length_seconds=_seconds(studio), key=name) for seed, name in enumerate(names, start=1)
    ]
    pieces = studio.compose(requests, "in keys")
    shares, endings = [], []
    for name, piece in zip(names, pieces, strict=True):
        key, drums = parse_key(name), drum_voices(piece)
        shares.append(scale_share(piece.notes, key, drum_voices=drums))
        endings.append(ending_of(piece.notes, drum_voices=drums, bass_voice=bass_voice(piece), qpm=piece.qpm, key=key))
    return {
        "pieces": len(pieces),
        "in_scale": sum(share >= SCALE_SHARE for share in shares),
        "lowest_share": round(min(shares), 4),
        "mean_share": round(float(np.mean(shares)), 4),
        "closes_on_tonic_triad": sum(ending.closes is True for ending in endings),
        "real_endings": sum(ending.is_real for ending in endings),
    }


def _densities(studio: "Studio") -> dict[str, Any]:
    """The same seed at each level: notes per second must rise."""
    control = studio.manifest.controls.density
    assert control is not None  # noqa: S101 - asked before
    levels = [choice.key for choice in control.choices]
    rates: dict[str, list[float]] = {}
    for level in levels:
        requests = [
            studio.request(seed, length_seconds=_seconds(studio), density=level)
            for seed in range(1, studio.plan.pieces + 1)
        ]
        pieces = studio.compose(requests, f"{level} pieces")
        rates[level] = [len(piece.notes) / piece.length_seconds for piece in pieces]
    rows = list(zip(*rates.values(), strict=True))
    return {
        "seeds": len(rows),
        "in_order": sum(all(a < b for a, b in pairwise(row)) for row in rows),
        "median_notes_per_second": {level: round(float(np.median(values)), 2) for level, values in rates.items()},
    }


def _tempos(studio: "Studio") -> dict[str, Any]:
    """Tempos across the range: the file's tempo must be the requested one."""
    control = studio.manifest.controls.qpm
    assert control is not None  # noqa: S101 - asked before
    count = max(2, studio.plan.pieces // 5)
    asked = np.linspace(control.min, control.max, count).round(1).tolist()
    requests = [
        studio.request(seed, length_seconds=_seconds(studio), qpm=qpm) for seed, qpm in enumerate(asked, start=1)
    ]
    pieces = studio.compose(requests, "in tempos")
    written = [file_facts(piece.to_midi_bytes(), piece.notes, piece.voices).qpm for piece in pieces]
    return {
        "pieces": count,
        "exact": sum(abs(a - b) <= TEMPO_SLACK for a, b in zip(asked, written, strict=True)),
        "off_in_length": sum(
            not length_is_right(piece.length_seconds, request.length_seconds, piece.qpm)
            for request, piece in zip(requests, pieces, strict=True)
        ),
    }


def _bars(studio: "Studio") -> dict[str, Any]:
    """Lengths in bars: the last note ends within the last bar or a second after it."""
    count = max(2, studio.plan.pieces // 5)
    requests = [studio.request(seed, bars=12 + seed % 9) for seed in range(1, count + 1)]
    pieces = studio.compose(requests, "in bars")
    return {
        "pieces": count,
        "right": sum(
            length_is_right(piece.length_seconds, request.length_seconds, piece.qpm)
            for request, piece in zip(requests, pieces, strict=True)
        ),
    }


def _feels(studio: "Studio") -> dict[str, Any]:
    """Off-beats of pieces with straight or swing feel: on sixteenths or on triplets."""
    control = studio.manifest.controls.feel
    assert control is not None  # noqa: S101 - asked before
    count = max(2, studio.plan.pieces // 2)
    found: dict[str, Any] = {"pieces": count}
    for choice in control.choices:
        requests = [
            studio.request(seed, length_seconds=_seconds(studio), feel=choice.key) for seed in range(1, count + 1)
        ]
        pieces = studio.compose(requests, f"{choice.key} pieces")
        swings = [_swing_share(piece.notes, piece.qpm or 120.0) for piece in pieces]
        right = sum((share > 0.5) == (choice.key == "swing") for share in swings)
        found[choice.key] = {"right": right, "mean_swing_share": round(float(np.mean(swings)), 3)}
    return found


def _swing_share(notes: Sequence[Note], qpm: float) -> float:
    """Of the positions in a beat that only one feel uses, the share on triplets; straight if there are none."""
    places = Counter(round(note.start_seconds * qpm / 60 * 12) % 12 for note in notes)
    triplets = places[4] + places[8]
    # The eighth itself is also a position that swung music leaves empty.
    straight = places[3] + places[6] + places[9]
    return triplets / max(triplets + straight, 1)


def _styles(studio: "Studio") -> dict[str, Any] | None:
    """A classifier trained on training files labels the styles of validation files and composed pieces."""
    control = studio.manifest.controls.style
    assert control is not None  # noqa: S101 - asked before
    offered = [choice.key for choice in control.choices]
    studio.tick("learning styles")
    train, validation = _styled_vectors(studio, "train", offered), _styled_vectors(studio, "validation", offered)
    known = {style for style, count in Counter(train[1]).items() if count >= MIN_STYLE_EXCERPTS}
    if len(known) < 2:
        return None
    classifier = StyleClassifier.fit(*_only(train, known))
    measured = {style for style, count in Counter(validation[1]).items() if style in known}
    each = max(1, studio.plan.pieces // len(known))
    vectors, styles = [], []
    for style in sorted(known):
        requests = [studio.request(seed, length_seconds=_seconds(studio), style=style) for seed in range(1, each + 1)]
        for piece in studio.compose(requests, f"{style} pieces"):
            for notes, num_bars in excerpts_of_bars(piece.notes, piece.qpm or 120.0):
                vectors.append(
                    style_features(notes, piece.qpm or 120.0, drum_voices=drum_voices(piece), num_bars=num_bars)
                )
                styles.append(style)
    composed = np.stack(vectors), styles
    human = classifier.accuracy(*_only(validation, measured))
    same = classifier.accuracy(*_only(composed, measured))
    return {
        "styles": sorted(known),
        "measured": sorted(measured),
        "human_accuracy": round(human, 4),
        "composed_accuracy": round(same, 4),
        "composed_accuracy_all": round(classifier.accuracy(*composed), 4),
        "ratio": round(same / max(human, 1e-9), 4),
        "chance": round(1 / len(known), 4),
        "by_style": {
            style: {
                "human": round(classifier.accuracy(*_only(validation, {style})), 3) if style in measured else None,
                "composed": round(classifier.accuracy(*_only(composed, {style})), 3),
            }
            for style in sorted(known)
        },
    }


def _styled_vectors(studio: "Studio", split: str, offered: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Features and styles of a split's excerpts, at most `MAX_STYLE_EXCERPTS` per style."""
    corpus = studio.train if split == "train" else studio.validation
    drums = drum_voices_of(corpus)
    counts: Counter[str] = Counter()
    vectors, styles = [], []
    for index in np.random.default_rng(3).permutation(len(corpus)).tolist():
        style, qpm = style_of(corpus, index), qpm_of(corpus, index)
        if style not in offered or qpm is None or counts[style] >= MAX_STYLE_EXCERPTS:
            continue
        for notes, num_bars in excerpts_of_bars(corpus.piece_notes(index), qpm):
            vectors.append(style_features(notes, qpm, drum_voices=drums, num_bars=num_bars))
            styles.append(style)
            counts[style] += 1
    return (np.stack(vectors) if vectors else np.zeros((0, 1))), styles


def _only(pair: tuple[np.ndarray, list[str]], wanted: set[str]) -> tuple[np.ndarray, list[str]]:
    rows = [index for index, style in enumerate(pair[1]) if style in wanted]
    return pair[0][rows], [pair[1][index] for index in rows]
