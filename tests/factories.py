"""Makes rows for tests. Every argument has a default; traits are arguments with a name of their own."""

import hashlib
import itertools
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts.models import User
from accounts.owners import Owner
from generator.models import Generation, Genre, GenreModel, Take
from library.models import Piece
from library.services import piece_file_name
from library.words import search_text_of
from tests.manifests import piano_manifest

_numbers = itertools.count(1)

# One bar of middle C, readable by any sequencer.
TINY_MIDI = bytes.fromhex("4d546864000000060001000100604d54726b0000000c00903c4060803c4000ff2f00")

PIANO_MANIFEST: dict[str, Any] = piano_manifest().as_dict()
PIANO_VOICES: list[dict[str, Any]] = PIANO_MANIFEST["ensembles"][0]["voices"]


def make_user(username: str | None = None, *, staff: bool = False, **fields: Any) -> User:
    name = username or f"user{next(_numbers)}"
    return User.objects.create_user(
        username=name, password="secret-enough", is_staff=staff, is_superuser=staff, **fields
    )


def guest(key: str = "guest-alice", address: str = "192.0.2.1") -> Owner:
    return Owner(guest_key=key, client_address=address)


def member(user: User) -> Owner:
    return Owner(user=user)


def owner_fields(owner: Owner) -> dict[str, Any]:
    return {"owner": owner.user, "guest_key": "" if owner.user else owner.guest_key or ""}


def make_genre(slug: str = "piano", *, with_model: bool = True, **fields: Any) -> Genre:
    genre, _ = Genre.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize(), **fields})
    if with_model and genre.active_model is None:
        make_genre_model(genre, active=True)
    return genre


def make_genre_model(
    genre: Genre | None = None, *, active: bool = False, manifest: dict[str, Any] | None = None, **fields: Any
) -> GenreModel:
    """A row with a manifest and no bundle behind it: enough for pages and forms, not for composing."""
    genre = genre or make_genre(with_model=False)
    number = next(_numbers)
    model = GenreModel.objects.create(
        genre=genre,
        version=fields.pop("version", number),
        name=fields.pop("name", f"{genre.slug}-{number}"),
        sha256=fields.pop("sha256", f"{number:064x}"),
        manifest=manifest or {**PIANO_MANIFEST, "genre": genre.slug, "genre_name": genre.name},
        **fields,
    )
    if active:
        genre.active_model = model
        genre.save(update_fields=["active_model"])
    return model


def make_generation(owner: Owner | None = None, *, genre: Genre | None = None, **fields: Any) -> Generation:
    genre = genre or make_genre()
    length_seconds = fields.pop("length_seconds", 15.0)
    return Generation.objects.create(
        genre=genre,
        genre_model=fields.pop("genre_model", genre.active_model),
        length_seconds=length_seconds,
        seed=fields.pop("seed", 1),
        params=fields.pop(
            "params",
            {"ensemble": "grand-piano", "length_seconds": length_seconds, "temperature": 1.0, "top_p": 0.97},
        ),
        **owner_fields(owner or guest()),
        **fields,
    )


def make_piece(owner: Owner | None = None, *, midi: bytes = TINY_MIDI, **fields: Any) -> Piece:
    number = next(_numbers)
    # Names that no other run has given: a demo fills a library that lasts (manage.py seed_demo).
    pk = fields.pop("id", uuid.uuid4())
    name = default_storage.save(piece_file_name(pk), ContentFile(midi))
    values: dict[str, Any] = {
        "title": f"Piece {number}",
        "genre": "piano",
        "genre_name": "Piano",
        "ensemble": "grand-piano",
        "ensemble_name": "Grand piano",
        "voices": PIANO_VOICES,
        "length_seconds": 15.0,
        "notes_count": 1,
        "seed": number,
        "temperature": 1.0,
        "top_p": 0.97,
        "bundle_name": "piano-1",
        "bundle_sha256": "0" * 64,
        "runtime": "litert",
        "size_bytes": len(midi),
        "file_sha256": hashlib.sha256(midi).hexdigest(),
        **owner_fields(owner or guest()),
        **fields,
    }
    values.setdefault("search_text", search_text_of([values["title"], values.get("comment", "")]))
    return Piece.objects.create(id=pk, midi=name, **values)


def make_succeeded_generation(owner: Owner | None = None, *, piece: Piece | None = None, **fields: Any) -> Generation:
    owner = owner or guest()
    generation = make_generation(owner, status=Generation.Status.SUCCEEDED, attempts=1, **fields)
    Take.objects.create(generation=generation, index=0, seed=generation.seed, piece=piece or make_piece(owner))
    return generation
