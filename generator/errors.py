"""What can go wrong between a wish and a job, each with one sentence for the user."""


class QuotaExceeded(Exception):
    """A guest asked for more music than an hour allows."""

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        minutes = max(1, round(retry_after_seconds / 60))
        super().__init__(
            "That is more music than one guest may ask for in an hour. "
            f"Try a shorter piece, or come back in {minutes} minute{'' if minutes == 1 else 's'}."
        )

    @property
    def message(self) -> str:
        return str(self)


class NoModelInstalled(Exception):
    """No genre has an active model, so there is nothing to compose with."""

    def __init__(self) -> None:
        super().__init__(
            "No genre model is installed. Install one with: "
            "python manage.py import_genre_model generator/bundles/piano.bundle --activate"
        )

    @property
    def message(self) -> str:
        return str(self)
