"""Train a genre's network on a folder of MIDI files. Runs without Django: ``python -m generator.engine.training``.

Keras chooses its backend from KERAS_BACKEND (`--backend`): TensorFlow by default, PyTorch or JAX where they are
installed. The budget is CPU minutes of this process, not wall time, so that comparisons are fair on a busy machine and
a stopped process loses nothing.
"""

import argparse
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.engine.checkpoints import CHECKPOINT_FORMAT, read_checkpoint
from generator.engine.corpora import Corpus, Sampler, open_corpus
from generator.engine.dataset import Segment
from generator.engine.errors import EngineError, TrainingError
from generator.engine.files import whole_file
from generator.engine.genres import genre_profile
from generator.engine.likelihood import nats
from generator.engine.network import NetworkConfig, build_network, load_weights, weights_of
from generator.engine.training_config import TrainingConfig, add_arguments, config_from


@dataclass(slots=True)
class TrainingResult:
    """The result of a training: the weights with the best validation loss, and the facts of the model card."""

    weights: dict[str, NDArray[np.float32]]
    facts: dict[str, Any]


class Rows:
    """Feeds `rows` parallel streams: each reads a segment window by window, then starts a new one."""

    def __init__(self, sampler: Sampler, num_features: int, rows: int, window: int) -> None:
        self.sampler = sampler
        self.window = window
        self.num_features = num_features
        self._segments: list[Segment | None] = [None] * rows
        self._positions = [0] * rows

    def next(self) -> tuple[dict[str, NDArray[Any]], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Inputs, targets, target weights, and for each row 1.0 to carry the state on or 0.0 to reset it.

        The unfilled end of a window has weight 0.
        """
        rows, window = len(self._segments), self.window
        inputs = np.zeros((rows, window), np.int32)
        features = np.zeros((rows, window, self.num_features), np.float32)
        targets = np.zeros((rows, window), np.int32)
        weights = np.zeros((rows, window), np.float32)
        carry = np.ones((rows, 1), np.float32)
        for row in range(rows):
            segment = self._segments[row]
            if segment is None or self._positions[row] >= len(segment.targets):
                segment = self._segments[row] = self.sampler.draw()
                self._positions[row] = 0
                carry[row] = 0.0
            part = slice(self._positions[row], self._positions[row] + window)
            count = len(segment.targets[part])
            inputs[row, :count] = segment.inputs[part]
            features[row, :count] = segment.features[part]
            targets[row, :count] = segment.targets[part]
            weights[row, :count] = 1.0
            self._positions[row] += window
        return {"class_indices": inputs, "features": features}, targets, weights, carry


def learning_rate_at(config: TrainingConfig, progress: float) -> float:
    """Linear warm-up, then a cosine to 0; `progress` is the spent part of the budget, 0 – 1."""
    if progress < config.warm_up:
        return config.learning_rate * max(progress / config.warm_up, 0.01)
    rest = (progress - config.warm_up) / (1 - config.warm_up)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))


def build_trainer(network: Any, config: TrainingConfig) -> Any:
    """A Keras model around `network` that carries the state from one batch to the next."""
    import keras
    from keras import ops

    class Trainer(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="trainer", autocast=False)
            self.network = network
            self.carried = self.add_weight(
                name="carried",
                shape=(config.rows, config.network.state_size),
                initializer="zeros",
                trainable=False,
                dtype="float32",
            )
            self.built = True

        def call(self, inputs: Any, training: bool = False) -> Any:
            state = ops.convert_to_tensor(self.carried) * inputs["carry"]
            logits, state = self.network({**inputs, "state": state}, training=training)
            self.carried.assign(ops.stop_gradient(state))
            return logits

    trainer = Trainer()
    trainer.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate=config.learning_rate, beta_1=0.9, beta_2=0.99, global_clipnorm=config.clip_norm
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.backend.backend() == "jax",
    )
    return trainer


def segments_loss(network: Any, config: NetworkConfig, segments: list[Segment], window: int = 256) -> float:
    """Mean nats per event of whole segments read in parallel, with the state carried through."""
    import keras

    length = max(len(s.targets) for s in segments)
    length += -length % window
    batch = len(segments)
    inputs, targets = np.zeros((batch, length), np.int32), np.zeros((batch, length), np.int64)
    features = np.zeros((batch, length, config.num_features), np.float32)
    weights = np.zeros((batch, length))
    for row, segment in enumerate(segments):
        count = len(segment.targets)
        inputs[row, :count], targets[row, :count] = segment.inputs, segment.targets
        features[row, :count], weights[row, :count] = segment.features, 1.0
    state: Any = np.zeros((batch, config.state_size), np.float32)
    total = 0.0
    for begin in range(0, length, window):
        part = slice(begin, begin + window)
        logits, state = network.predict_on_batch(
            {"class_indices": inputs[:, part], "features": features[:, part], "state": state}
        )
        logits = np.asarray(keras.ops.convert_to_numpy(logits), np.float32)
        total += float((nats(logits, targets[:, part]) * weights[:, part]).sum())
    return total / float(weights.sum())


def train(
    config: TrainingConfig, *, log: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
) -> TrainingResult:
    """Train until the budget is spent, keeping the weights with the best validation loss.

    A checkpoint is written every few minutes and on Ctrl-C; with `resume` the training continues from it.

    Raises:
        TrainingError: no usable data, a checkpoint of a different network, or a loss that is not finite.
        KeyboardInterrupt: after the checkpoint is written.
    """
    cache_dir = config.work_dir / "cache"
    profile = genre_profile(config.genre, config.like)
    corpora = {
        split: open_corpus(profile, config.data_dir, split, cache_dir=cache_dir, progress=config.progress)
        for split in ("train", "validation")
    }
    for split, corpus in corpora.items():
        log(f"{split}: {len(corpus.files):,} files, {corpus.num_notes:,} notes")
        if corpus.skipped:
            log(f"{split}: skipped {len(corpus.skipped)}: {'; '.join(corpus.skipped[:20])}")
    # After the data: a wrong folder is reported at once, while importing a framework takes seconds.
    if config.threads:
        limit_threads(config.threads)
    import keras
    from tqdm import tqdm

    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    network = build_network(config.network, seed=config.seed)
    trainer = build_trainer(network, config)
    run = _Run(config, corpora["train"], network, trainer, log)
    if config.resume:
        run.restore()
    elif config.start_from:
        load_weights(network, read_checkpoint(config.start_from).weights)
    # A different position in the data's random order after each resume.
    rng = np.random.default_rng([config.seed, run.updates])
    sampler = corpora["train"].sampler(
        num_events=config.segment, rng=rng, transpose=config.transpose, stretch=config.stretch
    )
    rows = Rows(sampler, config.network.num_features, config.rows, config.window)
    held_out = corpora["validation"].validation_segments(config.validation_rows, config.validation_events)
    log(f"network: {config.network.as_dict()}, {count_weights(network):,} weights, Keras on {keras.backend.backend()}")

    bar = tqdm(total=round(config.minutes * 60), unit="s", disable=not config.progress, dynamic_ncols=True)
    last_validation = last_checkpoint = run.seconds
    mean_loss: float | None = None
    try:
        while (spent := run.spent()) < 1.0:
            started = time.process_time()
            inputs, targets, weights, carry = rows.next()
            rate = learning_rate_at(config, spent)
            trainer.optimizer.learning_rate.assign(rate)
            loss = float(trainer.train_on_batch({**inputs, "carry": carry}, targets, sample_weight=weights))
            trainer.reset_metrics()
            if not math.isfinite(loss):
                raise TrainingError(f"The loss became {loss} after {run.updates} updates; try a lower learning rate.")
            mean_loss = loss if mean_loss is None else 0.99 * mean_loss + 0.01 * loss
            run.updates += 1
            run.events += int(weights.sum())
            run.seconds += time.process_time() - started
            if run.updates % 20 == 0:
                bar.n = min(round(run.seconds), round(config.minutes * 60))
                bar.set_postfix_str(f"loss {mean_loss:.3f}, {run.events / run.seconds:,.0f} events/s")
                run.scalar("loss/train", mean_loss)
                run.scalar("learning_rate", rate)
            if run.seconds - last_validation >= config.validate_minutes * 60:
                run.validate(held_out)
                last_validation = run.seconds
            if run.seconds - last_checkpoint >= config.checkpoint_minutes * 60:
                run.save()
                last_checkpoint = run.seconds
        run.validate(held_out)
        run.save()
    except KeyboardInterrupt:
        run.save()
        log(f"Stopped after {run.seconds / 60:.1f} CPU minutes; continue with --resume.")
        raise
    finally:
        bar.close()
        run.close()
    return TrainingResult(run.best_weights or run.last_weights(), run.facts())


class _Run:
    """The state of a training that survives a kill: weights, optimizer, spent budget, the best so far."""

    def __init__(
        self,
        config: TrainingConfig,
        corpus: Corpus,
        network: Any,
        trainer: Any,
        log: Callable[[str], None],
    ) -> None:
        from tensorboard.summary import Writer

        self.config, self.corpus, self.network, self.trainer, self.log = config, corpus, network, trainer, log
        self.seconds = 0.0
        self.updates = 0
        self.events = 0
        self.best_loss = math.inf
        self.best_weights: dict[str, NDArray[np.float32]] | None = None
        self.curve: list[tuple[float, float]] = []
        self.path = config.work_dir / "checkpoint.npz"
        self._writer = Writer(str(config.work_dir / "tensorboard"))

    def spent(self) -> float:
        """The share of the budget spent, from 0."""
        updates = self.updates / self.config.max_updates if self.config.max_updates else 0.0
        return max(self.seconds / (self.config.minutes * 60), updates)

    def scalar(self, name: str, value: float) -> None:
        self._writer.add_scalar(name, value, self.updates)

    def close(self) -> None:
        self._writer.close()

    def validate(self, held_out: list[Segment]) -> None:
        loss = segments_loss(self.network, self.config.network, held_out)
        self.scalar("loss/validation", loss)
        self.curve.append((round(self.seconds / 60, 2), round(loss, 4)))
        self.log(
            f"{self.seconds / 60:7.1f} CPU min  {self.updates:,} updates  {self.events:,} events  "
            f"validation {loss:.4f} nats per event"
        )
        if loss < self.best_loss:
            self.best_loss, self.best_weights = loss, weights_of(self.network)

    def last_weights(self) -> dict[str, NDArray[np.float32]]:
        return weights_of(self.network)

    def save(self) -> None:
        import keras

        state = {
            "format": CHECKPOINT_FORMAT,
            "network": self.config.network.as_dict(),
            "seconds": self.seconds,
            "facts": self.facts(),
        }
        arrays = {f"weights/{k}": v for k, v in self.last_weights().items()}
        arrays |= {f"best/{k}": v for k, v in (self.best_weights or {}).items()}
        for i, variable in enumerate(self.trainer.optimizer.variables):
            arrays[f"optimizer/{i}"] = np.asarray(keras.ops.convert_to_numpy(variable))
        with whole_file(self.path) as handle:
            np.savez(handle, state=json.dumps(state), **arrays)  # type: ignore[arg-type]

    def restore(self) -> None:
        checkpoint = read_checkpoint(self.path)
        if checkpoint.network != self.config.network:
            raise TrainingError(f"The checkpoint {self.path} is of another network: {checkpoint.network.as_dict()}.")
        load_weights(self.network, checkpoint.last_weights)
        self.best_weights = checkpoint.weights or None
        optimizer = self.trainer.optimizer
        optimizer.build(self.trainer.trainable_variables)
        for variable, value in zip(optimizer.variables, checkpoint.optimizer, strict=True):
            variable.assign(value)
        state = checkpoint.facts
        self.seconds, self.updates, self.events = checkpoint.seconds, state["updates"], state["events"]
        self.best_loss = state["validation_nats_per_event"] if self.best_weights else math.inf
        self.curve = [tuple(point) for point in state["validation_curve"]]

    def facts(self) -> dict[str, Any]:
        """Training facts for the model card."""
        import keras

        config = self.config
        return {
            "cpu_minutes": round(self.seconds / 60, 1),
            "updates": self.updates,
            "events": self.events,
            "files": len(self.corpus.files),
            "notes": self.corpus.num_notes,
            "skipped_files": len(self.corpus.skipped),
            "weights": count_weights(self.network),
            "backend": keras.backend.backend(),
            "precision": config.precision,
            "dropout": config.network.dropout,
            "started_from": config.start_from.parent.name if config.start_from else None,
            "learning_rate": config.learning_rate,
            "events_an_update": config.rows * config.window,
            "validation_nats_per_event": round(self.best_loss, 5) if self.best_weights else None,
            "validation_curve": self.curve,
        }


def count_weights(network: Any) -> int:
    return sum(math.prod(v.shape) for v in network.trainable_variables)


def limit_threads(threads: int) -> None:
    """Set the backend's number of threads; must run before the backend does any work."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend == "torch":
        import torch

        torch.set_num_threads(threads)
    elif backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif backend == "jax":
        os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + (
            " --xla_cpu_multi_thread_eigen=false" if threads == 1 else ""
        )


def stop_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end the training with a checkpoint, even if a shell started it with SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m generator.engine.training", description=__doc__)
    parser.add_argument("genre")
    parser.add_argument("--backend", choices=("tensorflow", "torch", "jax"), help="what Keras runs on")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.backend:
        os.environ["KERAS_BACKEND"] = options.backend
    stop_on_signals()
    try:
        config = config_from(options, Path("checkpoints") / options.genre)
        config.work_dir.mkdir(parents=True, exist_ok=True)
        result = train(config)
    except EngineError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(result.facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
