"""A score as sound: by FluidSynth where it is installed, else by tinysoundfont, a wheel. Both play the page's sounds.

Each is a function (score, sounds, folder) → blocks of float32 frames, 44,100 a second and stereo, in order; values may
pass 1. They go on for TAIL_SECONDS behind the last note, which fades meanwhile.
"""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from library.score import PITCH_BEND, RenderError, Score
from library.sounds import DRUM_BANK, Sounds, plain_sound, plain_velocity, read_sound
from library.voice_files import midi_number

if TYPE_CHECKING:
    import numpy as np

    Blocks = Iterator[np.ndarray]
    Synthesizer = Callable[[Score, Sounds, Path], Blocks]

SAMPLE_RATE = 44_100
TAIL_SECONDS = 5.0
BLOCK_FRAMES = 1 << 14
# Notes begin at every 64th frame, which is 1.5 ms: no listener hears less, and one second has few enough of them.
GRAIN_FRAMES = 64
# Of one sound file at once; the page plays 160 of all.
MAX_SOUNDING = 128
DRUM_CHANNEL = 9

# The ranks of what happens at one moment: keys are let go before others are struck.
_OFF, _CONTROL, _ON = 0, 1, 2


def synthesizer_of(name: str) -> "Synthesizer":
    """`name` is fluidsynth, tinysoundfont, or auto: the first of them that is installed.

    Raises:
        RenderError: there is none.
    """
    if name in ("auto", "fluidsynth") and shutil.which("fluidsynth"):
        return play_with_fluidsynth
    if name in ("auto", "tinysoundfont"):
        try:
            import tinysoundfont  # noqa: F401
        except ImportError:
            pass
        else:
            return play_with_tinysoundfont
    raise RenderError("This site can't make audio files: no synthesizer is installed.")


def play_with_tinysoundfont(score: Score, sounds: Sounds, folder: Path) -> "Blocks":
    """One synthesizer a sound file, so that no voice cuts off another's; their sum, with a little of a room."""
    import numpy as np

    from library.reverb import Reverb

    players = _players(score, sounds)
    total = round((score.length_seconds + TAIL_SECONDS) * SAMPLE_RATE)
    reverb = Reverb(SAMPLE_RATE, BLOCK_FRAMES)
    for start in range(0, total, BLOCK_FRAMES):
        frames = min(BLOCK_FRAMES, total - start)
        block = np.zeros((frames, 2), np.float32)
        for player in players:
            player.add_to(block, start)
        yield reverb.process(block)


class _Player:
    """Plays what sounds from one file. `moves` are (frame, rank, channel, number, value)."""

    def __init__(self, path: Path) -> None:
        import tinysoundfont

        self._synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE)
        self._font = self._synth.sfload(plain_sound(path), max_voices=MAX_SOUNDING)
        self._channels: dict[tuple[int, int, bool], int] = {}
        self._sounding: set[tuple[int, int]] = set()
        self._next = 0
        self.moves: list[tuple[int, int, int, int, int]] = []

    def channel_of(self, channel: int, program: int, is_drum: bool) -> int:
        """The synthesizer's channel for what the score plays with one program on one channel."""
        key = (channel, program, is_drum)
        if key not in self._channels:
            # More than sixteen of one sound are a file that nobody plays as it stands: the last ones share.
            place = min(len(self._channels), 15)
            self._channels[key] = place
            self._synth.program_select(place, self._font, DRUM_BANK if is_drum else 0, program)
        return self._channels[key]

    def channels_on(self, channel: int) -> set[int]:
        return {place for (of, _, _), place in self._channels.items() if of == channel}

    def add_to(self, block: "np.ndarray", start: int) -> None:
        import numpy as np

        end = start + len(block)
        at = start
        while at < end:
            while self._next < len(self.moves) and self.moves[self._next][0] <= at:
                self._do(*self.moves[self._next][1:])
                self._next += 1
            until = min(end, self.moves[self._next][0]) if self._next < len(self.moves) else end
            sound = np.frombuffer(self._synth.generate(until - at), np.float32)
            block[at - start : until - start] += sound.reshape(-1, 2)
            at = until

    def _do(self, rank: int, channel: int, number: int, value: int) -> None:
        if rank == _CONTROL:
            if number == PITCH_BEND:
                self._synth.pitchbend(channel, value)
            else:
                self._synth.control_change(channel, number, value)
            return
        key = (channel, number)
        if key in self._sounding:
            self._synth.noteoff(channel, number)
            self._sounding.discard(key)
        if rank == _ON:
            self._synth.noteon(channel, number, value)
            self._sounding.add(key)


