"""Everything measured about a bundle in one run: held-out loss, similarity to human music, control adherence.
docs/quality.md describes the protocol; `report_page` renders it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from generator.engine import report_controls, report_critic
from generator.engine.bundles import Bundle
from generator.engine.composer import Composer, Composition
from generator.engine.controls import ComposeRequest, compose_request
from generator.engine.corpora import Corpus, open_corpus
from generator.engine.evaluation import profile_of
from generator.engine.excerpts import Excerpt, drum_voices_of, human_excerpts, style_of
from generator.engine.features import FEATURES, Overlap, Vectors, centres, feature_vectors, overlaps
from generator.engine.obedience import ending_of, file_facts, length_is_right
from generator.engine.report_losses import losses
from generator.engine.runtimes import Runtime

PROTOCOL = 1
LENGTH_SECONDS = 30.0
# Requests composed in one batch.
BATCH = 20
# How often a broken piece is composed again.
MAX_ATTEMPTS = 2
SHOWN_ROLLS = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        pieces: composed per question, and human excerpts to compare with.
        max_events: read for the losses; None reads all validation files.
        control_seconds: length of the pieces composed for controls other than the key.
    """

    pieces: int = 100
    max_events: int | None = 200_000
    control_seconds: float = 20.0


QUICK = Plan(pieces=10, max_events=20_000, control_seconds=10.0)


@dataclass
class Report:
    """Attributes: `figures` are plain JSON values; the page draws the rest."""

    figures: dict[str, Any] = field(default_factory=dict)
    overlaps: dict[str, Overlap] = field(default_factory=dict)
    composed: list[Composition] = field(default_factory=list)
    people: list[Excerpt] = field(default_factory=list)


class Studio:
    """A bundle with its composer and human music, for measurements."""

    def __init__(
        self,
        bundle: Bundle,
        data_dir: Path,
        *,
        cache_dir: Path,
        plan: Plan,
        tick: Callable[[str], None],
        runtime: str | Runtime = "litert",
    ) -> None:
        """
        Args:
            tick: called with a description of each step.
            runtime: composes the pieces.
        """
        self.bundle, self.plan, self.tick = bundle, plan, tick
        self.manifest = bundle.manifest
        self._data_dir, self._cache_dir = data_dir, cache_dir
        self._composer = Composer(bundle, runtime=runtime)

    @cached_property
    def validation(self) -> Corpus:
        return self._corpus("validation")

    @cached_property
    def train(self) -> Corpus:
        return self._corpus("train")

    def _corpus(self, split: str) -> Corpus:
        self.tick(f"reading {split} files")
        return open_corpus(profile_of(self.manifest), self._data_dir, split, cache_dir=self._cache_dir, progress=False)

    @cached_property
    def people(self) -> list[Excerpt]:
        """Excerpts of validation files."""
        return human_excerpts(self.validation, count=self.plan.pieces, length_seconds=LENGTH_SECONDS, seed=1)

    @cached_property
    def trained(self) -> list[Excerpt]:
        """Excerpts of training files."""
        return human_excerpts(self.train, count=self.plan.pieces, length_seconds=LENGTH_SECONDS, seed=2)

    def request(self, seed: int, **params: Any) -> ComposeRequest:
        return compose_request(self.manifest, seed=seed, **params)

    def usual_requests(self) -> list[ComposeRequest]:
        """One request per seed with the bundle's defaults, except for tempo and style, which come from a training
        excerpt each: human music has many tempos, a default only one."""
        controls = self.manifest.controls
        styles = {choice.key for choice in controls.style.choices} if controls.style else set()
        found = []
        for seed in range(1, self.plan.pieces + 1):
            params: dict[str, Any] = {"length_seconds": LENGTH_SECONDS}
            if controls.qpm and self.trained:
                excerpt = self.trained[seed % len(self.trained)]
                params["qpm"] = min(max(excerpt.qpm or controls.qpm.default, controls.qpm.min), controls.qpm.max)
                style = style_of(self.train, excerpt.piece)
                params["style"] = style if style in styles else ""
            found.append(self.request(seed, **params))
        return found

    def compose(self, requests: Sequence[ComposeRequest], what: str) -> list[Composition]:
        """Pieces in the order of the requests."""
        found: list[Composition] = []
        for first in range(0, len(requests), BATCH):
            self.tick(f"composing {what}, {first} of {len(requests)}")
            found += [c for c in self._composer.compose_many(requests[first : first + BATCH]) if c is not None]
        return found


