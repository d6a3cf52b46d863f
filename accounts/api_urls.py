"""Below /api/v1/ (musicgen_site.api_urls)."""

from django.urls import path

from accounts import api, api_exports

urlpatterns = [
    path("me/", api.Me.as_view(), name="me"),
    path("guest/", api.Guest.as_view(), name="guest"),
    path("exports/", api_exports.ExportList.as_view(), name="exports"),
    path("exports/<uuid:pk>/", api_exports.ExportDetail.as_view(), name="export"),
    path("exports/<uuid:pk>/file/", api_exports.ExportFile.as_view(), name="export-file"),
]
