"""A report as one self-contained page: no script, font or image from elsewhere."""

from collections.abc import Sequence
from html import escape
from typing import Any

from generator.engine.plots import bars, curves, piano_roll
from generator.engine.report import LENGTH_SECONDS, SHOWN_ROLLS, Report
from generator.engine.report_targets import Target

STYLE = """
:root { color-scheme: light dark; --paper: #f7f3ec; --surface: #fffdf9; --ink: #221d2b; --soft: #5c5566;
  --line: #ded5c6; --accent: #a9772a; --second: #2f6f8f; --good: #3f6f2a; --bad: #a3261d; --ground: #f1ebe0; }
@media (prefers-color-scheme: dark) { :root { --paper: #14121a; --surface: #1c1924; --ink: #efe9de; --soft: #b3aabb;
  --line: #342e40; --accent: #c99d54; --second: #62a9cc; --good: #94b96f; --bad: #ff9d8f; --ground: #25212f; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font: 400 2.2rem/1.15 Georgia, serif; margin: 0 0 .25rem; }
h2 { font: 400 1.5rem/1.2 Georgia, serif; margin: 2.5rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; } .soft { color: var(--soft); }
table { border-collapse: collapse; background: var(--surface); margin: .75rem 0; }
th, td { padding: .35rem .8rem; border: 1px solid var(--line); text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.met { color: var(--good); } .missed { color: var(--bad); font-weight: 600; } .open { color: var(--soft); }
figure { display: inline-block; margin: .5rem .75rem .5rem 0; padding: .75rem; background: var(--surface);
  border: 1px solid var(--line); border-radius: .5rem; max-width: 100%; overflow-x: auto; }
svg { display: block; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .small { font-size: 10px; fill: var(--soft); } .ground { fill: var(--ground); } .bar { fill: var(--accent); }
.tick { stroke: var(--second); stroke-width: 2; } .target { stroke: var(--bad); stroke-dasharray: 4 3; }
.axis, .grid { stroke: var(--line); } polyline { fill: none; stroke-width: 1.5; }
.line0 { stroke: var(--second); } .line1 { stroke: var(--accent); }
svg .name0 { fill: var(--second); } svg .name1 { fill: var(--accent); }
.voice0 { fill: var(--accent); } .voice1 { fill: var(--second); } .voice2 { fill: #8a4b7d; } .voice3 { fill: #55793a; }
.voice4 { fill: #b0552f; } .voice5 { fill: #4a5aa0; }
"""


def page(report: Report, targets: Sequence[Target]) -> str:
    """The whole page as text."""
    figures = report.figures
    bundle = figures["bundle"]
    parts = [
        f"<h1>{escape(bundle['genre'].capitalize())}: {escape(bundle['name'])}</h1>",
        f'<p class="soft">Bundle sha256 {escape(bundle["sha256"][:16])}…, encoding {escape(bundle["encoding"])}. '
        f"{figures['plan']['pieces']} pieces per question. docs/quality.md explains "
        "how each figure is measured.</p>",
        "<h2>Targets</h2>",
        _targets(targets),
        "<h2>Held-out loss</h2>",
        _losses(figures["loss"]),
        "<h2>Similarity to human music</h2>",
        _overlap(report),
        "<h2>Pieces</h2>",
        _pairs(figures["pieces"]),
        "<h2>Control adherence</h2>",
        *(f"<h3>{escape(name.capitalize())}</h3>{_pairs(found)}" for name, found in figures["controls"].items()),
        "<h2>Critic and originality</h2>",
        _pairs(figures["critic"]),
        _pairs(figures["originality"]) if figures["originality"] else "<p>The bundle has no originality index.</p>",
        "<h2>Piano rolls</h2>",
        _rolls(report),
    ]
    title = f"Report on {bundle['name']}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


_STATES = {"met": "met", "missed": "missed", "open": "not measured"}


def _targets(targets: Sequence[Target]) -> str:
    rows = "".join(
        f"<tr><td>{escape(target.name)}</td><td class=number>{escape(target.value_text)}</td>"
        f"<td class=number>{escape(target.bound_text)}</td>"
        f'<td class="{target.state}">{_STATES[target.state]}</td></tr>'
        for target in targets
    )
    return f"<table><tr><th>Figure</th><th>Measured</th><th>Target</th><th></th></tr>{rows}</table>"


