"""The whole site for browser tests, and a worker that composes when the test says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from playwright.sync_api import Page, Route

from accounts.models import User
from accounts.owners import Owner
from generator.models import Generation, NoteChunk, Take, WorkerBeat
from library.models import Piece
from tests import factories
from tests.browser.midi_bytes import live_rows, midi_bytes, scale
from tests.waiting import wait_until

LOOKS = (Path(__file__).parent / "looks.js").read_text()
COUNT_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const {value, hadRecentInput, sources} of list.getEntries())
            if (!hadRecentInput) window.shifts.push([value, ...sources.map(({node}) =>
                (node?.outerHTML ?? node?.textContent ?? "what is gone").slice(0, 90))]);
    }).observe({type: "layout-shift", buffered: true});"""
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
PLAYER = "document.querySelector('[data-generation] music-player')"
STATUS = "document.querySelector('[data-generation]').dataset.status"


@dataclass
class Site:
    """The running site and what a test does in it besides clicking."""

    url: str

    def open(self, page: Page, path: str = "/") -> None:
        page.goto(f"{self.url}{path}")

    def be_guest(self, page: Page, key: str = "guest-alice") -> None:
        """Makes the browser that of a guest who owns what `factories.guest()` owns."""
        session = SessionStore()
        session["guest_key"] = key
        session.save()
        page.context.add_cookies([{"name": "sessionid", "value": str(session.session_key), "url": self.url}])

    def be_member(self, page: Page, user: User) -> None:
        """Makes the browser that of a member who has signed in."""
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        page.context.add_cookies([{"name": "sessionid", "value": str(session.session_key), "url": self.url}])

    def seen_worker(self) -> None:
        """A worker shows that it lives, for the whole test."""
        later = timezone.now() + timedelta(hours=1)
        WorkerBeat.objects.update_or_create(worker_id="test", defaults={"hostname": "test", "pid": 1, "seen_at": later})


@dataclass
class ScriptedWorker:
    """Composes the oldest queued job, step by step, with the rows that a real worker writes."""

    notes: list[Any] = field(default_factory=list)
    generation: Generation = None  # type: ignore[assignment]
    seconds: float = 0

    def claim(self) -> ScriptedWorker:
        """Waits for a job and takes it."""
        found: Any = wait_until(
            lambda: Generation.objects.queued().oldest_first().first(), what="a job is queued", deadline_seconds=20
        )
        self.generation = found
        self.notes = scale(int(self.generation.length_seconds))
        self._update(status=Generation.Status.RUNNING, attempts=1, heartbeat_at=timezone.now())
        return self

    def compose(self, upto_seconds: float) -> ScriptedWorker:
        rows = [row for row in live_rows(self.notes) if 1000 * self.seconds <= row[2] < 1000 * upto_seconds]
        index = NoteChunk.objects.filter(generation=self.generation).count()
        NoteChunk.objects.create(generation=self.generation, index=index, notes=rows)
        self.seconds = upto_seconds
        self._update(seconds_composed=upto_seconds, heartbeat_at=timezone.now())
        return self

    def finish(self, **fields: Any) -> Piece:
        if self.seconds < self.generation.length_seconds:
            self.compose(self.generation.length_seconds)
        piece = self._piece("Piece of the test", **fields)
        Take.objects.create(generation=self.generation, index=0, seed=self.generation.seed, piece=piece)
        self._update(status=Generation.Status.SUCCEEDED, finished_at=timezone.now())
        return piece

    def finish_takes(self, *, broken: bool = False) -> list[Piece]:
        """Ends with as many takes as were asked for, the last one the best. `broken`: take 1 went wrong while it was
        heard, and was composed again."""
        if self.seconds < self.generation.length_seconds:
            self.compose(self.generation.length_seconds)
        count = self.generation.takes_asked
        found: list[tuple[int, int, int, list[str], bool]] = [
            (index, 0, count - index, [], False) for index in reversed(range(count))
        ]
        if broken:
            found = [(0, 1, 1, [], True), (0, 0, 2, ["Nothing sounds for 3.4 seconds."], False)]
        pieces = []
        for index, attempt, rank, faults, replaces in found:
            piece = self._piece(f"Take {index}.{attempt}", is_draft=True)
            Take.objects.create(
                generation=self.generation, seed=1, piece=piece, index=index, attempt=attempt, rank=rank,
                faults=faults, replaces_heard=replaces,
            )  # fmt: skip
            pieces.append(piece)
        self._update(status=Generation.Status.SUCCEEDED, finished_at=timezone.now())
        return pieces

    def fail(self, sentence: str) -> None:
        self._update(status=Generation.Status.FAILED, error_message=sentence, finished_at=timezone.now())

    def stop_when_asked(self) -> None:
        """Waits for a wish to cancel and does so, as a worker does between two chunks."""
        asked = Generation.objects.filter(pk=self.generation.pk, cancel_requested_at__isnull=False)
        wait_until(asked.exists, what="cancelling is asked for", deadline_seconds=20)
        self._update(status=Generation.Status.CANCELLED, finished_at=timezone.now())

    def _piece(self, title: str, **fields: Any) -> Piece:
        return factories.make_piece(
            Owner(user=self.generation.owner, guest_key=self.generation.guest_key),
            title=title,
            midi=midi_bytes(self.notes),
            notes_count=len(self.notes),
            seed=self.generation.seed,
            genre=self.generation.genre.slug,
            params=self.generation.params,
            **{"length_seconds": self.generation.length_seconds, **fields},
        )

    def _update(self, **fields: Any) -> None:
        Generation.objects.filter(pk=self.generation.pk).update(**fields)


