#!/usr/bin/env python3
"""Sees to it that the browser tests have a Chromium, or says in one sentence how to get one."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def found() -> str | None:
    """Debian's or the system's Chromium, else the one that Playwright keeps."""
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
            return path if os.path.exists(path) else None
    except Exception:
        return None


def main() -> None:
    if found():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Installing Chromium for the browser tests", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.call(["apt-get", "update", "-qq"], env=environment)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.call(install, env=environment, stdout=subprocess.DEVNULL)
    else:
        print("==> Fetching Playwright's Chromium for the browser tests", flush=True)
        subprocess.call([sys.executable, "-m", "playwright", "install", "chromium"])
    if not found():
        sys.exit(
            "The browser tests need Chromium: install it with `sudo apt install chromium` and run make test again."
        )


if __name__ == "__main__":
    main()
