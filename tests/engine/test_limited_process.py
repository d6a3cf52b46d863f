"""Processes within limits: what they may use, what they say, how they end. Each is a real one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.engine.limited_process import (
    Answer,
    ProcessFailed,
    ProcessStopped,
    Reason,
    folder_in,
    remove_folders_in,
    run_limited,
)
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
BEGIN = """
import argparse, os, signal, subprocess, sys, threading
from generator.engine.limited_process import Limits, confine
parser = argparse.ArgumentParser()
Limits(memory_mb=300, later_memory_mb=1000, cpu_seconds=60, file_mb=1, open_files=40).add_to(parser)
options = parser.parse_args()
say = confine(Limits.of(options), parent=options.parent)
wait = threading.Event().wait
"""

Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the code as a process within limits; the folder is empty but for what it writes."""

    def run_code(code: str, *options: str, **given: Any) -> Answer:
        (tmp_path / "job.py").write_text(BEGIN + code)
        arguments: dict[str, Any] = {
            "cwd": tmp_path,
            "folder": tmp_path,
            "environment": {"PYTHONPATH": str(ROOT)},
            "wall_seconds": 120.0,
            "on_answer": lambda answer: None,
            "should_stop": lambda: False,
        }
        return run_limited("job", options, **{**arguments, **given})

    return run_code


def ended_because(run: Run, code: str, *options: str, **given: Any) -> Reason:
    with pytest.raises(ProcessFailed) as ended:
        run(code, *options, **given)
    return ended.value.reason


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"  # dead; whoever adopted it has not looked yet


def test_its_facts_are_returned_and_what_it_says_before_is_passed_on(run: Run) -> None:
    said: list[Answer] = []
    facts = run("print('of a library')\nsay(share=0.5)\nsay(facts={'notes': 3})", on_answer=said.append)
    assert facts == {"notes": 3}
    assert {} in said
    assert {"share": 0.5} in said


def test_its_own_sentence_is_passed_on(run: Run) -> None:
    with pytest.raises(ProcessFailed, match="No room") as ended:
        run("say(error='No room for it.')")
    assert (ended.value.reason, ended.value.sentence) == (Reason.SAID, "No room for it.")


def test_it_gets_nothing_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the site")
    names = set(run("say(facts={'names': list(os.environ)})")["names"])
    assert "SECRET_KEY" not in names
    assert names <= {
        *("PATH", "LD_LIBRARY_PATH", "LANG", "LC_CTYPE", "HOME", "TMPDIR", "PYTHONPATH"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"),
    }


def test_memory_is_limited_and_more_of_it_comes_later(run: Run) -> None:
    code = """
try:
    bytes(400 * 2**20)
except MemoryError:
    Limits.make_room()
    bytes(400 * 2**20)
    try:
        bytes(1100 * 2**20)
    except MemoryError:
        say(facts={})
"""
    assert run(code) == {}


def test_the_size_of_files_is_limited(run: Run) -> None:
    code = """
try:
    open("large", "wb").write(bytes(2**21))
except OSError as error:
    say(error=error.strerror)
"""
    assert ended_because(run, code) is Reason.SAID


def test_so_is_how_many_are_open(run: Run) -> None:
    code = """
try:
    held = [open(os.devnull) for _ in range(100)]
except OSError as error:
    say(error=error.strerror)
"""
    assert ended_because(run, code) is Reason.SAID


def test_computing_time_is_limited(run: Run) -> None:
    assert ended_because(run, "while True: pass", "--cpu-seconds=1") is Reason.CPU_SECONDS


def test_so_is_the_time_on_the_wall(run: Run) -> None:
    assert ended_because(run, "wait()", wall_seconds=0.0) is Reason.WALL_SECONDS


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.abort()", Reason.MEMORY),
        ("os.kill(os.getpid(), signal.SIGKILL)", Reason.CPU_SECONDS),
        ("sys.exit(3)", Reason.FAULT),
        ("say(share=1.0)", Reason.FAULT),
    ],
)
def test_an_end_without_a_word_has_a_reason(run: Run, code: str, reason: Reason) -> None:
    assert ended_because(run, code) is reason


def test_one_that_is_not_wanted_any_more_ends_with_all_that_it_started(run: Run) -> None:
    pids: list[int] = []
    code = "started = subprocess.Popen(['sleep', '600'])\nsay(pids=[os.getpid(), started.pid])\nwait()"
    with pytest.raises(ProcessStopped):
        run(code, on_answer=lambda answer: pids.extend(answer.get("pids", [])), should_stop=lambda: bool(pids))
    wait_until(lambda: all(map(is_gone, pids)), what="both processes are gone")


def test_what_follows_it_may_fail_and_it_ends_all_the_same(run: Run) -> None:
    pids: list[int] = []

    def on_answer(answer: Answer) -> None:
        pids.extend(answer.get("pids", []))
        if pids:
            raise RuntimeError("The database is away.")

    with pytest.raises(RuntimeError):
        run("say(pids=[os.getpid()])\nwait()", on_answer=on_answer)
    assert is_gone(pids[0])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_it_dies_with_whoever_started_it(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(f"{BEGIN}say(pid=os.getpid())\nwait()")
    code = f"""
from pathlib import Path
from generator.engine.limited_process import run_limited
here = Path({str(tmp_path)!r})
run_limited("job", [], cwd=here, folder=here, environment={{"PYTHONPATH": {str(ROOT)!r}}}, wall_seconds=600.0,
    on_answer=lambda answer: print(answer.get("pid", ""), flush=True), should_stop=lambda: False)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(next(line for line in parent.stdout if line.strip()))
    parent.kill()
    parent.wait()
    wait_until(lambda: is_gone(pid), what="the process is gone too")


def test_one_that_is_started_for_a_process_that_has_gone_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(f"{BEGIN}say(facts={{}})")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "job", "--parent", "1"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""


def test_a_folder_goes_with_its_process_and_an_old_one_with_the_next_look(tmp_path: Path) -> None:
    with folder_in(tmp_path / "work", "job-") as folder:
        (folder / "file").write_text("text")
    assert not folder.exists()
    old, young, other = (tmp_path / "work" / name for name in ("job-old", "job-young", "other"))
    for left in (old, young, other):
        left.mkdir()
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    remove_folders_in(tmp_path / "work", "job-", older_than_seconds=60)
    assert [left.exists() for left in (old, young, other)] == [False, True, True]
