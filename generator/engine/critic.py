"""Detects faults in a composed piece without listening, computes facts to compare pieces by, and scores it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generator.engine.borrowing import Borrowed
from generator.engine.figures import NoteTable, key_fits, table_of
from generator.engine.keys import Key, parse_key
from generator.engine.loops import bar_loop, free_loop_seconds, in_chords, runs
from generator.engine.music import Note, Voice
from generator.engine.norms import Norms

if TYPE_CHECKING:
    from generator.engine.originality import OriginalityIndex

MAX_LENGTH_ERROR_SECONDS = 1.0
MAX_SILENCE_SECONDS = 3.0
MAX_NOTE_SECONDS = 15.0
# For pieces in free time; bands and drummers may play less.
MIN_NOTES_PER_SECOND = 1.0
MIN_BAND_NOTES_PER_SECOND = 0.5
MIN_DISTINCT_PITCHES = 12
MIN_BAND_PITCHES = 2
LOOP_NOTES = 16
MAX_LOOP_COUNT = 6
# A shorter loop is never too long.
MIN_LOOP_LIMIT_SECONDS = 8.0
# The longest run of one repeated pitch that is still music.
MAX_SAME_PITCH_RUN = 24
DENSITY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """Facts of one piece.

    Attributes:
        notes: how many.
        distinct_pitches, lowest_pitch, highest_pitch: of all notes; None where there are none.
        end_seconds: end of the last note.
        notes_per_second: over the requested length.
        density: notes per second in each window of five seconds.
        median_velocity, velocity_spread: of all notes; the spread is the standard deviation.
        median_note_seconds, longest_note_seconds: of all notes.
        longest_silence_seconds: from 0 to the end of the last note, when nothing sounds.
        longest_gap_seconds: between two onsets.
        max_polyphony: notes that sound at once; mean_polyphony: over the time up to the end.
        overlapping_notes: onsets of a pitch that already sounds in its voice.
        same_pitch_run: the longest run of one pitch, in pitched voices if there are any.
        loop_seconds: the longest stretch in which a pattern follows itself (`generator.engine.loops`): whole bars
            where there is a tempo, pitches of 16 notes and more where there is none.
        loop_bars: the same in bars; None in free time.
        most_repeated: how often the most frequent sequence of `LOOP_NOTES` pitches occurs without overlap.
        key: the requested one, or the most likely major or minor key; "" without pitched notes.
        key_agreement: share of the pitched notes in that key's scale; None without pitched notes.
    """

    notes: int
    distinct_pitches: int
    lowest_pitch: int | None
    highest_pitch: int | None
    end_seconds: float
    notes_per_second: float
    density: tuple[float, ...]
    median_velocity: float
    velocity_spread: float
    median_note_seconds: float
    longest_note_seconds: float
    longest_silence_seconds: float
    longest_gap_seconds: float
    max_polyphony: int
    mean_polyphony: float
    overlapping_notes: int
    same_pitch_run: int
    loop_seconds: float
    loop_bars: int | None
    most_repeated: int
    key: str
    key_agreement: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, numbers rounded for people."""
        return {
            name: round(value, 3)
            if isinstance(value, float)
            else [round(item, 2) for item in value]
            if isinstance(value, tuple)
            else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Check:
    """The facts of a piece and one sentence per fault."""

    facts: PieceFacts
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class Judgement:
    """The critic's verdict on one take.

    Attributes:
        facts: its figures.
        faults: a sentence for each fault; empty for a sound take.
        score: how similar it is to human music of the genre, higher is better; 0 without reference statistics.
        originality: its longest match with the training music; None without an index.
    """

    facts: PieceFacts
    faults: tuple[str, ...]
    score: float
    originality: Borrowed | None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "facts": self.facts.as_dict(),
            "faults": list(self.faults),
            "score": round(self.score, 4),
            "originality": self.originality.as_dict() if self.originality else None,
        }


