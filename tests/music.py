"""Music that fits one line of a test."""

import io

import mido

from generator.engine.music import Note, Voice

GRAND_PIANO = Voice("Grand piano", 0)


def notes(*rows: tuple[int, int, float, float]) -> list[Note]:
    """``notes((60, 100, 0.0, 0.5), …)``: pitch, velocity, start and end in seconds, all of voice 0."""
    return [Note(*row) for row in rows]


def scale(count: int = 16, *, pitch: int = 48, seconds: float = 0.25) -> list[Note]:
    """`count` notes one after the other, a semitone apart."""
    return [Note(pitch + i, 80, i * seconds, (i + 1) * seconds) for i in range(count)]


def notes_of_midi(data: bytes) -> list[Note]:
    """The notes of a MIDI file read by mido alone, so that nothing of ours is tested against itself.

    The voice is the number of the track among those that name a program.
    """
    file = mido.MidiFile(file=io.BytesIO(data))
    tempo = next((m.tempo for track in file.tracks for m in track if m.type == "set_tempo"), 500_000)
    found: list[Note] = []
    voice = -1
    for track in file.tracks:
        voice += any(message.type == "program_change" for message in track)
        tick = 0
        since: dict[int, tuple[int, int]] = {}
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            if message.type == "note_on" and message.velocity:
                assert message.note not in since, "a note begins while its pitch sounds"
                since[message.note] = (tick, message.velocity)
            else:
                start, velocity = since.pop(message.note)
                seconds = tempo / 1e6 / file.ticks_per_beat
                found.append(Note(message.note, velocity, start * seconds, tick * seconds, voice))
        assert not since, "a note never ends"
    return sorted(found, key=lambda note: (note.start_seconds, note.voice, note.pitch))
