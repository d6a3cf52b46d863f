"""The addresses of the API below /api/v1/. The apps name their own."""

from django.urls import include, path, re_path

from accounts.api_base import Missing
from musicgen_site import api_docs

app_name = "api"

urlpatterns = [
    path("", include("accounts.api_urls")),
    path("", include("library.api_urls")),
    path("", include("generator.api_urls")),
    path("schema/", api_docs.SchemaView.as_view(), name="schema"),
    path("docs/", api_docs.docs, name="docs"),
    re_path("", Missing.as_view()),
]
