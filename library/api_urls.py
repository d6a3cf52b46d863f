"""Below /api/v1/ (musicgen_site.api_urls)."""

from django.urls import path

from library import api, api_collections, api_files

urlpatterns = [
    path("pieces/", api.PieceList.as_view(), name="pieces"),
    path("pieces/bulk/", api.PiecesBulk.as_view(), name="pieces-bulk"),
    path("pieces/zip/", api_files.PiecesZip.as_view(), name="pieces-zip"),
    path("pieces/upload/", api_files.PieceUpload.as_view(), name="piece-upload"),
    path("pieces/<uuid:pk>/", api.PieceDetail.as_view(), name="piece"),
    path("pieces/<uuid:pk>/keep/", api.PieceKeep.as_view(), name="piece-keep"),
    path("pieces/<uuid:pk>/trash/", api.PieceTrash.as_view(), name="piece-trash"),
    path("pieces/<uuid:pk>/restore/", api.PieceRestore.as_view(), name="piece-restore"),
    path("pieces/<uuid:pk>/favourite/", api.PieceFavourite.as_view(), name="piece-favourite"),
    path("pieces/<uuid:pk>/rating/", api.PieceRating.as_view(), name="piece-rating"),
    path("pieces/<uuid:pk>/share-links/", api_collections.ShareLinks.as_view(), name="share-links"),
    path("pieces/<uuid:pk>/midi/", api_files.PieceMidi.as_view(), name="piece-midi"),
    path("pieces/<uuid:pk>/voices/", api_files.PieceVoices.as_view(), name="piece-voices"),
    path("pieces/<uuid:pk>/audio/", api_files.PieceAudioList.as_view(), name="piece-audio-list"),
    path("pieces/<uuid:pk>/audio/<slug:audio_format>/", api_files.PieceAudio.as_view(), name="piece-audio"),
    path("drafts/trash/", api.DraftsTrash.as_view(), name="drafts-trash"),
    path("trash/", api.TrashList.as_view(), name="trash"),
    path("collections/", api_collections.CollectionList.as_view(), name="collections"),
    path("collections/<int:pk>/", api_collections.CollectionDetail.as_view(), name="collection"),
    path("collections/<int:pk>/pieces/", api_collections.CollectionPieces.as_view(), name="collection-pieces"),
    path(
        "collections/<int:pk>/pieces/<uuid:piece>/",
        api_collections.CollectionPiece.as_view(),
        name="collection-piece",
    ),
    path("tags/", api_collections.TagList.as_view(), name="tags"),
    path("share-links/<uuid:pk>/", api_collections.ShareLinkDetail.as_view(), name="share-link"),
]
