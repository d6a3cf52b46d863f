"""The files of deployment agree with the code: no container can be run here, so what can be read is read."""

import os
import re
import subprocess
import sys
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


def test_a_process_is_started_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text('web: printf "%s\\n" ${NAME:-nobody} web\nworker: false\n')

    def run(*arguments: str) -> str:
        command = [str(ROOT / "docker" / "process"), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ}).stdout

    assert run("web") == "nobody\nweb\n"
    assert run(sys.executable, "-c", "print('another command')") == "another command\n"


def test_the_gpu_build_differs_in_tensorflow_alone() -> None:
    cpu, gpu = (
        {line.partition(" ;")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}
        for name in ("requirements.txt", "requirements-gpu.txt")
    )
    assert {line.partition("==")[0] for line in cpu - gpu} == {"tensorflow-cpu"}
    assert all(line.startswith("nvidia-") for line in gpu - cpu)
