"""What a visitor waits for: from clicking Generate to the first notes drawn and the first sound, in Chromium."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import BenchError, Figure, Report, Spread, arguments, as_script, say
from bench.scratch_site import DEADLINE_SECONDS, ScratchSite

ABOUT = """\
Web and worker as `make run` starts them; headless Chromium on the same machine, with a new profile for each run. The
page is idle, as it is while you choose; the clock starts with the click on Generate (defaults) and runs in the page,
which checks its player before each frame. Sound means an output level above 0.001 (−60 dB): a threshold of 0.01 would
miss soft openings."""

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=document-user-activation-required"),
]

CLOCK = """() => {
  window.bench = {};
  const look = () => {
    const player = document.querySelector('[data-generation] music-player');
    const now = performance.now() - window.bench.click;
    if (player?.notes?.length) window.bench.notes ??= now;
    if (player?.rms > 0.001) window.bench.sound ??= now;
    if (window.bench.sound === undefined) requestAnimationFrame(look);
  };
  addEventListener('click', () => { window.bench.click = performance.now(); look(); }, {capture: true, once: true});
}"""


def main() -> None:
    from playwright.sync_api import Error, sync_playwright

    options = arguments(__doc__ or "")
    report = Report("bench.measure_browser")
    runs = 1 if options.quick else 7
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        except Error as error:
            why = error.message.splitlines()[0]
            raise BenchError(f"Chromium cannot be started ({why}); `make chromium` installs it.") from error
        site = ScratchSite(Path(folder), options.bundle)
        with site.running():
            say(f"{runs} clicks on Generate")
            seen = [click(browser, site.url) for _ in range(runs)]
        browser.close()
    for key, title, target in (
        ("notes", "Click on Generate → first notes drawn", 1.5),
        ("sound", "Click on Generate → first sound", 2.5),
    ):
        report.add(
            Figure(
                key=f"click-first-{key}",
                title=title,
                unit="s wall",
                value=Spread.of([one[key] / 1000 for one in seen]),
                target=target,
            )
        )


def click(browser: Any, url: str) -> dict[str, float]:
    """Milliseconds from the click to `notes` and `sound`."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(url, wait_until="networkidle")
        page.evaluate(CLOCK)
        page.click("[data-generate]")
        for _ in range(int(DEADLINE_SECONDS / 0.1)):
            seen: dict[str, float] = page.evaluate("window.bench")
            if "sound" in seen and "notes" in seen:
                return seen
            page.wait_for_timeout(100)
        raise BenchError(f"No notes or no sound {DEADLINE_SECONDS:g} s after the click: {seen}")
    finally:
        context.close()


if __name__ == "__main__":
    as_script(main)
