"""What can go wrong with a library, beside ValidationError."""


class PieceChanged(Exception):
    """Somebody, or another window, has changed the piece since it was read."""

    message = "This piece was changed in the meantime. Load it again, then make your change."

    def __init__(self) -> None:
        super().__init__(self.message)