def judge(
    notes: Sequence[Note],
    voices: Sequence[Voice],
    length_seconds: float,
    *,
    qpm: float | None = None,
    key: str | None = None,
    norms: Norms | None = None,
    originality: "OriginalityIndex | None" = None,
) -> Judgement:
    """Check a composed piece in every way that does not need ears.

    Args:
        notes: all notes, in any order.
        voices: what `Note.voice` counts.
        length_seconds: the requested length.
        qpm: tempo; None in free time.
        key: the requested one, such as "C minor"; None or "" for any.
        norms: the genre's reference statistics, `parse_norms` of its card.
        originality: index of the training music, `Bundle.originality`.

    Raises:
        ControlError: `key` is not a key.
    """
    table = table_of(notes, voices)
    facts = _facts(table, length_seconds, qpm, parse_key(key) if key else None)
    return Judgement(
        facts,
        _faults(facts, notes, length_seconds, qpm, norms),
        norms.score(table, length_seconds, qpm) if norms and notes else 0.0,
        originality.query(notes, voices, qpm) if originality else None,
    )


def check_piece(
    notes: Sequence[Note], length_seconds: float, *, voices: Sequence[Voice] = (), qpm: float | None = None
) -> Check:
    """Check for faults that no composed piece may have, whatever its genre's reference statistics.

    Args:
        notes: all notes, in any order.
        length_seconds: the requested length.
        voices: what `Note.voice` counts; without them all notes are pitched.
        qpm: tempo; None in free time.
    """
    facts = piece_facts(notes, length_seconds, voices=voices, qpm=qpm)
    return Check(facts, _faults(facts, notes, length_seconds, qpm, None))


def piece_facts(
    notes: Sequence[Note], length_seconds: float, *, voices: Sequence[Voice] = (), qpm: float | None = None
) -> PieceFacts:
    """Facts of a piece; zeros if there are no notes."""
    return _facts(table_of(notes, voices), length_seconds, qpm, None)


def _faults(
    facts: PieceFacts, notes: Sequence[Note], length_seconds: float, qpm: float | None, norms: Norms | None
) -> tuple[str, ...]:
    if not facts.notes:
        return ("It has no notes.",)
    limits = norms.limits if norms else {}
    is_free = qpm is None
    length_error = MAX_LENGTH_ERROR_SECONDS if qpm is None else max(MAX_LENGTH_ERROR_SECONDS, 240.0 / qpm)
    # Human pedalling holds notes longer than any composer may, and pads are held deliberately.
    longest_note = MAX_NOTE_SECONDS if is_free else max(MAX_NOTE_SECONDS, limits.get("note_seconds", 0.0))
    same_pitch_run = max(MAX_SAME_PITCH_RUN, limits.get("same_pitch_run", 0.0))
    loop_limit = norms.loop_limit(length_seconds) if norms else None
    loop_limit = float("inf") if loop_limit is None else max(MIN_LOOP_LIMIT_SECONDS, loop_limit)
    slowest = MIN_NOTES_PER_SECOND if is_free else MIN_BAND_NOTES_PER_SECOND
    # Times are in hundredths of a second: a value exactly at a limit is within it.
    slack = 1e-6
    return tuple(
        sentence
        for is_wrong, sentence in (
            (
                abs(facts.end_seconds - length_seconds) > length_error + slack,
                f"It ends at {facts.end_seconds:.2f} s instead of {length_seconds:g} s.",
            ),
            (any(not note.start_seconds < note.end_seconds for note in notes), "A note ends before it begins."),
            (
                facts.overlapping_notes > 0,
                f"{facts.overlapping_notes} notes start while the same pitch still sounds.",
            ),
            (
                facts.longest_silence_seconds > MAX_SILENCE_SECONDS + slack,
                f"There is a silence of {facts.longest_silence_seconds:.1f} s.",
            ),
            (facts.longest_note_seconds > longest_note + slack, f"A note lasts {facts.longest_note_seconds:.1f} s."),
            (facts.notes_per_second < slowest, f"It only has {facts.notes_per_second:.2f} notes per second."),
            (
                facts.distinct_pitches < (MIN_DISTINCT_PITCHES if is_free else MIN_BAND_PITCHES),
                f"It only uses {facts.distinct_pitches} different pitches."
                if facts.distinct_pitches > 1
                else "It repeats a single note.",
            ),
            (facts.same_pitch_run > same_pitch_run, f"One pitch repeats {facts.same_pitch_run} times in a row."),
            (
                is_free and facts.most_repeated > MAX_LOOP_COUNT,
                f"The same {LOOP_NOTES} notes repeat {facts.most_repeated} times.",
            ),
            (
                facts.loop_seconds > loop_limit + slack,
                f"It loops for {facts.loop_seconds:.1f} s. In 99% of human-written music a loop lasts at most "
                f"{loop_limit:.1f} s.",
            ),
        )
        if is_wrong
    )


