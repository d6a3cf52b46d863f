"""What can go wrong with a library, beside ValidationError."""


class PieceChanged(Exception):
    """Somebody, or another window, has changed the piece since it was read."""

    message = "This piece has changed since you loaded it. Reload it and make your change again."

    def __init__(self) -> None:
        super().__init__(self.message)
