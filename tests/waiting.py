"""Waiting for something that another thread or process does: on a condition, never for a fixed time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Generous: reached only when something is broken, also on a machine that is busy with other work.
DEADLINE_SECONDS = 120.0


def wait_until(condition: Callable[[], T], *, what: str, deadline_seconds: float = DEADLINE_SECONDS) -> T:
    """Calls the condition until it returns something true, and returns that."""
    end = time.monotonic() + deadline_seconds
    pause = threading.Event()
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"Waited {deadline_seconds:g} s in vain: {what}.")
        pause.wait(0.05)
