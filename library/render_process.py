"""One rendering as a process of its own (`library.renderer`), followed and ended from here."""

import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from library.score import RenderError

logger = logging.getLogger(__name__)

# A piece of the greatest length takes a minute alone on a processor; beside other work, several.
WALL_SECONDS = 1200.0
LOOK_SECONDS = 0.5
ERROR_TAIL = 2000
STALE_FOLDER_SECONDS = 2 * WALL_SECONDS
_PREFIX = "render-"


class RenderStopped(Exception):
    """Whoever asked for the sound file does not want it any more, or this worker is ending."""


@contextmanager
def rendered(
    midi: bytes,
    *,
    audio_format: str,
    title: str = "",
    mark: str = "",
    on_share: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
    wall_seconds: float = WALL_SECONDS,
    limits: dict[str, float] | None = None,
) -> Iterator[Path]:
    """Renders the piece and lends the sound file.

    Args:
        on_share: called with the share that is done, about twice a second.
        should_stop: asked as often.
        limits: other values for `library.renderer.Limits` and `library.score.ScoreLimits`.

    Raises:
        RenderError: a sentence for the user.
        RenderStopped: `should_stop` said so.
        OSError: there is no room for the files.
    """
    parent = Path(settings.VAR_DIR) / "renderings"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "piece.mid").write_bytes(midi)
        (folder / "texts.json").write_text(json.dumps({"title": title, "mark": mark}))
        output = folder / f"sound.{audio_format}"
        command = [sys.executable, "-m", "library.renderer", str(folder / "piece.mid"), "--format", audio_format]
        command += ["--output", str(output), "--texts", str(folder / "texts.json"), "--parent", str(os.getpid())]
        command += ["--sounds", str(settings.BASE_DIR / "static" / "sounds"), "--synthesizer", settings.SYNTHESIZER]
        command += [f"--{limit.replace('_', '-')}={value}" for limit, value in (limits or {}).items()]
        _run(command, folder, on_share, should_stop, wall_seconds)
        if not output.is_file():
            raise RenderError("The sound file could not be made because of an error on our side.")
        yield output


def remove_old_folders() -> None:
    """Those of renderings whose worker was killed."""
    oldest = time.time() - STALE_FOLDER_SECONDS
    for folder in (Path(settings.VAR_DIR) / "renderings").glob(f"{_PREFIX}*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _run(
    command: list[str],
    folder: Path,
    on_share: Callable[[float], None],
    should_stop: Callable[[], bool],
    wall_seconds: float,
) -> None:
    errors = folder / "errors.txt"
    with errors.open("wb") as error_stream:
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=error_stream,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    try:
        answer = _follow(process, on_share, should_stop, wall_seconds)
    finally:
        # The process and whatever it may have started.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if "facts" in answer:
        return
    tail = errors.read_bytes()[-ERROR_TAIL:].decode(errors="replace")
    logger.warning("A rendering ended with %s; it wrote: %s", process.returncode, tail)
    raise RenderError(str(answer.get("error") or _sentence_of_end(process.returncode)))


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no key, no password, no address. One thread; the other processors are for composing."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG") if name in os.environ}
    single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    # Each thread's own arena counts as memory although it is empty.
    return {**kept, **dict.fromkeys(single, "1"), "HOME": str(folder), "TMPDIR": str(folder), "MALLOC_ARENA_MAX": "2"}


def _follow(
    process: "subprocess.Popen[str]",
    on_share: Callable[[float], None],
    should_stop: Callable[[], bool],
    wall_seconds: float,
) -> dict[str, Any]:
    """The last thing the process says: {"facts"} or {"error"}; empty where it ended without a word."""
    assert process.stdout is not None  # noqa: S101  opened by _run
    lines: queue.Queue[str | None] = queue.Queue(maxsize=100)
    threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True).start()
    deadline = time.monotonic() + wall_seconds
    share = 0.0
    while True:
        on_share(share)
        if should_stop():
            raise RenderStopped
        if time.monotonic() > deadline:
            raise RenderError("Making the sound file took longer than it may. Try again when the site is less busy.")
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            process.wait()
            return {}
        answer = json.loads(line)
        if "share" not in answer:
            process.wait()
            return dict(answer)
        share = float(answer["share"])


def _read_lines(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _sentence_of_end(code: int | None) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "The sound file needs more computing time than it may use, or the machine ran out of memory."
    if code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
        return "The sound file needs more memory than it may use, or the synthesizer could not bear the piece."
    return "The sound file could not be made because of an error on our side."
