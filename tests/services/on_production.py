"""Runs a command beside a PostgreSQL and an S3 of its own, on which the tests then make their database and store files.

python -m tests.services.on_production python -m pytest tests/library
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.services.servers import HOST, S3, PostgreSQL


def main(command: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="musicgen-service-"))
    # PostgreSQL runs as another user where this one is root.
    folder.chmod(0o755)
    os.environ["NO_PROXY"] = HOST
    s3 = S3(folder)
    try:
        s3.client.create_bucket(Bucket="tests")
        try:
            postgresql = PostgreSQL(folder)
        except pytest.skip.Exception as reason:
            print(f"The tests are not run on PostgreSQL: {reason}", file=sys.stderr)
            return 0
        try:
            urls = {"TEST_DATABASE_URL": postgresql.create_database("music"), "TEST_S3_URL": s3.url}
            return subprocess.call(command, env={**os.environ, **urls})
        finally:
            postgresql.stop()
    finally:
        s3.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
