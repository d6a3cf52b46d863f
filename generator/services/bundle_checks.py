"""The check of an uploaded bundle: a separate process, within limits, that can be stopped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from generator.engine.errors import BundleError
from generator.engine.limited_process import (
    Answer,
    ProcessFailed,
    ProcessStopped,
    Reason,
    folder_in,
    remove_folders_in,
    run_limited,
)

# Ten seconds of computing are usual; a machine that is busy with other work takes minutes for them.
WALL_SECONDS = 900.0
STALE_FOLDER_SECONDS = 2 * WALL_SECONDS
_PREFIX = "check-"
_FAULT = "The check ended without a result. See the worker's log."
SENTENCES = {
    Reason.CPU_SECONDS: "The check used more computing time than allowed, or the machine ran out of memory.",
    Reason.MEMORY: "The check needed more memory than allowed, or TensorFlow could not handle the bundle's network.",
    Reason.FAULT: _FAULT,
}
# One thread, and no GPU: the worker has that.
ENVIRONMENT = {
    **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "KERAS_BACKEND": "tensorflow",
}

OnStep = Callable[[str, float], None]


class CheckStopped(Exception):
    """The check was stopped by the person who requested it."""


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle that may be installed.

    Attributes:
        path: with the step function that was built here; gone when the check's folder is.
        facts: what the check measured (`generator.engine.verification.verify`).
    """

    path: Path
    facts: dict[str, Any]


@contextmanager
def bundle_checked(
    path: Path,
    *,
    on_step: OnStep = lambda step, share: None,
    should_stop: Callable[[], bool] = lambda: False,
    wall_seconds: float = WALL_SECONDS,
    limits: dict[str, int] | None = None,
) -> Iterator[CheckedBundle]:
    """Checks the bundle in a separate process and lends what can be installed.

    Args:
        on_step: called with what the check does and the share that is done, when that changes and about twice a second.
        should_stop: asked as often.
        limits: other values for `generator.engine.verification.LIMITS`.

    Raises:
        BundleError: it is not sound, or the check took more than it may.
        CheckStopped: `should_stop` said so.
        OSError: there is no room for the files.
    """

    def on_answer(answer: Answer) -> None:
        on_step(str(answer.get("step", "Starting")), float(answer.get("share", 0.0)))

    with folder_in(_parent(), _PREFIX) as folder:
        output = folder / "rebuilt.bundle"
        arguments = [str(path.resolve()), "--output", str(output)]
        arguments += [f"--{name.replace('_', '-')}={value}" for name, value in (limits or {}).items()]
        try:
            facts = run_limited(
                "generator.engine.verification",
                arguments,
                cwd=settings.BASE_DIR,
                folder=folder,
                wall_seconds=wall_seconds,
                on_answer=on_answer,
                should_stop=should_stop,
                environment=ENVIRONMENT,
            )
        except ProcessFailed as error:
            raise BundleError(error.sentence or _sentence_of(error.reason, wall_seconds)) from error
        except ProcessStopped as error:
            raise CheckStopped from error
        if not output.is_file():
            raise BundleError(_FAULT)
        yield CheckedBundle(output, facts)


def remove_old_folders() -> None:
    """Those of checks whose worker was killed."""
    remove_folders_in(_parent(), _PREFIX, older_than_seconds=STALE_FOLDER_SECONDS)


def _parent() -> Path:
    return Path(settings.VAR_DIR) / "checks"


def _sentence_of(reason: Reason, wall_seconds: float) -> str:
    if reason is Reason.WALL_SECONDS:
        return f"The check took longer than the {wall_seconds:g} s allowed."
    return SENTENCES[reason]
