"""Reads the details of an uploaded piece from its MIDI file. Framework-free, and bounded.

The limits are those of a file to start from, so that whatever is taken can also be continued and varied. The web
process does this, so everything is plain Python.

The key is the file's own key signature where that says something; else it is estimated as Krumhansl and Schmuckler do
(Krumhansl, Cognitive Foundations of Musical Pitch, 1990): the profile of a key that correlates best with how long each
pitch class sounds. The profiles are those that Temperley counted in the Kostka–Payne corpus (Music and Probability,
2007), which mistake the dominant for the tonic less often.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from generator.engine.errors import MidiError
from generator.engine.keys import Key
from generator.engine.midi_inspect import META, META_TRACK_NAME, PRIMER_LIMITS, MidiReader, text_of
from generator.engine.midi_lines import Line, MidiLines, read_lines
from library.rolls import RollNote, roll_of
from library.texts import clean_line, is_visible

LIMITS = PRIMER_LIMITS
MAX_UPLOAD_BYTES = LIMITS.max_bytes
# What the names of MIDI files end in, .kar with lyrics and .rmi in a container of its own among them.
MIDI_ENDINGS = (".mid", ".midi", ".kar", ".rmi", ".smf")
MAX_TITLE, MAX_VOICE_NAME = 200, 100
MAX_VOICES = 64
MIN_QPM, MAX_QPM = 20.0, 400.0
META_KEY = 0x59
# A correlation below this says that the notes follow no key.
MIN_KEY_CONFIDENCE = 0.4
# No note counts for more: a long bass does not decide alone.
MAX_COUNTED_SECONDS = 1.0

MAJOR_PROFILE = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR_PROFILE = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)

# Families of General MIDI, eight programs each, for voices without a name.
FAMILIES = (
    *("Piano", "Chromatic percussion", "Organ", "Guitar", "Bass", "Strings", "Ensemble", "Brass"),
    *("Reed", "Pipe", "Synth lead", "Synth pad", "Synth effects", "World", "Percussion", "Sound effects"),
)


@dataclass(frozen=True, slots=True)
class UploadFacts:
    """The fields of a piece that its file tells; as `library.models.Piece` has them."""

    title: str
    voices: list[dict[str, object]]
    length_seconds: float
    notes_count: int
    qpm: float | None
    key: str
    metre: str
    bars: int | None
    roll: list[list[int]]


def upload_facts(midi: bytes, file_name: str) -> UploadFacts:
    """
    Raises:
        MidiError: not a MIDI file, damaged, above a limit, or without notes; the sentence may be shown to a user.
    """
    music = read_lines(midi, limits=LIMITS)
    if not music.lines:
        raise MidiError("This MIDI file has no notes.")
    seconds_at = music.tempos.seconds_at
    end_tick = max(note.end for line in music.lines for note in line.notes)
    length_seconds = seconds_at(end_tick)
    if length_seconds > LIMITS.max_length_seconds:
        raise MidiError(
            f"A MIDI file can be up to {LIMITS.max_length_seconds / 60:g} minutes long. "
            f"This one is {length_seconds / 60:.0f} minutes long."
        )
    metre, bars = _metre(music, end_tick)
    said = _said(midi)
    sounding = [
        RollNote(note.pitch, seconds_at(note.start), seconds_at(note.end), line.is_drum)
        for line in music.lines
        for note in line.notes
    ]
    return UploadFacts(
        title=_title(file_name, said.name),
        voices=_voices(music.lines),
        length_seconds=length_seconds,
        notes_count=len(sounding),
        qpm=_qpm(music, end_tick),
        key=_key(music, said.signature),
        metre=metre,
        bars=bars,
        roll=roll_of(sounding, length_seconds),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What the first track says: its name, and its key signature as (sharps, or flats below 0; whether minor)."""

    name: str = ""
    signature: tuple[int, bool] | None = None


def _said(midi: bytes) -> _Said:
    name, signature = "", None
    for event in next(MidiReader(midi, LIMITS).tracks()):
        if event.kind != META:
            continue
        if event.channel == META_TRACK_NAME:
            name = name or text_of(event.data)
        elif event.channel == META_KEY and signature is None and len(event.data) == 2:
            sharps = int.from_bytes(event.data[:1], signed=True)
            signature = (sharps, event.data[1] == 1) if -7 <= sharps <= 7 and event.data[1] <= 1 else None
    return _Said(name, signature)


