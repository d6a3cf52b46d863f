"""Renders docs/benchmarks.md from the JSON lines of the benchmarks, and from nothing else."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import groupby
from typing import Any

from bench.figures import QUIET_CORES

Line = dict[str, Any]

HEADINGS = {
    "bench.measure_steps": "Network and composer, one step",
    "bench.measure_compose": "The compose command",
    "bench.measure_takes": "Several takes at once",
    "bench.measure_site": "The running site",
    "bench.measure_worker": "Worker start-up",
    "bench.measure_library": "A library of a million pieces",
    "bench.measure_follow": "Activating a model",
    "bench.measure_browser": "From click to sound",
    "bench.measure_lighthouse": "Pages on a phone",
    "bench.measure_magenta": "Comparison with Magenta",
}
# Measured by a separate command, so the page keeps it when the rest is measured again. Always the last section.
PEER = "bench.measure_magenta"

INTRODUCTION = """# Benchmarks

Written by `make bench`; do not edit it by hand. Each figure is the median of several runs, with its range. CPU time is
shown beside wall time because a busy machine distorts it less. Compare only figures that were measured together:
another machine gives other figures.
"""


def page_of(run: Line, lines: Sequence[Line]) -> str:
    """Markdown. `run` holds the result of `bench.machine.facts_of_run` and how the run went."""
    parts = [INTRODUCTION, _circumstances(run), _verdict(lines, run.get("failed", []))]
    for script, group in groupby(lines, key=lambda line: str(line["script"])):
        parts.append(_section(script, list(group), {line["key"]: line for line in lines}))
    return "\n".join(parts)


def with_peer(page: str, peer: str) -> str:
    """The page with its peer section replaced; an empty one removes it."""
    rest = page.partition(f"## {HEADINGS[PEER]}\n")[0].rstrip()
    return f"{rest}\n\n{peer}" if peer else f"{rest}\n"


def peer_of(page: str) -> str:
    """The peer section, or an empty string."""
    _, heading, text = page.partition(f"## {HEADINGS[PEER]}\n")
    return heading + text


def peer_section(run: Line, lines: Sequence[Line]) -> str:
    """Markdown with its own date and machine; `lines` come from the peer's script."""
    heading, _, rest = _section(PEER, list(lines), {line["key"]: line for line in lines}).partition("\n")
    return f"{heading}\n\n{_circumstances(run)}\n{_verdict(lines, [])}{rest}"


def _circumstances(run: Line) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in run["packages"].items())
    rows = [
        (
            "Measured",
            f"{run['measured_at'].replace('T', ' ').replace('+00:00', ' UTC')}, in {run['minutes']:g} minutes",
        ),
        ("Machine", f"{run['processor']}; {_cores(run)}, {run['memory_gb']:g} GB, {run['system']}"),
        (
            "Load at the start",
            f"{_numbers(run['load_average'])} (1, 5, 15 minutes); other work kept {run['busy_cores']:g} cores busy, "
            f"{run['busy_cores_at_end']:g} at the end",
        ),
        ("Software", f"commit {run['commit'] or 'unknown'}; Python {run['python']}, {packages}"),
        ("Bundle", f"{run['bundle']}, {run['bundle_bytes'] / 1e6:.1f} MB, sha256 {run['bundle_sha256'][:16]}"),
    ]
    table = _table(("", ""), rows)
    if max(run["busy_cores"], run["busy_cores_at_end"]) > QUIET_CORES:
        table += "\n**The machine was not idle:** wall times, and CPU times too, are worse than on an idle machine.\n"
    return table


def _cores(run: Line) -> str:
    allowed = run.get("allowed_cores") or run["cores"]
    return f"{run['cores']} cores" + (f", held to {allowed} of them" if allowed < run["cores"] else "")


def _verdict(lines: Sequence[Line], failed: Sequence[str]) -> str:
    promised = [line for line in lines if line["target"] is not None]
    missed = [line["title"] for line in promised if not line["meets_target"]]
    text = f"{len(promised) - len(missed)} of {len(promised)} targets are met."
    if missed:
        text += f" Missed: {'; '.join(missed)}."
    if failed:
        text += f" Not measured, because the script failed: {', '.join(failed)}."
    return f"{text}\n"


def _section(script: str, lines: list[Line], by_key: dict[str, Line]) -> str:
    rows = [
        (
            line["title"],
            f"**{line['value']['median']:g}** {line['unit']}",
            _range(line["value"]),
            str(len(line["value"]["runs"])),
            "; ".join(f"{spread['median']:g} {name} ({_range(spread)})" for name, spread in line["beside"].items()),
            _target(line),
        )
        for line in lines
    ]
    parts = [
        f"## {HEADINGS[script]}\n",
        f"{import_module(script).ABOUT}\n",
        f"`{lines[0]['command']}`, load average {lines[0]['load_average'][0]:g} at its start.\n",
        _table(("figure", "median", "range", "runs", "also: median (range)", "target"), rows),
    ]
    notes = [*_comparisons(lines, by_key), *_facts(lines)]
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes) + "\n")
    return "\n".join(parts)


def _comparisons(lines: Iterable[Line], by_key: dict[str, Line]) -> Iterable[str]:
    for line in lines:
        other = by_key.get(line["compared_with"] or "")
        if other and other["value"]["median"]:
            ratio = line["value"]["median"] / other["value"]["median"]
            yield f"{line['title']}: {ratio:.2f} × {other['title']}."


def _facts(lines: Iterable[Line]) -> Iterable[str]:
    for line in lines:
        if line["facts"]:
            said = ", ".join(f"{name} {_fact(value)}" for name, value in line["facts"].items())
            yield f"{line['title']}: {said}."


def _fact(value: Any) -> str:
    return "–".join(f"{one:g}" for one in (min(value), max(value))) if isinstance(value, list) else str(value)


def _target(line: Line) -> str:
    if line["target"] is None:
        return ""
    bound = "≥" if line["is_more_better"] else "≤"
    return f"{bound} {line['target']:g}, {'met' if line['meets_target'] else '**missed**'}"


def _range(spread: Line) -> str:
    return f"{spread['min']:g} – {spread['max']:g}"


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
