"""Locks by name, for limits that are counted over rows: who shares one passes one after another."""

import hashlib

from django.db import connection


def lock(*names: str) -> None:
    """Waits until nobody else holds one of these names, and holds them until the transaction ends, so that two requests
    at once cannot both find the last room.

    SQLite has one writer at a time, and our transactions there begin as one (`transaction_mode` IMMEDIATE).
    """
    if connection.vendor != "postgresql":
        return
    # Always in the same order, or two requests could wait for each other.
    numbers = sorted({_lock_number(name) for name in names if name})
    with connection.cursor() as cursor:
        for number in numbers:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _lock_number(name: str) -> int:
    """A signed 64-bit number, as PostgreSQL names its advisory locks."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
