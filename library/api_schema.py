"""Query parameters, headers and examples of pieces in the OpenAPI schema."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiTypes

from library.api_paging import PAGING
from library.filters import SORTS, STATES
from library.models import Piece


def _query(name: str, description: str, schema: Any = OpenApiTypes.STR, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, schema, description=description, **options)


_NUMBER = {"type": "number", "minimum": 0, "maximum": 1_000_000}

# What a list leaves out.
CHOICES = [
    _query("q", "Words from the title, tags and comments; each matches the beginning of a word."),
    _query("genre", "Slug of a genre."),
    _query("type", "Key of a type."),
    _query("style", "Key of a style."),
    _query("key", "For example C minor."),
    _query("qpm_min", "Lowest tempo in BPM.", _NUMBER),
    _query("qpm_max", "Highest tempo in BPM.", _NUMBER),
    _query("length_min", "Shortest length: seconds, or for example 1:30 or 2 min."),
    _query("length_max", "Longest length."),
    _query("from", "First day, for example 2026-11-30.", OpenApiTypes.DATE),
    _query("until", "Last day.", OpenApiTypes.DATE),
    _query("tz", "Time zone of `from` and `until`, for example Pacific/Auckland. Default: the site's time zone."),
    _query("favourite", "1 for favourites only.", enum=["1", "0"]),
    _query("collection", "Id of one of your collections.", {"type": "integer", "minimum": 0}),
    _query("tag", "Name of a tag."),
    _query("origin", "How the piece was made.", enum=Piece.Kind.values),
    _query("rating", "Your rating.", enum=["1", "0", "-1"]),
    _query("state", "Drafts only, or kept pieces only.", enum=STATES),
]
FILTERS = [*CHOICES, _query("sort", "Sort order.", enum=SORTS), *PAGING]
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the version you read, so that no change is lost. 412 if the piece has changed since, 428 "
    "if the header is missing. * overwrites any version.",
)
ETAG = OpenApiParameter(
    "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[200], description="This version, to send as If-Match."
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
