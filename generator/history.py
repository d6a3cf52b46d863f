"""What the list of generations says of each."""

from dataclasses import dataclass
from typing import Any

from generator.engine.manifest_controls import LEVEL_NAMES
from generator.engine.music import pitch_name
from generator.models import Generation, GenreModel
from generator.progress import sentence_of
from generator.reuse import again_url
from library.models import Piece
from library.templatetags.music import accidentals, clock, whole

STATES = {
    Generation.Status.QUEUED: "Queued",
    Generation.Status.RUNNING: "Composing",
    Generation.Status.SUCCEEDED: "Finished",
    Generation.Status.FAILED: "Failed",
    Generation.Status.CANCELLED: "Cancelled",
}
KINDS = {
    Piece.Kind.CONTINUE: "continues",
    Piece.Kind.VARY: "varies",
    Piece.Kind.ANOTHER: "like",
}


@dataclass(frozen=True, slots=True)
class GenerationRow:
    generation: Generation
    state: str
    title: str
    settings: list[str]
    source: str
    sentence: str
    pieces: list[Piece]
    again_url: str
    share: float

    @property
    def is_finished(self) -> bool:
        return self.generation.is_finished

    @classmethod
    def of(cls, generation: Generation, model: GenreModel | None, *, worker_seen: bool) -> "GenerationRow":
        """Asks no question of the database about a finished one whose takes and pieces were fetched with it."""
        ensemble = _ensemble_name(generation, model)
        pieces = [take.piece for take in generation.takes.all() if take.piece and take.piece.trashed_at is None]
        return cls(
            generation=generation,
            state=STATES[Generation.Status(generation.status)],
            title=f"{generation.genre.name}: {ensemble}" if ensemble else generation.genre.name,
            settings=settings_in_words(generation, model),
            source=_source(generation),
            sentence=_sentence(generation, pieces, worker_seen),
            pieces=pieces,
            again_url=again_url(generation, model),
            share=min(1.0, generation.seconds_composed / max(1.0, generation.total_seconds)),
        )


def _ensemble_name(generation: Generation, model: GenreModel | None) -> str:
    key = generation.params.get("ensemble", "")
    offered = model.manifest.get("ensembles", []) if model else []
    return next((one["name"] for one in offered if one["key"] == key), key)


def settings_in_words(generation: Generation, model: GenreModel | None = None) -> list[str]:
    """What was chosen, as short as the page of a piece says it: "1:30", "96 BPM", "C minor", "3 takes"."""
    params: dict[str, Any] = generation.params
    words = [clock(generation.total_seconds)]
    if params.get("bars"):
        words.append(f"{params['bars']} bars")
    if params.get("style"):
        words.append(_choice_name(model, "style", params["style"]))
    if params.get("qpm"):
        words.append(f"{whole(params['qpm'])} BPM")
    if params.get("adventurousness"):
        words.append(f"creativity {_level_name(model, params['adventurousness']).lower()}")
    if params.get("key"):
        words.append(accidentals(str(params["key"])))
    if params.get("density"):
        words.append(str(params["density"]))
    if params.get("feel"):
        words.append(_choice_name(model, "feel", params["feel"]).lower())
    if params.get("starting_note") is not None:
        words.append(f"from {accidentals(pitch_name(params['starting_note']))}")
    if params.get("voices_off"):
        words.append(f"no {', '.join(_part_name(generation, model, part) for part in params['voices_off'])}")
    if generation.takes_asked > 1:
        words.append(f"{generation.takes_asked} takes")
    return words


def _choice_name(model: GenreModel | None, control: str, key: str) -> str:
    """What the page of the form calls a choice."""
    offered = (model.manifest.get("controls", {}).get(control) or {}) if model else {}
    named = {choice["key"]: choice["name"] for choice in offered.get("choices", [])}
    return str(named.get(key, str(key).replace("-", " ")))


def _level_name(model: GenreModel | None, key: str) -> str:
    levels = model.manifest.get("controls", {}).get("adventurousness", []) if model else []
    return str(next((LEVEL_NAMES.get(one["name"], one["name"]) for one in levels if one["key"] == key), key))


def _part_name(generation: Generation, model: GenreModel | None, part: str) -> str:
    ensembles = model.manifest.get("ensembles", []) if model else []
    key = generation.params.get("ensemble")
    voices: list[dict[str, Any]] = next((one["voices"] for one in ensembles if one["key"] == key), [])
    return str(next((voice["name"] for voice in voices if voice.get("part") == part), part)).lower()


def _source(generation: Generation) -> str:
    if generation.source_piece is not None:
        return f"{KINDS.get(Piece.Kind(generation.kind), 'from')} “{generation.source_piece.title}”"
    return "from your MIDI file" if generation.start == Generation.Start.FILE else ""


def _sentence(generation: Generation, pieces: list[Piece], worker_seen: bool) -> str:
    match generation.status:
        case Generation.Status.SUCCEEDED:
            return "" if pieces else "The piece has been deleted."
        case Generation.Status.FAILED:
            return generation.error_message or "It could not be composed."
        case Generation.Status.CANCELLED:
            return ""
    return sentence_of(generation, worker_seen=worker_seen)
