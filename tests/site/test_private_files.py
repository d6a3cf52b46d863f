"""What the site writes can be read by nobody else on the machine; what an older version left open is closed."""

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile

from library.storage import PrivateFileSystemStorage
from musicgen_site.private_files import close_to_others
from tests.site.test_backups import MAKE, Site


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def modes_below(folder: Path) -> set[str]:
    """Of every file and folder, itself included."""
    return {mode(path) for path in (folder, *folder.rglob("*"))}


@pytest.fixture(autouse=True)
def of_a_careless_user() -> Iterator[None]:
    """Everybody else may read what this user makes, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """As after `prepare`, and with pieces."""
    folder = tmp_path_factory.mktemp("private")
    folder.chmod(0o755)
    site = Site(folder / "var")
    site.environment["STATIC_ROOT"] = str(folder / "static")
    before = os.umask(0o022)
    made = site.python("-c", f"{PREPARE}\n{MAKE}")
    os.umask(before)
    assert made.returncode == 0, made.stderr
    return site


# Without bundles: composing an example would take long.
PREPARE = """
import django; django.setup()
from django.conf import settings
from django.core.management import call_command
settings.SHIPPED_BUNDLES_DIR = "/nowhere"
call_command("prepare")
"""


def test_database_and_pieces_are_the_owners_alone(site: Site) -> None:
    folder = Path(site.environment["VAR_DIR"])
    assert (folder / "music.sqlite3").is_file()
    assert len(list((folder / "media").rglob("*.mid"))) == 3
    assert modes_below(folder) == {"0o700", "0o600"}


def test_static_files_are_for_everybody(site: Site) -> None:
    folder = Path(site.environment["STATIC_ROOT"])
    assert list(folder.rglob("*.js.gz"))
    assert modes_below(folder) - {mode(folder / ".stamp")} == {"0o755", "0o644"}


def test_a_backup_and_its_folder_are_the_owners_alone(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "new" / "music.tar"
    said = site.manage("backup", str(file))
    assert "3 files" in said, said
    assert (mode(file.parent), mode(file)) == ("0o700", "0o600")
    back = Site(tmp_path / "back" / "var")
    assert "3 files" in back.manage("restore", str(file))
    assert modes_below(tmp_path / "back" / "var") == {"0o700", "0o600"}


def test_an_older_installation_is_closed_when_it_starts_and_the_log_says_so(site: Site) -> None:
    folder = Path(site.environment["VAR_DIR"])
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    done = site.python("manage.py", "check")
    assert "files and folders that other users of this machine could read" in done.stderr
    assert modes_below(folder) == {"0o700", "0o600"}
    assert "other users" not in site.python("manage.py", "check").stderr, "once"


@pytest.mark.parametrize(
    "code",
    [
        "import musicgen_site.wsgi",
        "import musicgen_site.asgi",
        "from musicgen_site.celery import app; from celery.signals import celeryd_init; celeryd_init.send('worker')",
    ],
)
def test_web_and_worker_write_privately(site: Site, code: str) -> None:
    done = site.python("-c", f"{code}; import os; print(oct(os.umask(0)))")
    assert done.stdout.strip() == "0o77", done.stderr


def test_the_storage_writes_privately_whatever_the_process(tmp_path: Path) -> None:
    storage = PrivateFileSystemStorage(location=str(tmp_path))
    storage.save("a.mid", ContentFile(b"music"))
    assert mode(tmp_path / "a.mid") == "0o600"


def test_folders_that_others_share_are_left_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o1777)
    close_to_others([tmp_path])
    assert mode(tmp_path) == "0o1777"
    assert f"{tmp_path} is open to other users" in caplog.text


def test_links_are_not_followed_and_the_group_keeps_the_settings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere, secrets, folder = tmp_path / "elsewhere", tmp_path / ".env", tmp_path / "var"
    folder.mkdir(0o755)
    for file, given in ((elsewhere, 0o644), (secrets, 0o644)):
        file.write_text("")
        file.chmod(given)
    (folder / "link").symlink_to(elsewhere)
    with caplog.at_level(logging.WARNING):
        close_to_others([folder, tmp_path / "none"], database=tmp_path / "no.sqlite3", secrets=secrets)
    assert (mode(folder), mode(elsewhere), mode(secrets)) == ("0o700", "0o644", "0o640")
    assert "Closed 2 files and folders" in caplog.text


def test_the_folder_of_a_developer_keeps_its_modes() -> None:
    """Files that `makemigrations` writes are copied into images, where another user reads them."""
    done = subprocess.run(
        [sys.executable, "-c", "import django, os; django.setup(); print(oct(os.umask(0)))"],
        cwd=settings.BASE_DIR, env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "MUSICGEN_TEST_DIR": ""},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "0o22"
