"""The site's own settings for the processes of tests/services, which read everything else from their environment."""

import os
from pathlib import Path

from musicgen_site.settings import *  # noqa: F403  a settings module that extends another
from musicgen_site.settings import INSTALLED_APPS, STORAGES

# A network that loads in a moment stands in for the shipped one.
SHIPPED_BUNDLES_DIR = Path(os.environ["TEST_BUNDLES_DIR"])
# Hashing all static files takes longer than all of these tests; tests/site and tests/browser do it.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
if os.environ.get("KILL_POINT"):
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.kill_points.KillPointsConfig"]