def measure(
    bundle: Bundle,
    data_dir: Path,
    *,
    cache_dir: Path,
    plan: Plan,
    lstm: Path | None = None,
    tick: Callable[[str], None] = lambda doing: None,
) -> Report:
    """Evaluate a bundle on the files of its genre.

    Args:
        lstm: checkpoint of the LSTM baseline; None skips it.

    Raises:
        TrainingError: the folder has no usable files, or the checkpoint is invalid.
        BundleError: the bundle cannot be run.
    """
    studio = Studio(bundle, data_dir, cache_dir=cache_dir, plan=plan, tick=tick)
    report = Report()
    report.figures = {
        "protocol": PROTOCOL,
        "bundle": {
            "name": bundle.manifest.name,
            "genre": bundle.manifest.genre,
            "sha256": bundle.sha256,
            "encoding": bundle.manifest.encoding.name,
        },
        "plan": {"pieces": plan.pieces, "length_seconds": LENGTH_SECONDS, "max_events": plan.max_events},
        "loss": losses(studio, lstm),
    }
    requests = studio.usual_requests()
    report.composed = studio.compose(requests, "pieces")
    report.people = studio.people
    tick("judging")
    critic = report_critic.Critic(studio)
    kept, critic_figures = critic.replaced(requests, report.composed, MAX_ATTEMPTS)
    tick("comparing with people's music")
    report.figures["overlap"], report.overlaps = _overlap_figures(studio, report.composed, kept)
    tick("reading files back")
    report.figures["pieces"] = _piece_figures(studio, requests, report.composed)
    report.figures["critic"] = critic_figures | critic.proof(report.composed)
    report.figures["originality"] = report_controls.originality(studio, report.composed)
    report.figures["controls"] = report_controls.controls(studio)
    tick("done")
    return report


def _overlap_figures(
    studio: Studio, first_takes: Sequence[Composition], kept: Sequence[Composition]
) -> tuple[dict[str, Any], dict[str, Overlap]]:
    """Overlapping areas of composed pieces with validation excerpts, and of training excerpts as the ceiling."""
    if not studio.people:
        return {"skipped": f"No validation piece lasts {LENGTH_SECONDS:g} s."}, {}
    drums = drum_voices_of(studio.validation)
    only_drums = len(drums) == len(studio.validation.voices())
    people = _vectors_of_excerpts(studio.people, drums, only_drums)
    ceiling = _vectors_of_excerpts(studio.trained, drums, only_drums)
    raw, judged = _vectors_of_compositions(first_takes), _vectors_of_compositions(kept)
    found = overlaps(people, raw)
    areas = {
        "first_takes": _areas(found),
        "after_critic": _areas(overlaps(people, judged)),
        "ceiling": _areas(overlaps(people, ceiling)),
        "first_takes_of_means": _areas(overlaps(people, raw, of=centres)),
        "ceiling_of_means": _areas(overlaps(people, ceiling, of=centres)),
    }
    names = {feature.key: feature.name for feature in FEATURES if feature.key in found}
    return areas | {"names": names, "excerpts": len(people)}, found


def _vectors_of_excerpts(
    excerpts: Iterable[Excerpt], drums: frozenset[int], only_drums: bool
) -> list[dict[str, Vectors]]:
    return [feature_vectors(e.notes, e.length_seconds, drum_voices=drums, only_drums=only_drums) for e in excerpts]


def _vectors_of_compositions(compositions: Iterable[Composition]) -> list[dict[str, Vectors]]:
    found = []
    for piece in compositions:
        drums = report_controls.drum_voices(piece)
        only_drums = len(drums) == len(piece.voices)
        found.append(feature_vectors(piece.notes, piece.length_seconds, drum_voices=drums, only_drums=only_drums))
    return found


def _areas(found: dict[str, Overlap]) -> dict[str, Any]:
    areas = {key: round(overlap.area, 4) for key, overlap in found.items()}
    return {
        "features": areas,
        "mean": round(sum(areas.values()) / len(areas), 4),
        "lowest": min(areas, key=lambda key: areas[key]),
    }


def _piece_figures(studio: Studio, requests: Sequence[ComposeRequest], pieces: Sequence[Composition]) -> dict[str, Any]:
    """Files, lengths and endings of the first takes."""
    files = [file_facts(piece.to_midi_bytes(), piece.notes, piece.voices) for piece in pieces]
    endings = [
        ending_of(piece.notes, drum_voices=report_controls.drum_voices(piece), qpm=piece.qpm) for piece in pieces
    ]
    off = [
        request.seed
        for request, piece in zip(requests, pieces, strict=True)
        if not length_is_right(piece.length_seconds, request.length_seconds, piece.qpm)
    ]
    return {
        "composed": len(pieces),
        "unreadable_files": sum(not facts.is_readable for facts in files),
        "stuck_notes": sum(facts.stuck_notes for facts in files),
        "off_in_length": len(off),
        "off_in_length_seeds": off,
        "quiet_ends": sum(ending.is_quiet for ending in endings),
        "ringing_ends": sum(ending.rings for ending in endings),
        "real_endings": sum(ending.is_real for ending in endings),
        **report_controls.loops(studio, pieces),
        **report_controls.phrases(studio, pieces),
    }
