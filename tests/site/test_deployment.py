"""The files of deployment agree with the code: no container can be run here, so what can be read is read."""

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

ROOT = Path(settings.BASE_DIR)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


def procfile() -> dict[str, str]:
    return dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def test_every_container_of_ours_is_a_process_of_the_procfile(compose: dict[str, Any]) -> None:
    ours = {name: one for name, one in compose["services"].items() if str(one["image"]).startswith("musicgen:")}
    assert set(ours) == {"release", "web", "worker", "composer-gpu", "helper"}
    for name, one in ours.items():
        assert (
            one["command"] == [name] or one["command"][-1].endswith("process release") or one["command"] == ["worker"]
        )


def test_containers_set_what_the_settings_know(compose: dict[str, Any]) -> None:
    known = {line.lstrip("#").partition("=")[0] for line in (ROOT / ".env.example").read_text().splitlines()}
    known |= set(re.findall(r"\$\{(\w+)", (ROOT / "Procfile").read_text()))
    for name in ("web", "worker", "composer-gpu", "helper"):
        assert set(compose["services"][name]["environment"]) <= known, name


def test_every_queue_that_tasks_go_to_is_served(compose: dict[str, Any]) -> None:
    queues = {settings.CELERY_TASK_DEFAULT_QUEUE, *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())}
    served = re.search(r"WORKER_QUEUES:-([a-z,]+)", procfile()["worker"])
    assert served and queues <= set(served[1].split(","))
    with_gpu = [compose["services"][name]["environment"]["WORKER_QUEUES"] for name in ("composer-gpu", "helper")]
    assert queues <= set(",".join(with_gpu).split(","))


def test_every_image_is_of_one_version(compose: dict[str, Any]) -> None:
    """What was started once starts the same again; a newer version is a change of this file."""
    others = [str(one["image"]) for one in compose["services"].values() if not one["image"].startswith("musicgen:")]
    base = re.search(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert base
    assert len(others) == 4
    for image in (*others, base[1]):
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?", image), image


def test_nothing_in_a_container_runs_as_root_or_holds_a_secret(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    before, _, after = dockerfile.partition("\nUSER 1000\n")
    assert "useradd --uid 1000" in before
    assert "RUN" not in after
    ignored = set((ROOT / ".dockerignore").read_text().split())
    assert {"**/.env", "docker/env", ".git", "var", "backups", "data"} <= ignored
    secrets = {"SECRET_KEY", "READY_TOKEN", "S3_SECRET_KEY", "ROOT_SECRET_KEY", "POSTGRES_PASSWORD"}
    for name, one in compose["services"].items():
        for variable, value in one.get("environment", {}).items():
            assert variable not in secrets or re.fullmatch(r"\$\{[A-Z0-9_]+:[?-]\}", value), (name, variable)
    given = {line.partition("=")[0] for line in (ROOT / "docker/env.example").read_text().splitlines() if "=" in line}
    wanted = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "compose.yaml").read_text()))
    assert wanted == {name for name in given if name.isupper()}


def test_the_proxy_leaves_compression_to_the_site() -> None:
    """Its own has no padding against BREACH, and would change the ETags that the API compares."""
    assert "encode" not in (ROOT / "docker" / "Caddyfile").read_text()


def test_the_web_container_is_asked_for_its_health(compose: dict[str, Any]) -> None:
    assert compose["services"]["web"]["healthcheck"]["test"] == ["CMD", "python", "docker/is_live.py"]
    assert compose["services"]["proxy"]["depends_on"] == {"web": {"condition": "service_healthy"}}


class Visited(BaseHTTPRequestHandler):
    """Answers as a site does that knows one host."""

    def do_GET(self) -> None:
        known = self.headers["Host"] == "music.example.org" and self.path == "/healthz"
        self.send_response(200 if known else 400)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.mark.parametrize(("hosts", "code"), [("music.example.org,other.example.org", 0), ("other.example.org", 1)])
def test_its_health_is_asked_under_the_name_that_it_knows(hosts: str, code: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Visited) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {**os.environ, "ALLOWED_HOSTS": hosts, "PORT": str(server.server_port)}
        command = [sys.executable, "docker/is_live.py"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        server.shutdown()
    assert done.returncode == code, done.stderr


def test_a_process_is_started_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text('web: printf "%s\\n" ${NAME:-nobody} web\nworker: false\n')

    def run(*arguments: str) -> str:
        command = [str(ROOT / "docker" / "process"), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ}).stdout

    assert run("web") == "nobody\nweb\n"
    assert run(sys.executable, "-c", "print('another command')") == "another command\n"


def test_the_gpu_build_differs_in_tensorflow_alone() -> None:
    cpu, gpu = (
        {re.split(r" ;| \\", line)[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}
        for name in ("requirements.txt", "requirements-gpu.txt")
    )
    assert {line.partition("==")[0] for line in cpu - gpu} == {"tensorflow-cpu"}
    assert all(line.startswith("nvidia-") for line in gpu - cpu)
