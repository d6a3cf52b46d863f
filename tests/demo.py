"""A library to look at: pieces with all facts, from the factories, the same for the same random numbers."""

import functools
import random
from datetime import datetime, timedelta
from typing import Any

from accounts.owners import Owner
from generator.engine.controls import seconds_per_bar
from generator.engine.midi import write_midi
from generator.engine.music import Note, Voice
from generator.titles import piece_title
from library.models import Piece
from library.rolls import RollNote, roll_of
from tests import factories

KEYS = ("C major", "G major", "F major", "A minor", "E minor", "D minor", "C minor", "Bb major", "D dorian")
TAGS = ("calm", "film", "idea", "intro", "late night", "live set", "loud", "practice", "sketch", "slow", "to finish")
COLLECTIONS = ("Autumn set", "Best of", "For the band", "Loops", "Train rides")
COMMENTS = ("", "", "", "Good opening, the end needs work.", "For the video.", "Play this to Sam.", "Second half!")
# genre → (name, [(type, its name, programs)], [(style, its name)], tempo from and to; None off the grid)
GENRES: dict[str, Any] = {
    "piano": (
        "Piano",
        [("grand-piano", "Grand piano", [0]), ("vibraphone", "Vibraphone", [11]), ("strings", "Strings", [48])],
        [("", "")],
        None,
    ),
    "drums": (
        "Drums",
        [("acoustic-kit", "Acoustic kit", [None]), ("brushes", "Brushes", [None])],
        [("rock", "Rock"), ("funk", "Funk"), ("jazz", "Jazz"), ("latin", "Latin"), ("", "")],
        (70, 180),
    ),
    "rock": (
        "Rock",
        [("power-trio", "Power trio", [None, 33, 30]), ("full-band", "Full band", [None, 33, 29, 4, 30])],
        [("metal", "Metal"), ("indie", "Indie"), ("blues", "Blues rock"), ("", "")],
        (80, 170),
    ),
    "electronic": (
        "Electronic",
        [("club", "Club", [None, 38, 81]), ("chill", "Chill", [None, 39, 88])],
        [("club", "Club"), ("synth", "Synth"), ("", "")],
        (90, 150),
    ),
}
TUNES = 24  # of each genre; more pieces share their notes
PENTATONIC = (0, 2, 4, 7, 9)


@functools.cache
def tune(genre: str, number: int) -> tuple[dict[str, Any], bytes]:
    """The facts and the file of one tune."""
    rng = random.Random(f"{genre} {number}")
    genre_name, types, styles, tempos = GENRES[genre]
    ensemble, ensemble_name, programs = rng.choice(types)
    style, style_name = rng.choice(styles)
    qpm = float(rng.randint(*tempos)) if tempos else None
    key = rng.choice(KEYS) if genre != "drums" and rng.random() < 0.7 else ""
    bars = rng.randint(4, 24)
    bar_seconds = seconds_per_bar(qpm or 100.0)
    voices = [Voice(f"Voice {at + 1}", program or 0, program is None) for at, program in enumerate(programs)]
    notes = [note for at, voice in enumerate(voices) for note in _line(rng, at, voice.is_drum, bars, bar_seconds)]
    length_seconds = max(note.end_seconds for note in notes)
    facts = {
        "genre": genre,
        "genre_name": genre_name,
        "ensemble": ensemble,
        "ensemble_name": ensemble_name,
        "style": style,
        "style_name": style_name,
        "voices": [{"name": voice.name, "program": voice.program, "is_drum": voice.is_drum} for voice in voices],
        "qpm": qpm,
        "key": key,
        "metre": "4/4" if qpm else "",
        "bars": bars if qpm else None,
        "length_seconds": length_seconds,
        "notes_count": len(notes),
        "roll": roll_of(
            (RollNote(note.pitch, note.start_seconds, note.end_seconds, voices[note.voice].is_drum) for note in notes),
            length_seconds,
        ),
        "bundle_name": f"{genre}-demo",
    }
    return facts, write_midi(notes, voices, qpm=qpm or 120.0)


def _line(rng: random.Random, voice: int, is_drum: bool, bars: int, bar_seconds: float) -> list[Note]:
    step = bar_seconds / 8
    if is_drum:
        likely = {36: 0.3, 38: 0.25, 42: 0.8}
        hits = [(at, pitch) for at in range(8) for pitch, share in likely.items() if rng.random() < share]
        return [
            Note(
                pitch, rng.randint(60, 110), bar * bar_seconds + at * step, bar * bar_seconds + (at + 0.5) * step, voice
            )
            for bar in range(bars)
            for at, pitch in hits or [(0, 36)]
        ]
    degree, notes = rng.randint(5, 12), []
    for at in range(bars * 8):
        if at and rng.random() < 0.35:
            continue
        degree = min(18, max(0, degree + rng.choice((-2, -1, -1, 0, 1, 1, 2))))
        pitch = 40 + 12 * (degree // 5) + PENTATONIC[degree % 5]
        notes.append(Note(pitch, rng.randint(50, 100), at * step, (at + rng.choice((1, 1, 2, 3))) * step, voice))
    return [
        Note(one.pitch, one.velocity, one.start_seconds, min(one.end_seconds, after.start_seconds), voice)
        for one, after in zip(notes, [*notes[1:], notes[-1]], strict=True)
        if one is not after
    ] or notes[:1]


def demo_piece(owner: Owner, rng: random.Random, *, now: datetime) -> Piece:
    """One piece of a library that somebody has used for a year: mostly kept, some drafts, a few in the trash."""
    genre = rng.choice(list(GENRES))
    facts, midi = tune(genre, rng.randrange(TUNES))
    seed = rng.randrange(2**31)
    is_draft, is_trashed = rng.random() < 0.2, rng.random() < 0.03
    age = timedelta(days=rng.uniform(0, 20 if is_draft else 400))
    title = piece_title(
        genre, facts["genre_name"], seed, style_name=facts["style_name"], key=facts["key"], qpm=facts["qpm"]
    )
    return factories.make_piece(
        owner,
        midi=midi,
        title=title,
        comment=rng.choice(COMMENTS),
        seed=seed,
        created_at=now - age,
        is_draft=is_draft,
        expires_at=now - age + timedelta(days=30) if is_draft else None,
        trashed_at=now - timedelta(days=rng.uniform(0, 25)) if is_trashed else None,
        is_favourite=rng.random() < 0.15,
        rating=rng.choices((0, 1, -1), (6, 3, 1))[0],
        **facts,
    )
