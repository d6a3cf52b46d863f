"""Renders one piece in a separate process, within limits.

    python -m library.renderer PIECE.mid --format mp3 --output FILE --sounds DIR …

It limits its memory, computing time and files before it reads the piece, and dies with the process that started it
(`generator.engine.limited_process`). What it writes is one JSON object a line on stdout: ``{"share"}`` while it works;
last ``{"facts"}``, with the sound in FILE, or ``{"error"}``, one sentence. It needs no Django.
"""

import argparse
import json
import tempfile
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from generator.engine.limited_process import Limits, confine
from library.rendering import FORMATS, render
from library.score import RenderError, ScoreLimits
from library.synthesizers import synthesizer_of

SHARES_A_SECOND = 4
# A piece of 20 minutes maps 430 MB of frames; a minute of music takes two to five seconds of computing.
LIMITS = Limits(memory_mb=2048, cpu_seconds=600, file_mb=1024, open_files=64)


def main() -> None:
    parser = argparse.ArgumentParser(description="Renders a MIDI file within limits.")
    parser.add_argument("midi", type=Path)
    parser.add_argument("--format", choices=sorted(FORMATS), required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--sounds", type=Path, required=True, help="folder with the sounds and their index.json")
    parser.add_argument("--texts", type=Path, help='JSON file: {"title", "mark"}')
    parser.add_argument("--synthesizer", default="auto")
    LIMITS.add_to(parser)
    for name, value in asdict(ScoreLimits()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = parser.parse_args()
    score_limits = ScoreLimits(**{name: getattr(options, name) for name in asdict(ScoreLimits())})
    say = confine(Limits.of(options), parent=options.parent)
    said_at = 0.0

    def on_share(share: float) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= 1 / SHARES_A_SECOND:
            said_at = time.monotonic()
            say(share=round(share, 3))

    texts = json.loads(options.texts.read_text()) if options.texts else {}
    try:
        synthesizer_of(options.synthesizer)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            facts = render(
                options.midi.read_bytes(),
                options.output,
                audio_format=options.format,
                sounds=options.sounds,
                folder=Path(folder),
                synthesizer=options.synthesizer,
                limits=score_limits,
                on_share=on_share,
                **texts,
            )
    except RenderError as error:
        say(error=error.message)
    except MemoryError:
        say(error="The audio file needs too much memory.")
    except OSError:
        traceback.print_exc()
        say(error="The disk is full, so the audio file could not be made. Try again later.")
    except Exception:  # whatever a library raises about somebody's file
        traceback.print_exc()
        say(error="The audio file could not be made. Something went wrong on our side.")
    else:
        say(facts=asdict(facts))


if __name__ == "__main__":
    main()
