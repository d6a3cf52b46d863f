#!/usr/bin/env python3
"""Draws the pictures of the site from its mark (templates/includes/mark.html): `python -m scripts.icons`.

public/favicon.ico, public/apple-touch-icon.png     at the addresses where browsers look without being told
static/img/icon-192.png, -512.png, -maskable.png    for the manifest
static/img/card.png                                 for links to the site in messages
"""

import base64
import re
import struct
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from scripts.chromium import on_this_machine

ROOT = Path(__file__).resolve().parent.parent
PAPER, INK, ACCENT = "#1d1a24", "#f5efe4", "#e2b45f"
MARK = re.sub(r'class="brand-mark-accent"', f'stroke="{ACCENT}"', (ROOT / "templates/includes/mark.html").read_text())
FONT = base64.b64encode((ROOT / "static/fonts/instrument-sans-latin-wght-normal.woff2").read_bytes()).decode()
FAVICON_SIZES = (16, 32, 48)


def icon(page: Page, size: int, *, mark: float, radius: float = 0) -> bytes:
    """A square with the mark in it; `mark` and `radius` are shares of its size."""
    return draw(
        page, size, size,
        f"<style>body{{margin:0;color:{INK}}} div{{width:{size}px;height:{size}px;background:{PAPER};"
        f"border-radius:{radius * size}px;display:grid;place-items:center}}"
        f"svg{{width:{mark * size}px;height:{mark * size}px}}</style><div>{MARK}</div>",
    )  # fmt: skip


def card(page: Page) -> bytes:
    return draw(
        page, 1200, 630,
        f"<style>@font-face{{font-family:I;src:url(data:font/woff2;base64,{FONT});font-weight:400 700}}"
        f"body{{margin:0;width:1200px;height:630px;background:{PAPER};color:{INK};font-family:I;display:grid;"
        "align-content:center;gap:48px;padding:0 110px;box-sizing:border-box}"
        "h1{display:flex;align-items:center;gap:36px;font-size:112px;font-weight:600;margin:0;letter-spacing:-3px}"
        "svg{width:150px;height:150px;margin-left:-32px}"
        "p{font-size:46px;line-height:1.3;margin:0;max-width:900px}</style>"
        f"<h1>{MARK}Musicgen</h1><p>Choose a genre and a length, and hear a new piece composed by AI.</p>",
    )  # fmt: skip


def draw(page: Page, width: int, height: int, html: str) -> bytes:
    page.set_viewport_size({"width": width, "height": height})
    page.set_content(html)
    page.evaluate("document.fonts.ready")
    return page.screenshot(omit_background=True)


def ico(pictures: dict[int, bytes]) -> bytes:
    """PNG files in the frame of an .ico: a header, an entry of 16 bytes for each, then the files."""
    start = 6 + 16 * len(pictures)
    entries, files = b"", b""
    for size, data in pictures.items():
        entries += struct.pack("<BBBBHHII", size, size, 0, 0, 1, 32, len(data), start + len(files))
        files += data
    return struct.pack("<HHH", 0, 1, len(pictures)) + entries + files


def main() -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=on_this_machine(), args=["--no-sandbox"])
        page = browser.new_page()
        favicon = {size: icon(page, size, mark=0.94, radius=0.25) for size in FAVICON_SIZES}
        made = {
            "public/favicon.ico": ico(favicon),
            "public/apple-touch-icon.png": icon(page, 180, mark=0.76),
            "static/img/icon-192.png": icon(page, 192, mark=0.86, radius=0.25),
            "static/img/icon-512.png": icon(page, 512, mark=0.86, radius=0.25),
            # Launchers cut a circle out of it: the mark stays within the inner 80 %.
            "static/img/icon-maskable.png": icon(page, 512, mark=0.62),
            "static/img/card.png": card(page),
        }
        browser.close()
    for name, data in made.items():
        (ROOT / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
