"""Pages with the player bar and lists of pieces, served without Django."""

from __future__ import annotations

import json
from html import escape

from tests.browser.midi_bytes import midi_bytes, scale
from tests.browser.player_site import PlayerSite

SHELL = """<!doctype html>
<html lang="en" data-bs-theme="{theme}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/vendor/bootstrap/bootstrap.min.css">
<link rel="stylesheet" href="/static/css/music-player.css"><link rel="stylesheet" href="/static/css/site.css">
<link rel="stylesheet" href="/static/css/player-bar.css">{head}</head>
<body><header class="site-header"><nav aria-label="Main">{links}</nav></header>
<main id="main" tabindex="-1"><h1>{title}</h1>{body}</main>
<footer class="site-footer"><p>The end</p></footer>
<player-bar hidden data-owner="{owner}" data-sounds="/static/sounds/"
  data-worklet="/static/vendor/spessasynth/worklet.js"></player-bar>
<script type="module" src="/static/js/navigation.js" data-navigation data-aside="/admin/ /account/"></script>
<script type="module" src="/static/js/player-bar.js"></script>{scripts}</body></html>
"""
PIANO = [{"name": "Piano", "program": 0, "is_drum": False}]
LINKS = '<a href="/list/">List</a> <a href="/other/">Other</a>'
BUTTONS = (
    "<button hidden data-play-all>Play all</button> <button hidden data-play-shuffled>Shuffle all</button> "
    "<button hidden data-queue-add>Add all</button>"
)


def midi_path(name: str) -> str:
    return f"/{name.replace(' ', '-')}.mid"


def row(name: str, *, seconds: float) -> str:
    return (
        f'<li data-play-item data-src="{midi_path(name)}" data-title="{name}" data-href="/piece/{name}/" '
        f'data-length="{seconds}" data-voices="{escape(json.dumps(PIANO))}">'
        f'<a href="/piece/{name}/" data-play-now>{name}</a> '
        "<button hidden data-play-next>Next</button> <button hidden data-queue-add>Add</button></li>"
    )


class BarSite:
    """A list of pieces under /list/, a page under /other/, and a page for each piece."""

    def __init__(self, site: PlayerSite) -> None:
        self.site = site
        self.url = site.url

    def page(
        self,
        path: str,
        *parts: str,
        title: str = "",
        head: str = "",
        scripts: str = "",
        owner: str = "",
        theme: str = "light",
    ) -> str:
        html = SHELL.format(
            title=title or path.strip("/").title(),
            body="".join(parts),
            links=LINKS,
            head=head,
            scripts=scripts,
            owner=owner,
            theme=theme,
        )
        self.site.files[path] = (html.encode(), "text/html; charset=utf-8")
        return self.url + path

    def script(self, path: str, source: str) -> str:
        self.site.files[path] = (source.encode(), "text/javascript")
        return f'<script type="module" src="{path}"></script>'

    def pieces(self, *names: str, seconds: float = 30) -> list[str]:
        """Rows for these names; all of one length."""
        for name in names:
            self.site.add_midi(midi_path(name), midi_bytes(scale(seconds)))
            self.page(f"/piece/{name}/", title=f"Piece {name}")
        return [row(name, seconds=seconds) for name in names]

    def listing(self, *names: str, seconds: float = 30, attributes: str = "", path: str = "/list/", **page: str) -> str:
        rows = "".join(self.pieces(*names, seconds=seconds))
        body = f'<div id="pieces" data-play-list {attributes}>{BUTTONS}<ul>{rows}</ul></div>'
        return self.page(path, body, **page)
