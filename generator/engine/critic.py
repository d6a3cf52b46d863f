"""What can be wrong with a composed piece without listening to it, and figures to compare pieces by."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from generator.engine.music import Note, in_order

MAX_LENGTH_ERROR_SECONDS = 1.0
MAX_SILENCE_SECONDS = 4.0
MAX_NOTE_SECONDS = 15.0
MIN_NOTES_PER_SECOND = 1.0
MIN_DISTINCT_PITCHES = 12
LOOP_NOTES = 16
MAX_LOOP_COUNT = 6
# The longest run of one pitch struck again and again that is still music.
MAX_SAME_PITCH_RUN = 24
# Onsets closer than this are one chord.
_CHORD_SECONDS = 0.03
# Loops longer than this many notes are not looked for.
_MAX_PERIOD_NOTES = 64


@dataclass(frozen=True)
class PieceFacts:
    """Figures of one piece.

    Attributes:
        notes: how many.
        distinct_pitches, lowest_pitch, highest_pitch: of all notes; None where there are none.
        end_seconds: end of the last note.
        notes_per_second: over the asked length.
        median_velocity, median_note_seconds, longest_note_seconds: of all notes.
        longest_silence_seconds: from 0 to the end of the last note, when nothing sounds.
        longest_gap_seconds: between two beginnings.
        max_polyphony: notes that sound at once.
        overlapping_notes: beginnings of a pitch that sounds already in its voice.
        same_pitch_run: most notes in a row of one pitch.
        loop_count: how often a pattern of at most 64 notes comes in a row, for the pattern that does so most; only
            patterns that fill `LOOP_NOTES` notes and more than one pitch count.
        most_repeated: how often the most frequent sequence of `LOOP_NOTES` pitches occurs without overlap.
    """

    notes: int
    distinct_pitches: int
    lowest_pitch: int | None
    highest_pitch: int | None
    end_seconds: float
    notes_per_second: float
    median_velocity: float
    median_note_seconds: float
    longest_note_seconds: float
    longest_silence_seconds: float
    longest_gap_seconds: float
    max_polyphony: int
    overlapping_notes: int
    same_pitch_run: int
    loop_count: int
    most_repeated: int


@dataclass(frozen=True)
class Check:
    """The facts of a piece and a sentence for each thing that is wrong with it."""

    facts: PieceFacts
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.faults


def check_piece(notes: Sequence[Note], length_seconds: float) -> Check:
    """Look for what no composed piece may have.

    Args:
        notes: all notes, in any order.
        length_seconds: the length that was asked for.
    """
    facts = piece_facts(notes, length_seconds)
    if not facts.notes:
        return Check(facts, ("It has no notes.",))
    # Times are decimal fractions of seconds: what is exactly at a bound is within it.
    slack = 1e-6
    faults = [
        sentence
        for is_wrong, sentence in (
            (
                abs(facts.end_seconds - length_seconds) > MAX_LENGTH_ERROR_SECONDS + slack,
                f"It ends at {facts.end_seconds:.2f} s instead of {length_seconds:g} s.",
            ),
            (
                any(not note.start_seconds < note.end_seconds for note in notes),
                "A note ends before it begins.",
            ),
            (facts.overlapping_notes > 0, f"{facts.overlapping_notes} notes begin while their pitch sounds."),
            (
                facts.longest_silence_seconds > MAX_SILENCE_SECONDS + slack,
                f"Nothing sounds for {facts.longest_silence_seconds:.1f} s.",
            ),
            (
                facts.longest_note_seconds > MAX_NOTE_SECONDS + slack,
                f"A note lasts {facts.longest_note_seconds:.1f} s.",
            ),
            (
                facts.notes_per_second < MIN_NOTES_PER_SECOND,
                f"It has {facts.notes_per_second:.2f} notes a second.",
            ),
            (facts.distinct_pitches < MIN_DISTINCT_PITCHES, f"It has {facts.distinct_pitches} different pitches."),
            (
                facts.same_pitch_run > MAX_SAME_PITCH_RUN,
                f"One pitch comes {facts.same_pitch_run} times in a row.",
            ),
            (
                facts.most_repeated > MAX_LOOP_COUNT,
                f"The same {LOOP_NOTES} notes come {facts.most_repeated} times.",
            ),
        )
        if is_wrong
    ]
    return Check(facts, tuple(faults))


def piece_facts(notes: Sequence[Note], length_seconds: float) -> PieceFacts:
    """Figures of a piece; zeros where there is no note."""
    ordered = in_order(notes)
    pitches = [note.pitch for note in _by_chords(ordered)]
    starts = [note.start_seconds for note in ordered]
    return PieceFacts(
        notes=len(ordered),
        distinct_pitches=len(set(pitches)),
        lowest_pitch=min(pitches, default=None),
        highest_pitch=max(pitches, default=None),
        end_seconds=max((note.end_seconds for note in ordered), default=0.0),
        notes_per_second=len(ordered) / length_seconds,
        median_velocity=_median([note.velocity for note in ordered]),
        median_note_seconds=_median([note.length_seconds for note in ordered]),
        longest_note_seconds=max((note.length_seconds for note in ordered), default=0.0),
        longest_silence_seconds=_longest_silence(ordered),
        longest_gap_seconds=max((b - a for a, b in pairwise(starts)), default=0.0),
        max_polyphony=_max_polyphony(ordered),
        overlapping_notes=_overlapping(ordered),
        same_pitch_run=_same_pitch_run(pitches),
        loop_count=_loop_count(pitches),
        most_repeated=_most_repeated(pitches),
    )


def _by_chords(ordered: Sequence[Note]) -> list[Note]:
    """The notes with those of one chord by pitch, so that its small unevenness hides no repetition."""
    chords: list[list[Note]] = []
    for note in ordered:
        if chords and note.start_seconds - chords[-1][0].start_seconds <= _CHORD_SECONDS:
            chords[-1].append(note)
        else:
            chords.append([note])
    return [note for chord in chords for note in sorted(chord, key=lambda n: n.pitch)]


def _longest_silence(ordered: Sequence[Note]) -> float:
    longest = sounds_until = 0.0
    for note in ordered:
        longest = max(longest, note.start_seconds - sounds_until)
        sounds_until = max(sounds_until, note.end_seconds)
    return longest


def _max_polyphony(ordered: Sequence[Note]) -> int:
    changes = sorted(
        [(note.end_seconds, -1) for note in ordered] + [(note.start_seconds, 1) for note in ordered],
    )
    sounding = most = 0
    for _, change in changes:
        sounding += change
        most = max(most, sounding)
    return most


def _overlapping(ordered: Sequence[Note]) -> int:
    ends: dict[tuple[int, int], float] = {}
    overlapping = 0
    for note in ordered:
        key = (note.voice, note.pitch)
        overlapping += ends.get(key, 0.0) > note.start_seconds
        ends[key] = max(ends.get(key, 0.0), note.end_seconds)
    return overlapping


def _same_pitch_run(pitches: Sequence[int]) -> int:
    longest = run = 0
    before = None
    for pitch in pitches:
        run = run + 1 if pitch == before else 1
        before = pitch
        longest = max(longest, run)
    return longest


def _loop_count(pitches: Sequence[int]) -> int:
    """For each period: the longest stretch in which every pitch equals the one a period before, in whole periods."""
    most = 1 if pitches else 0
    for period in range(2, _MAX_PERIOD_NOTES + 1):
        run = 0
        for index in range(period, len(pitches)):
            run = run + 1 if pitches[index] == pitches[index - period] else 0
            if run + period >= LOOP_NOTES and run >= period and len(set(pitches[index - period : index])) > 1:
                most = max(most, run // period + 1)
    return most


def _most_repeated(pitches: Sequence[int]) -> int:
    """Occurrences without overlap of the most frequent sequence of `LOOP_NOTES` pitches."""
    ends: dict[tuple[int, ...], int] = {}
    counts: Counter[tuple[int, ...]] = Counter()
    for index in range(len(pitches) - LOOP_NOTES + 1):
        sequence = tuple(pitches[index : index + LOOP_NOTES])
        if ends.get(sequence, 0) <= index:
            counts[sequence] += 1
            ends[sequence] = index + LOOP_NOTES
    return max(counts.values(), default=0)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if not ordered:
        return 0.0
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
