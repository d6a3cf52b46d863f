"""The site as processes on real servers, and what a browser does with it. Nothing here goes through Django."""

import http.cookiejar
import json
import os
import secrets
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.gate import Gate
from tests.services.servers import HOST, S3, PostgreSQL, Redis, Server, free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "pieces"
DATABASE = "music"


class Production:
    """One site: its database, its bucket, its messages, and the processes that share them."""

    def __init__(self, folder: Path, postgresql: PostgreSQL, redis: Redis, s3: S3) -> None:
        self.folder, self.postgresql, self.redis, self.s3 = folder, postgresql, redis, s3
        # The site's own way to the bucket, which a test may shut.
        self.gate = Gate(s3.port)
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        self._processes: list[Server] = []
        self.environment = {
            # Set, if only to nothing, so that neither .env nor the caller's environment leaks into a test.
            **{name: value for name, value in os.environ.items() if name not in _names_of_settings()},
            **dict.fromkeys(_names_of_settings(), ""),
            "DJANGO_SETTINGS_MODULE": "tests.services.site_settings",
            "TEST_BUNDLES_DIR": str(folder / "bundles"),
            "SECRET_KEY": "a-key-for-tests-alone-that-is-long-enough",
            "SITE_URL": self.url,
            "READY_TOKEN": "a-token-for-tests-alone",
            "BIND": HOST,
            "PORT": str(port),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "VAR_DIR": str(folder / "var"),
            "STATIC_ROOT": str(folder / "static"),
            "DATABASE_URL": postgresql.create_database(DATABASE),
            "BROKER_URL": redis.url,
            "S3_BUCKET": BUCKET,
            "S3_ENDPOINT_URL": f"http://{HOST}:{self.gate.port}",
            "S3_REGION": "us-east-1",
            "S3_ACCESS_KEY": "test",
            "S3_SECRET_KEY": "test",
        }

    def prepare(self) -> None:
        """As the container `release` does: the bucket, then the release process of the Procfile."""
        for _ in range(2):  # it is there already the second time
            self.run([sys.executable, "docker/make_bucket.py"])
        self.run(command_of("release"))

    def python(self, *arguments: str) -> str:
        """What a process of the site prints."""
        return self.run([sys.executable, *arguments])

    def run(self, command: list[str], **environment: str) -> str:
        """What a process of the site prints, in this environment."""
        given = {**self.environment, **environment}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_web(self) -> None:
        web = self._start("web", command_of("web"))
        web.wait_until(lambda: urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close())  # noqa: S310

    def ready(self) -> dict[str, Any]:
        """What /readyz tells whoever has the token."""
        headers = {"Authorization": f"Bearer {self.environment['READY_TOKEN']}"}
        request = urllib.request.Request(f"{self.url}/readyz", headers=headers)  # noqa: S310  an address of our own
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))

    def start_worker(self, **environment: str) -> Server:
        worker = self._start(f"worker-{len(self._processes)}", command_of("worker"), **environment)
        worker.wait_until(lambda: self._is_seen(worker))
        return worker

    def _start(self, name: str, command: list[str], **environment: str) -> Server:
        # A worker has to keep its folder of loaded bundles apart, as on a machine of its own.
        given = {**self.environment, "BUNDLE_CACHE_DIR": str(self.folder / f"cache-{name}"), **environment}
        path = {"PYTHONPATH": str(ROOT)}
        server = Server(name, command, self.folder, env={**given, **path})
        self._processes.append(server)
        return server

    def _is_seen(self, worker: Server) -> None:
        if not self.rows("SELECT 1 FROM generator_workerbeat WHERE pid = %s", worker.process.pid):
            raise OSError("The worker has not said that it lives yet.")

    def rows(self, query: str, *values: Any, database: str = DATABASE) -> list[tuple[Any, ...]]:
        connection = self.postgresql.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, values)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def names_in_bucket(self) -> set[str]:
        return set(self.s3.names(BUCKET))

    def stop(self) -> None:
        for server in self._processes:
            server.stop()
        self.gate.shut()


def command_of(process: str) -> list[str]:
    """A process of the Procfile, started as in a container."""
    return ["sh", "-c", f"cd {shlex.quote(str(ROOT))} && exec docker/process {process}"]


def _names_of_settings() -> list[str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return [line.lstrip("#").partition("=")[0] for line in lines if "=" in line and line.startswith("#")]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """A visitor with cookies. Comes to the compose page first, as everyone does, and so has a CSRF token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self._cookies)
        )
        assert self.get("/").status == 200

    def get(self, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._open(urllib.request.Request(self.url + path, headers=named))  # noqa: S310  an address of our own

    def post(self, path: str, data: dict[str, Any]) -> Answer:
        token = next(cookie.value for cookie in self._cookies if cookie.name == "csrftoken")
        headers = {"Content-Type": "application/json", "X-CSRFToken": str(token)}
        return self._open(
            urllib.request.Request(self.url + path, data=json.dumps(data).encode(), headers=headers)  # noqa: S310
        )

    def send(self, path: str, *files: tuple[str, bytes], **fields: str) -> Answer:
        """A form, with files for its field `file`, as its script sends it."""
        token = next(cookie.value for cookie in self._cookies if cookie.name == "csrftoken")
        mark = secrets.token_hex(16)
        parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
        parts += [(f'name="file"; filename="{name}"', data) for name, data in files]
        body = b"".join(
            f"--{mark}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
            for head, data in parts
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "X-CSRFToken": str(token)}
        headers |= {"Accept": "application/json", "Referer": self.url + path}
        whole = body + f"--{mark}--\r\n".encode()
        return self._open(urllib.request.Request(self.url + path, data=whole, headers=headers))  # noqa: S310

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=60) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def ask_for_music(self, length_seconds: float, form_token: str = "") -> Answer:
        wanted = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": length_seconds}
        return self.post("/api/v1/generations/", {**wanted, "form_token": form_token})

    def follow(self, generation_id: str) -> tuple[dict[str, Any], list[list[int]]]:
        """Reads notes as the page does until the job has ended: the last answer, and every note that came."""
        notes: list[list[int]] = []
        after = 0

        def ended() -> dict[str, Any]:
            nonlocal after
            answer = self.get(f"/api/v1/generations/{generation_id}/notes/?after={after}")
            assert answer.status == 200, answer.body
            notes.extend(answer.json["notes"])
            after = answer.json["next"]
            over = answer.json["status"] in ("succeeded", "failed", "cancelled") and not answer.json["notes"]
            return dict(answer.json) if over else {}

        return wait_until(ended, what=f"generation {generation_id} has ended"), notes
