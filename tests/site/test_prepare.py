"""`manage.py prepare`, which stands between an installed checkout and a running site."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from generator.engine.bundles import read_bundle, write_bundle
from generator.models import Genre, GenreModel
from library.models import Piece
from musicgen_site.management.commands import prepare
from tests.tiny_bundle import other_tiny_bundle, tiny_bundle, tiny_manifest

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of shipped bundles, and static files that count as collected."""
    settings.SHIPPED_BUNDLES_DIR = tmp_path
    monkeypatch.setattr(prepare.Command, "_collect_static", lambda self: None)
    return tmp_path


def test_without_a_bundle_it_says_what_to_do(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prepare")
    assert "import_genre_model FILE --activate" in capsys.readouterr().err


def test_shipped_bundles_are_installed_once(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shipped / "piano.bundle").write_bytes(tiny_bundle().read_bytes())
    call_command("prepare")
    assert "Installed piano-tiny (version 1 of Piano), now active." in capsys.readouterr().out
    call_command("prepare")
    assert capsys.readouterr().out == ""
    assert GenreModel.objects.count() == 1
    assert Piece.objects.examples().get().expires_at is None, "an example stays for longer than a guest's week"


def test_the_page_begins_with_the_piano(shipped: Path) -> None:
    for genre in ("drums", "piano"):
        manifest = replace(tiny_manifest(f"{genre}-tiny"), genre=genre, genre_name=genre.capitalize())
        bundle = read_bundle(tiny_bundle())
        write_bundle(shipped / f"{genre}.bundle", manifest, bundle.weights, bundle.step_function)
    call_command("prepare")
    assert [genre.slug for genre in Genre.objects.with_active_model()] == ["piano", "drums"]


def test_what_was_stopped_half_way_is_finished_the_next_time(shipped: Path) -> None:
    (shipped / "piano.bundle").write_bytes(tiny_bundle().read_bytes())
    call_command("prepare")
    Piece.objects.all().delete()
    call_command("prepare")
    assert Piece.objects.examples().count() == 1, "killed before the example was stored"
    Genre.objects.update(active_model=None)
    call_command("prepare")
    assert Genre.objects.get().active_model == GenreModel.objects.get(), "a site that cannot compose is of no use"


def test_a_model_that_an_administrator_chose_stays(shipped: Path, tmp_path: Path) -> None:
    (shipped / "piano.bundle").write_bytes(tiny_bundle().read_bytes())
    call_command("prepare")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    call_command("import_genre_model", str(other_tiny_bundle(folder)), activate=True, trusted=True)
    call_command("prepare")
    active = Genre.objects.get(slug="piano").active_model
    assert active is not None
    assert active.name == "piano-tiny-2"
    assert Piece.objects.examples().get().bundle_name == "piano-tiny-2"


def test_importing_again_activates_without_a_second_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_genre_model", str(tiny_bundle()), trusted=True)
    assert Genre.objects.get(slug="piano").active_model is None
    call_command("import_genre_model", str(tiny_bundle()), activate=True)
    assert "Already installed: piano-tiny" in capsys.readouterr().out
    assert GenreModel.objects.get().active_in.get().slug == "piano"


def test_importing_again_mends_a_stored_bundle(tmp_path: Path) -> None:
    call_command("import_genre_model", str(tiny_bundle()), trusted=True)
    stored = GenreModel.objects.get().bundle
    default_storage.delete(str(stored.name))
    call_command("import_genre_model", str(tiny_bundle()))
    with stored.open("rb") as stream:
        assert stream.read() == tiny_bundle().read_bytes()


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_a_bundle_that_is_not_sound_is_refused_in_a_sentence(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "broken.bundle"
    path.write_bytes(tiny_bundle().read_bytes()[:-20] if damage is None else damage)
    with pytest.raises(CommandError, match=r"broken\.bundle: The bundle .*\."):
        call_command("import_genre_model", str(path))
    with pytest.raises(CommandError, match=r"missing\.bundle: "):
        call_command("import_genre_model", str(tmp_path / "missing.bundle"))
    assert not GenreModel.objects.exists()


def test_static_files_are_collected_again_only_after_a_change(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[str] = []

    def collect(name: str, **options: Any) -> None:
        collected.append(name)
        settings.STATIC_ROOT.mkdir(exist_ok=True)

    monkeypatch.setattr(prepare, "call_command", collect)
    settings.STATIC_ROOT = tmp_path / "static"
    digest = "a"
    monkeypatch.setattr(prepare, "static_digest", lambda: digest)
    command = prepare.Command()
    command._collect_static()
    command._collect_static()
    assert collected == ["collectstatic"]
    digest = "b"
    command._collect_static()
    assert collected == ["collectstatic"] * 2
