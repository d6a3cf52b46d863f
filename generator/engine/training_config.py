"""Training settings, and the command-line options for them."""

import argparse
from dataclasses import dataclass, field, fields
from pathlib import Path

from generator.engine.corpora import shape_of
from generator.engine.genres import genre_profile
from generator.engine.network import NetworkConfig

# Validation during training: this many stretches of this many events.
VALIDATION_ROWS, VALIDATION_EVENTS = 64, 1024


@dataclass(slots=True)
class TrainingConfig:
    """Settings of one training.

    Attributes:
        data_dir: folder of MIDI files; work_dir: caches, checkpoints and logs.
        genre: its profile defines how files are read; like: the shipped genre that provides it for a new one.
        start_from: a checkpoint of a network with the same configuration, used as initial weights.
        network: the configuration.
        minutes: CPU minutes of the whole training, including those before a resume.
        max_updates: stop after this many training steps, if sooner; 0 is no limit.
        rows, window: a training step reads rows × window events; truncated BPTT carries the state on for `segment`
            events per row.
        learning_rate: the peak, reached after `warm_up` of the budget, then a cosine to 0.
        clip_norm: global norm above which gradients are scaled down.
        transpose: semitones up and down; stretch: fraction of the tempo up and down.
        precision: "float32" or "mixed_bfloat16" (matmuls in bfloat16, weights and state in float32).
        threads: 0 uses the backend's default.
        validate_minutes, checkpoint_minutes: CPU minutes between them.
        seed: for the weights and the data order.
    """

    data_dir: Path
    work_dir: Path
    genre: str = "piano"
    like: str | None = None
    start_from: Path | None = None
    network: NetworkConfig = field(default_factory=NetworkConfig)
    minutes: float = 60.0
    max_updates: int = 0
    rows: int = 16
    window: int = 64
    segment: int = 2048
    learning_rate: float = 4e-3
    warm_up: float = 0.04
    clip_norm: float = 1.0
    transpose: int = 5
    stretch: float = 0.05
    precision: str = "float32"
    threads: int = 1
    validate_minutes: float = 5.0
    validation_rows: int = VALIDATION_ROWS
    validation_events: int = VALIDATION_EVENTS
    checkpoint_minutes: float = 3.0
    seed: int = 1
    resume: bool = False
    progress: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options shared by the management command and ``python -m``."""
    defaults = {f.name: f.default for f in fields(TrainingConfig)}
    network = NetworkConfig()
    parser.add_argument("--data", type=Path, required=True, help="folder of MIDI files, with or without an index.tsv")
    parser.add_argument("--work-dir", type=Path, help="caches, checkpoints, logs (default: checkpoints/<genre>)")
    parser.add_argument("--minutes", type=float, default=defaults["minutes"], help="CPU minutes (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the work folder")
    parser.add_argument(
        "--like", help="for a new genre: the shipped one whose encoding, instruments and controls it has"
    )
    parser.add_argument(
        "--start-from", type=Path, metavar="CHECKPOINT", help="begin with the weights of another genre's checkpoint"
    )
    parser.add_argument("--cell", default=network.cell, help="rnn, gru, lstm or mingru (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=network.layers)
    parser.add_argument("--units", type=int, default=network.units)
    parser.add_argument("--plain-stack", action="store_true", help="no residual connections or normalisation")
    parser.add_argument("--no-features", action="store_true", help="events alone as input, as Magenta's network has")
    for name in ("max-updates", "rows", "window", "segment", "validation-rows", "validation-events", "threads", "seed"):
        parser.add_argument(
            f"--{name}", type=int, default=defaults[name.replace("-", "_")], help="default: %(default)s"
        )
    parser.add_argument(
        "--dropout", type=float, default=0.0, help="share of each layer left out (default: %(default)s)"
    )
    for name in ("learning-rate", "validate-minutes", "checkpoint-minutes"):
        parser.add_argument(
            f"--{name}", type=float, default=defaults[name.replace("-", "_")], help="default: %(default)s"
        )
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16"), default=defaults["precision"])


def config_from(options: argparse.Namespace, work_dir: Path) -> TrainingConfig:
    """
    Raises:
        TrainingError: no such genre. BundleError: no such network.
    """
    return TrainingConfig(
        data_dir=options.data,
        work_dir=options.work_dir or work_dir,
        network=NetworkConfig(
            cell=options.cell,
            layers=options.layers,
            units=options.units,
            residual=not options.plain_stack,
            uses_features=not options.no_features,
            dropout=options.dropout,
            **shape_of(genre_profile(options.genre, options.like).encoding),
        ),
        genre=options.genre,
        like=options.like,
        start_from=options.start_from,
        minutes=options.minutes,
        max_updates=options.max_updates,
        rows=options.rows,
        window=options.window,
        segment=options.segment,
        learning_rate=options.learning_rate,
        precision=options.precision,
        threads=options.threads,
        validate_minutes=options.validate_minutes,
        validation_rows=options.validation_rows,
        validation_events=options.validation_events,
        checkpoint_minutes=options.checkpoint_minutes,
        seed=options.seed,
        resume=options.resume,
    )
