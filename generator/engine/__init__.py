"""The music core: encodings, networks, runtimes and the composer. It knows no Django, Celery, request or settings."""
