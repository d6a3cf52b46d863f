"""What `make run` starts, `prepare` and `run`: hashed static files, a real worker, a real model."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest
from django.conf import settings

from tests.browser.site import PLAYER, STATUS
from tests.services.servers import free_port
from tests.tiny_bundle import tiny_bundle
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def answers(url: str) -> bool:
    try:
        # A proxy that the environment names for the outer world knows nothing of this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site of its own, with its own database and files."""
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "MUSICGEN_TEST"))},
        "DJANGO_SETTINGS_MODULE": "musicgen_site.settings",
        "VAR_DIR": str(folder / "var"),
        "STATIC_ROOT": str(folder / "static"),
        "PORT": str(port),
        "SECRET_KEY": "a-key-for-this-test-alone-that-is-long-enough",
    }
    for name in ("DATABASE_URL", "BROKER_URL", "BROKER_DIR", "MEDIA_ROOT", "S3_BUCKET", "SITE_URL", "ALLOWED_HOSTS"):
        environment[name] = ""

    def manage(*arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=environment,
            check=True,
            capture_output=True,
        )

    manage("prepare")
    manage("import_genre_model", str(tiny_bundle()), "--activate", "--trusted")
    log = folder / "run.log"
    with log.open("wb") as stream:
        running = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", str(port)],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://localhost:{port}"

        def is_up() -> bool:
            assert running.poll() is None, log.read_text()
            return answers(f"{url}/healthz")

        wait_until(is_up, what=f"the site answers\n{log.read_text()}")
        yield url
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def test_a_guest_hears_a_piece_that_a_network_composed(whole_site, browser_page, poll):
    page = browser_page
    page.goto(whole_site)
    poll(page, "customElements.get('music-player') !== undefined")
    page.fill("#id_length", "0:15")
    page.click("[data-generate]")
    poll(page, f"{PLAYER}.rms > 0.01", timeout_seconds=90)
    poll(page, f"{STATUS} === 'succeeded'", timeout_seconds=90)
    with page.expect_download() as download:
        page.click("text=Download MIDI")
    midi = mido.MidiFile(Path(download.value.path()))
    assert midi.type == 1
    assert 10 < midi.length <= 15.5
    texts = " ".join(message.text for track in midi.tracks for message in track if message.type == "text")
    assert "network" in texts
    page.goto(f"{whole_site}/library/")
    assert page.locator("[data-piece]").count() == 1


def test_the_shipped_example_plays(whole_site, browser_page, poll):
    page = browser_page
    page.goto(whole_site)
    poll(page, "document.querySelector('.example [data-row-play][aria-expanded]')")
    page.click(".example [data-row-play]")
    poll(page, "document.querySelector('.example music-player').rms > 0.01", timeout_seconds=60)


def test_static_files_carry_a_hash_and_are_kept_for_a_year(whole_site, browser_page):
    page = browser_page
    fetched: dict[str, str] = {}
    page.on("response", lambda response: fetched.update({response.url: response.headers.get("cache-control", "")}))
    page.goto(whole_site, wait_until="networkidle")
    ours = {url: cache for url, cache in fetched.items() if "/static/" in url and "/static/sounds/" not in url}
    assert any("music-player" in url for url in ours)
    assert any("/js/api." in url for url in ours), "imports of modules carry hashed names too"
    for url, cache in ours.items():
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", url.split("#")[0]), url
        assert "immutable" in cache, url
