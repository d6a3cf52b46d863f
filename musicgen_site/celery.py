"""The Celery application. It only delivers: the Generation row is the truth about a job."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

from musicgen_site.private_files import write_privately

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "musicgen_site.settings")

app = Celery("musicgen_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
def worker_starts(**kwargs: Any) -> None:
    write_privately()
