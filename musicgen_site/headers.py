"""Headers of every response, besides those that Django sends (settings: SECURE_…, CONTENT_SECURITY_POLICY)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# What our pages use, and no frame in them; everything else that a browser can do is off.
USED = ("autoplay", "clipboard-write", "fullscreen", "publickey-credentials-create", "publickey-credentials-get")
OFF = (
    *("accelerometer", "camera", "clipboard-read", "display-capture", "encrypted-media", "geolocation", "gyroscope"),
    *("hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi", "payment", "picture-in-picture"),
    *("screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking"),
)
PERMISSIONS = ", ".join([*(f"{name}=(self)" for name in USED), *(f"{name}=()" for name in OFF)])


class HeadersMiddleware:
    """Around everything, so that static files have them too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS)
        # No other site may put our files into its pages. Pictures for messages say otherwise themselves.
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response
