"""One rendering as a separate process (`library.renderer`), followed and ended from here."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from generator.engine.limited_process import (
    ProcessFailed,
    ProcessStopped,
    Reason,
    folder_in,
    remove_folders_in,
    run_limited,
)
from library.score import RenderError

# A piece of the greatest length takes a minute alone on a processor; beside other work, several.
WALL_SECONDS = 1200.0
STALE_FOLDER_SECONDS = 2 * WALL_SECONDS
_PREFIX = "render-"
_FAULT = "The audio file could not be made. Something went wrong on our side."
SENTENCES = {
    Reason.WALL_SECONDS: "Making the audio file took too long. Try again when the site is less busy.",
    Reason.CPU_SECONDS: "The audio file needs too much computing time, or the machine ran out of memory.",
    Reason.MEMORY: "The audio file needs too much memory, or the synthesizer could not play the piece.",
    Reason.FAULT: _FAULT,
}


class RenderStopped(Exception):
    """The audio file is no longer wanted, or this worker is ending."""


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
        limits: other values for `library.renderer.LIMITS` and `library.score.ScoreLimits`.

    Raises:
        RenderError: a sentence for the user.
        RenderStopped: `should_stop` said so.
        OSError: there is no room for the files.
    """
    with folder_in(_parent(), _PREFIX) as folder:
        (folder / "piece.mid").write_bytes(midi)
        (folder / "texts.json").write_text(json.dumps({"title": title, "mark": mark}))
        output = folder / f"sound.{audio_format}"
        arguments = [str(folder / "piece.mid"), "--format", audio_format]
        arguments += ["--output", str(output), "--texts", str(folder / "texts.json")]
        arguments += ["--sounds", str(settings.BASE_DIR / "static" / "sounds"), "--synthesizer", settings.SYNTHESIZER]
        arguments += [f"--{limit.replace('_', '-')}={value}" for limit, value in (limits or {}).items()]
        try:
            run_limited(
                "library.renderer",
                arguments,
                cwd=settings.BASE_DIR,
                folder=folder,
                wall_seconds=wall_seconds,
                on_answer=lambda answer: on_share(float(answer.get("share", 0.0))),
                should_stop=should_stop,
            )
        except ProcessFailed as error:
            raise RenderError(error.sentence or SENTENCES[error.reason]) from error
        except ProcessStopped as error:
            raise RenderStopped from error
        if not output.is_file():
            raise RenderError(_FAULT)
        yield output


def remove_old_folders() -> None:
    """Those of renderings whose worker was killed."""
    remove_folders_in(_parent(), _PREFIX, older_than_seconds=STALE_FOLDER_SECONDS)


def _parent() -> Path:
    return Path(settings.VAR_DIR) / "renderings"
