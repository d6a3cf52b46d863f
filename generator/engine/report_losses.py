"""The loss of a bundle and of two baselines on the same notes."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.engine.baselines import NGramModel, PlainLstm
from generator.engine.checkpoints import read_checkpoint
from generator.engine.evaluation import HeldOut, note_classes, pieces_to_read, read_corpus, seconds_of
from generator.engine.excerpts import qpm_of
from generator.engine.manifest import Manifest
from generator.engine.runtimes import open_runtime

if TYPE_CHECKING:
    from generator.engine.report import Studio

# A network must beat each baseline by this much.
MARGIN_NATS_PER_NOTE = 0.10


def losses(studio: "Studio", lstm: Path | None) -> dict[str, Any]:
    """Held-out figures of the bundle, the 3-gram model and the LSTM, and the bundle's margins.

    Args:
        lstm: checkpoint of the LSTM; None skips it.
    """
    encoding, corpus = studio.manifest.encoding, studio.validation
    max_events = studio.plan.max_events
    studio.tick("reading validation files with the bundle")
    ours = read_corpus(open_runtime("litert", studio.bundle), corpus, encoding, max_events=max_events, progress=False)
    minutes = studio.manifest.card.training.get("cpu_minutes")
    found: dict[str, Any] = {"bundle": ours.as_dict() | {"cpu_minutes": minutes}}
    studio.tick("counting 3-grams of the training files")
    found["three_grams"] = _three_grams(studio)
    if lstm is not None:
        studio.tick("reading validation files with the LSTM")
        checkpoint = read_checkpoint(lstm)
        runtime = PlainLstm(checkpoint.network, checkpoint.weights or checkpoint.last_weights)
        theirs = read_corpus(runtime, corpus, encoding, max_events=max_events, progress=False)
        found["lstm"] = theirs.as_dict() | {
            "layers": checkpoint.network.layers,
            "units": checkpoint.network.units,
            "cpu_minutes": checkpoint.facts.get("cpu_minutes"),
            "updates": checkpoint.facts.get("updates"),
        }
        found["equal_cpu_time"] = equal_time(studio.manifest, checkpoint.facts, theirs)
    found["margins_nats_per_note"] = {
        name: round(found[name]["nats_per_note"] - ours.nats_per_note, 4)
        for name in ("three_grams", "lstm")
        if name in found
    }
    return found


def _three_grams(studio: "Studio") -> dict[str, Any]:
    """Fitted on all training files, read like the networks: every event of a piece given the previous ones."""
    encoding, corpus = studio.manifest.encoding, studio.validation
    notes = note_classes(encoding)
    started = time.process_time()
    model = NGramModel(encoding.num_classes).fit(studio.train.encoded(i) for i in range(len(studio.train)))
    fitted = time.process_time() - started
    total = HeldOut()
    for index, count in pieces_to_read(corpus, studio.plan.max_events):
        events = corpus.encoded(index)[:count]
        total.nats += float(model.nats(events).sum())
        total.events += len(events)
        total.notes += int(((events >= notes.start) & (events < notes.stop)).sum())
        total.seconds += seconds_of(events, encoding, qpm_of(corpus, index))
    figures = total.as_dict()
    # Accuracy is not computed.
    del figures["accuracy"]
    return figures | {"cpu_minutes": round(fitted / 60, 2)}


def equal_time(manifest: Manifest, lstm_facts: dict[str, Any], lstm: HeldOut) -> dict[str, Any] | None:
    """Both networks after the same CPU time, on the windows used for validation during training; None if the card or
    checkpoint lacks it.

    The bundle's figure is the last point of its training curve within the LSTM's CPU minutes: its learning rate was
    still high then, while the LSTM's had decayed to 0.
    """
    minutes, theirs = lstm_facts.get("cpu_minutes"), lstm_facts.get("validation_nats_per_event")
    curve = manifest.card.training.get("validation_curve") or []
    reached = [point for point in curve if minutes and point[0] <= minutes + 0.05]
    if not reached or theirs is None:
        return None
    events_a_note = lstm.events / max(lstm.notes, 1)
    ours = reached[-1][1]
    return {
        "cpu_minutes": minutes,
        "bundle_cpu_minutes": reached[-1][0],
        "bundle_nats_per_event": ours,
        "lstm_nats_per_event": theirs,
        "margin_nats_per_note": round((theirs - ours) * events_a_note, 4),
    }
