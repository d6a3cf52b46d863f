"""The `compose` command as a whole process: Python start-up, imports, bundle, network, piece, file."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import BenchError, Figure, Report, Spread, arguments, as_script, bundles_beside, say
from bench.reference import ROOT
from generator.engine.bundles import read_bundle

ABOUT = """\
Each run is a new process, `python manage.py compose GENRE --seconds N --seed S --output FILE`, timed from start to
exit, with its own seed. The operating system reports CPU seconds and peak memory. The files it reads are in the page
cache. Every shipped genre composes five minutes."""

# Maximum wall time in seconds, by genre and seconds of music.
TARGETS = {("piano", 120): 6.0, ("rock", 300): 20.0}


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_compose")
    runs = 1 if options.quick else 5
    first = genre_of(options.bundle)
    pieces = [(options.bundle, first, 15)]
    if not options.quick:
        pieces += [(options.bundle, first, 120)]
        pieces += [(bundle, genre_of(bundle), 300) for bundle in bundles_beside(options.bundle)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for bundle, genre, seconds in pieces:
            say(f"compose {genre} --seconds {seconds}, {runs} runs")
            compose(bundle, genre, seconds, 0, Path(folder))
            measured = [compose(bundle, genre, seconds, seed, Path(folder)) for seed in range(1, runs + 1)]
            report.add(
                Figure(
                    key=f"compose-{genre}-{seconds}",
                    title=f"`manage.py compose {genre} --seconds {seconds}`, whole process",
                    unit="s wall",
                    value=Spread.of([run["wall"] for run in measured]),
                    beside={
                        "s CPU": Spread.of([run["cpu"] for run in measured]),
                        "MB peak": Spread.of([run["peak_mb"] for run in measured]),
                    },
                    target=TARGETS.get((genre, seconds)),
                    facts={"notes": [run["notes"] for run in measured]},
                )
            )


def genre_of(bundle: Path) -> str:
    return read_bundle(bundle).manifest.genre


def compose(bundle: Path, genre: str, seconds: int, seed: int, folder: Path) -> dict[str, Any]:
    command = [
        *(sys.executable, "manage.py", "compose", genre, "--seconds", str(seconds), "--seed", str(seed)),
        *("--bundle", str(bundle), "--output", str(folder / "piece.mid")),
    ]
    began = time.perf_counter()
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        # Not Popen.wait: only the call that reaps a process gets its resource usage.
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchError(f"compose failed:\n{(folder / 'err').read_text(errors='replace')[-2000:]}")
    facts = json.loads((folder / "out").read_text())
    # Linux counts in kilobytes, macOS in bytes.
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": peak, "notes": facts["notes"]}


if __name__ == "__main__":
    as_script(main)
