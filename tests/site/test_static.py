"""Static files as visitors get them: collected, hashed, compressed, kept for a year."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import Client
from django.test.utils import override_settings
from django.utils.functional import empty


def forget_storage() -> None:
    """The lazy object is made once a process; the next use makes it anew from the settings of the moment."""
    lazy: Any = staticfiles_storage
    lazy._wrapped = empty


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The real static files under their hashed names."""
    folder = tmp_path_factory.mktemp("static")
    storages = {**site_settings.STORAGES, "staticfiles": {"BACKEND": "musicgen_site.static.HashedStaticFilesStorage"}}
    with override_settings(
        STORAGES=storages, STATIC_ROOT=folder, WHITENOISE_USE_FINDERS=False, WHITENOISE_AUTOREFRESH=False
    ):
        forget_storage()
        call_command("collectstatic", interactive=False, verbosity=0)
        yield folder
    forget_storage()


def test_modules_import_each_other_by_hashed_names(collected: Path) -> None:
    found = 0
    for path in (collected / "js").glob("*.js"):
        if not re.search(r"\.[0-9a-f]{12}\.js$", path.name):
            continue
        for imported in re.findall(r"""^import\b[^"';]*["'](\./[^"']+)["']""", path.read_text(), re.MULTILINE):
            found += 1
            assert re.search(r"\.[0-9a-f]{12}\.js$", imported), f"{path.name} imports {imported}"
            assert (path.parent / imported).is_file()
    assert found


def test_a_hashed_file_is_kept_for_a_year(collected: Path, db: None) -> None:
    client = Client()
    url = staticfiles_storage.url("js/compose.js")
    response = client.get(url)
    assert response.status_code == 200
    assert response["Cache-Control"] == "max-age=315360000, public, immutable"
    plain = client.get("/static/js/compose.js")
    assert "immutable" not in plain["Cache-Control"]


def test_sounds_are_kept_for_a_year_and_not_compressed_twice(collected: Path, db: None) -> None:
    sound = next(
        path for path in (collected / "sounds").glob("*.sf3") if re.search(r"^[^.]+\.[0-9a-f]{10}\.sf3$", path.name)
    )
    response = Client().get(f"/static/sounds/{sound.name}")
    assert "immutable" in response["Cache-Control"]
    assert not list((collected / "sounds").glob("*.sf3.gz"))
