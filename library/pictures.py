"""A picture of a piece as a PNG file, for the messages in which a link to it is sent. Written with zlib alone."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

from library.rolls import ROWS as ROLL_ROWS
from library.rolls import WIDTH as ROLL_WIDTH
from library.rolls import roll_notes

# What the places that show such pictures ask for.
WIDTH, HEIGHT = 1200, 630
MARGIN_X, MARGIN_Y = 90, 95
INK, STAFF = (20, 18, 26), (43, 38, 54)
# Brass, darker for low notes and lighter for high ones.
LOW, HIGH = (160, 112, 42), (242, 205, 135)


def roll_png(roll: Any) -> bytes:
    """The notes of a `Piece.roll` in brass on ink, as an 8-bit palette image of 1200 by 630."""
    rows = [bytearray(WIDTH) for _ in range(HEIGHT)]
    for line in range(5):
        y = MARGIN_Y + round(line * (HEIGHT - 2 * MARGIN_Y) / 4)
        rows[y][:] = rows[y + 1][:] = b"\x01" * WIDTH
    row_height = (HEIGHT - 2 * MARGIN_Y) / ROLL_ROWS
    column_width = (WIDTH - 2 * MARGIN_X) / ROLL_WIDTH
    for x, y, width in roll_notes(roll):
        left = MARGIN_X + round(x * column_width)
        right = max(left + 4, MARGIN_X + round((x + width) * column_width) - 2)
        top = MARGIN_Y + round((ROLL_ROWS - 1 - y) * row_height) + 1
        bottom = MARGIN_Y + round((ROLL_ROWS - y) * row_height) - 1
        for line in range(top, bottom):
            inset = 1 if line in (top, bottom - 1) else 0
            rows[line][left + inset : right - inset] = bytes([2 + y]) * (right - left - 2 * inset)
    palette = [INK, STAFF, *(_between(LOW, HIGH, row / (ROLL_ROWS - 1)) for row in range(ROLL_ROWS))]
    return _png(rows, palette)


def _between(low: tuple[int, ...], high: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(low, high, strict=True))


def _png(rows: Sequence[bytearray], palette: Sequence[tuple[int, ...]]) -> bytes:
    """https://www.w3.org/TR/png-3/: signature, header, palette, the rows without filters, end."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\x00" + row for row in rows), 6)
    chunks = [(b"IHDR", header), (b"PLTE", bytes(sum(palette, ()))), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
