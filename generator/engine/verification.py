"""Checks whether an untrusted bundle can be used here. Its step function is discarded and rebuilt.

    python -m generator.engine.verification FILE --output REBUILT

is a separate process: it limits its memory, CPU time and files before it opens the bundle, has no network access, and
dies with its parent (`limited_process`). The uploaded step function is never loaded. The process writes one JSON object
per line to stdout: ``{"step", "share"}`` while it works, and finally ``{"facts"}``, with the bundle in REBUILT, or
``{"error"}``, one sentence.
"""

import argparse
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.engine.bundles import Bundle, read_bundle, write_with_step_function
from generator.engine.errors import BundleError, EngineError
from generator.engine.limited_process import Limits, confine

if TYPE_CHECKING:
    from generator.engine.network import NetworkConfig

# Called with the step that starts now and the share done so far, 0 to 1.
OnStep = Callable[[str, float], None]

TRIAL_SECONDS = 10.0
# A sound model breaks a few of a hundred first attempts; three in a row are no accident.
TRIAL_SEEDS = (1, 2, 3)
# int8 against float32, in nats per event, over events sampled from the float32 network. The shipped piano has 0.0007.
MAX_DIVERGENCE = 0.02
GATE_ROWS, GATE_STEPS = 4, 32

# Ten CPU seconds are usual. `memory_mb` applies while the bundle is read, `later_memory_mb` once TensorFlow is
# imported: 3.5 GB for three layers of 512, of which half is used.
LIMITS = Limits(memory_mb=1024, later_memory_mb=8192, cpu_seconds=240, file_mb=256, open_files=256)


def verify(path: Path, output: Path, *, on_step: OnStep = lambda step, share: None) -> dict[str, Any]:
    """Check the bundle at `path` and write the installable one to `output`.

    Returns:
        Facts for people: {"rebuilt": whether the step function had to be replaced, "divergence": nats per event,
        "seed", "notes", "length_seconds" of the trial piece, "originality": whether there is an index}.

    Raises:
        BundleError: says what was expected and received.
    """
    on_step("Reading the manifest and the weights", 0.0)
    bundle = read_bundle(path)
    config = checked_network(bundle)
    check_card(bundle)
    on_step("Reading the index of the training music", 0.05)
    has_index = bundle.originality is not None
    Limits.make_room()
    on_step("Building the step function from the weights", 0.1)
    step_function = rebuilt_step_function(bundle, config)
    is_same = step_function == bundle.step_function
    bundle = replace(bundle, step_function=step_function)
    on_step("Comparing the step function with the network in float32", 0.7)
    divergence = checked_divergence(bundle)
    on_step("Composing a trial piece of each type", 0.85)
    facts = checked_trial(bundle)
    on_step("Writing the bundle", 0.97)
    if is_same:
        shutil.copyfile(path, output)
    else:
        write_with_step_function(output, bundle)
    return {"rebuilt": not is_same, "divergence": round(divergence, 5), "originality": has_index, **facts}


def checked_network(bundle: Bundle) -> "NetworkConfig":
    """The network described by the manifest, before anything of its size is allocated.

    Raises:
        BundleError: not a supported network, or not one for the encoding.
    """
    from generator.engine.encodings.registry import encoding_of
    from generator.engine.network import NetworkConfig

    encoding = encoding_of(bundle.manifest)
    try:
        config = NetworkConfig(**bundle.manifest.network)
    except (TypeError, ValueError, AttributeError) as error:
        raise BundleError("The manifest describes a network that this version does not support.") from error
    for name in ("num_classes", "num_features"):
        expected, got = getattr(encoding, name), getattr(config, name)
        if got != expected:
            raise BundleError(
                f"The manifest's network does not fit its encoding: expected {expected} for {name}; got {got}."
            )
    return config


def check_card(bundle: Bundle) -> None:
    """
    Raises:
        BundleError: the critic's figures are invalid.
    """
    from generator.engine.borrowing import parse_baseline
    from generator.engine.norms import parse_norms

    figures = bundle.manifest.card.figures
    for name, parse in (("norms", parse_norms), ("originality", parse_baseline)):
        if figures.get(name) is not None and parse(figures[name]) is None:
            raise BundleError(f"Expected figures {name!r} on the card that this version's critic can read; got others.")


def rebuilt_step_function(bundle: Bundle, config: "NetworkConfig") -> bytes:
    """
    Raises:
        BundleError: the weights do not match the network.
    """
    from generator.engine.runtimes.export import build_step_function

    return build_step_function(config, bundle.weights)


