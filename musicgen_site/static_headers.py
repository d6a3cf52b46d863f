"""Headers of static files. Read by the settings, so it imports nothing of Django that needs them."""

from typing import Any

# Other sites may show it where somebody links to ours.
CARD = "/img/card."


def add_headers(headers: Any, path: str, url: str) -> None:
    if CARD in url:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
