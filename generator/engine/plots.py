"""Plots as SVG text for a self-contained report: bars, densities, piano rolls. No script, no requests.

Colours come from the page's style sheet through classes, so plots follow light and dark mode.
"""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from generator.engine.music import MAX_VELOCITY, Note

BAR_HEIGHT = 22
LABEL_WIDTH = 170
VOICE_COLOURS = 6


def bars(rows: Sequence[tuple[str, float, float | None]], *, width: int = 640, target: float | None = None) -> str:
    """Horizontal bars of values 0 – 1.

    Args:
        rows: label, value, and a second value shown as a tick (such as a ceiling), or None.
        target: a line across all bars.
    """
    span = width - LABEL_WIDTH - 60
    height = BAR_HEIGHT * len(rows) + 18
    parts = [_open(width, height, "Bars of " + ", ".join(label for label, _, _ in rows))]
    for index, (label, value, tick) in enumerate(rows):
        y = index * BAR_HEIGHT
        parts.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>')
        parts.append(f'<rect class="ground" x="{LABEL_WIDTH}" y="{y + 4}" width="{span}" height="14"/>')
        parts.append(f'<rect class="bar" x="{LABEL_WIDTH}" y="{y + 4}" width="{_clip(value) * span:.1f}" height="14"/>')
        if tick is not None:
            x = LABEL_WIDTH + _clip(tick) * span
            parts.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 1}" y2="{y + 21}"/>')
        parts.append(f'<text x="{LABEL_WIDTH + span + 8}" y="{y + 15}">{value:.2f}</text>')
    if target is not None:
        x = LABEL_WIDTH + target * span
        bottom = BAR_HEIGHT * len(rows)
        parts.append(f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>')
        parts.append(f'<text class="small" x="{x:.1f}" y="{bottom + 13}" text-anchor="middle">{target:g}</text>')
    return "".join([*parts, "</svg>"])


def curves(
    title: str, x: NDArray[np.float64], lines: Sequence[tuple[str, NDArray[np.float64]]], *, width: int = 300
) -> str:
    """Curves over one axis, each with its own colour and label.

    Args:
        x: float64 [n]; lines: name and float64 [n] each.
    """
    height, bottom, left = 130, 104, 6
    highest = max((float(y.max()) for _, y in lines), default=0.0) or 1.0
    low, high = float(x[0]), float(x[-1])
    scale = (width - 2 * left) / max(high - low, 1e-12)
    # A few hundred points are as fine as the image.
    step = max(1, len(x) // 200)
    parts = [_open(width, height, title), f'<text x="{left}" y="12">{escape(title)}</text>']
    for index, (name, y) in enumerate(lines):
        points = " ".join(
            f"{left + (a - low) * scale:.1f},{bottom - b / highest * 84:.1f}"
            for a, b in zip(x[::step].tolist(), y[::step].tolist(), strict=True)
        )
        parts.append(f'<polyline class="line{index}" points="{points}"/>')
        parts.append(
            f'<text class="small name{index}" x="{width - left}" y="{12 + 12 * index}" text-anchor="end">'
            f"{escape(name)}</text>"
        )
    parts.append(f'<line class="axis" x1="{left}" x2="{width - left}" y1="{bottom}" y2="{bottom}"/>')
    for value, at, anchor in ((low, left, "start"), (high, width - left, "end")):
        parts.append(f'<text class="small" x="{at}" y="{bottom + 14}" text-anchor="{anchor}">{value:.3g}</text>')
    return "".join([*parts, "</svg>"])


def piano_roll(notes: Sequence[Note], length_seconds: float, *, title: str, width: int = 460, height: int = 170) -> str:
    """Notes as bars over time, one colour per voice, louder notes darker; from the lowest to the highest pitch."""
    lowest = min((n.pitch for n in notes), default=60)
    highest = max((n.pitch for n in notes), default=60)
    row = (height - 20) / (highest - lowest + 1)
    scale = width / length_seconds
    parts = [_open(width, height, title), f'<rect class="ground" y="20" width="{width}" height="{height - 20}"/>']
    for second in range(5, int(length_seconds), 5):
        parts.append(f'<line class="grid" x1="{second * scale:.1f}" x2="{second * scale:.1f}" y1="20" y2="{height}"/>')
    for note in notes:
        y = 20 + (highest - note.pitch) * row
        length = max(note.length_seconds * scale, 1.2)
        opacity = 0.35 + 0.65 * note.velocity / MAX_VELOCITY
        parts.append(
            f'<rect class="voice{note.voice % VOICE_COLOURS}" x="{note.start_seconds * scale:.1f}" y="{y:.1f}" '
            f'width="{length:.1f}" height="{max(row, 1.5):.1f}" opacity="{opacity:.2f}"/>'
        )
    parts.append(f'<text x="0" y="13">{escape(title)}</text>')
    return "".join([*parts, "</svg>"])


def _open(width: int, height: int, label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(label)}">'
    )


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)
