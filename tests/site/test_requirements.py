"""What is installed: pinned by hash, the same for everybody, and looked up among known weaknesses."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from scripts import audit, bootstrap

ROOT = Path(settings.BASE_DIR)
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.txt"))


def pins(name: str) -> dict[str, str]:
    """What follows each name==version, hashes among it."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    return {line.split("==")[0]: line for line in text.splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_by_version_and_hash(name: str) -> None:
    assert pins(name)
    for line in pins(name).values():
        assert re.match(r"[A-Za-z0-9_.-]+(\[[a-z,-]+\])?==\S+", line), line[:80]
        assert re.search(r" --hash=sha256:[0-9a-f]{64}", line), line[:80]


@pytest.mark.parametrize("name", [path.name for path in sorted(ROOT.glob("requirements*.in"))])
def test_every_list_has_a_lock_with_all_that_it_names(name: str) -> None:
    wanted = re.findall(r"^([A-Za-z0-9][A-Za-z0-9_-]*)", (ROOT / name).read_text(), re.M)
    assert wanted
    locked = {re.sub(r"\[.*", "", one).lower().replace("_", "-") for one in pins(name.replace(".in", ".txt"))}
    assert {one.lower().replace("_", "-") for one in wanted} <= locked


def test_the_set_up_installs_nothing_without_its_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "run", lambda command, what: ran.append(list(command)))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path))
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda *args, **options: 1)
    bootstrap.install(["requirements.txt", "requirements-dev.txt"])
    assert len(ran) == 3
    assert all("--require-hashes" in command for command in ran)
    named = {part for command in ran for part in command if part.endswith(".txt")}
    assert named == {"requirements.txt", "requirements-dev.txt", "requirements-nodeps.txt", "requirements-uv.txt"}
    for line in re.findall(r"pip install .*", (ROOT / "Dockerfile").read_text()):
        assert "--require-hashes" in line, line


def test_one_version_of_uv_everywhere() -> None:
    assert list(pins("requirements-uv.txt")) == ["uv"]
    for name in ("Dockerfile", "scripts/bootstrap.py", "Makefile"):
        assert "uv==" not in (ROOT / name).read_text(), name


def package(name: str, *vulns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "5.6.3", "vulns": list(vulns), **more}


CVE = {"id": "GHSA-w8v5-vhqr-4h9v", "aliases": ["CVE-2025-69872"], "fix_versions": []}


class TestAudit:
    def test_the_known_exception_is_named_even_where_nothing_can_be_asked(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(audit, "ask", lambda: (None, "no route to host"))
        assert audit.main() == 2
        said = capsys.readouterr().out
        assert "diskcache, CVE-2025-69872" in said
        assert "Nothing was checked: the vulnerability database can't be reached from here (no route to host)." in said

    def test_it_alone_does_not_fail_the_audit(self) -> None:
        assert audit.judge({"dependencies": [package("diskcache", CVE), package("django")]})[0] == 0

    def test_the_same_weakness_elsewhere_and_any_other_do(self) -> None:
        other = {"id": "PYSEC-1", "aliases": [], "fix_versions": ["6.0"]}
        status, lines = audit.judge({"dependencies": [package("django", CVE), package("diskcache", other)]})
        assert status == 1
        assert "diskcache 5.6.3: PYSEC-1; fixed in 6.0" in lines
        assert any(line.startswith("django 5.6.3: CVE-2025-69872") for line in lines)

    def test_packages_that_the_index_does_not_know_are_counted(self) -> None:
        report = {"dependencies": [package("django"), {"name": "numpy", "skip_reason": "Dependency not found on PyPI"}]}
        assert audit.judge(report) == (2, [
            "Checked 1 of 2 packages: 0 unknown weaknesses.",
            "The database knows nothing of 1 packages; they were not checked.",
        ])  # fmt: skip
        status, lines = audit.judge({"dependencies": report["dependencies"][1:]})
        assert status == 2 and lines[0].startswith("Nothing was checked")

    def test_an_exception_is_one_of_a_package_that_we_have_and_documented(self) -> None:
        for known in audit.KNOWN:
            assert known.package in pins("requirements.txt")
            assert known.name in (ROOT / "docs/deployment.md").read_text()
