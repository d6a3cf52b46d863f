"""Writes of the library, by what changes together."""

from library.services.bulk import BULK_AT_MOST, ids_of
from library.services.collections import (
    collection_add,
    collection_create,
    collection_delete,
    collection_edit,
    collection_order,
    collection_remove,
)
from library.services.facts import pieces_fill_facts
from library.services.pieces import (
    piece_edit,
    piece_favourite,
    piece_file_discard,
    piece_file_name,
    piece_file_write,
    piece_keep,
    piece_store,
    pieces_keep,
)
from library.services.ratings import piece_rate, rating_of
from library.services.renderings import (
    rendering_cancel,
    rendering_missing,
    rendering_request,
    rendering_used,
    renderings_clean_up,
)
from library.services.sharing import share_link_create, share_link_revoke, share_link_seen
from library.services.tags import piece_tag, pieces_tag
from library.services.trash import (
    drafts_trash,
    piece_delete,
    piece_restore,
    piece_trash,
    pieces_delete,
    pieces_expire,
    pieces_remove,
    pieces_restore,
    pieces_trash,
    trash_empty,
)
from library.services.uploads import Outcome, UploadResult, piece_upload, zip_upload

__all__ = [
    "BULK_AT_MOST",
    "Outcome",
    "UploadResult",
    "collection_add",
    "collection_create",
    "collection_delete",
    "collection_edit",
    "collection_order",
    "collection_remove",
    "drafts_trash",
    "ids_of",
    "piece_delete",
    "piece_edit",
    "piece_favourite",
    "piece_file_discard",
    "piece_file_name",
    "piece_file_write",
    "piece_keep",
    "piece_rate",
    "piece_restore",
    "piece_store",
    "piece_tag",
    "piece_trash",
    "piece_upload",
    "pieces_delete",
    "pieces_expire",
    "pieces_fill_facts",
    "pieces_keep",
    "pieces_remove",
    "pieces_restore",
    "pieces_tag",
    "pieces_trash",
    "rating_of",
    "rendering_cancel",
    "rendering_missing",
    "rendering_request",
    "rendering_used",
    "renderings_clean_up",
    "share_link_create",
    "share_link_revoke",
    "share_link_seen",
    "trash_empty",
    "zip_upload",
]
