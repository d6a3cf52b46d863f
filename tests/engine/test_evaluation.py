"""Held-out loss against sums by hand, and the way from a checkpoint to a bundle with its card."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from generator.engine import dataset, evaluation, publishing, training
from generator.engine.bundles import read_bundle
from generator.engine.checkpoints import read_checkpoint
from generator.engine.encodings import performance
from generator.engine.encodings.band import spec_of
from generator.engine.errors import BundleError, TrainingError
from generator.engine.excerpts import human_excerpts
from generator.engine.genres import PROFILES, genre_profile
from generator.engine.network import NetworkConfig
from tests.engine.test_dataset import write_performance
from tests.engine.test_training import REPOSITORY, config
from tests.manifests import band_manifest, piano_manifest


class Counting:
    """A runtime whose logits say how many steps its row has seen since the state was empty."""

    name = "counting"
    num_classes = performance.NUM_CLASSES
    num_features = performance.NUM_FEATURES
    state_size = 1

    def step(self, class_indices: np.ndarray, features: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = np.zeros((len(class_indices), self.num_classes), np.float32)
        logits[:, 60] = state[:, 0]
        return logits, state + 1


def segment(count: int, target: int = 60) -> dataset.Segment:
    return dataset.Segment(
        np.zeros(count, np.uint16),
        np.full(count, target, np.uint16),
        np.zeros((count, performance.NUM_FEATURES), np.float32),
    )


@pytest.mark.parametrize("lengths", [[5], [300, 20, 700], list(range(1, 40))])
def test_every_performance_is_read_whole_and_from_an_empty_state(lengths: list[int]) -> None:
    figures = evaluation.held_out(Counting(), (evaluation.chunks_of(segment(n)) for n in lengths))
    expected = sum(math.log(math.exp(t) + 387) - t for n in lengths for t in range(n))
    assert figures.events == figures.notes == sum(lengths)
    assert figures.nats == pytest.approx(expected, rel=1e-5)
    assert figures.correct == sum(n - 1 for n in lengths)


def test_time_shifts_and_steps_in_a_tempo_are_the_seconds_of_music() -> None:
    shifts = np.full(10, performance.TIME_SHIFT + 49, np.uint16)
    assert evaluation.seconds_of(shifts, PROFILES["piano"].encoding) == pytest.approx(5.0)
    # Two whole bars and a note: eight quarters.
    band = np.array([47, 60, 47], np.uint16)
    assert evaluation.seconds_of(band, PROFILES["rock"].encoding, 60.0) == pytest.approx(8.0)
    assert evaluation.seconds_of(band, PROFILES["rock"].encoding, 120.0) == pytest.approx(4.0)


@pytest.mark.parametrize("genre", ["piano", "drums", "rock"])
def test_notes_are_the_classes_that_begin_one(genre: str) -> None:
    encoding = PROFILES[genre].encoding
    counted = evaluation.HeldOut()
    classes = np.arange(encoding.num_classes)
    counted.add(np.zeros((len(classes), encoding.num_classes), np.float32), classes, evaluation.note_classes(encoding))
    assert counted.notes == (128 if genre == "piano" else spec_of(encoding).num_notes)
    assert counted.nats_per_note == pytest.approx(counted.nats / counted.notes)


def test_a_sample_of_the_events_is_the_same_each_time_and_no_larger_than_asked(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    corpus = dataset.load_corpus(trained[0], "train", cache_dir=tmp_path, progress=False)
    pieces = evaluation.pieces_to_read(corpus, 600)
    assert pieces == evaluation.pieces_to_read(corpus, 600)
    assert 256 <= sum(count for _, count in pieces) <= 600 + 256
    assert sum(count for _, count in evaluation.pieces_to_read(corpus, None)) == sum(
        len(corpus.encoded(i)) for i in range(len(corpus))
    )
    index = pieces[0][0]
    read = np.concatenate([c.targets for c in evaluation.first_events(corpus.file_segments(index), 300)])
    assert read.tolist() == corpus.encoded(index)[:300].tolist()


def test_a_genre_that_is_none_of_ours_is_read_as_its_manifest_says() -> None:
    manifest = replace(band_manifest(), genre="tango")
    profile = evaluation.profile_of(manifest)
    assert profile.encoding == manifest.encoding
    style = manifest.controls.style
    assert style is not None and set(profile.styles) == {choice.key for choice in style.choices}
    assert evaluation.profile_of(piano_manifest()).encoding == piano_manifest().encoding


def test_a_files_chunks_are_its_events_with_the_keyboard_after_each(tmp_path: Path) -> None:
    write_performance(tmp_path / "a.mid", np.random.default_rng(1), num_notes=400)
    (tmp_path / "index.tsv").write_text("file\tsplit\na.mid\tvalidation\n")
    corpus = dataset.load_corpus(tmp_path, "validation", cache_dir=tmp_path / "cache", progress=False)
    events = corpus.encoded(0)
    chunks = list(corpus.file_segments(0))
    assert len(chunks) > 1
    assert np.concatenate([c.targets for c in chunks]).tolist() == events.tolist()
    inputs = np.concatenate([c.inputs for c in chunks])
    assert inputs.tolist() == [performance.START, *events[:-1].tolist()]
    keyboard = performance.PianoState(1)
    for i, features in enumerate(np.concatenate([c.features for c in chunks])):
        keyboard.advance(inputs[i : i + 1])
        assert np.allclose(features, keyboard.features()[0], atol=1e-6)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Data folder and checkpoint of a tiny network trained for real."""
    folder = tmp_path_factory.mktemp("trained")
    for i in range(5):
        write_performance(folder / f"{i}.mid", np.random.default_rng(i), num_notes=900)
    rows = [f"{i}.mid\t{'validation' if i > 3 else 'train'}\tours\tCC0" for i in range(5)]
    (folder / "index.tsv").write_text("\n".join(["file\tsplit\ttag\tlicence", *rows]))
    training.train(config(folder, folder / "work", max_updates=40), log=lambda line: None)
    return folder, folder / "work" / "checkpoint.npz"


