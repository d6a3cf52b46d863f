"""The example of docs/api.md works: run as a program of its own, against a live site and a worker."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.models import ApiToken
from accounts.tokens import token_create
from generator.models import GenreModel
from library.models import Piece
from tests.factories import make_user
from tests.workers import WorkerProcess

pytestmark = pytest.mark.worker


def example(page: str = "docs/api.md") -> str:
    text = (Path(settings.BASE_DIR) / page).read_text()
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_readme_shows_the_same() -> None:
    assert example("README.md") == example()


def test_it_is_short() -> None:
    lines = [line for line in example().splitlines() if line.strip()]
    assert len(lines) <= 20


def test_it_composes_waits_and_downloads(
    transactional_db: None,
    piano: GenreModel,
    live_server: Any,
    start_worker: Callable[..., WorkerProcess],
    tmp_path: Path,
) -> None:
    start_worker()
    program = tmp_path / "example.py"
    program.write_text(example())
    _, token = token_create(user=make_user("alice"), name="example", scopes=ApiToken.Scope.values)
    for authorization in ("", f"Bearer {token}"):
        result = subprocess.run(
            [sys.executable, str(program)],
            cwd=tmp_path,
            env={**os.environ, "SITE": live_server.url, "AUTHORIZATION": authorization},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr
        assert (tmp_path / "piece.mid").read_bytes()[:4] == b"MThd"
        (tmp_path / "piece.mid").unlink()
    assert sorted(piece.owner is None for piece in Piece.objects.all()) == [False, True]
