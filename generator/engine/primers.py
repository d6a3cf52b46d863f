"""Primers: the notes a piece starts from, taken from a user's MIDI file or an earlier piece.

Checking a file (`check_primer`) is lightweight, for the web process; for genres on a grid the conversions need numpy
and belong in a worker.

==================  ====================================================================================
start from          primer
==================  ====================================================================================
a MIDI file         `primer_of`: its last seconds, or bars on a grid
a piece, continued  `continuation_of`: the same of a piece, keeping its earlier part in front
a piece, varied     `opening_of`: its first seconds or bars, then a new continuation
another like this   no primer: the same params with another seed
==================  ====================================================================================
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from generator.engine.beats import bars_of_file
from generator.engine.errors import MidiError, PrimerError
from generator.engine.manifest import Ensemble, Manifest
from generator.engine.midi_inspect import PRIMER_LIMITS, MidiFacts, inspect
from generator.engine.midi_lines import MidiLines, read_lines
from generator.engine.music import Note, in_order, without_overlaps

PRIMER_SECONDS = 12.0
PRIMER_BARS = 8
OPENING_SECONDS = 5.0
OPENING_BARS = 4

# The music after a primer waits at most this long for the primer's last chord to end.
_LAST_CHORD_SECONDS = 1.0
_SHORTEST_NOTE_SECONDS = 0.01
# Each note costs the network some steps before the first new one is heard.
_MAX_NOTES = 1000


@dataclass(frozen=True, slots=True)
class Primer:
    """Notes to start from.

    Attributes:
        notes: the network's input, in order, in seconds from 0; `voice` is an index into the ensemble. With a grid they
            are on its steps at `qpm`, or within half a step if the model has offsets.
        length_seconds: where the new music starts; a whole number of bars with a grid.
        qpm: the primer's tempo; None without a grid.
        key: such as "C minor", in one of the model's modes; None if unknown.
        prefix: earlier notes that the result keeps although the network never reads them; in seconds from 0.
        prefix_seconds: where `notes` start in a result that keeps them.
        is_continued: whether a requested length is that of the new music only.
    """

    notes: tuple[Note, ...]
    length_seconds: float
    qpm: float | None = None
    key: str | None = None
    prefix: tuple[Note, ...] = ()
    prefix_seconds: float = 0.0
    is_continued: bool = False

    @property
    def kept_seconds(self) -> float:
        """Where the new music starts in a result that keeps the primer."""
        return self.prefix_seconds + self.length_seconds

    def new_seconds(self, asked_seconds: float, *, keep: bool) -> float:
        """How much new music gives a result of the requested length: a continued piece gets that much more; other
        results that keep their primer get the remainder."""
        return asked_seconds if self.is_continued or not keep else asked_seconds - self.length_seconds

    def at_tempo(self, qpm: float) -> "Primer":
        """The same music at another tempo; unchanged if it has none."""
        if not self.qpm or self.qpm == qpm:
            return self
        stretch = self.qpm / qpm
        return replace(
            self,
            notes=_stretched(self.notes, stretch),
            length_seconds=self.length_seconds * stretch,
            qpm=qpm,
            prefix=_stretched(self.prefix, stretch),
            prefix_seconds=self.prefix_seconds * stretch,
        )


def kept_notes(primer: Primer) -> list[Note]:
    """Everything at the start of a result that keeps the primer."""
    return without_overlaps([*primer.prefix, *shifted(primer.notes, primer.prefix_seconds)])


def shifted(notes: Sequence[Note], seconds: float) -> list[Note]:
    """The same notes, shifted."""
    return [
        replace(note, start_seconds=note.start_seconds + seconds, end_seconds=note.end_seconds + seconds)
        for note in notes
    ]


def _stretched(notes: Sequence[Note], stretch: float) -> tuple[Note, ...]:
    return tuple(
        replace(note, start_seconds=note.start_seconds * stretch, end_seconds=note.end_seconds * stretch)
        for note in notes
    )


def check_primer(midi: bytes, manifest: Manifest, ensemble_key: str) -> MidiFacts:
    """A lightweight, bounded check of a file that a user wants to start from.

    Raises:
        PrimerError: the file or genre is unsuitable; one sentence for the user.
    """
    ensemble = _ensemble(manifest, ensemble_key)
    start = manifest.controls.start
    if start is None or not start.midi:
        raise PrimerError(f"{manifest.genre_name} cannot start from a MIDI file.")
    return _facts(midi, manifest, ensemble)


def primer_of(
    midi: bytes,
    manifest: Manifest,
    ensemble_key: str,
    *,
    seconds: float = PRIMER_SECONDS,
    bars: int = PRIMER_BARS,
    at_most_seconds: float | None = None,
    voices_off: Collection[str] = (),
) -> Primer:
    """The end of a MIDI file, with its tempo and key, as the ensemble would play it.

    Args:
        seconds: how much of it, for a genre without a grid.
        bars: how much of it, for a genre with one.
        at_most_seconds: bounds both; one bar is always allowed.
        voices_off: parts that do not play.

    Raises:
        PrimerError: the file is unsuitable for this ensemble.
    """
    primer = _whole(midi, manifest, ensemble_key, voices_off, "").end(seconds, bars, at_most_seconds)
    return replace(primer, prefix=(), prefix_seconds=0.0)


def continuation_of(
    midi: bytes,
    manifest: Manifest,
    ensemble_key: str,
    *,
    seconds: float = PRIMER_SECONDS,
    bars: int = PRIMER_BARS,
    at_most_seconds: float | None = None,
    voices_off: Collection[str] = (),
    key: str = "",
) -> Primer:
    """The end of a piece, with everything before it as `prefix`, so that the result is the whole piece, continued.

    A closing chord on the first beat of its own bar is dropped: the new music starts in its place.

    Args:
        key: of the piece, if known; otherwise estimated.

    Raises:
        PrimerError: the piece is unsuitable for this ensemble.
    """
    primer = _whole(midi, manifest, ensemble_key, voices_off, key).end(seconds, bars, at_most_seconds)
    return replace(primer, is_continued=True)


def opening_of(
    midi: bytes,
    manifest: Manifest,
    ensemble_key: str,
    *,
    seconds: float = OPENING_SECONDS,
    bars: int = OPENING_BARS,
    at_most_seconds: float | None = None,
    voices_off: Collection[str] = (),
    key: str = "",
) -> Primer:
    """The beginning of a piece, for a variation with the same opening; arguments as for `continuation_of`.

    Raises:
        PrimerError: the piece is unsuitable for this ensemble.
    """
    return _whole(midi, manifest, ensemble_key, voices_off, key).opening(seconds, bars, at_most_seconds)


def continued_seconds(midi: bytes, manifest: Manifest, ensemble_key: str) -> float | None:
    """Where the new music begins in a result that goes on after all of a piece, as `continuation_of` will find; light,
    for announcing it. None where nothing can go on from it."""
    if manifest.encoding.steps_per_quarter:
        bars = bars_of_file(midi, manifest)
        return bars.continued_seconds if bars else None
    try:
        # A key that is given is not estimated, which would take numpy.
        performance = _Performance(read_lines(midi), manifest, _ensemble(manifest, ensemble_key), "C major")
    except (MidiError, PrimerError):
        return None
    return performance.end(PRIMER_SECONDS).kept_seconds


@dataclass(frozen=True)
class Whole:
    """A whole file as an ensemble plays it; primers are cut from it."""

    end: Callable[[float, int, float | None], Primer]
    opening: Callable[[float, int, float | None], Primer]


def _whole(midi: bytes, manifest: Manifest, ensemble_key: str, voices_off: Collection[str], key: str) -> Whole:
    ensemble = _ensemble(manifest, ensemble_key)
    _facts(midi, manifest, ensemble)
    try:
        lines = read_lines(midi)
    except MidiError as error:
        raise PrimerError(error.message) from error
    if manifest.encoding.steps_per_quarter:
        from generator.engine.primer_bars import BarsOfMidi

        music = BarsOfMidi(lines, manifest, ensemble, voices_off, key)
        return Whole(
            end=lambda _, bars, at_most: music.end(bars, at_most),
            opening=lambda _, bars, at_most: music.opening(bars, at_most),
        )
    performance = _Performance(lines, manifest, ensemble, key)
    return Whole(
        end=lambda seconds, _, at_most: performance.end(min(seconds, at_most or seconds)),
        opening=lambda seconds, _, at_most: performance.opening(min(seconds, at_most or seconds)),
    )


def _ensemble(manifest: Manifest, key: str) -> Ensemble:
    ensemble = manifest.ensemble(key)
    if ensemble is None:
        raise PrimerError(f"Expected a type that the bundle offers; got {key[:40]!r}.")
    return ensemble


def _facts(midi: bytes, manifest: Manifest, ensemble: Ensemble) -> MidiFacts:
    try:
        facts = inspect(midi, limits=PRIMER_LIMITS)
    except MidiError as error:
        raise PrimerError(error.message) from error
    has_drums = any(voice.is_drum for voice in ensemble.voices)
    has_pitches = any(not voice.is_drum for voice in ensemble.voices)
    if not facts.notes:
        raise PrimerError("This MIDI file has no notes.")
    if not has_drums and not facts.pitched_notes:
        raise PrimerError(f"This MIDI file only has drums, and {manifest.genre_name} needs other notes to start from.")
    if not has_pitches and not facts.drum_notes:
        raise PrimerError(f"This MIDI file has no drums (channel 10), and {manifest.genre_name} plays nothing else.")
    return facts


class _Performance:
    """A file as a single keyboard without a grid plays it."""

    def __init__(self, lines: MidiLines, manifest: Manifest, ensemble: Ensemble, key: str) -> None:
        voice = next((index for index, voice in enumerate(ensemble.voices) if not voice.is_drum), 0)
        seconds_at = lines.tempos.seconds_at
        notes: list[Note] = []
        released = 0.0
        for line in lines.lines:
            if line.is_drum:
                continue
            for note in line.notes:
                start = seconds_at(note.start)
                end = max(seconds_at(note.end), start + _SHORTEST_NOTE_SECONDS)
                end = min(end, start + ensemble.max_note_seconds)
                released = max(released, min(end, seconds_at(note.released)))
                pitch = _in_range(note.pitch, ensemble.lowest_pitch, ensemble.highest_pitch)
                notes.append(Note(pitch, note.velocity, start, end, voice))
        if not notes:
            raise PrimerError("This MIDI file has no notes that sound.")
        self._notes = without_overlaps(notes)
        self._key = key or _estimated_key(self._notes, manifest)
        self._first = self._notes[0].start_seconds
        last = self._notes[-1].start_seconds
        self._end = min(max(released, last + _SHORTEST_NOTE_SECONDS), last + _LAST_CHORD_SECONDS)

    def end(self, seconds: float) -> Primer:
        heard = [note for note in self._notes if note.start_seconds >= self._end - seconds] or self._notes[-1:]
        heard = heard[-_MAX_NOTES:]
        begin = heard[0].start_seconds
        before = [note for note in self._notes if note.start_seconds < begin]
        return self._primer(before, begin, heard, self._end)

    def opening(self, seconds: float) -> Primer:
        end = min(self._first + seconds, self._end)
        heard = [note for note in self._notes if note.start_seconds < end][:_MAX_NOTES]
        if len(heard) == _MAX_NOTES:
            end = heard[-1].start_seconds + _SHORTEST_NOTE_SECONDS
        return self._primer([], self._first, heard, end)

    def _primer(self, before: list[Note], begin: float, heard: list[Note], end: float) -> Primer:
        cut = [replace(note, end_seconds=min(note.end_seconds, end)) for note in heard]
        return Primer(
            notes=tuple(in_order(shifted(cut, -begin))),
            length_seconds=end - begin,
            key=self._key,
            prefix=tuple(replace(note, end_seconds=min(note.end_seconds, end)) for note in before),
            prefix_seconds=begin if before else 0.0,
        )


def _estimated_key(notes: Sequence[Note], manifest: Manifest) -> str | None:
    """The key suggested by the pitches, if the model offers keys and they suggest one."""
    control = manifest.controls.key
    if control is None:
        return None
    import numpy as np

    from generator.engine.arranging import MIN_KEY_CONFIDENCE, MINOR, estimate_key
    from generator.engine.keys import Key

    seconds = [min(note.length_seconds, _LAST_CHORD_SECONDS) for note in notes]
    weights = np.bincount([note.pitch % 12 for note in notes], seconds, 12).astype(np.float64)
    tonic, mode, confidence = estimate_key(weights)
    name = "minor" if mode == MINOR else "major"
    return Key(tonic, name).name if confidence >= MIN_KEY_CONFIDENCE and name in control.modes else None


def _in_range(pitch: int, lowest: int, highest: int) -> int:
    """The pitch, moved by octaves into the instrument's range."""
    if pitch < lowest:
        pitch = lowest + (pitch - lowest) % 12
    if pitch > highest:
        pitch = highest - (highest - pitch) % 12
    return pitch
