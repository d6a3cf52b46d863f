"""Query parameters, headers and examples of pieces in the OpenAPI schema."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiTypes

from library.api_paging import PAGING
from library.filters import SORTS, STATES
from library.models import Piece


def _query(name: str, description: str, schema: Any = OpenApiTypes.STR, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, schema, description=description, **options)


_NUMBER = {"type": "number", "minimum": 0, "maximum": 1_000_000}

FILTERS = [
    _query("q", "Words of title, tags and notes, each at the beginning of a word."),
    _query("genre", "Slug of a genre."),
    _query("type", "Key of a type."),
    _query("style", "Key of a style."),
    _query("key", "Such as C minor."),
    _query("qpm_min", "The slowest tempo.", _NUMBER),
    _query("qpm_max", "The fastest tempo.", _NUMBER),
    _query("length_min", "The shortest, in seconds, or as 1:30."),
    _query("length_max", "The longest, in seconds, or as 1:30."),
    _query("from", "The first day, such as 2026-11-30.", OpenApiTypes.DATE),
    _query("until", "The last day.", OpenApiTypes.DATE),
    _query("favourite", "1 for favourites alone.", enum=["1", "0"]),
    _query("collection", "Id of one of the own collections.", {"type": "integer", "minimum": 0}),
    _query("tag", "Name of a tag."),
    _query("origin", "How it came to be.", enum=Piece.Kind.values),
    _query("rating", "The own rating.", enum=["1", "0", "-1"]),
    _query("state", "Drafts alone, or none of them.", enum=STATES),
    _query("sort", "The order.", enum=SORTS),
    *PAGING,
]
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of what was read, so that nobody's change is lost: 412 where it was changed since, "
    "428 without. * for whatever is there.",
)
ETAG = OpenApiParameter(
    "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[200], description="Of this version, for If-Match."
)

PIECE: dict[str, Any] = {
    "id": "0d4f8a4c-5f5e-4b0e-9a53-2f6a1f0f7a11",
    "title": "Copper River",
    "comment": "",
    "is_favourite": True,
    "rating": 1,
    "tags": ["calm"],
    "genre": "piano",
    "genre_name": "Piano",
    "ensemble": "grand-piano",
    "ensemble_name": "Grand piano",
    "style": "",
    "style_name": "",
    "voices": [{"name": "Grand piano", "program": 0, "is_drum": False}],
    "length_seconds": 60.2,
    "notes_count": 412,
    "qpm": None,
    "key": "C minor",
    "metre": "",
    "bars": None,
    "seed": 7,
    "temperature": 1.0,
    "top_p": 0.97,
    "params": {"ensemble": "grand-piano", "length_seconds": 60},
    "bundle_name": "piano-1",
    "bundle_sha256": "9f2c…",
    "runtime": "litert",
    "size_bytes": 4120,
    "file_name": "",
    "facts": ["1:00 of music, 412 notes."],
    "faults": [],
    "originality": "Original: no passage of nine or more notes matches the training music.",
    "borrowed": None,
    "figures": {},
    "kind": "new",
    "is_draft": False,
    "is_example": False,
    "is_mine": True,
    "created_at": "2026-11-22T12:00:00Z",
    "expires_at": None,
    "trashed_at": None,
    "url": "/pieces/0d4f8a4c-5f5e-4b0e-9a53-2f6a1f0f7a11/",
    "midi_url": "/pieces/0d4f8a4c-5f5e-4b0e-9a53-2f6a1f0f7a11/midi/",
    "source": None,
}
IDS = {"ids": [PIECE["id"]]}
COLLECTION = {
    "id": 1,
    "title": "For the train",
    "description": "",
    "pieces_count": 3,
    "created_at": "2026-11-22T12:00:00Z",
    "updated_at": "2026-11-22T12:00:00Z",
}
SHARE_LINK = {
    "id": "3e2ce21c-0ec0-40dc-b730-91074acb9bda",
    "url": "http://localhost:8000/s/Ezso-Ldl99bbulmBBfbpzsL9ZoZryIB6/",
    "created_at": "2026-11-22T12:00:00Z",
    "expires_at": "2026-12-31T23:00:00Z",
    "views_count": 0,
}
REFUSED = {"name": "notes.txt", "outcome": "refused", "sentence": "This is not a MIDI file.", "piece": None}
