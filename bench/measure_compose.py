"""The command `compose` as a whole process: start of Python, imports, bundle, network, piece, file."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import BenchError, Figure, Report, Spread, arguments, as_script, say
from bench.reference import ROOT

ABOUT = """\
Each run is a fresh process, `python manage.py compose piano --seconds N --seed S --output FILE`, from its start to its
end, with a seed of its own; CPU seconds and the peak of its memory are what the system counted for it. The files that
it reads are in the page cache."""


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_compose")
    lengths = ((15, None),) if options.quick else ((15, None), (120, 6.0))
    runs = 1 if options.quick else 5
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for seconds, target in lengths:
            say(f"compose piano --seconds {seconds}, {runs} runs")
            compose(options.bundle, seconds, 0, Path(folder))
            measured = [compose(options.bundle, seconds, seed, Path(folder)) for seed in range(1, runs + 1)]
            report.add(
                Figure(
                    key=f"compose-{seconds}",
                    title=f"`manage.py compose piano --seconds {seconds}`, whole process",
                    unit="s wall",
                    value=Spread.of([run["wall"] for run in measured]),
                    beside={
                        "s CPU": Spread.of([run["cpu"] for run in measured]),
                        "MB peak": Spread.of([run["peak_mb"] for run in measured]),
                    },
                    target=target,
                    facts={"notes": [run["notes"] for run in measured]},
                )
            )


def compose(bundle: Path, seconds: int, seed: int, folder: Path) -> dict[str, Any]:
    command = [
        *(sys.executable, "manage.py", "compose", "piano", "--seconds", str(seconds), "--seed", str(seed)),
        *("--bundle", str(bundle), "--output", str(folder / "piece.mid")),
    ]
    began = time.perf_counter()
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        # Not Popen.wait: the system tells what a process has used only to who takes its end.
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
