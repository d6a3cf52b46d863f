"""`manage.py compose`: a MIDI file from a bundle and a seed, without database, web or migrations."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from generator.engine.midi import inspect, write_midi
from generator.engine.music import Note
from generator.management.commands import compose
from tests.engine.fakes import BandRuntime, rock_bundle
from tests.tiny_bundle import ROOT, tiny_bundle


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "a.mid"


def facts_of(capsys: pytest.CaptureFixture[str], output: Path, *arguments: str) -> dict[str, Any]:
    call_command("compose", "piano", "--bundle", str(tiny_bundle()), "--output", str(output), *arguments)
    return json.loads(capsys.readouterr().out)


def refusal(output: Path, *arguments: str) -> str:
    """The sentence with which the command gives up; nothing is left behind."""
    before = sorted(output.parent.iterdir())
    with pytest.raises(CommandError) as caught:
        call_command("compose", *arguments, "--output", str(output))
    assert sorted(output.parent.iterdir()) == before
    message = str(caught.value)
    assert "\n" not in message
    return message


class TestWriting:
    def test_a_file_and_its_facts(self, capsys: pytest.CaptureFixture[str], output: Path) -> None:
        facts = facts_of(capsys, output, "--seconds", "15", "--seed", "3", "--type", "strings", "--temperature", "0.9")
        data = output.read_bytes()
        midi = inspect(data)
        assert facts["sha256"] == hashlib.sha256(data).hexdigest()
        assert (facts["genre"], facts["type"], facts["seed"], facts["temperature"]) == ("piano", "strings", 3, 0.9)
        assert facts["notes"] == midi.notes > 0
        assert 14.0 <= facts["length_seconds"] <= 15.0
        assert midi.tracks[1].program == 48
        assert midi.texts[-1] == "Seed: 3."
        assert list(output.parent.iterdir()) == [output]

    def test_the_same_seed_gives_the_same_bytes_and_no_seed_a_new_one(
        self, capsys: pytest.CaptureFixture[str], output: Path
    ) -> None:
        first = facts_of(capsys, output, "--seconds", "15", "--seed", "3")
        assert facts_of(capsys, output, "--seconds", "15", "--seed", "3")["sha256"] == first["sha256"]
        drawn = facts_of(capsys, output, "--seconds", "15")
        again = facts_of(capsys, output, "--seconds", "15", "--seed", str(drawn["seed"]))
        assert drawn["seed"] != 3
        assert drawn["sha256"] == again["sha256"] != first["sha256"]

    def test_defaults_are_the_bundles(self, capsys: pytest.CaptureFixture[str], output: Path) -> None:
        facts = facts_of(capsys, output, "--seed", "1")
        assert facts["type"] == "grand-piano"
        assert 59.0 <= facts["length_seconds"] <= 60.0

    def test_a_shipped_bundle_is_found_by_its_genre(
        self,
        capsys: pytest.CaptureFixture[str],
        output: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        shipped = output.parent / "bundles"
        shipped.mkdir()
        (shipped / "piano.bundle").write_bytes(tiny_bundle().read_bytes())
        monkeypatch.setattr(compose, "BUNDLES", shipped)
        call_command("compose", "piano", "--seconds", "15", "--seed", "1", "--output", str(output))
        assert json.loads(capsys.readouterr().out)["bundle"] == "piano-tiny"


class TestBands:
    """Over a network that a test decides: what an option does to the music is asked of the session's tests."""

    @pytest.fixture(autouse=True)
    def _band(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bundle = rock_bundle()
        monkeypatch.setattr("generator.engine.bundles.read_bundle", lambda path: bundle)
        monkeypatch.setattr(
            "generator.engine.composer.open_runtime", lambda *names, **more: BandRuntime(bundle.manifest)
        )

    def facts_of(self, capsys: pytest.CaptureFixture[str], output: Path, *arguments: str) -> dict[str, Any]:
        call_command("compose", "rock", "--bundle", "x", "--seed", "1", "--output", str(output), *arguments)
        return json.loads(capsys.readouterr().out)

    def test_every_control_has_an_option(self, capsys: pytest.CaptureFixture[str], output: Path) -> None:
        asked = {
            "bars": "9",
            "type": "full-band",
            "style": "punk",
            "qpm": "96",
            "key": "C minor",
            "density": "dense",
            "feel": "swing",
            "voices-off": "keys,lead",
            "starting-note": "60",
            "adventurousness": "tame",
        }
        facts = self.facts_of(capsys, output, *[f"--{name}={value}" for name, value in asked.items()])
        told = {name: facts[name] for name in ("qpm", "key", "style", "density", "feel", "voices_off", "top_p")}
        assert told == {
            "qpm": 96.0,
            "key": "C minor",
            "style": "punk",
            "density": "dense",
            "feel": "swing",
            "voices_off": ["keys", "lead"],
            "top_p": 0.85,
        }
        assert 20.0 < facts["length_seconds"] <= 22.5
        midi = inspect(output.read_bytes())
        assert midi.qpm == pytest.approx(96.0, rel=1e-5)
        assert [track.name for track in midi.tracks if track.notes] == ["Drums", "Bass", "Guitar"]

    def test_a_primer_is_kept_unless_it_is_not_wanted(
        self, capsys: pytest.CaptureFixture[str], output: Path, tmp_path: Path
    ) -> None:
        primer = tmp_path / "primer.mid"
        scale = [Note(48 + pitch, 90, i / 2, i / 2 + 0.5, 1) for i, pitch in enumerate([0, 2, 4, 5, 7, 9, 11, 12])]
        primer.write_bytes(write_midi(scale, rock_bundle().manifest.ensembles[0].voices, qpm=120.0))
        kept = self.facts_of(capsys, output, "--seconds=16", f"--primer={primer}")
        assert kept["primer_seconds"] == 4.0
        assert (kept["qpm"], kept["key"]) == (120.0, "C major")
        assert kept["length_seconds"] > 18.0
        left_out = self.facts_of(capsys, output, "--seconds=16", f"--primer={primer}", "--without-primer")
        assert left_out["primer_seconds"] == 0.0
        assert left_out["length_seconds"] == pytest.approx(kept["length_seconds"] - 4.0)

    def test_a_primer_that_cannot_be_used(self, output: Path, tmp_path: Path) -> None:
        assert "The primer no.mid could not be read: No such file" in refusal(
            output, "rock", "--bundle", "x", "--primer", "no.mid"
        )
        (tmp_path / "odd.mid").write_bytes(b"RIFF")
        assert refusal(output, "rock", "--bundle", "x", "--primer", str(tmp_path / "odd.mid")).endswith(".")


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--seconds", ""], "Expected a length of 15 to 300 seconds; got nothing."),
            (["--seconds", "0"], "Expected a length of 15 to 300 seconds; got 0."),
            (["--seconds=-5"], "Expected a length of 15 to 300 seconds; got -5."),
            (["--seconds", "1e9"], "Expected a length of 15 to 300 seconds; got 1e9."),
            (["--seconds", "long"], "Expected a length of 15 to 300 seconds; got long."),
            (["--type", "kazoo"], "Unknown type 'kazoo'. Use one of: grand-piano, "),
            (["--seed", "x"], "Expected a seed of 0 to "),
            (["--temperature", "9"], "Expected a temperature of 0.5 to 1.5; got 9."),
            (["--top-p", "0"], "Expected a top_p of 0.5 to 1; got 0."),
            (["--bars", "8"], "The model has no control called bars."),
            (["--voices-off", "drums"], "The model has no control called voices_off."),
            (["--style", "funk"], "The model has no control called style."),
        ],
    )
    def test_a_choice_that_is_not_offered(self, output: Path, arguments: list[str], sentence: str) -> None:
        assert sentence in refusal(output, "piano", "--bundle", str(tiny_bundle()), *arguments)

    @pytest.mark.parametrize("genre", ["polka", "../piano", "a" * 5000, ""])
    def test_a_genre_that_is_not_shipped(self, output: Path, genre: str) -> None:
        assert "Use one of: drums, electronic, piano, rock." in refusal(output, genre)

    def test_a_bundle_of_another_genre(self, output: Path) -> None:
        message = refusal(output, "drums", "--bundle", str(tiny_bundle()))
        assert message == "Expected a bundle of genre drums; got one of piano."

    def test_a_bundle_that_is_not_there(self, output: Path) -> None:
        message = refusal(output, "piano", "--bundle", str(output.parent / "no.bundle"))
        assert message == "The bundle no.bundle cannot be read: No such file or directory."

    def test_a_damaged_bundle(self, output: Path, tmp_path: Path) -> None:
        broken = tmp_path / "broken.bundle"
        broken.write_bytes(tiny_bundle().read_bytes()[:5000])
        assert "not a complete zip file" in refusal(output, "piano", "--bundle", str(broken))

    def test_a_folder_that_is_not_there(self, output: Path, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="Expected an output file in an existing folder"):
            call_command("compose", "piano", "--bundle", str(tiny_bundle()), "--output", str(tmp_path / "no" / "a.mid"))

    def test_an_output_that_cannot_be_replaced(self, output: Path) -> None:
        output.mkdir()
        message = refusal(output, "piano", "--bundle", str(tiny_bundle()), "--seconds", "15")
        assert message == f"{output} could not be written: Is a directory."


def test_it_runs_without_a_database_and_speaks_json_on_stdout_alone(output: Path) -> None:
    """As a process, with a database that cannot be reached."""
    command = [sys.executable, "manage.py", "compose", "piano", "--bundle", str(tiny_bundle()), "--output", str(output)]
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}
    done = subprocess.run(
        [*command, "--seconds", "15", "--seed", "1"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["output"] == str(output)
    assert "15 of 15 s of music" in done.stderr

    failed = subprocess.run(
        [*command, "--seconds", "1"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.strip() == "CommandError: Expected a length of 15 to 300 seconds; got 1."
