"""A tiny site for the player alone: our static files and pages given by a test, under the site's content policy."""

from __future__ import annotations

import json
import threading
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

STATIC_FOLDER = Path(__file__).resolve().parents[2] / "static"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en" data-bs-theme="{theme}"><head><meta charset="utf-8"><title>Player</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/vendor/bootstrap/bootstrap.min.css">
<link rel="stylesheet" href="/static/css/music-player.css">
<link rel="stylesheet" href="/static/css/site.css">
<script type="module" src="/static/js/music-player.js"></script></head>
<body><main class="container py-4"><h1>Player</h1>{body}
<p><input id="field" aria-label="A field"></p></main></body></html>
"""
PLAYER = (
    '<music-player data-sounds="/static/sounds/" data-worklet="{worklet}" data-title="{title}" {attributes}>'
    "</music-player>"
)


def player_html(
    *,
    src: str = "",
    title: str = "Test piece",
    worklet: str = "",
    voices: list[dict[str, Any]] | None = None,
    attributes: str = "",
) -> str:
    """The element as a page writes it."""
    source = f'data-src="{src}" ' if src else ""
    if voices is not None:
        source += f'data-voices="{escape(json.dumps(voices))}" '
    return PLAYER.format(
        worklet=worklet or "/static/vendor/spessasynth/worklet.js", title=title, attributes=source + attributes
    )


class PlayerSite:
    """Serves /static/ and whatever a test adds. Paths in `broken` answer 404."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self.broken: set[str] = set()
        self.policy = POLICY
        self.requested: list[str] = []
        # What a form sent to a path is answered: status, headers, body. What it sent is in `posted`.
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.posted: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_address[1]}"

    def add_page(self, path: str, *players: str, theme: str = "light") -> str:
        """Adds a page and returns its address."""
        html = PAGE.format(body="".join(players), theme=theme)
        self.files[path] = (html.encode(), "text/html; charset=utf-8")
        return self.url + path

    def add_midi(self, path: str, data: bytes) -> str:
        self.files[path] = (data, "audio/midi")
        return path

    def find(self, path: str) -> tuple[bytes, str] | None:
        self.requested.append(path)
        if any(part in path for part in self.broken):
            return None
        if path in self.files:
            return self.files[path]
        file = (STATIC_FOLDER / path.removeprefix("/static/")).resolve()
        if path.startswith("/static/") and file.is_relative_to(STATIC_FOLDER) and file.is_file():
            return file.read_bytes(), guess_type(file.name)[0] or "application/octet-stream"
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = site.find(urlsplit(self.path).path)
                body, kind = found or (b"not here", "text/plain")
                self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", site.policy)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                path = urlsplit(self.path).path
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                site.posted.append((path, sent.decode()))
                status, headers, body = site.answers[path]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Security-Policy", site.policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Tests read their own output."""

        return Handler

    def __enter__(self) -> PlayerSite:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
