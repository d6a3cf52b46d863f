"""From a training checkpoint to a bundle: exported, gated, evaluated, with its model card.

Keras must run on TensorFlow here, whatever the training used, so `train_genre_model` runs
``python -m generator.engine.publishing`` as a separate process.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from generator.engine import dataset, evaluation
from generator.engine.bundles import Bundle, read_bundle, write_bundle
from generator.engine.checkpoints import Checkpoint, read_checkpoint
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.corpora import Corpus, open_corpus
from generator.engine.errors import BundleError, EngineError
from generator.engine.excerpts import Excerpt, human_excerpts
from generator.engine.genres import GenreProfile, genre_profile
from generator.engine.manifest import Card, Manifest
from generator.engine.network import NetworkConfig, build_network, load_weights
from generator.engine.norms import Norms, norms_of
from generator.engine.originality import index_of_corpus
from generator.engine.originality_baseline import baseline_of_corpus
from generator.engine.runtimes import MAX_BATCH, open_runtime
from generator.engine.training import segments_loss
from generator.engine.training_config import VALIDATION_EVENTS, VALIDATION_ROWS

# The most held-out loss int8 may cost against float32, in nats per event.
MAX_QUANTISATION_LOSS = 0.01
# The critic learns from pieces of this length, with seeds from here on.
NORMS_SECONDS = 30.0
FIRST_SEED = 1_000_001
NOT_CLEARED = (
    "Commercial use of the model: not cleared. Some of the training files state no licence, or one that excludes "
    "commercial use."
)
CLEARED = "Commercial use of the model: cleared, with attribution of the data sets named here."


def publish(
    checkpoint: Checkpoint,
    *,
    profile: GenreProfile,
    name: str,
    data_dir: Path,
    work_dir: Path,
    output: Path,
    commercial_use: bool = False,
    num_pieces: int = 20,
    num_norms: int = 150,
    progress: bool = True,
) -> dict[str, Any]:
    """Write the bundle of a checkpoint's best weights and return the figures of its card.

    Args:
        num_pieces: pieces to compose and check. num_norms: to compose for the critic to learn from.

    Raises:
        BundleError: int8 costs more than `MAX_QUANTISATION_LOSS`, or the network cannot be exported.
        TrainingError: no usable validation data.
    """
    from generator.engine.runtimes.export import export_bundle

    manifest = Manifest(
        name=name,
        genre=profile.genre,
        genre_name=profile.genre_name,
        encoding=profile.encoding,
        network=checkpoint.network.as_dict(),
        controls=profile.controls,
        ensembles=profile.ensembles,
        defaults=profile.defaults,
        card=Card(
            data=tuple(data_sets(data_dir)),
            licences=CLEARED if commercial_use else NOT_CLEARED,
            commercial_use=commercial_use,
            training=checkpoint.facts,
        ),
    )
    draft = output.with_name(output.name + ".draft")
    try:
        export_bundle(draft, manifest, checkpoint.weights)
        bundle = read_bundle(draft)
    finally:
        draft.unlink(missing_ok=True)
    cache_dir = work_dir / "cache"
    corpora = {
        split: open_corpus(profile, data_dir, split, cache_dir=cache_dir, progress=progress)
        for split in ("train", "validation")
    }
    gate = quantisation_gate(checkpoint.network, checkpoint.weights, bundle, corpora["validation"])
    index = index_of_corpus(corpora["train"])
    norms = norms_for(bundle, corpora["train"], count=num_norms, progress=progress)
    figures = evaluation.evaluate_on(bundle, corpora["validation"], num_pieces=num_pieces, progress=progress)
    figures |= {"quantisation": gate, "originality": baseline_of_corpus(index, corpora["validation"]).as_dict()}
    if norms is not None:
        figures["norms"] = norms.as_dict()
    card = replace(manifest.card, figures=figures)
    write_bundle(
        output,
        replace(manifest, card=card),
        checkpoint.weights,
        bundle.step_function,
        originality=index.to_bytes(),
    )
    return dict(card.figures)


def composed_excerpts(bundle: Bundle, *, count: int, progress: bool = True) -> list[Excerpt]:
    """First takes of 30 seconds with the bundle's defaults, with seeds that no evaluation uses."""
    from tqdm import tqdm

    composer = Composer(bundle, runtime="litert")
    found: list[Excerpt] = []
    with tqdm(total=count, desc="composing", unit="piece", disable=not progress) as bar:
        while len(found) < count:
            seeds = range(FIRST_SEED + len(found), FIRST_SEED + min(count, len(found) + MAX_BATCH))
            requests = [compose_request(bundle.manifest, seed=seed, length_seconds=NORMS_SECONDS) for seed in seeds]
            for composition in composer.compose_many(requests):
                if composition is not None:
                    found.append(Excerpt(composition.notes, NORMS_SECONDS, composition.qpm, -1))
            bar.update(len(requests))
    return found


