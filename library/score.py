"""A MIDI file as what a synthesizer has to do, and when. Framework-free, as is all of rendering."""

from dataclasses import dataclass
from typing import NamedTuple

from generator.engine.errors import MidiError
from generator.engine.midi_inspect import CONTROL, META, META_TEMPO, MidiLimits, MidiReader, TempoMap, tempo_of
from generator.engine.midi_lines import read_lines

PITCH_BEND = 0xE0
# Pan, volume, expression, and the range of a bend (a registered parameter). The pedal is in the notes already.
CONTROLS = (6, 7, 10, 11, 38, 100, 101)
MAX_CONTROLS = 200_000
_SHORTEST_SECONDS = 0.01


class RenderError(Exception):
    """Why there will be no sound file of this piece, in one sentence for the user."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class ScoreLimits:
    """The longest and the fullest piece that is rendered."""

    max_seconds: float = 1200.0
    max_notes: int = 100_000


class ScoreNote(NamedTuple):
    """One note: `start` and `end` in seconds, with the pedal in `end`; `program` is a drum kit on a line of drums."""

    start: float
    end: float
    pitch: int
    velocity: int
    channel: int
    program: int
    is_drum: bool


class ScoreControl(NamedTuple):
    """A controller, or a bend: `number` is PITCH_BEND then, and `value` 0–16383."""

    seconds: float
    channel: int
    number: int
    value: int


@dataclass(frozen=True)
class Score:
    """Notes and controls, each in order of time."""

    notes: tuple[ScoreNote, ...]
    controls: tuple[ScoreControl, ...]

    @property
    def length_seconds(self) -> float:
        return max(note.end for note in self.notes)


def read_score(midi: bytes, limits: ScoreLimits | None = None) -> Score:
    """
    Raises:
        RenderError: a file that cannot be read, is empty, or is above a limit.
    """
    limits = limits or ScoreLimits()
    # A note is two events; the rest is room for controllers. What is longer than an hour is no music of ours.
    bounds = MidiLimits(
        max_bytes=8 * 2**20,
        max_events=2 * limits.max_notes + MAX_CONTROLS,
        max_ticks=2**31 - 1,
        max_length_seconds=24 * 3600.0,
        max_cpu_seconds=60.0,
    )
    try:
        lines = read_lines(midi, limits=bounds)
        controls = _controls_of(midi, bounds)
    except MidiError as error:
        raise RenderError(error.message) from error
    notes = sum(len(line.notes) for line in lines.lines)
    if not notes:
        raise RenderError("This piece has no notes to play.")
    if notes > limits.max_notes:
        raise RenderError(
            f"Audio files are limited to pieces of {limits.max_notes:,} notes. This one has {notes:,}. "
            "The MIDI file has all of them."
        )
    seconds_at = lines.tempos.seconds_at
    score = Score(
        notes=tuple(
            sorted(
                ScoreNote(
                    start := seconds_at(note.start),
                    max(seconds_at(note.end), start + _SHORTEST_SECONDS),
                    note.pitch,
                    note.velocity,
                    line.channel,
                    line.program,
                    line.is_drum,
                )
                for line in lines.lines
                for note in line.notes
            )
        ),
        controls=controls,
    )
    if score.length_seconds > limits.max_seconds:
        raise RenderError(
            f"Audio files are limited to pieces of {limits.max_seconds / 60:g} minutes. This one has "
            f"{score.length_seconds / 60:.0f} minutes. The MIDI file has all of it."
        )
    return score


def _controls_of(midi: bytes, bounds: MidiLimits) -> tuple[ScoreControl, ...]:
    reader = MidiReader(midi, bounds)
    tempos: list[tuple[int, int]] = []
    found: list[tuple[int, int, int, int]] = []
    for events in reader.tracks():
        for tick, kind, channel, values in events:
            if kind == META and channel == META_TEMPO:
                tempos.append((tick, tempo_of(values)))
            elif kind == PITCH_BEND:
                found.append((tick, channel, PITCH_BEND, values[1] << 7 | values[0]))
            elif kind == CONTROL and values[0] in CONTROLS:
                found.append((tick, channel, values[0], values[1]))
    if len(found) > MAX_CONTROLS:
        raise RenderError("This piece has too many controller events for an audio file.")
    # Order within a tick matters: a registered parameter is named before its value is given.
    found.sort(key=lambda control: control[0])
    tempo_map = TempoMap(tempos, reader.ticks_per_quarter)
    return tuple(
        ScoreControl(tempo_map.seconds_at(tick), channel, number, value) for tick, channel, number, value in found
    )