def _losses(loss: dict[str, Any]) -> str:
    names = {"bundle": "This bundle", "three_grams": "3-grams, Kneser–Ney", "lstm": "LSTM as in Magenta"}
    rows = "".join(
        f"<tr><td>{name}</td>"
        + "".join(f"<td class=number>{loss[key].get(unit, '')}</td>" for unit in _UNITS)
        + f"<td class=number>{_value(loss[key].get('cpu_minutes'))}</td></tr>"
        for key, name in names.items()
        if key in loss
    )
    heads = "".join(f"<th>{name}</th>" for name in (*_UNITS.values(), "training, CPU minutes"))
    found = f"<table><tr><th></th>{heads}</tr>{rows}</table>"
    equal = loss.get("equal_cpu_time")
    if equal:
        found += (
            f"<p>After {equal['bundle_cpu_minutes']} CPU minutes of training this network had "
            f"{equal['bundle_nats_per_event']} nats per event; the LSTM had, after its {equal['cpu_minutes']} minutes, "
            f"{equal['lstm_nats_per_event']}: a margin of {equal['margin_nats_per_note']} nats per note.</p>"
        )
    return found


_UNITS = {"nats_per_event": "nats per event", "nats_per_note": "nats per note", "nats_per_second": "nats per second"}


def _overlap(report: Report) -> str:
    found = report.figures["overlap"]
    if "skipped" in found:
        return f"<p>{escape(found['skipped'])}</p>"
    names, raw = found["names"], found["first_takes"]
    ceiling = found["ceiling"]["features"]
    rows = [(names[key], area, ceiling[key]) for key, area in raw["features"].items()]
    table = "".join(
        f"<tr><td>{escape(names[key])}</td>"
        + "".join(f"<td class=number>{found[kind]['features'][key]:.3f}</td>" for kind in _KINDS)
        + "</tr>"
        for key in raw["features"]
    )
    means = "".join(f"<td class=number><b>{found[kind]['mean']:.3f}</b></td>" for kind in _KINDS)
    heads = "".join(f"<th>{name}</th>" for name in _KINDS.values())
    plots = [
        curves(names[key], o.distances, [("human to human", o.within), ("human to composed", o.across)])
        for key, o in report.overlaps.items()
    ]
    densities = "".join(f"<figure>{plot}</figure>" for plot in plots)
    return (
        f"<p>Overlapping area of {found['excerpts']} composed first takes and as many validation excerpts; the "
        "tick marks training files, the dashed line the target for the mean.</p>"
        f"<figure>{bars(rows, target=0.8)}</figure>"
        f"<table><tr><th>Feature</th>{heads}</tr>{table}<tr><td><b>Mean</b></td>{means}</tr></table>{densities}"
    )


_KINDS = {
    "first_takes": "first takes",
    "after_critic": "after the critic",
    "ceiling": "training files (ceiling)",
    "first_takes_of_means": "first takes, means only",
    "ceiling_of_means": "training files, means only",
}


def _pairs(figures: dict[str, Any] | None) -> str:
    """Any figures as a two-column table."""
    if not figures:
        return "<p>Not measured.</p>"
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td class=number>{_value(value)}</td></tr>"
        for name, value in figures.items()
    )
    return f"<table>{rows}</table>"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "<br>".join(f"{escape(str(name))}: {_value(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list):
        return escape(", ".join(map(str, value))) or "none"
    return escape("–" if value is None else f"{value:,}" if isinstance(value, int) else str(value))


def _rolls(report: Report) -> str:
    composed = [(f"Composed, seed {piece.seed}", piece.notes) for piece in report.composed[:SHOWN_ROLLS]]
    people = [(f"A validation file, excerpt {i + 1}", e.notes) for i, e in enumerate(report.people[:SHOWN_ROLLS])]
    pairs = [pair for both in zip(composed, people, strict=False) for pair in both] if people else composed
    return "".join(f"<figure>{piano_roll(notes, LENGTH_SECONDS, title=title)}</figure>" for title, notes in pairs)
