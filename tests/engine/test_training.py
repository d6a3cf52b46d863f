"""Training for real, on a tiny network and a handful of performances, in seconds."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from generator.engine import dataset, training
from generator.engine.errors import TrainingError
from generator.engine.network import NetworkConfig, build_network, load_weights
from generator.engine.training_config import TrainingConfig
from tests.engine.test_dataset import write_performance

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = NetworkConfig(layers=2, units=32)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("midi")
    for i in range(6):
        write_performance(folder / f"{i}.mid", np.random.default_rng(i), num_notes=300)
    rows = [f"{i}.mid\t{'validation' if i == 5 else 'train'}" for i in range(6)]
    (folder / "index.tsv").write_text("\n".join(["file\tsplit", *rows]))
    return folder


def config(data_dir: Path, work_dir: Path, **changes: object) -> TrainingConfig:
    values: dict[str, object] = {
        "network": TINY,
        "minutes": 60.0,
        "max_updates": 80,
        "rows": 4,
        "window": 32,
        "segment": 256,
        "learning_rate": 1e-2,
        "validate_minutes": 0.02,
        "validation_rows": 4,
        "validation_events": 256,
        "checkpoint_minutes": 0.03,
        "threads": 0,
        "progress": False,
    }
    return TrainingConfig(data_dir=data_dir, work_dir=work_dir, **(values | changes))  # type: ignore[arg-type]


def test_training_learns_and_keeps_the_weights_that_did_best(data_dir: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    settings = config(data_dir, tmp_path)
    result = training.train(settings, log=lines.append)
    corpus = dataset.load_corpus(data_dir, "validation", cache_dir=tmp_path / "cache", progress=False)
    held_out = corpus.validation_segments(settings.validation_rows, settings.validation_events)
    network = build_network(TINY)
    untrained = training.segments_loss(network, TINY, held_out)
    load_weights(network, result.weights)
    trained = training.segments_loss(network, TINY, held_out)
    assert trained < untrained - 1.0
    assert trained == pytest.approx(result.facts["validation_nats_per_event"], abs=1e-3)
    assert trained == pytest.approx(min(loss for _, loss in result.facts["validation_curve"]), abs=1e-3)
    assert result.facts["files"] == 5 and result.facts["updates"] == 80
    assert any("validation" in line for line in lines)
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_resumed_training_goes_on_where_it_stopped(data_dir: Path, tmp_path: Path) -> None:
    first = training.train(config(data_dir, tmp_path, max_updates=5), log=lambda line: None)
    again = training.train(config(data_dir, tmp_path, max_updates=10, resume=True), log=lambda line: None)
    assert (first.facts["updates"], again.facts["updates"]) == (5, 10)
    assert again.facts["validation_curve"][0] == first.facts["validation_curve"][0]
    assert again.facts["validation_nats_per_event"] <= first.facts["validation_nats_per_event"]


def test_a_checkpoint_of_another_network_is_refused(data_dir: Path, tmp_path: Path) -> None:
    training.train(config(data_dir, tmp_path, max_updates=2), log=lambda line: None)
    other = config(data_dir, tmp_path, network=NetworkConfig(layers=1, units=32), resume=True)
    with pytest.raises(TrainingError, match="of another network"):
        training.train(other, log=lambda line: None)
    with pytest.raises(TrainingError, match="Expected a checkpoint"):
        training.train(config(data_dir, tmp_path / "new", resume=True), log=lambda line: None)


def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(data_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "generator.engine.training", "piano", "--data", str(data_dir)]
    command += ["--work-dir", str(tmp_path), "--layers", "1", "--units", "16", "--rows", "2", "--window", "16"]
    command += ["--validate-minutes", "0.001", "--checkpoint-minutes", "100", "--threads", "0"]
    command += ["--validation-rows", "2", "--validation-events", "32"]
    with subprocess.Popen(
        [*command, "--minutes", "60"], cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if "CPU min " in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130, "".join(seen) + rest
    assert "continue with --resume" in rest and "Traceback" not in rest
    done = subprocess.run(
        [*command, "--max-updates", "1", "--resume"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["updates"] >= 1


def test_bad_input_is_one_sentence_on_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "generator.engine.training", "piano", "--data", str(tmp_path)],
        cwd=REPOSITORY,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: Expected MIDI files")
    assert "Traceback" not in done.stderr


def test_rows_mark_where_a_new_segment_begins(data_dir: Path, tmp_path: Path) -> None:
    corpus = dataset.load_corpus(data_dir, "train", cache_dir=tmp_path, progress=False)
    sampler = dataset.SegmentSampler(corpus, num_events=64, rng=np.random.default_rng(1))
    rows = training.Rows(sampler, TINY.num_features, 2, 32)
    carries = []
    previous = -1
    for _ in range(6):
        inputs, targets, weights, carry = rows.next()
        carries.append(carry[0, 0])
        assert inputs["class_indices"].shape == targets.shape == weights.shape == (2, 32)
        if weights[0].all() and carry[0, 0]:
            assert inputs["class_indices"][0, 0] == previous
        previous = int(targets[0, -1])
    assert carries[0] == 0.0 and carries.count(0.0) >= 3 and 1.0 in carries


def test_the_learning_rate_warms_up_and_ends_at_nothing() -> None:
    settings = TrainingConfig(Path(), Path(), learning_rate=1.0)
    rates = [training.learning_rate_at(settings, p) for p in (0.0, 0.02, 0.04, 0.5, 1.0, 1.5)]
    assert rates[0] == 0.01 and rates[1] == pytest.approx(0.5) and rates[2] == pytest.approx(1.0)
    assert rates[2] > rates[3] > rates[4] == rates[5] == pytest.approx(0.0)
