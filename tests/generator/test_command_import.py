"""`manage.py import_genre_model FILE.mag`: a model trained with Magenta composes on the site."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from generator.models import Genre
from tests.engine.test_magenta import variables, write_mag

pytestmark = pytest.mark.django_db


def test_magentas_bundle_becomes_a_genre(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_mag(tmp_path / "my-etudes.mag", variables(layers=1))
    call_command("import_genre_model", str(source), "--genre", "etudes", "--genre-name", "Études", "--trusted")
    assert "Installed etudes-my-etudes (version 1 of Études)." in capsys.readouterr().out
    model = Genre.objects.get(slug="etudes").models.get()
    assert model.manifest["network"]["cell"] == "lstm"


def test_another_generators_bundle_is_refused_in_a_sentence(tmp_path: Path) -> None:
    source = write_mag(tmp_path / "drums.mag", variables(layers=1), kind="drum_kit")
    with pytest.raises(CommandError, match=r"drums\.mag: Only Magenta's performance_with_dynamics can be read"):
        call_command("import_genre_model", str(source))
    assert not Genre.objects.exists()
