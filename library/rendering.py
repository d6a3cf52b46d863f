"""MIDI → a sound file, with a mark that says how the music came to be. Framework-free; `library.renderer` runs it.

The synthesizer's frames go to a file first, because the loudest of them decides the gain of all: one gain for the whole
piece, so that nothing clips and soft pieces are not played back in a whisper.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from library.score import RenderError, Score, ScoreLimits, read_score
from library.sounds import Sounds
from library.synthesizers import BLOCK_FRAMES, SAMPLE_RATE, TAIL_SECONDS, synthesizer_of

if TYPE_CHECKING:
    import numpy as np

FORMATS = {"wav": ("WAV", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS")}
# Coding with loss may overshoot by a tenth.
PEAK = 0.85
INAUDIBLE = 1e-6
# What is this much quieter than the loudest moment counts as silence.
SILENCE = 0.001
FADE_FRAMES = 2048
ARTIST = "Musicgen"

# Share of the work that is done when the last frame has been played.
_PLAYED_SHARE = {"wav": 0.9, "mp3": 0.6, "ogg": 0.7}

OnShare = Callable[[float], None]


@dataclass(frozen=True)
class RenderFacts:
    """What was made.

    Attributes:
        length_seconds: of the sound, its tail included.
        peak: of the frames that were written, 0 to 1.
        rms: of all of them.
    """

    length_seconds: float
    peak: float
    rms: float


def render(
    midi: bytes,
    output: Path,
    *,
    audio_format: str,
    sounds: Path,
    folder: Path,
    title: str = "",
    mark: str = "",
    synthesizer: str = "auto",
    limits: ScoreLimits | None = None,
    on_share: OnShare = lambda share: None,
) -> RenderFacts:
    """Writes the sound file of a piece.

    Args:
        audio_format: a key of `FORMATS`.
        sounds: folder with the sounds and their index.
        folder: for files that are needed meanwhile; about 21 MB a minute.
        title, mark: are written into the file.

    Raises:
        RenderError: a sentence for the user.
    """
    score = read_score(midi, limits)
    play = synthesizer_of(synthesizer)
    raw = folder / "frames.raw"
    played_share = _PLAYED_SHARE[audio_format]
    total = (score.length_seconds + TAIL_SECONDS) * SAMPLE_RATE
    frames = 0
    with raw.open("wb") as stream:
        for block in play(score, Sounds(sounds), folder):
            block.tofile(stream)
            frames += len(block)
            on_share(played_share * min(1.0, frames / total))
    return _write(raw, score, output, audio_format, title, mark, lambda share: on_share(_rest(played_share, share)))


def _rest(played: float, share: float) -> float:
    return played + (1 - played) * share


def _write(
    raw: Path, score: Score, output: Path, audio_format: str, title: str, mark: str, on_share: OnShare
) -> RenderFacts:
    import numpy as np
    import soundfile

    frames = np.memmap(raw, np.float32, "r").reshape(-1, 2)
    peak = max(float(np.abs(block).max()) for block in _blocks(frames))
    if not np.isfinite(peak) or peak < INAUDIBLE:
        raise RenderError("The audio file could not be made: the synthesizer produced silence.")
    end = _end_of(frames, score, peak)
    gain = PEAK / peak
    file_format, subtype = FORMATS[audio_format]
    squares = 0.0
    with soundfile.SoundFile(output, "w", SAMPLE_RATE, 2, subtype, format=file_format) as file:
        if audio_format != "mp3":
            for name, text in (("title", title), ("artist", ARTIST), ("comment", mark)):
                if text:
                    setattr(file, name, text)
        for start in range(0, end, BLOCK_FRAMES):
            block = frames[start : min(end, start + BLOCK_FRAMES)] * gain
            if start + len(block) > end - FADE_FRAMES:
                left = np.clip((end - start - np.arange(len(block))) / FADE_FRAMES, 0.0, 1.0)
                block = block * left[:, None]
            squares += float((block.astype(np.float64) ** 2).sum())
            file.write(block)
            on_share(start / end)
    if audio_format == "mp3":
        _mark_mp3(output, title, mark)
    on_share(1.0)
    return RenderFacts(end / SAMPLE_RATE, peak * gain, (squares / (2 * end)) ** 0.5)


def _blocks(frames: "np.ndarray") -> "list[np.ndarray]":
    return [frames[start : start + BLOCK_FRAMES] for start in range(0, len(frames), BLOCK_FRAMES)]


def _end_of(frames: "np.ndarray", score: Score, peak: float) -> int:
    """Where the tail of the last note has become silent; never before that note ends."""
    import numpy as np

    end = len(frames)
    least = min(end, round(score.length_seconds * SAMPLE_RATE) + FADE_FRAMES)
    step = 1024
    while end - step > least and float(np.abs(frames[end - step : end]).max()) < peak * SILENCE:
        end -= step
    return end


def _mark_mp3(path: Path, title: str, mark: str) -> None:
    """Puts a tag in front that says in UTF-8 what the encoder's own would garble (https://id3.org/id3v2.4.0-frames)."""
    data = path.read_bytes()
    if data[:3] == b"ID3":
        data = data[10 + _from_sync_safe(data[6:10]) :]
    comment = b"\x03eng" + b"\0" + mark.encode()
    frames = [(b"TIT2", b"\x03" + title.encode()), (b"TPE1", b"\x03" + ARTIST.encode()), (b"COMM", comment)]
    body = b"".join(kind + _sync_safe(len(content)) + b"\0\0" + content for kind, content in frames)
    path.write_bytes(b"ID3\x04\x00\x00" + _sync_safe(len(body)) + body + data)


def _sync_safe(value: int) -> bytes:
    return struct.pack("4B", value >> 21 & 0x7F, value >> 14 & 0x7F, value >> 7 & 0x7F, value & 0x7F)


def _from_sync_safe(data: bytes) -> int:
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]
