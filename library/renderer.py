"""Renders one piece in a process of its own, within limits.

    python -m library.renderer PIECE.mid --format mp3 --output FILE --sounds DIR …

It limits its memory, computing time and files before it reads the piece, and dies with whoever started it. What it
writes is one JSON object a line on stdout: ``{"share"}`` while it works; last ``{"facts"}``, with the sound in FILE, or
``{"error"}``, one sentence. It needs no Django.
"""

import argparse
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from library.rendering import FORMATS, render
from library.score import RenderError, ScoreLimits
from library.synthesizers import synthesizer_of

PR_SET_PDEATHSIG = 1
SHARES_A_SECOND = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process may use.

    Attributes:
        memory_mb: address space; a piece of 20 minutes maps 430 MB of frames.
        cpu_seconds: of computing; a minute of music takes two to five.
        file_mb: size of each file that it writes.
        open_files: at once.
    """

    memory_mb: int = 2048
    cpu_seconds: int = 600
    file_mb: int = 1024
    open_files: int = 64

    def apply(self) -> None:
        """To this process and what it starts, for good."""
        resource.setrlimit(resource.RLIMIT_AS, (self.memory_mb * 2**20,) * 2)
        # The kernel warns at the first limit, which ends the process, and kills it at the second.
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds + 5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_mb * 2**20,) * 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description="Renders a MIDI file within limits.")
    parser.add_argument("midi", type=Path)
    parser.add_argument("--format", choices=sorted(FORMATS), required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--sounds", type=Path, required=True, help="folder with the sounds and their index.json")
    parser.add_argument("--texts", type=Path, help='JSON file: {"title", "mark"}')
    parser.add_argument("--synthesizer", default="auto")
    parser.add_argument("--parent", type=int, help="the process with which this one shall die")
    bounds = {**asdict(Limits()), **asdict(ScoreLimits())}
    for name, value in bounds.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = parser.parse_args()
    limits = Limits(**{name: getattr(options, name) for name in asdict(Limits())})
    score_limits = ScoreLimits(**{name: getattr(options, name) for name in asdict(ScoreLimits())})
    # What libraries print goes where it disturbs nobody.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    _die_with(options.parent)
    with contextlib.suppress(OSError):
        os.nice(10)
    limits.apply()

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")

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
        say(error="The sound file needs more memory than it may use.")
    except OSError:
        traceback.print_exc()
        say(error="There was no room to make the sound file. Try again later; the site's owner has to make room.")
    except Exception:  # whatever a library raises about somebody's file
        traceback.print_exc()
        say(error="The sound file could not be made because of an error on our side.")
    else:
        say(facts=asdict(facts))
    answers.flush()


def _die_with(parent: int | None) -> None:
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("Whoever asked for the sound file has gone.")


if __name__ == "__main__":
    main()
