"""A backup and its way back on SQLite and disk, as processes; tests/services does it on PostgreSQL and S3."""

import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from django.conf import settings

MAKE = """
import django; django.setup()
from accounts.models import User
from tests import factories
alice = User.objects.create_user("alice")
for number in range(3):
    factories.make_piece(factories.member(alice), title=f"Piece {number}")
"""
TELL = """
import django; django.setup()
from library.models import Piece
for piece in Piece.objects.order_by("title"):
    print(piece.title, piece.owner, piece.midi.read()[:4])
"""


class Site:
    """A site in a folder of its own, used through its commands."""

    def __init__(self, folder: Path) -> None:
        names = [line.lstrip("#").partition("=")[0] for line in Path(".env.example").read_text().splitlines()]
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in names},
            **dict.fromkeys((name for name in names if name.isidentifier()), ""),
            "DJANGO_SETTINGS_MODULE": "musicgen_site.settings",
            "VAR_DIR": str(folder),
            "SECRET_KEY": "a-key-for-tests-alone-that-is-long-enough",
        }

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True
        )

    def manage(self, *arguments: str) -> str:
        done = self.python("manage.py", *arguments)
        return done.stdout if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Path]:
    """A site with three pieces, and its backup."""
    folder = tmp_path_factory.mktemp("backups")
    site = Site(folder / "old")
    assert site.manage("migrate", "--verbosity", "0") == ""
    assert site.python("-c", MAKE).returncode == 0
    file = folder / "kept" / "music.tar"
    said = site.manage("backup", str(file))
    assert said.startswith("Saved the database and 3 files"), said
    assert said.endswith(f" to {file}.\n")
    return site, file


def test_a_backup_is_whole_and_private(made: tuple[Site, Path]) -> None:
    _, file = made
    with tarfile.open(file) as archive:
        names = archive.getnames()
    assert names[:2] == ["manifest.json", "database.sqlite3"]
    assert len([name for name in names if name.startswith("files/pieces/")]) == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name], "nothing else is left"


def test_a_backup_comes_back_on_another_machine(made: tuple[Site, Path], tmp_path: Path) -> None:
    old, file = made
    new = Site(tmp_path / "new")
    assert new.manage("restore", str(file)).startswith("Restored the database and 3 files.")
    told = new.python("-c", TELL).stdout
    assert told == old.python("-c", TELL).stdout
    assert told.splitlines()[0] == "Piece 0 alice b'MThd'"
    assert new.manage("check_library").endswith("Checked 3 rows and 3 files.\n")


def test_what_is_there_is_not_lost_by_mistake(made: tuple[Site, Path]) -> None:
    site, file = made
    assert "already has pieces or members. Use --replace" in site.manage("restore", str(file))
    assert site.manage("restore", str(file), "--replace").startswith("Restored the database and 3 files.")


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 10240])
def test_what_is_no_backup_is_refused(made: tuple[Site, Path], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.tar").write_bytes(content)
    said = made[0].manage("restore", str(tmp_path / "file.tar"), "--replace")
    assert "can't be read" in said or "no manifest" in said, said
    assert made[0].python("-c", TELL).stdout.count("alice") == 3
