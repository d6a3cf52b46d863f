"""The rules of the layout (docs/architecture.md): imports point downwards, and the web process stays light."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each part may import of ours.
MAY_IMPORT = {
    "accounts": {"accounts"},
    "library": {"library", "accounts", "generator.engine"},
    "generator": {"generator", "library", "accounts"},
    "generator.engine": {"generator.engine"},
    "musicgen_site": {"musicgen_site", "generator", "library", "accounts"},
}
FRAMEWORKS = {"django", "celery", "rest_framework", "kombu"}
# Seconds to import and hundreds of megabytes: only functions of the modules named here may import them.
HEAVY_AT_TOP = {"tensorflow", "keras", "note_seq", "pretty_midi", "librosa", "ai_edge_litert"}
NEVER_IN_WEB = {
    *("tensorflow", "keras", "note_seq", "pretty_midi", "librosa", "numba", "ai_edge_litert"),
    *("numpy", "scipy", "boto3"),
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for part in ("accounts", "library", "generator", "musicgen_site"):
        for path in sorted((ROOT / part).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found.append((name.removesuffix(".__init__"), path))
    return found


def part_of(module: str) -> str:
    return "generator.engine" if f"{module}.".startswith("generator.engine.") else module.partition(".")[0]


def imported(tree: ast.AST, *, top_only: bool = False) -> set[str]:
    """Full names of what is imported, wherever it stands; with `top_only`, only what importing the module imports."""
    names: set[str] = set()
    queue: list[ast.AST] = [tree]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports here are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        if top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if top_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        queue.extend(ast.iter_child_nodes(node))
    return names


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_downwards(module: str, path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    part = part_of(module)
    ours = {name for name in imported(tree) if name.partition(".")[0] in MAY_IMPORT}
    allowed = MAY_IMPORT[part]
    wrong = {name for name in ours if not any(f"{name}.".startswith(f"{allowed_name}.") for allowed_name in allowed)}
    assert not wrong, f"{module} may import {sorted(allowed)} of ours, not {sorted(wrong)}"
    if part == "generator.engine":
        frameworks = {name for name in imported(tree) if name.partition(".")[0] in FRAMEWORKS}
        assert not frameworks, f"{module} belongs to the engine, which knows no {sorted(frameworks)}"
    heavy = {name for name in imported(tree, top_only=True) if name.partition(".")[0] in HEAVY_AT_TOP}
    assert not heavy, f"{module} may import {sorted(heavy)} inside functions only"


WEB_PROCESS = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
from musicgen_site.wsgi import application
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from tests import factories
factories.make_genre("piano")
client = Client(HTTP_HOST="localhost")
answers = [client.get("/").status_code, client.get("/library/").status_code, client.get("/healthz").status_code]
body = {"genre": "piano", "ensemble": "grand-piano", "length_seconds": 15, "form_token": "t"}
made = client.post("/api/v1/generations/", body, content_type="application/json")
answers.append(made.status_code)
answers.append(client.get(f"/api/v1/generations/{made.json()['id']}/notes/?after=0").status_code)
piece = factories.make_piece(is_example=True)
answers.append(client.get(f"/pieces/{piece.pk}/").status_code)
answers.append(client.get(f"/pieces/{piece.pk}/midi/").status_code)
print(json.dumps({"answers": answers, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def test_the_web_process_serves_everything_without_an_engine(tmp_path: Path) -> None:
    """A request that pulled TensorFlow in would take seconds and half a gigabyte."""
    result = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS],
        cwd=ROOT,
        env={**os.environ, "MUSICGEN_TEST_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout.splitlines()[-1])
    assert seen["answers"] == [200, 200, 200, 201, 200, 200, 200]
    assert NEVER_IN_WEB.isdisjoint(seen["modules"]), sorted(NEVER_IN_WEB & set(seen["modules"]))
