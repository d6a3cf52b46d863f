"""The music core: encodings, networks, runtimes and the composer. It imports no Django and no Celery."""
