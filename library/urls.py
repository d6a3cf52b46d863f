from django.urls import path

from library.views import bulk, collections, downloads, files, piece, pieces, shared_downloads, sharing, trash, uploads

app_name = "library"

urlpatterns = [
    path("recent/", pieces.recent, name="recent"),
    path("library/", pieces.pieces, name="pieces"),
    path("library/bulk/", bulk.bulk, name="bulk"),
    path("library/drafts/trash/", trash.drafts_trash, name="drafts-trash"),
    path("library/trash/", trash.trash, name="trash"),
    path("library/trash/empty/", trash.empty, name="trash-empty"),
    path("library/undo/", trash.undo, name="undo"),
    path("pieces/<uuid:pk>/", piece.piece, name="piece"),
    path("pieces/<uuid:pk>/edit/", piece.edit, name="piece-edit"),
    path("pieces/<uuid:pk>/keep/", piece.keep, name="piece-keep"),
    path("pieces/<uuid:pk>/favourite/", piece.favourite, name="piece-favourite"),
    path("pieces/<uuid:pk>/rate/", piece.rate, name="piece-rate"),
    path("pieces/<uuid:pk>/trash/", piece.trash, name="piece-trash"),
    path("pieces/<uuid:pk>/restore/", piece.restore, name="piece-restore"),
    path("pieces/<uuid:pk>/delete/", piece.delete, name="piece-delete"),
    path("pieces/<uuid:pk>/midi/", files.piece_midi, name="piece-midi"),
    path("pieces/<uuid:pk>/downloads/", downloads.piece_downloads, name="piece-downloads"),
    path("pieces/<uuid:pk>/voices/", downloads.piece_voices, name="piece-voices"),
    path("pieces/<uuid:pk>/audio/<slug:audio_format>/", downloads.piece_audio, name="piece-audio"),
    path("pieces/<uuid:pk>/audio/<slug:audio_format>/cancel/", downloads.piece_audio_cancel, name="piece-audio-cancel"),
    path("library/upload/", uploads.upload, name="upload"),
    path("library/zip/", downloads.bulk_zip, name="bulk-zip"),
    path("pieces/<uuid:pk>/share/", sharing.share_create, name="share-create"),
    path("share-links/<uuid:pk>/revoke/", sharing.share_revoke, name="share-revoke"),
    path("s/<str:token>/", sharing.shared, name="shared"),
    path("s/<str:token>/midi", sharing.shared_midi, name="shared-midi"),
    path("s/<str:token>/downloads", shared_downloads.shared_downloads, name="shared-downloads"),
    path("s/<str:token>/voices", shared_downloads.shared_voices, name="shared-voices"),
    path("s/<str:token>/audio/<slug:audio_format>", shared_downloads.shared_audio, name="shared-audio"),
    path("s/<str:token>/picture.png", sharing.shared_picture, name="shared-picture"),
    path("collections/", collections.collections, name="collections"),
    path("collections/<int:pk>/", collections.collection, name="collection"),
    path("collections/<int:pk>/edit/", collections.edit, name="collection-edit"),
    path("collections/<int:pk>/delete/", collections.delete, name="collection-delete"),
    path("collections/<int:pk>/order/", collections.order, name="collection-order"),
    path("collections/<int:pk>/pieces/<uuid:piece>/remove/", collections.remove, name="collection-remove"),
]
