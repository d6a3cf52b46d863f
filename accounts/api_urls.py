"""Below /api/v1/ (musicgen_site.api_urls)."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("me/", api.Me.as_view(), name="me"),
    path("guest/", api.Guest.as_view(), name="guest"),
]
