"""What a new piece is called until its owner names it."""


def clock_text(seconds: float) -> str:
    """1:30 for ninety seconds."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def piece_title(genre_name: str, ensemble_name: str, length_seconds: float) -> str:
    what = ensemble_name if ensemble_name.lower().startswith(genre_name.lower()) else f"{genre_name}: {ensemble_name}"
    return f"{what}, {clock_text(length_seconds)}"
