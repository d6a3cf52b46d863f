"""A site in its production profile: PostgreSQL, Redis and S3, a web process, and workers that tests start."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.production import Browser, Production
from tests.services.servers import S3, PostgreSQL, Redis, Server
from tests.tiny_bundle import tiny_bundle

StartWorker = Callable[..., Server]


@pytest.fixture(scope="session")
def new_folder() -> Iterator[Callable[[], Path]]:
    """Folders that a server may give to another user: pytest's own can be entered by one alone."""
    made: list[Path] = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="musicgen-service-")))
        made[-1].chmod(0o755)
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql(new_folder: Callable[[], Path]) -> Iterator[PostgreSQL]:
    server = PostgreSQL(new_folder())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(new_folder: Callable[[], Path]) -> Iterator[Redis]:
    server = Redis(new_folder())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3(new_folder: Callable[[], Path]) -> Iterator[S3]:
    server = S3(new_folder())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def production(
    new_folder: Callable[[], Path], postgresql: PostgreSQL, redis_server: Redis, s3: S3
) -> Iterator[Production]:
    """Prepared as a release is: `manage.py prepare`, then a web process. No worker yet."""
    folder = new_folder()
    (folder / "bundles").mkdir()
    shutil.copy(tiny_bundle(), folder / "bundles" / "piano.bundle")
    site = Production(folder, postgresql, redis_server, s3)
    try:
        site.prepare()
        site.start_web()
        yield site
    finally:
        site.stop()


@pytest.fixture
def start_worker(production: Production) -> Iterator[StartWorker]:
    """Starts workers and ends them with the test, which begins without messages and workers of another one."""
    production.redis.client.flushdb()
    production.rows("DELETE FROM generator_workerbeat RETURNING worker_id")
    started: list[Server] = []

    def start(**environment: str) -> Server:
        started.append(production.start_worker(**environment))
        return started[-1]

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


@pytest.fixture
def guest(production: Production) -> Browser:
    return Browser(production.url)


@pytest.fixture
def other_guest(production: Production) -> Browser:
    return Browser(production.url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(pytest.mark.worker)
