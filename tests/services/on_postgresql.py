"""Runs a command beside a PostgreSQL of its own, on which the tests then make their database.

python -m tests.services.on_postgresql python -m pytest tests/library
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.services.servers import PostgreSQL


def main(command: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="musicgen-service-"))
    # PostgreSQL runs as another user where this one is root.
    folder.chmod(0o755)
    try:
        try:
            server = PostgreSQL(folder)
        except pytest.skip.Exception as reason:
            print(f"The tests are not run on PostgreSQL: {reason}", file=sys.stderr)
            return 0
        try:
            url = server.create_database("music")
            return subprocess.call(command, env={**os.environ, "TEST_DATABASE_URL": url})
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
