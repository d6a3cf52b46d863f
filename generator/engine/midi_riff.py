"""MIDI in a RIFF container: `.rmi` files, which Windows programs write. (MMA RP-029, "Bundling SMF and DLS data")

"RIFF" size "RMID"  then chunks: name (4 bytes), size (4 bytes, little-endian), data, a padding byte where odd
"""

from generator.engine.errors import MidiError

_HEADER_BYTES = 12
_CHUNK_HEADER_BYTES = 8


def without_riff(data: bytes) -> bytes:
    """The Standard MIDI File in an `.rmi` file; anything else as it is.

    Raises:
        MidiError: a container without MIDI data, or cut off.
    """
    if data[:4] != b"RIFF" or data[8:_HEADER_BYTES] != b"RMID":
        return data
    at = _HEADER_BYTES
    while at + _CHUNK_HEADER_BYTES <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + _CHUNK_HEADER_BYTES], "little")
        at += _CHUNK_HEADER_BYTES
        if name == b"data":
            if at + size > len(data):
                raise MidiError("This RMI file is damaged or cut off.")
            return data[at : at + size]
        at += size + size % 2
    raise MidiError("This RMI file has no MIDI data in it.")
