"""What programs look for at addresses that are the same on every site. `public/` holds what is a mere file."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

# RFC 9116 recommends less than a year. The date moves on with each answer: the setting is what keeps the contact true.
SECURITY_DAYS = 180
DARK, LIGHT = "#14121a", "#f7f3ec"


@require_safe
@cache_control(public=True, max_age=24 * 3600)
def manifest(request: HttpRequest) -> JsonResponse:
    """For "Install" and "Add to home screen"."""
    icons = [
        {"src": static(f"img/icon-{name}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for name, size, purpose in (("192", 192, "any"), ("512", 512, "any"), ("maskable", 512, "maskable"))
    ]
    data = {
        "name": "Musicgen",
        "short_name": "Musicgen",
        "description": "Choose a genre and a length, and hear a new piece composed by AI.",
        "start_url": "/",
        "scope": "/",
        "display": "minimal-ui",
        "background_color": LIGHT,
        "theme_color": DARK,
        "icons": icons,
    }
    return JsonResponse(data, content_type="application/manifest+json")


@require_safe
@cache_control(public=True, max_age=24 * 3600)
def security_txt(request: HttpRequest) -> HttpResponse:
    """Where to report a weakness (RFC 9116); 404 if the site names no contact."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    expires = datetime.now(UTC) + timedelta(days=SECURITY_DAYS)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {expires:%Y-%m-%dT00:00:00Z}",
        "Preferred-Languages: en",
        f"Canonical: {settings.SITE_URL}{request.path}",
    ]
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
