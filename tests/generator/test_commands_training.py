"""`manage.py train_genre_model` and `evaluate_genre_model`, from a folder that is not the project's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from generator.engine.bundles import read_bundle
from tests.engine.test_dataset import write_performance
from tests.tiny_bundle import tiny_bundle


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder of performances"
    folder.mkdir()
    for i in range(3):
        write_performance(folder / f"{i}.mid", np.random.default_rng(i), num_notes=400)
    (folder / "broken.mid").write_bytes(b"no MIDI")
    rows = [*(f"{i}.mid\t{'validation' if i > 1 else 'train'}" for i in range(3)), "broken.mid\ttrain"]
    (folder / "index.tsv").write_text("\n".join(["file\tsplit", *rows]))
    return folder


def run(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
        cwd=cwd,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_of_performances_becomes_a_bundle_that_is_measured(data_dir: Path, tmp_path: Path) -> None:
    tiny = ["--layers", "1", "--units", "16", "--rows", "2", "--window", "16", "--validation-rows", "2"]
    options = ["--output", "a.bundle", "--name", "tiny-1", "--max-updates", "2", "--threads", "0", "--pieces", "1"]
    trained = run(tmp_path, "train_genre_model", "piano", "--data", data_dir.name, *options, *tiny)
    assert trained.returncode == 0, trained.stderr
    assert "skipped 1: broken.mid" in trained.stderr
    manifest = read_bundle(tmp_path / "a.bundle").manifest
    assert (manifest.name, manifest.genre) == ("tiny-1", "piano")
    assert json.loads(trained.stdout) == manifest.card.figures

    measured = run(tmp_path, "evaluate_genre_model", "a.bundle", "--data", data_dir.name, "--pieces", "0")
    assert measured.returncode == 0, measured.stderr
    figures = json.loads(measured.stdout)
    assert figures["nats_per_event"] == manifest.card.figures["nats_per_event"]
    assert {"nats_per_note", "nats_per_second", "accuracy", "events", "notes"} <= set(figures)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["polka", "--data", ".", "--output", "a.bundle"], "Expected a genre of piano"),
        (["piano", "--data", "no-folder", "--output", "a.bundle"], "no-folder is not a folder"),
        (["piano", "--data", ".", "--output", "no-folder/a.bundle"], "Expected an output file in an existing folder"),
        (["piano", "--data", ".", "--output", "a.bundle", "--cell", "magic"], "Expected a cell of"),
        (["piano", "--data", ".", "--output", "a.bundle", "--work-dir", "file"], "file could not be used: File exists"),
        (["piano", "--data", ".", "--output", "a.bundle"], "Expected MIDI files"),
    ],
)
def test_what_cannot_be_trained_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("generator.management.commands.train_genre_model.stop_on_signals", lambda: None)
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=sentence):
        call_command("train_genre_model", *arguments)


def test_what_cannot_be_measured_is_said_in_a_sentence(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(CommandError, match=r"missing\.bundle cannot be read"):
        call_command("evaluate_genre_model", str(tmp_path / "missing.bundle"), data=data_dir)
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="could not be used"):
        call_command("evaluate_genre_model", str(tiny_bundle()), data=data_dir, work_dir=tmp_path / "file")
