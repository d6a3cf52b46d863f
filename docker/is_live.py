"""Exit status 0 if the web process of this container answers at /healthz, else 1."""

import os
import sys
import urllib.request


def main() -> None:
    # The first may be a pattern: "*", or ".example.org".
    host = (os.environ.get("ALLOWED_HOSTS") or "localhost").split(",")[0].strip().lstrip("*.") or "localhost"
    address = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/healthz"
    request = urllib.request.Request(address, headers={"Host": host})
    try:
        # Without the proxies of the environment.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
    except OSError as error:
        sys.exit(f"{address} does not answer as {host}: {error}")


if __name__ == "__main__":
    main()