def norms_for(bundle: Bundle, corpus: Corpus, *, count: int, progress: bool = True) -> Norms | None:
    """The reference statistics of human training pieces against the bundle's own; None with too few long ones."""
    human = human_excerpts(corpus, count=2 * count, length_seconds=NORMS_SECONDS)
    longer = human_excerpts(corpus, count=count, length_seconds=4 * NORMS_SECONDS)
    if len(human) < count or not longer:
        return None
    ensemble = bundle.manifest.ensemble(bundle.manifest.defaults.ensemble)
    assert ensemble is not None  # noqa: S101 the manifest's parser has seen to it
    composed = composed_excerpts(bundle, count=count, progress=progress)
    return norms_of(human, corpus.voices(), composed, composed_voices=ensemble.voices, longer=longer)


def quantisation_gate(
    config: NetworkConfig, weights: dict[str, np.ndarray], bundle: Bundle, corpus: Corpus
) -> dict[str, float]:
    """Held-out nats per event of the float32 network and of the bundle's int8 step function on the same windows.

    Raises:
        BundleError: int8 is worse by more than `MAX_QUANTISATION_LOSS`.
    """
    segments = corpus.validation_segments(VALIDATION_ROWS, VALIDATION_EVENTS)
    network = build_network(config)
    load_weights(network, weights)
    exact = segments_loss(network, config, segments)
    runtime = open_runtime("litert", bundle)
    served = evaluation.held_out(runtime, (evaluation.chunks_of(s) for s in segments)).nats_per_event
    if not served <= exact + MAX_QUANTISATION_LOSS:
        raise BundleError(
            f"Expected int8 to cost at most {MAX_QUANTISATION_LOSS} nats per event; "
            f"it is {served:.4f} against {exact:.4f} in float32."
        )
    return {"float32_nats_per_event": round(exact, 5), "int8_nats_per_event": round(served, 5)}


def data_sets(data_dir: Path) -> Iterator[dict[str, Any]]:
    """The card's data sets: files by licence and the tag's first word, or the folder's name without an index."""
    index = next(iter(sorted(data_dir.rglob("index.tsv"))), None)
    if index is None:
        yield {"name": data_dir.name, "licence": "not stated", "files": len(dataset.list_files(data_dir))}
        return
    with index.open(newline="", encoding="utf-8") as handle:
        counts = Counter(
            ((row.get("tag") or data_dir.name).split()[0].partition("/")[0], row.get("licence") or "not stated")
            for row in csv.DictReader(handle, delimiter="\t")
        )
    for (name, licence), files in counts.most_common(100):
        yield {"name": name, "licence": licence, "files": files}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m generator.engine.publishing", description=__doc__)
    parser.add_argument("genre")
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint.npz of a training")
    parser.add_argument("--data", type=Path, required=True, help="the folder it was trained on")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.bundle")
    parser.add_argument("--name", help="the model's own name (default: the genre)")
    parser.add_argument("--like", help="for a new genre: the shipped one to base it on")
    parser.add_argument("--genre-name", help="a new genre's name on pages (default: the genre, capitalized)")
    parser.add_argument("--commercial-use", action="store_true", help="all data sets allow commercial use")
    parser.add_argument("--norms", type=int, default=150, help="pieces the critic learns from (default: %(default)s)")
    parser.add_argument("--pieces", type=int, default=20, help="pieces to compose and check (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        figures = publish(
            read_checkpoint(options.checkpoint),
            profile=genre_profile(options.genre, options.like, options.genre_name),
            name=options.name or options.genre,
            data_dir=options.data,
            work_dir=options.checkpoint.parent,
            output=options.output,
            commercial_use=options.commercial_use,
            num_pieces=options.pieces,
            num_norms=options.norms,
        )
    except EngineError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Error: {error.filename or 'a file'} cannot be used: {error.strerror or error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
