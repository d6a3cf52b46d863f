"""A small room around dry sound: convolution with decaying noise, block by block."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SECONDS = 1.1  # after which the room is 60 dB quieter
PRE_DELAY_SECONDS = 0.012
LEVEL = 0.09
SEED = 4  # the room is the same every time


class Reverb:
    """The sum of what goes in and what comes back from the walls. One for one piece: it remembers what still sounds."""

    def __init__(self, sample_rate: int, block_frames: int) -> None:
        import numpy as np

        length = round(SECONDS * sample_rate)
        random = np.random.default_rng(SEED)
        times = np.arange(length) / sample_rate
        walls = random.standard_normal((length, 2)) * (10 ** (-3 * times / SECONDS))[:, None]
        # Air and furniture take the treble: an average of four neighbours.
        walls = np.mean([np.roll(walls, shift, axis=0) for shift in range(4)], axis=0)
        walls *= LEVEL / np.sqrt((walls**2).sum(axis=0))
        room = np.zeros((round(PRE_DELAY_SECONDS * sample_rate) + length, 2))
        room[-length:] = walls
        self._size = 1 << (block_frames + len(room)).bit_length()
        self._room = np.fft.rfft(room, self._size, axis=0)
        self._rest = np.zeros((len(room), 2))

    def process(self, block: "np.ndarray") -> "np.ndarray":
        """The next block, of at most the size that was announced."""
        import numpy as np

        frames = len(block)
        spectrum = np.fft.rfft(block, self._size, axis=0)
        echo = np.fft.irfft(spectrum * self._room, self._size, axis=0)[: frames + len(self._rest)]
        echo[: len(self._rest)] += self._rest
        self._rest = echo[frames : frames + len(self._rest)].copy()
        return (block + echo[:frames]).astype(np.float32)
