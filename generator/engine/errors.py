"""Errors of the music core. Each carries one plain English sentence that may be shown to a user."""


class EngineError(Exception):
    """Base of everything the engine raises on purpose."""

    @property
    def message(self) -> str:
        return str(self)


class MidiError(EngineError):
    """A MIDI file that cannot be read or exceeds a limit."""


class BundleError(EngineError):
    """A bundle that is damaged, unsafe, too new or inconsistent."""


class PrimerError(EngineError):
    """A primer that the chosen genre cannot start from."""


class ControlError(EngineError):
    """A request for something the bundle does not offer; `control` is the param's name where one is to blame."""

    def __init__(self, message: str, control: str = "") -> None:
        super().__init__(message)
        self.control = control


class TrainingError(EngineError):
    """Training data or settings from which no model can be trained."""


class ComposingStopped(EngineError):
    """The caller asked the composer to stop between two chunks."""
