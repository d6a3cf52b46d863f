"""The Celery application. It only delivers: what is true of a job stands in its Generation row."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "musicgen_site.settings")

app = Celery("musicgen_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
