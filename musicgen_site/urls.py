"""Every address of the site. The apps name their own."""

from django.contrib import admin
from django.urls import include, path

from musicgen_site import health, well_known

# Where one of django-allauth's limits is reached.
handler429 = "accounts.page_limits.too_many_attempts"
handler500 = "musicgen_site.errors.error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", health.live, name="health"),
    path("readyz", health.ready, name="ready"),
    path("manifest.webmanifest", well_known.manifest, name="manifest"),
    path(".well-known/security.txt", well_known.security_txt, name="security-txt"),
    path("api/v1/", include("musicgen_site.api_urls")),
    path("", include("accounts.signing_urls")),
    path("", include("accounts.urls")),
    path("", include("library.urls")),
    path("", include("generator.urls")),
]
