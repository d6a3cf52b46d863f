"""A headless guest: cookies, CSRF token, JSON, and a timer for each request."""

import json
import time
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any

from bench.figures import BenchError
from bench.scratch_site import POLL_SECONDS

DEADLINE_SECONDS = 120.0


@dataclass(frozen=True)
class Wish:
    """Timings of one generation, in seconds after `began` (time.monotonic)."""

    claimed_seconds: float
    first_notes_seconds: float
    stored_seconds: float
    notes: int


class Visitor:
    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = 0
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        self.get("/")
        # The page's defaults by genre.
        self.choices = {
            genre["slug"]: {"genre": genre["slug"], "ensemble": genre["default_ensemble"]}
            for genre in self.get_json("/api/v1/genres/")
        }

    def get(self, path: str) -> bytes:
        self.requests += 1
        with self._opener.open(f"{self.url}{path}", timeout=30) as response:
            return bytes(response.read())

    def get_json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def ask_for(self, length_seconds: float, *, genre: str = "", **params: Any) -> str:
        """POSTs what the page's Generate button sends, for the first genre by default; returns the generation's
        API URL."""
        choice = self.choices[genre or next(iter(self.choices))]
        token = next(cookie.value for cookie in self._cookies if cookie.name == "csrftoken")
        request = urllib.request.Request(  # noqa: S310  our own address
            f"{self.url}/api/v1/generations/",
            data=json.dumps({**choice, "length_seconds": length_seconds, **params}).encode(),
            headers={"Content-Type": "application/json", "X-CSRFToken": str(token)},
        )
        self.requests += 1
        with self._opener.open(request, timeout=30) as response:
            return f"/api/v1/generations/{json.load(response)['id']}/"

    def watch(self, generation: str, began: float) -> Wish:
        """Polls for notes like the page, only more often, until the piece is stored; then fetches its MIDI file.

        Raises:
            BenchError: the generation failed, or two minutes have passed.
        """
        claimed = first_notes = 0.0
        after = 0
        while True:
            answer = self.get_json(f"{generation}notes/?after={after}")
            now = time.monotonic() - began
            after = answer["next"]
            if answer["status"] != "queued":
                claimed = claimed or now
            if answer["notes"]:
                first_notes = first_notes or now
            if answer["status"] == "succeeded":
                break
            if answer["status"] not in ("queued", "running") or now > DEADLINE_SECONDS:
                raise BenchError(f"A generation is {answer['status']} after {now:.1f} s: {answer['error']}")
            time.sleep(POLL_SECONDS)
        piece = answer["piece"] or answer["takes"][0]["piece"]
        if not self.get(piece["midi_url"]).startswith(b"MThd"):
            raise BenchError("What was stored is no MIDI file.")
        return Wish(claimed, first_notes, now, piece["notes_count"])
