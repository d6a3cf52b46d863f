from django.urls import path

from library.views import files, piece, pieces

app_name = "library"

urlpatterns = [
    path("recent/", pieces.recent, name="recent"),
    path("pieces/<uuid:pk>/", piece.piece, name="piece"),
    path("pieces/<uuid:pk>/keep/", piece.keep, name="piece-keep"),
    path("pieces/<uuid:pk>/midi/", files.piece_midi, name="piece-midi"),
]
