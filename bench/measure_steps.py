"""CPU time per step: the shipped network, the 3×512 LSTM reference, and the composer's overhead."""

import time

import numpy as np

from bench.counting import CountingRuntime
from bench.figures import Figure, Report, Spread, arguments, as_script, say, timed
from bench.reference import REFERENCE, reference_step_function
from generator.engine.bundles import Bundle, read_bundle
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.network import NetworkConfig
from generator.engine.runtimes import BATCH_SIZES
from generator.engine.runtimes.litert import LiteRtRuntime
from generator.engine.sampling import Uniforms, draw

ABOUT = """\
One thread, LiteRT, int8 weights. A network step is one call of the step function, including its state, timed over many
consecutive calls after a warm-up. The reference is Magenta's configuration of Performance RNN, three LSTM layers of 512
units over the same 388 events, with random weights and the same export. The composer's overhead is what whole pieces
cost beyond their network steps: features, masks, sampling, notes. A batched step advances each of its pieces by one
event."""


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_steps")
    bundle = read_bundle(options.bundle)
    runs, steps, seconds = (2, 50, 15.0) if options.quick else (7, 1000, 30.0)
    shipped = NetworkConfig(**bundle.manifest.network)
    networks = {
        "reference": ("3×512 LSTM reference", REFERENCE, reference_step_function()),
        "shipped": ("shipped network", shipped, bundle.step_function),
    }
    for key, (name, network, step_function) in networks.items():
        for batch in BATCH_SIZES:
            say(f"{name}, batch {batch}")
            # Large batches need fewer steps for the same precision.
            wall, cpu = network_steps(LiteRtRuntime(step_function), batch, runs, max(20, steps // batch**0.5))
            report.add(
                Figure(
                    key=f"step-{key}-{batch}",
                    title=f"Network step, {name}, batch {batch}",
                    unit="ms CPU",
                    value=cpu,
                    beside={"ms wall": wall},
                    compared_with=f"step-reference-{batch}" if key == "shipped" else None,
                    facts={
                        "cells": f"{network.layers}×{network.units} {network.cell}",
                        "step function MB": round(len(step_function) / 1e6, 2),
                    }
                    if batch == 1
                    else {},
                )
            )
    for batch in BATCH_SIZES:
        say(f"composer, batch {batch}")
        report.add(composer_figure(bundle, batch, runs, seconds))


def network_steps(runtime: LiteRtRuntime, batch: int, runs: int, steps: float) -> tuple[Spread, Spread]:
    """Wall and CPU milliseconds per step, one value per run."""
    random = np.random.default_rng(0)
    events = random.integers(0, runtime.num_classes, (64, batch)).astype(np.int32)
    features = np.zeros((batch, runtime.num_features), np.float32)
    state = np.zeros((batch, runtime.state_size), np.float32)

    def walk(count: int) -> None:
        nonlocal state
        for index in range(count):
            _, state = runtime.step(events[index % 64], features, state)

    walk(50)
    count = int(steps)
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu, _ = timed(lambda: walk(count))
        walls.append(1000 * wall / count)
        cpus.append(1000 * cpu / count)
    return Spread.of(walls), Spread.of(cpus)


def composer_figure(bundle: Bundle, batch: int, runs: int, seconds: float) -> Figure:
    """Whole pieces composed in one batch, minus the cost of their network steps."""
    own, network, pieces = [], [], []
    # The first composition of a process includes one-time setup.
    for run in range(-1, runs):
        runtime = CountingRuntime(LiteRtRuntime(bundle.step_function))
        composer = Composer(bundle, runtime=runtime)
        requests = [
            compose_request(bundle.manifest, seed=100 * max(run, 0) + row, length_seconds=seconds)
            for row in range(batch)
        ]
        _, cpu, compositions = timed(lambda: composer.compose_many(requests))  # noqa: B023  called at once
        if run < 0:
            continue
        own.append(1000 * (cpu - runtime.cpu_seconds) / runtime.steps)
        network.append(1000 * runtime.cpu_seconds / runtime.steps)
        pieces += [{"steps": runtime.steps, "notes": len(one.notes)} for one in compositions if one]
    steps = sum(piece["steps"] for piece in pieces) / len(pieces)
    return Figure(
        key=f"composer-own-{batch}",
        title=f"Composer overhead per step, batch {batch}",
        unit="ms CPU",
        value=Spread.of(own),
        beside={"ms CPU network": Spread.of(network)},
        compared_with=f"step-shipped-{batch}",
        facts={
            "seconds of music per piece": seconds,
            **({"steps per second of music": round(steps / seconds, 1)} if batch == 1 else {}),
            "notes per second of music": round(sum(piece["notes"] for piece in pieces) / len(pieces) / seconds, 1),
            **{
                f"µs {name}": spent for name, spent in parts_of_a_step(bundle, batch, 1500 if runs > 2 else 200).items()
            },
        },
    )


def parts_of_a_step(bundle: Bundle, batch: int, steps: int) -> dict[str, float]:
    """CPU microseconds of each part of the composer's loop, reproduced here with a clock."""
    runtime = LiteRtRuntime(bundle.step_function)
    composer = Composer(bundle, runtime=runtime)
    requests = [compose_request(bundle.manifest, seed=row, length_seconds=300) for row in range(batch)]
    ensemble = bundle.manifest.ensemble(requests[0].ensemble)
    assert ensemble is not None
    session = composer.encoding.open_session(requests, [ensemble] * batch, bundle.manifest)
    uniforms = [Uniforms(row) for row in range(batch)]
    temperature = np.array([request.temperature for request in requests])
    top_p = np.array([request.top_p for request in requests])
    events = np.full(batch, composer.encoding.start, np.int64)
    state = np.zeros((batch, runtime.state_size), np.float32)
    clock = time.process_time
    spent = dict.fromkeys(("features", "masks", "sampling", "advancing"), 0.0)
    walked = 0
    while walked < steps and not any(row.is_done for row in session.rows):
        began = clock()
        features = session.features()
        spent["features"] += clock() - began

        logits, state = runtime.step(events.astype(np.int32), features, state)

        began = clock()
        biases, allowed = session.biases(), session.allowed()
        masked = clock()
        numbers = np.array([one.next() for one in uniforms])
        logits = logits if biases is None else logits + biases
        events = draw(
            logits,
            allowed,
            temperature=temperature,
            top_p=top_p,
            uniforms=numbers,
            shaped=composer.encoding.shaped,
        )
        drawn = clock()
        session.advance(events)
        spent["advancing"] += clock() - drawn
        spent["sampling"] += drawn - masked
        spent["masks"] += masked - began
        walked += 1
    return {name: round(1e6 * seconds / walked, 1) for name, seconds in spent.items()}


if __name__ == "__main__":
    as_script(main)
