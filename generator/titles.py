"""What a new piece is called until its owner names it."""

from library.templatetags.music import clock


def piece_title(genre_name: str, ensemble_name: str, length_seconds: float) -> str:
    what = ensemble_name if ensemble_name.lower().startswith(genre_name.lower()) else f"{genre_name}: {ensemble_name}"
    return f"{what}, {clock(length_seconds)}"
