"""What several do at the same moment, each in a thread with a connection to the database of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(*acts: Callable[[], T]) -> list[T]:
    """Lets all begin together, and returns what they return, in their order; raises what the first of them raises."""
    begin = threading.Barrier(len(acts))

    def one(act: Callable[[], T]) -> T:
        try:
            begin.wait(timeout=10)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(one, acts))
