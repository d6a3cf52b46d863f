"""Errors of the music core. Each carries one plain sentence that can be shown to a user."""


class EngineError(Exception):
    """Base of everything the engine raises deliberately."""

    @property
    def message(self) -> str:
        return str(self)


class MidiError(EngineError):
    """A MIDI file that cannot be read or exceeds a limit."""


class BundleError(EngineError):
    """A bundle that is damaged, unsafe, too new or inconsistent."""


class PrimerError(EngineError):
    """A primer the chosen genre cannot start from."""


class ControlError(EngineError):
    """A request for something the bundle does not offer; `control` is the name of the param, if one is to blame."""

    def __init__(self, message: str, control: str = "") -> None:
        super().__init__(message)
        self.control = control


class TrainingError(EngineError):
    """Training data or settings that cannot be used for training."""


class ComposingStopped(EngineError):
    """The caller asked the composer to stop between two chunks."""
