"""Below /api/v1/ (musicgen_site.api_urls)."""

from django.urls import path

from generator import api

urlpatterns = [
    path("genres/", api.GenreList.as_view(), name="genres"),
    path("generations/", api.GenerationList.as_view(), name="generations"),
    path("generations/<uuid:pk>/", api.GenerationDetail.as_view(), name="generation"),
    path("generations/<uuid:pk>/notes/", api.GenerationNotes.as_view(), name="generation-notes"),
    path("generations/<uuid:pk>/cancel/", api.GenerationCancel.as_view(), name="generation-cancel"),
    path("generations/<uuid:pk>/retry/", api.GenerationRetry.as_view(), name="generation-retry"),
]