def _title(file_name: str, track_name: str) -> str:
    """What the file is called; else the name of its first track; else that it has none."""
    stem = file_name.replace("\\", "/").rpartition("/")[2].strip()
    # Only these are endings: "Sonata No.14" and "J.S.Bach - Air" have none.
    ending = next((ending for ending in MIDI_ENDINGS if stem.lower().endswith(ending)), "")
    stem = stem[: len(stem) - len(ending)]
    for text in (stem.replace("_", " "), track_name):
        line = clean_line(text)[:MAX_TITLE].strip()
        if is_visible(line):
            return line
    return "Untitled upload"


def _voices(lines: tuple[Line, ...]) -> list[dict[str, object]]:
    """One for what a track plays on a channel, as the player has them, with its first program; the last ones of a file
    with more than anybody can tell apart are left out."""
    found: list[dict[str, object]] = []
    before = None
    for line in lines:
        if (line.name, line.channel) == before or len(found) == MAX_VOICES:
            continue
        before = (line.name, line.channel)
        name = clean_line(line.name)[:MAX_VOICE_NAME].strip()
        if not is_visible(name):
            name = "Drums" if line.is_drum else FAMILIES[line.program // 8]
        found.append({"name": name, "program": line.program, "is_drum": line.is_drum})
    return found


def _qpm(music: MidiLines, end_tick: int) -> float | None:
    """The tempo that the middle of the time has; none where it says nothing about music."""
    qpm = music.tempos.qpm_between(0, max(1, end_tick))
    return round(qpm, 2) if MIN_QPM <= qpm <= MAX_QPM else None


def _metre(music: MidiLines, end_tick: int) -> tuple[str, int | None]:
    """The metre at the beginning, and how many bars there are of it; of a file that changes it none can be said."""
    metres = dict.fromkeys((numerator, denominator) for _, numerator, denominator in music.meters)
    if not metres:
        return "", None
    numerator, denominator = next(iter(metres))
    bar_ticks = music.ticks_per_quarter * 4 * numerator / denominator
    if bar_ticks < 1 or len(metres) > 1:
        return f"{numerator}/{denominator}", None
    return f"{numerator}/{denominator}", max(1, -int(-end_tick // bar_ticks))


def _key(music: MidiLines, signature: tuple[int, bool] | None) -> str:
    """The key in which the file is written, or which its notes suggest; empty where neither says one."""
    fits = _key_fits(music)
    if signature is not None:
        sharps, is_minor = signature
        tonic = 7 * sharps % 12
        relative = (tonic + 9) % 12
        if is_minor:
            return Key(relative, "minor").name
        if sharps:
            # Many programs call every signature major. The notes know better which of its two keys it is.
            minor_fits_better = fits.get((relative, "minor"), 0.0) > fits.get((tonic, "major"), 0.0)
            return Key(*((relative, "minor") if minor_fits_better else (tonic, "major"))).name
        # C major is what they write where nobody chose a key.
    best = max(fits, key=lambda key: fits[key], default=None)
    return Key(*best).name if best is not None and fits[best] >= MIN_KEY_CONFIDENCE else ""


def _key_fits(music: MidiLines) -> dict[tuple[int, str], float]:
    """How well each key, as (tonic, mode), fits: the correlation with its profile; none where no pitch stands out."""
    weights = [0.0] * 12
    seconds_at = music.tempos.seconds_at
    for line in music.lines:
        if line.is_drum:
            continue
        for note in line.notes:
            weights[note.pitch % 12] += min(MAX_COUNTED_SECONDS, seconds_at(note.end) - seconds_at(note.start))
    if max(weights) == min(weights):
        return {}
    return {
        (tonic, mode): _correlation(weights[tonic:] + weights[:tonic], profile)
        for mode, profile in (("major", MAJOR_PROFILE), ("minor", MINOR_PROFILE))
        for tonic in range(12)
    }


def _correlation(ones: Sequence[float], others: Sequence[float]) -> float:
    """Pearson's, of two lists of which neither is constant."""
    mean_one, mean_other = sum(ones) / len(ones), sum(others) / len(others)
    one_off, other_off = [value - mean_one for value in ones], [value - mean_other for value in others]
    together = sum(one * other for one, other in zip(one_off, other_off, strict=True))
    return together / math.sqrt(sum(value**2 for value in one_off) * sum(value**2 for value in other_off))
