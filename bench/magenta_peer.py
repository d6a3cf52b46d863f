"""Magenta's own generator of Performance RNN, as a peer to measure. Runs in the environment that Magenta needs
(`bench.measure_magenta` makes it), so it imports nothing of ours.

magenta_peer.py [--one-thread]      then a line "SECONDS SEED" on stdin for each piece, a JSON line on stdout for each
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

ONE_THREAD = "--one-thread" in sys.argv[1:]
if ONE_THREAD:
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402
from magenta.models.performance_rnn import (  # type: ignore[import-not-found]  # noqa: E402
    performance_model,
    performance_sequence_generator,
)
from note_seq.protobuf import generator_pb2, music_pb2  # noqa: E402

CONFIG = "performance_with_dynamics"


def main() -> None:
    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        generator = generator_of(random_checkpoint(Path(folder)))
        generator.initialize()
    steps = counted_steps(generator)
    print(json.dumps({"ready": CONFIG}), flush=True)
    for line in sys.stdin:
        seconds, seed = line.split()
        np.random.seed(int(seed))
        options = generator_pb2.GeneratorOptions()
        options.generate_sections.add(start_time=0.0, end_time=float(seconds))
        before = steps[0]
        cpu, wall = time.process_time(), time.perf_counter()
        piece = generator.generate(music_pb2.NoteSequence(), options)
        told = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "steps": steps[0] - before,
            "notes": len(piece.notes),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 977),
        }
        print(json.dumps(told), flush=True)


def config():
    """As Magenta's command `performance_rnn_generate` sets it: the batch is no larger than the beam, which is 1."""
    chosen = performance_model.default_configs[CONFIG]
    chosen.hparams.batch_size = 1
    return chosen


def random_checkpoint(folder: Path) -> str:
    """A checkpoint of random weights: they do not affect the time per step."""
    model = performance_model.PerformanceRnnModel(config())
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        model._build_graph_for_generation()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            return str(tf.train.Saver().save(session, str(folder / "model.ckpt"), write_meta_graph=False))


def generator_of(checkpoint: str):
    chosen = config()
    return performance_sequence_generator.PerformanceRnnSequenceGenerator(
        model=performance_model.PerformanceRnnModel(chosen),
        details=chosen.details,
        steps_per_second=chosen.steps_per_second,
        num_velocity_bins=chosen.num_velocity_bins,
        control_signals=chosen.control_signals,
        optional_conditioning=chosen.optional_conditioning,
        checkpoint=checkpoint,
        fill_generate_section=True,
    )


def counted_steps(generator) -> list[int]:
    """A one-element list that counts the network's steps from now on."""
    model, count = generator._model, [0]
    step = model._generate_step

    def counting(*args, **kwargs):
        count[0] += 1
        return step(*args, **kwargs)

    model._generate_step = counting
    return count


if __name__ == "__main__":
    main()
