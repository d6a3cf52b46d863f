"""A figure: several runs of one measurement, with everything needed to judge it, as one JSON line."""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class BenchError(Exception):
    """The event to be measured did not happen."""


# Above this many cores of other work, figures are worse than on an idle machine.
QUIET_CORES = 0.25


@dataclass(frozen=True)
class Spread:
    """Median and range of several runs."""

    median: float
    min: float
    max: float
    runs: tuple[float, ...]

    @classmethod
    def of(cls, runs: Sequence[float]) -> "Spread":
        rounded = tuple(float(f"{value:.4g}") for value in runs)
        return cls(float(f"{statistics.median(rounded):.4g}"), min(rounded), max(rounded), rounded)


@dataclass(frozen=True)
class Figure:
    """One measured quantity.

    Attributes:
        key: slug, the same in every run of the benchmarks.
        title: what was measured, for people.
        unit: of the value and the target.
        value: of the runs.
        beside: further quantities of the same runs by name with unit, such as CPU seconds beside wall.
        target: what the median should be at most; None where nothing was promised.
        is_more_better: the target is what the median should be at least.
        compared_with: key of the figure that this one is held against.
        facts: what else describes the runs, such as notes and steps of the pieces.
    """

    key: str
    title: str
    unit: str
    value: Spread
    beside: dict[str, Spread] = field(default_factory=dict)
    target: float | None = None
    is_more_better: bool = False
    compared_with: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def meets_target(self) -> bool | None:
        if self.target is None:
            return None
        return self.value.median >= self.target if self.is_more_better else self.value.median <= self.target


class Report:
    """Prints the figures of one script. Create it before measuring anything: it records how busy the machine is."""

    def __init__(self, script: str) -> None:
        """`script` is its module's name, such as ``bench.measure_steps``."""
        self._common = {
            "script": script,
            "command": " ".join(["python -m", script, *map(_without_folders, sys.argv[1:])]),
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "load_average": [round(value, 2) for value in os.getloadavg()],
            "busy_cores": busy_cores(),
        }

    def add(self, figure: Figure) -> None:
        line = {**asdict(figure), "meets_target": figure.meets_target, **self._common}
        print(json.dumps(line, ensure_ascii=False), flush=True)


def busy_cores(seconds: float = 1.0) -> float:
    """How many cores other processes keep busy, sampled briefly while this process waits."""
    import psutil

    return round(psutil.cpu_percent(interval=seconds) / 100 * (psutil.cpu_count() or 1), 2)


def _without_folders(word: str) -> str:
    # The bundle's folder is private.
    return Path(word).name if os.sep in word else word


def say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)


def arguments(description: str) -> argparse.Namespace:
    """The arguments of every script: `quick` (bool) and `bundle` (Path of a bundle that exists)."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    add_common_arguments(parser)
    options = parser.parse_args()
    options.bundle = bundle_path(options.bundle)
    return options


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="few and short runs: shows that it works, no figures")
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="a bundle instead of the shipped piano bundle")


SHIPPED = Path(__file__).resolve().parent.parent / "generator" / "bundles" / "piano.bundle"


def bundles_beside(bundle: Path) -> list[Path]:
    """This bundle; if it is the shipped one, all other shipped bundles too, one per genre."""
    others = sorted(path for path in SHIPPED.parent.glob("*.bundle") if path != SHIPPED)
    return [bundle, *(others if bundle == SHIPPED else [])]


def bundle_path(given: Path | None) -> Path:
    """The bundle to measure; exits with a message if there is none."""
    path = (given or SHIPPED).resolve()
    if not path.is_file():
        sys.exit(
            f"There is no bundle {path}. Name one: python -m bench --bundle FILE (make bench BENCH='--bundle FILE')"
        )
    return path


def as_script(main: Callable[[], None]) -> None:
    """Runs a script's `main`; expected errors exit with a message instead of a traceback."""
    try:
        main()
    except BenchError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def timed(work: Callable[[], T]) -> tuple[float, float, T]:
    """Wall and CPU seconds of this process while it works, and the result."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result
