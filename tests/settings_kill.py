"""Settings of a worker process that stops at one place of its work and waits there to be killed (tests.kill_points)."""

from tests.settings import *  # noqa: F403  a settings module that extends another
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.kill_points.KillPointsConfig"]
