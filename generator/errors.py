"""What can go wrong between a wish and a job, each with one sentence for the user."""


class QuotaExceeded(Exception):
    """An owner asked for more than the limits allow just now; it is worth trying again after some seconds."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class NoModelInstalled(Exception):
    """No genre has an active model, so there is nothing to compose with."""

    def __init__(self) -> None:
        self.message = (
            "No genre model is installed. Install one with: "
            "python manage.py import_genre_model generator/bundles/piano.bundle --activate"
        )
        super().__init__(self.message)


class GenreModelInUse(Exception):
    """A model that composes now cannot be removed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NoPreviousModel(Exception):
    """A genre has nothing to return to."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
