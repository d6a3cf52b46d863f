"""The site's settings, with everything it writes in a temporary folder of this test run.

Worker processes that a test starts use the same module: they find the folder in MUSICGEN_TEST_DIR and work on the
database, the messages and the files of the test that started them.
"""

import atexit
import os
import shutil
import tempfile

_given = os.environ.get("MUSICGEN_TEST_DIR")
_folder = _given or tempfile.mkdtemp(prefix="musicgen-tests-")
_owner = os.getpid()


def _remove_folder() -> None:
    # Children that are forked run this too when they end.
    if os.getpid() == _owner:
        shutil.rmtree(_folder, ignore_errors=True)


if not _given:
    atexit.register(_remove_folder)

# Set before the settings are read, and so that neither .env nor the caller's environment leaks into a test.
for _name in (
    *("DEBUG", "DATABASE_URL", "BROKER_URL", "BROKER_DIR", "MEDIA_ROOT", "STATIC_ROOT", "BUNDLE_CACHE_DIR", "PORT"),
    *("S3_BUCKET", "SITE_URL", "ALLOWED_HOSTS", "PROXY_COUNT", "LOG_LEVEL", "RUNTIME"),
    *("GUEST_SECONDS_PER_HOUR", "ADDRESS_SECONDS_PER_HOUR", "UNFINISHED_GENERATIONS_MAX"),
    *("GENERATION_DEADLINE_SECONDS", "GENERATION_STALE_SECONDS"),
):
    os.environ[_name] = ""
os.environ["VAR_DIR"] = os.environ["MUSICGEN_TEST_DIR"] = _folder
os.environ["SECRET_KEY"] = "a-key-for-tests-alone-that-is-long-enough"
# Playwright runs an event loop in the thread of the tests; the ORM is used beside it, not inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from musicgen_site.settings import *  # noqa: E402, F403  the one place where a settings module is extended
from musicgen_site.settings import DATABASES, STORAGES  # noqa: E402

# On disk, so that a worker process can open the database that a test writes.
TEST_DATABASE = os.path.join(_folder, "test.sqlite3")
DATABASES["default"]["TEST"] = {"NAME": TEST_DATABASE}
if _given:
    DATABASES["default"]["NAME"] = TEST_DATABASE
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Files are served from where they lie; the hashed names have tests of their own.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