def test_a_checkpoint_becomes_a_bundle_whose_card_holds_its_figures(trained: tuple[Path, Path], tmp_path: Path) -> None:
    data_dir, checkpoint = trained
    command = [sys.executable, "-m", "generator.engine.publishing", "piano", "--checkpoint", str(checkpoint)]
    command += ["--data", str(data_dir), "--output", str(tmp_path / "a.bundle"), "--name", "tiny-1", "--pieces", "2"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    bundle = read_bundle(tmp_path / "a.bundle")
    card = bundle.manifest.card
    assert bundle.manifest.name == "tiny-1" and card.figures == figures
    assert [dict(d) for d in card.data] == [{"name": "ours", "licence": "CC0", "files": 5}]
    assert card.training["updates"] == 40 and card.training["events"] > 0
    assert not card.commercial_use and "not cleared" in card.licences
    gate = figures["quantisation"]
    assert gate["int8_nats_per_event"] <= gate["float32_nats_per_event"] + publishing.MAX_QUANTISATION_LOSS
    assert figures["pieces"]["composed"] == 2
    again = evaluation.evaluate_bundle(bundle, data_dir, cache_dir=tmp_path, progress=False)
    assert again["nats_per_event"] == figures["nats_per_event"]
    corpus = dataset.load_corpus(data_dir, "validation", cache_dir=tmp_path, progress=False)
    assert again["events"] == len(corpus.encoded(0))
    assert [p.name for p in tmp_path.glob("a.bundle*")] == ["a.bundle"]


def test_a_bundle_that_lost_too_much_to_int8_is_refused(
    trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir, path = trained
    monkeypatch.setattr(publishing, "MAX_QUANTISATION_LOSS", -1.0)
    with pytest.raises(BundleError, match=r"Expected int8 to cost at most"):
        publishing.publish(
            read_checkpoint(path),
            profile=genre_profile("piano"),
            name="tiny",
            data_dir=data_dir,
            work_dir=tmp_path,
            output=tmp_path / "b.bundle",
            progress=False,
        )
    assert not list(tmp_path.glob("*.bundle*"))


def test_what_is_no_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_checkpoint(tmp_path / "a.npz")


def test_excerpts_are_of_the_asked_length_and_begin_with_a_note(trained: tuple[Path, Path], tmp_path: Path) -> None:
    corpus = dataset.load_corpus(trained[0], "train", cache_dir=tmp_path, progress=False)
    found = human_excerpts(corpus, count=10, length_seconds=6.0)
    # Every piece once before one comes again.
    assert sorted(excerpt.piece for excerpt in found[: len(corpus)]) == list(range(len(corpus)))
    for excerpt in found:
        assert excerpt.notes[0].start_seconds == 0.0
        assert max(note.end_seconds for note in excerpt.notes) <= 6.0 + 1e-6
    assert human_excerpts(corpus, count=1, length_seconds=9999.0) == []


def test_the_shape_in_a_checkpoint_is_the_networks(trained: tuple[Path, Path]) -> None:
    assert read_checkpoint(trained[1]).network == NetworkConfig(layers=2, units=32)
