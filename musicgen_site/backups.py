"""One file with everything that the site keeps: the database and the stored files. And all of it back from there.

    manifest.json       what it is: time, kind of database, names and sizes
    database.sqlite3    or database.dump, as pg_dump writes it
    files/…             every stored file, under its name

The database is read first and the files after it. A file is stored before its row, so every row of the copy has its
file in it; files that are newer than the rows are found by `check_library`. Secrets (.env) are not in it.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection

from musicgen_site.private_files import make_folder

FORMAT = 1
DATABASE_FILES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}


class BackupError(Exception):
    """One sentence about why it failed."""


@dataclass(frozen=True, slots=True)
class Counts:
    files: int
    bytes: int


def backup(target: Path, *, on_file: Callable[[str], None] = lambda name: None) -> Counts:
    """Writes everything to a tar file that appears under its name once it is whole. The site can keep running.

    Raises BackupError, and OSError where the disk or the storage fails.
    """
    kind = connection.vendor
    part = target.with_name(f"{target.name}.part")
    make_folder(target.parent)
    # Nobody else may read what is in it: names, addresses of mail, hashed passwords.
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
            manifest = {"format": FORMAT, "database": kind, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
            _add(archive, "manifest.json", BytesIO(json.dumps(manifest).encode()), len(json.dumps(manifest)))
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                dump = Path(folder, DATABASE_FILES[kind])
                _dump_database(kind, dump)
                archive.add(dump, arcname=dump.name)
            counts = _add_files(archive, on_file)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return counts


def _add_files(archive: tarfile.TarFile, on_file: Callable[[str], None]) -> Counts:
    files = total = 0
    for found in default_storage.stored_objects():  # type: ignore[attr-defined]
        if found.name.endswith(".part"):
            continue
        try:
            chunks = default_storage.stream(found.name)  # type: ignore[attr-defined]
        except FileNotFoundError:
            continue  # removed since the list was made
        _add(archive, f"files/{found.name}", BufferedReader(_Chunks(chunks)), found.size_bytes)
        on_file(found.name)
        files, total = files + 1, total + found.size_bytes
    return Counts(files, total)


def _add(archive: tarfile.TarFile, name: str, stream: Any, size_bytes: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size_bytes, 0o600
    archive.addfile(entry, stream)


def restore(source: Path, *, replace: bool = False, on_file: Callable[[str], None] = lambda name: None) -> Counts:
    """Puts back what `backup` wrote. The site must be stopped. Without `replace` only into an empty site.

    The files come first, so that no row is ever without its file; the database changes at once or not at all.
    """
    kind = connection.vendor
    try:
        archive = tarfile.open(source)  # noqa: SIM115  closed below
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"{source} can't be read: {error}.") from error
    with archive, tempfile.TemporaryDirectory() as folder:
        _check_manifest(archive, kind)
        if not replace and _has_users_or_pieces():
            raise BackupError("This site already has pieces or members. Use --replace to overwrite them.")
        dump = Path(folder, DATABASE_FILES[kind])
        files = total = 0
        for entry in archive:
            if not entry.isfile():
                continue
            stream = archive.extractfile(entry)
            assert stream is not None  # noqa: S101  it is a file
            if entry.name == dump.name:
                with dump.open("wb") as target:
                    shutil.copyfileobj(stream, target)
            elif entry.name.startswith("files/"):
                name = entry.name.removeprefix("files/")
                default_storage.save(name, File(stream, name))
                on_file(name)
                files, total = files + 1, total + entry.size
        if not dump.is_file():
            raise BackupError(f"{source.name} has no database in it. The backup is incomplete.")
        _load_database(kind, dump)
    return Counts(files, total)


def _check_manifest(archive: tarfile.TarFile, kind: str) -> None:
    try:
        stream = archive.extractfile("manifest.json")
        manifest = json.loads(stream.read(10_000)) if stream else {}
    except (KeyError, ValueError) as error:
        raise BackupError("This file isn't a backup of a site: it has no manifest.") from error
    if manifest.get("format") != FORMAT:
        raise BackupError(f"Expected a backup of format {FORMAT}. Received: {manifest.get('format')!r}.")
    if manifest.get("database") != kind:
        raise BackupError(f"The backup is from {manifest.get('database')}, but DATABASE_URL uses {kind}.")


def _has_users_or_pieces() -> bool:
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in {"accounts_user", "library_piece"} & tables:
            # A new site has the piece that it shows as an example, which is nobody's.
            where = " WHERE owner_id IS NOT NULL OR guest_key <> ''" if table == "library_piece" else ""
            cursor.execute(f"SELECT 1 FROM {table}{where} LIMIT 1")  # noqa: S608  names of our own
            if cursor.fetchone():
                return True
    return False


def _dump_database(kind: str, target: Path) -> None:
    if kind == "sqlite":
        file = settings.DATABASES["default"]["NAME"]
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
            # A consistent copy while others write.
            source.backup(copy)
        return
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def _load_database(kind: str, source: Path) -> None:
    connection.close()
    if kind == "sqlite":
        target = Path(settings.DATABASES["default"]["NAME"])
        make_folder(target.parent)
        with closing(sqlite3.connect(source)) as copy, closing(sqlite3.connect(target, timeout=20)) as database:
            copy.backup(database)
            database.execute("PRAGMA journal_mode=WAL")
        return
    name = settings.DATABASES["default"]["NAME"]
    _run("pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction",
         f"--dbname={name}", str(source))  # fmt: skip


def _run(program: str, *arguments: str) -> None:
    database = settings.DATABASES["default"]
    found = shutil.which(program)
    if found is None:
        raise BackupError(
            f"{program} isn't installed. Install the PostgreSQL client, in the server's version or newer."
        )
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    environment = {name: str(database[key]) for name, key in names.items() if database.get(key)}
    if "sslmode" in database["OPTIONS"]:
        environment["PGSSLMODE"] = str(database["OPTIONS"]["sslmode"])
    done = subprocess.run(
        [found, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-1000:]}")


class _Chunks(RawIOBase):
    """Chunks of bytes as a file that tarfile can read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
