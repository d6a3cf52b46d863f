"""The site's settings, with everything it writes in a temporary folder of this test run.

Worker processes that a test starts use the same module: they find the folder in MUSICGEN_TEST_DIR and work on the
database, the messages and the files of the test that started them.

TEST_DATABASE_URL names a server on which the test database is made instead of a SQLite file, TEST_S3_URL one whose
bucket `tests` takes the stored files instead of a folder (`python -m tests.services.on_production` starts both). Under
`pytest -n` each process has a folder, a database and a prefix in the bucket of its own.
"""

import atexit
import os
import shutil
import tempfile

# One of the processes of `pytest -n`, or something that such a process has started.
_xdist = os.environ.get("PYTEST_XDIST_WORKER", "")
_given = os.environ.get("MUSICGEN_TEST_DIR", "")
if _xdist and not _given.endswith(f"-{_xdist}"):
    _given = ""  # the folder of the process that started this one and its siblings
_folder = _given or tempfile.mkdtemp(prefix="musicgen-tests-", suffix=f"-{_xdist}" if _xdist else None)
_owner = os.getpid()


def _remove_folder() -> None:
    # Children that are forked run this too when they end.
    if os.getpid() == _owner:
        shutil.rmtree(_folder, ignore_errors=True)


if not _given:
    atexit.register(_remove_folder)

QUOTAS = ("SECONDS_PER_HOUR", "STORED_MB", "RUNNING_JOBS")
# Set before the settings are read, and so that neither .env nor the caller's environment leaks into a test.
for _name in (
    *("DEBUG", "DATABASE_URL", "BROKER_URL", "BROKER_DIR", "MEDIA_ROOT", "STATIC_ROOT", "BUNDLE_CACHE_DIR", "PORT"),
    *("S3_BUCKET", "S3_ENDPOINT_URL", "S3_REGION", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_PREFIX", "S3_DOWNLOADS"),
    *("SITE_URL", "ALLOWED_HOSTS", "TRUSTED_PROXIES", "READY_TOKEN", "LOG_LEVEL", "SECURITY_CONTACT"),
    "RUNTIME",
    *("ADDRESS_SECONDS_PER_HOUR", "GUESTS_SECONDS_PER_HOUR", "EMAIL_URL", "MAIL_FROM"),
    *("REAUTHENTICATION_SECONDS", "ADMIN_SESSION_SECONDS", "STAFF_REQUIRE_SECOND_FACTOR", "EMAIL_UNDO_DAYS"),
    "SECURITY_EVENT_DAYS",
    *(f"{role}_{what}" for role in ("GUEST", "MEMBER", "STAFF") for what in QUOTAS),
    *("GENERATION_DEADLINE_SECONDS", "GENERATION_STALE_SECONDS", "API_READS_PER_MINUTE", "API_WRITES_PER_MINUTE"),
    *("SYNTHESIZER", "RENDERING_DAYS", "RENDERINGS_MAX_MB"),
):
    os.environ[_name] = ""
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
if os.environ.get("TEST_S3_URL"):
    os.environ |= {"S3_BUCKET": "tests", "S3_ENDPOINT_URL": os.environ["TEST_S3_URL"], "S3_REGION": "us-east-1"}
    os.environ |= {"S3_ACCESS_KEY": "test", "S3_SECRET_KEY": "test", "S3_PREFIX": os.path.basename(_folder)}
os.environ["VAR_DIR"] = os.environ["MUSICGEN_TEST_DIR"] = _folder
os.environ["SECRET_KEY"] = "a-key-for-tests-alone-that-is-long-enough"
# Playwright runs an event loop in the thread of the tests; the ORM is used beside it, not inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from musicgen_site.settings import *  # noqa: E402, F403  the one place where a settings module is extended
from musicgen_site.settings import DATABASES, STORAGES  # noqa: E402

# On disk, so that a worker process can open the database that a test writes.
ON_POSTGRESQL = DATABASES["default"]["ENGINE"].endswith("postgresql")
TEST_DATABASE = f"test_{DATABASES['default']['NAME']}" if ON_POSTGRESQL else os.path.join(_folder, "test.sqlite3")
DATABASES["default"]["TEST"] = {"NAME": TEST_DATABASE}
if _given:
    # pytest-django puts the name of the process behind the name of its database.
    DATABASES["default"]["NAME"] = f"{TEST_DATABASE}_{_xdist}" if _xdist else TEST_DATABASE
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Files are served from where they lie; the hashed names have tests of their own.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
# Tests send more in a minute than anybody; those of the limits set their own.
API_READS_PER_MINUTE = API_WRITES_PER_MINUTE = 100_000