def _players(score: Score, sounds: Sounds) -> list[_Player]:
    players: dict[Path, _Player] = {}
    for note in score.notes:
        program, path = sounds.sound_of(note.program, is_drum=note.is_drum)
        player = players.get(path)
        if player is None:
            player = players[path] = _Player(path)
        channel = player.channel_of(note.channel, program, note.is_drum)
        player.moves.append((_grain(note.start), _ON, channel, note.pitch, plain_velocity(note.velocity)))
        player.moves.append((_grain(note.end), _OFF, channel, note.pitch, 0))
    for control in score.controls:
        for player in players.values():
            for channel in player.channels_on(control.channel):
                player.moves.append((_grain(control.seconds), _CONTROL, channel, control.number, control.value))
    for player in players.values():
        # Stable: controls of one moment stay in their order.
        player.moves.sort(key=lambda move: move[:2])
    return list(players.values())


def _grain(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / GRAIN_FRAMES) * GRAIN_FRAMES


def play_with_fluidsynth(score: Score, sounds: Sounds, folder: Path) -> "Blocks":
    """In a separate process, which writes into `folder`."""
    import numpy as np

    midi, raw = folder / "score.mid", folder / "fluidsynth.raw"
    midi.write_bytes(_midi_of(score, sounds))
    fonts = []
    for path in sorted({sounds.sound_of(note.program, is_drum=note.is_drum)[1] for note in score.notes}):
        font = folder / path.name
        font.write_bytes(read_sound(path))
        fonts.append(str(font))
    settings = ("-o", "synth.reverb.level=0.4", "-o", "synth.chorus.active=0", "-o", "synth.polyphony=256")
    command = ["fluidsynth", "-n", "-i", "-q", *settings, "-g", "0.5", "-r", str(SAMPLE_RATE), "-O", "float"]
    with subprocess.Popen(
        [*command, "-T", "raw", "-F", str(raw), *fonts, str(midi)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    ) as process:
        total = round((score.length_seconds + TAIL_SECONDS) * SAMPLE_RATE)
        given = 0
        # What it has written so far, until it ends: the one that waits tells how far it is.
        while given < total:
            ended = process.poll() is not None
            size = raw.stat().st_size // 8 if raw.exists() else 0
            frames = min(size - given, BLOCK_FRAMES, total - given)
            if frames >= BLOCK_FRAMES or (ended and frames > 0):
                yield np.fromfile(raw, np.float32, count=2 * frames, offset=8 * given).reshape(-1, 2)
                given += frames
            elif ended:
                break
            else:
                _wait(process)
        process.kill()
    # Killed within the tail it has done its work.
    if process.returncode not in (0, -signal.SIGKILL) or given < score.length_seconds * SAMPLE_RATE:
        raise RenderError("The audio file could not be made: the synthesizer stopped before the end of the piece.")


def _wait(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
        return


TICKS_PER_QUARTER = 5000  # at 120 quarters a minute a tick is a tenth of a millisecond
_PROGRAM, _CONTROL_CHANGE, _NOTE_ON = 0xC0, 0xB0, 0x90


def _midi_of(score: Score, sounds: Sounds) -> bytes:
    """The score as a file of type 0 whose programs are those that there are sounds for."""
    moves: list[tuple[int, int, bytes]] = []

    def add(seconds: float, rank: int, *data: int) -> None:
        moves.append((round(seconds * 2 * TICKS_PER_QUARTER), rank, bytes(data)))

    programs: dict[int, int] = {}
    for control in score.controls:
        if control.number == PITCH_BEND:
            add(control.seconds, _CONTROL, PITCH_BEND | control.channel, control.value & 0x7F, control.value >> 7)
        else:
            add(control.seconds, _CONTROL, _CONTROL_CHANGE | control.channel, control.number, control.value)
    for note in score.notes:
        program, _ = sounds.sound_of(note.program, is_drum=note.is_drum)
        if programs.get(note.channel) != program:
            programs[note.channel] = program
            add(note.start, _CONTROL, _PROGRAM | note.channel, program)
        add(note.start, _ON, _NOTE_ON | note.channel, note.pitch, note.velocity)
        add(note.end, _OFF, _NOTE_ON | note.channel, note.pitch, 0)
    # Notes are in the order of their starts, so a program stands before the first note that wants it.
    moves.sort(key=lambda move: move[:2])
    track = bytearray()
    tick = 0
    for at, _, data in moves:
        track += midi_number(at - tick) + data
        tick = at
    track += midi_number(round(TAIL_SECONDS * 2 * TICKS_PER_QUARTER)) + b"\xff\x2f\x00"
    header = b"MThd" + (6).to_bytes(4, "big") + (0).to_bytes(2, "big") + (1).to_bytes(2, "big")
    return header + TICKS_PER_QUARTER.to_bytes(2, "big") + b"MTrk" + len(track).to_bytes(4, "big") + bytes(track)
