#!/usr/bin/env python3
"""Sees to it that the browser tests have a Chromium, or says in one sentence how to get one."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def on_this_machine() -> str | None:
    """What CHROMIUM names, else the system's own. The browser tests start the same one (tests/browser/conftest.py)."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return chosen
    return next((path for path in map(shutil.which, NAMES) if path and runs(path)), None)


def runs(path: str) -> bool:
    """Whether it is a browser: on some systems the name is a script that says where to get one."""
    try:
        done = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def playwrights_own() -> bool:
    from playwright.sync_api import Error, sync_playwright

    try:
        with sync_playwright() as playwright:
            return os.path.exists(playwright.chromium.executable_path)
    except Error:
        return False


def found() -> bool:
    return bool(on_this_machine()) or playwrights_own()


def main() -> None:
    if found():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Installing Chromium for the browser tests", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.call(["apt-get", "update", "-qq"], env=environment)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.call(install, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if not found():
        print("==> Fetching Playwright's Chromium for the browser tests", flush=True)
        subprocess.call([sys.executable, "-m", "playwright", "install", "chromium"])
    if not found():
        sys.exit(
            "The browser tests need Chromium: install it with `sudo apt install chromium` and run make test again."
        )


if __name__ == "__main__":
    main()
