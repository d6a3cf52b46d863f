"""Below /api/v1/ (musicgen_site.api_urls)."""

from django.urls import path

from library import api

urlpatterns = [
    path("pieces/", api.PieceList.as_view(), name="pieces"),
    path("pieces/<uuid:pk>/", api.PieceDetail.as_view(), name="piece"),
    path("pieces/<uuid:pk>/keep/", api.PieceKeep.as_view(), name="piece-keep"),
]
