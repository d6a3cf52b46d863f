"""moto's S3 as a server that knows no checksum headers: it refuses them, as older S3-compatible stores do.

boto3 sends a CRC32 with every upload since version 1.36, in a header or in a trailer (`aws-chunked`), unless it is told
to do so only where S3 demands it. Stores that do not know these headers answer 501 or 400, or keep the trailer as
content.

python -m tests.services.strict_s3 HOST PORT
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

UNKNOWN = ("HTTP_X_AMZ_CHECKSUM_", "HTTP_X_AMZ_SDK_CHECKSUM_", "HTTP_X_AMZ_TRAILER", "HTTP_X_AMZ_DECODED_CONTENT_")
REFUSAL = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>NotImplemented</Code>'
    "<Message>A header you provided implies functionality that is not implemented: {}</Message></Error>"
)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def unknown_header(environ: dict[str, Any]) -> str:
    """The first header that such a server does not know; empty if there is none."""
    for name, value in environ.items():
        if name.startswith(UNKNOWN):
            return name
        if name == "HTTP_CONTENT_ENCODING" and "aws-chunked" in value:
            return name
        if name == "HTTP_X_AMZ_CONTENT_SHA256" and "TRAILER" in value:
            return name
    return ""


def strict(application: Application) -> Application:
    def refuse_or_pass_on(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        name = unknown_header(environ)
        if not name:
            return application(environ, start_response)
        # All of the body is read, so that the client does not see a connection that ends while it sends.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("501 Not Implemented", [("Content-Type", "application/xml")])
        return [REFUSAL.format(name).encode()]

    return refuse_or_pass_on


def main(host: str, port: int) -> None:
    application = strict(DomainDispatcherApplication(create_backend_app))
    run_simple(host, port, application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