def checked_divergence(bundle: Bundle) -> float:
    """Mean Kullback–Leibler divergence of the step function from the float32 network, in nats per event.

    Raises:
        BundleError: it exceeds `MAX_DIVERGENCE`, or a logit is not finite.
    """
    import numpy as np

    from generator.engine.runtimes.litert import LiteRtRuntime
    from generator.engine.runtimes.tensorflow import TensorFlowRuntime

    served, exact = LiteRtRuntime(bundle.step_function), TensorFlowRuntime.of_bundle(bundle)
    rng = np.random.default_rng(0)
    events = np.full(GATE_ROWS, exact.num_classes, np.int32)
    features = np.zeros((GATE_ROWS, exact.num_features), np.float32)
    served_state = exact_state = np.zeros((GATE_ROWS, exact.state_size), np.float32)
    total = 0.0
    for _ in range(GATE_STEPS):
        served_logits, served_state = served.step(events, features, served_state)
        exact_logits, exact_state = exact.step(events, features, exact_state)
        if not (np.isfinite(served_logits).all() and np.isfinite(exact_logits).all()):
            raise BundleError("The network's output is not a number.")
        log_served, log_exact = _log_softmax(served_logits), _log_softmax(exact_logits)
        probabilities = np.exp(log_exact)
        total += float((probabilities * (log_exact - log_served)).sum(axis=-1).mean())
        draws = rng.random((GATE_ROWS, 1)) * probabilities.sum(axis=-1, keepdims=True)
        events = (probabilities.cumsum(axis=-1) < draws).sum(axis=-1).clip(0, exact.num_classes - 1).astype(np.int32)
    divergence = total / GATE_STEPS
    if divergence > MAX_DIVERGENCE:
        raise BundleError(
            f"The weights lose too much as int8: expected at most {MAX_DIVERGENCE} nats per event relative to the same "
            f"network in float32; got {divergence:.3f}."
        )
    return divergence


def checked_trial(bundle: Bundle) -> dict[str, Any]:
    """Composes about `TRIAL_SECONDS` with the bundle's defaults, and with every other type.

    Raises:
        BundleError: no attempt with the defaults is sound, or a type cannot be composed at all.
    """
    from generator.engine.composer import Composer
    from generator.engine.controls import compose_request
    from generator.engine.critic import judge
    from generator.engine.runtimes.litert import LiteRtRuntime

    manifest = bundle.manifest
    length = manifest.controls.length
    seconds = min(max(TRIAL_SECONDS, length.min_seconds), length.max_seconds)
    composer = Composer(bundle, runtime=LiteRtRuntime(bundle.step_function))
    faults: tuple[str, ...] = ()
    try:
        others = [ensemble.key for ensemble in manifest.ensembles if ensemble.key != manifest.defaults.ensemble]
        requests = [compose_request(manifest, seed=1, length_seconds=seconds, ensemble=key) for key in others]
        requests += [compose_request(manifest, seed=seed, length_seconds=seconds) for seed in TRIAL_SEEDS]
        compositions = [composition for composition in composer.compose_many(requests) if composition]
        for composition in compositions:
            composition.to_midi_bytes()
    except EngineError as error:
        raise BundleError(f"No piece can be composed with the bundle's own defaults: {error.message}") from error
    for composition in compositions[len(others) :]:
        judgement = judge(
            composition.notes,
            composition.voices,
            requests[-1].length_seconds,
            qpm=composition.qpm,
            key=composition.key,
            originality=bundle.originality,
        )
        if not judgement.faults:
            return {
                "seed": composition.seed,
                "notes": judgement.facts.notes,
                "length_seconds": round(composition.length_seconds, 2),
            }
        faults = faults or judgement.faults
    raise BundleError(
        f"Expected a sound piece of {seconds:g} s within {len(TRIAL_SEEDS)} tries; got broken ones; the first: "
        f"{faults[0]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Checks a bundle within limits and builds its step function again.")
    parser.add_argument("bundle", type=Path, metavar="FILE")
    parser.add_argument("--output", type=Path, required=True, help="where the bundle goes that may be installed")
    LIMITS.add_to(parser)
    options = parser.parse_args()
    limits = Limits.of(options)
    say = confine(limits, parent=options.parent)
    sys.addaudithook(_refuse_network)
    try:
        facts = verify(options.bundle, options.output, on_step=lambda step, share: say(step=step, share=share))
    except EngineError as error:
        say(error=error.message)
    except MemoryError:
        say(error=f"The check needed more than the {limits.later_memory_mb:,} MB of memory allowed.")
    except Exception as error:  # whatever a library raises about somebody's file
        traceback.print_exc()
        say(error=f"The check could not be completed ({type(error).__name__}).")
    else:
        say(facts=facts)
    # TensorFlow takes long to shut down properly.
    os._exit(0)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"):
        raise PermissionError("The check of a bundle uses no network.")


def _log_softmax(logits: Any) -> Any:
    import numpy as np

    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


if __name__ == "__main__":
    main()
