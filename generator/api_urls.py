from django.urls import path, re_path

from generator import api

app_name = "api"

urlpatterns = [
    path("genres/", api.GenreList.as_view(), name="genres"),
    path("generations/", api.GenerationList.as_view(), name="generations"),
    path("generations/<uuid:pk>/", api.GenerationDetail.as_view(), name="generation"),
    path("generations/<uuid:pk>/notes/", api.GenerationNotes.as_view(), name="generation-notes"),
    path("generations/<uuid:pk>/cancel/", api.GenerationCancel.as_view(), name="generation-cancel"),
    path("pieces/", api.PieceList.as_view(), name="pieces"),
    path("pieces/<uuid:pk>/", api.PieceDetail.as_view(), name="piece"),
    path("pieces/<uuid:pk>/keep/", api.PieceKeep.as_view(), name="piece-keep"),
    re_path("", api.Missing.as_view()),
]
