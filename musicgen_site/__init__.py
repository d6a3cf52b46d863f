"""The site: settings, addresses, and the two processes that serve it (web and worker)."""

from musicgen_site.celery import app as celery_app

__all__ = ["celery_app"]