def accessibility_problems(page: Page) -> list[str]:
    """What axe finds on the page as it is now. Injected by evaluate, because the policy forbids foreign scripts."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")["violations"]
    return [f"{one['id']}: {node['html'][:160]} {node['failureSummary']}" for one in found for node in one["nodes"]]


SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input, select, summary')]
    .filter((one) => one.checkVisibility({visibilityProperty: true, opacityProperty: false}))
    .filter((one) => !one.closest('.skip-link, p, .prose li, dd') && one.type !== 'hidden')
    .map((one) => [one, (one.type === 'radio' ? one.parentElement : one).getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.width < 43.5 || box.height < 43.5))
    .map(([one, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${one.outerHTML.slice(0, 120)}`)"""


def small_targets(page: Page) -> list[str]:
    """Links and controls outside of running text that a thumb would miss."""
    return page.evaluate(SMALL_TARGETS)


def sideways_scroll(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def text_of(page: Page, part: str) -> str:
    """Visible text of one part of the result, such as "status" or "title"."""
    return (page.text_content(f"[data-result-{part}]") or "").strip()


LATE_FILES = re.compile(r"/js/(?!theme)[^/]+\.js|/static/vendor/.*\.js|\.woff2")
PAINTED = "performance.getEntriesByName('first-contentful-paint').length > 0"


class SlowLine:
    """A page whose modules and fonts arrive only after its first paint, and which notes what moves."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._held: list[Route] | None = None
        page.add_init_script(COUNT_SHIFTS)
        page.route(LATE_FILES, self._on_file)

    def open(self, url: str, poll: Callable[..., object]) -> None:
        self._held = []
        self._page.goto(url, wait_until="commit")
        poll(self._page, PAINTED)
        held, self._held = self._held, None
        for route in held:
            route.continue_()
        self._page.wait_for_load_state()
        self._page.evaluate("document.fonts.ready")

    def shifts(self) -> list[str]:
        """What moved by how much, if it was more than may be."""
        found = self._page.evaluate("window.shifts")
        moved = sum(value for value, *_ in found)
        return [f"a layout shift of {moved:.3f}: {found}"] if moved > MOST_SHIFT else []

    def _on_file(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)


MOST_SHIFT = 0.05


def unsaid_words(page: Page) -> list[str]:
    """Links and buttons whose name for screen readers and voice control lacks the words on them (WCAG 2.5.3)."""
    return page.evaluate(f"({LOOKS}).unsaidWords()")


def covered_text(page: Page) -> list[str]:
    """Text that the focus ring of something beside it is drawn over."""
    return page.evaluate(f"({LOOKS}).coveredText()")