def _facts(table: NoteTable, length_seconds: float, qpm: float | None, key: Key | None) -> PieceFacts:
    pitched = table.where(~table.is_drum)
    # If only drums play, their sounds stand in for pitches.
    tuned = pitched if len(pitched.starts) else table
    order = in_chords(tuned.starts, tuned.pitches)
    pitches = tuned.pitches[order]
    lengths = table.ends - table.starts
    end = float(table.ends.max(initial=0.0))
    loop_bars = None if qpm is None else bar_loop(table.starts, table.pitches + 128 * table.voices, qpm).length
    name, agreement = _key_agreement(pitched, key)
    until = np.maximum.accumulate(np.concatenate([[0.0], table.ends]))[:-1]
    edges = np.arange(0.0, max(length_seconds, DENSITY_SECONDS) + 1e-6, DENSITY_SECONDS)
    any_notes = bool(len(table.starts))
    return PieceFacts(
        notes=len(table.starts),
        distinct_pitches=len(np.unique(pitches)),
        lowest_pitch=int(table.pitches.min()) if any_notes else None,
        highest_pitch=int(table.pitches.max()) if any_notes else None,
        end_seconds=end,
        notes_per_second=len(table.starts) / length_seconds,
        density=tuple((np.histogram(table.starts, edges)[0] / DENSITY_SECONDS).tolist()),
        median_velocity=float(np.median(table.velocities)) if any_notes else 0.0,
        velocity_spread=float(table.velocities.std()) if any_notes else 0.0,
        median_note_seconds=float(np.median(lengths)) if any_notes else 0.0,
        longest_note_seconds=float(lengths.max(initial=0.0)),
        longest_silence_seconds=float((table.starts - until).max(initial=0.0)),
        longest_gap_seconds=float(np.diff(table.starts).max(initial=0.0)),
        max_polyphony=_max_polyphony(table),
        mean_polyphony=float(lengths.sum() / end) if end else 0.0,
        overlapping_notes=_overlapping(pitched),
        same_pitch_run=_same_pitch_run(pitches),
        loop_seconds=free_loop_seconds(tuned.starts, tuned.pitches) if qpm is None else (loop_bars or 0) * 240.0 / qpm,
        loop_bars=loop_bars,
        most_repeated=_most_repeated(pitches.tolist()),
        key=name,
        key_agreement=agreement,
    )


def _key_agreement(pitched: NoteTable, key: Key | None) -> tuple[str, float | None]:
    if not len(pitched.starts):
        return "", None
    classes = pitched.pitches % 12
    if key is None:
        heard = np.bincount(classes, np.minimum(pitched.ends - pitched.starts, 2.0), minlength=12)
        best = int(key_fits(heard[None])[0].argmax())
        key = Key(best % 12, "major" if best < 12 else "minor")
    return key.name, float(np.isin(classes, list(key.pitch_classes)).mean())


def _max_polyphony(table: NoteTable) -> int:
    times = np.concatenate([table.ends, table.starts])
    changes = np.repeat([-1, 1], len(table.starts))
    # At equal times, ends come first.
    return int(np.cumsum(changes[np.lexsort((changes, times))]).max(initial=0))


def _overlapping(table: NoteTable) -> int:
    lines = table.voices * 128 + table.pitches
    order = np.lexsort((table.starts, lines))
    # Each line is shifted entirely after the previous one, so that a single running maximum covers all.
    apart = lines[order] * (table.ends.max(initial=0.0) + 1.0)
    until = np.maximum.accumulate(table.ends[order] + apart)
    return int(np.count_nonzero(until[:-1] > table.starts[order][1:] + apart[1:] + 1e-6))


def _same_pitch_run(pitches: np.ndarray) -> int:
    begins, ends = runs(pitches[1:] == pitches[:-1])
    return int((ends - begins).max(initial=0)) + bool(len(pitches))


def _most_repeated(pitches: Sequence[int]) -> int:
    """Non-overlapping occurrences of the most frequent sequence of `LOOP_NOTES` pitches."""
    ends: dict[tuple[int, ...], int] = {}
    counts: Counter[tuple[int, ...]] = Counter()
    for index in range(len(pitches) - LOOP_NOTES + 1):
        sequence = tuple(pitches[index : index + LOOP_NOTES])
        if ends.get(sequence, 0) <= index:
            counts[sequence] += 1
            ends[sequence] = index + LOOP_NOTES
    return max(counts.values(), default=0)
