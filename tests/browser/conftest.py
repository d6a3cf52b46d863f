"""A real browser for tests: finds Chromium, and lets no page end with an error that nobody saw."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from scripts.chromium import on_this_machine
from tests.browser.player_site import PlayerSite

# Playwright's event loop lives in the test's thread, which Django would otherwise take for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # As in the browsers of people: sound needs a click first.
    "--autoplay-policy=document-user-activation-required",
]
HOW_TO_INSTALL = (
    "Browser tests need Chromium: run `apt-get install chromium`, or `playwright install chromium`, "
    "or name an executable in the environment variable CHROMIUM."
)
LOCAL_SCHEMES = {"data", "blob", "about"}


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests; each test gets a context of its own."""
    try:
        started = playwright_driver.chromium.launch(executable_path=on_this_machine(), args=CHROMIUM_ARGUMENTS)
    except Error as error:
        pytest.fail(f"{HOW_TO_INSTALL} ({error.message.splitlines()[0]})", pytrace=False)
    yield started
    started.close()


class PageWatch:
    """What went wrong in a page. A test that provokes something on purpose clears it from `problems` or allows it."""

    def __init__(self, page: Page) -> None:
        self.problems: list[str] = []
        self.allowed: list[str] = []
        self._origin = ""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    def allow(self, part: str) -> None:
        """A problem whose text contains this is expected."""
        self.allowed.append(part)

    def unexpected(self) -> list[str]:
        return [problem for problem in self.problems if not any(part in problem for part in self.allowed)]

    def _on_console(self, message: ConsoleMessage) -> None:
        violates = "Content Security Policy" in message.text or "Content-Security-Policy" in message.text
        if message.type == "error" or violates:
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in LOCAL_SCHEMES:
            return
        origin = f"{parts.scheme}://{parts.netloc}"
        if not self._origin:
            self._origin = origin
        elif origin != self._origin:
            self.problems.append(f"request to another host: {request.url}")


@pytest.fixture
def make_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a fresh context with the given options; all are watched until the test ends.

    A page's watch is `page.watch`: see `PageWatch`.
    """
    contexts: list[BrowserContext] = []
    watches: list[PageWatch] = []

    def make(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        watch = PageWatch(page)
        page.watch = watch  # type: ignore[attr-defined]
        watches.append(watch)
        return page

    yield make
    unexpected = [problem for watch in watches for problem in watch.unexpected()]
    for context in contexts:
        context.close()
    assert not unexpected, "The page had problems:\n" + "\n".join(unexpected)


@pytest.fixture
def browser_page(make_page: Callable[..., Page]) -> Page:
    """A page that must end without console errors, policy violations or requests to another host."""
    return make_page()


@pytest.fixture
def poll() -> Callable[..., object]:
    """Waits until an expression in the page is truthy and returns its value; a page that is being left is asked again.

    Playwright's own `wait_for_function` needs `unsafe-eval`, which our policy forbids.
    """

    def wait(page: Page, expression: str, *, timeout_seconds: float = 20.0) -> object:
        steps = int(timeout_seconds * 1000 / 50)
        for _ in range(steps):
            try:
                value = page.evaluate(expression)
            except Error as error:
                if "Execution context was destroyed" not in error.message:
                    raise
                value = None
            if value:
                return value
            page.wait_for_timeout(50)
        pytest.fail(f"Still not true after {timeout_seconds} s: {expression}")

    return wait


@pytest.fixture(scope="session")
def player_site() -> Iterator[PlayerSite]:
    """The static files and a page with players, under the strict policy, without Django."""
    with PlayerSite() as site:
        yield site
