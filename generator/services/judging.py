"""What the critic says of a composed take, in figures and in words. Runs in a worker."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from generator.engine.borrowing import Borrowed, HumanBaseline, originality_sentence, parse_baseline
from generator.engine.controls import ComposeRequest
from generator.engine.ranking import rank_takes
from library.templatetags.music import accidentals

if TYPE_CHECKING:
    from generator.composers import LoadedModel
    from generator.engine.composer import Composition
    from generator.engine.critic import PieceFacts
    from generator.engine.music import Note

# A silence or a loop shorter than this is not worth a sentence.
NOTABLE_SILENCE_SECONDS = 1.0
NOTABLE_LOOP_SECONDS = 4.0
# Where fewer of the notes are in the likeliest key's scale, naming it would say little. By chance it is 58 of 100.
CLEAR_KEY = 0.75


@dataclass(frozen=True)
class Verdict:
    """What is kept of a judgement.

    Attributes:
        facts: {sentences, faults, originality, figures, borrowed}, for the piece.
        faults: a sentence for each thing that makes the take broken; empty for a sound one.
        score: the higher the better, among takes of one genre.
        originality: the longest run that stands in the training music; None where that is not known.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    score: float = 0.0
    originality: Borrowed | None = None


def judge(loaded: "LoadedModel", request: ComposeRequest, composition: "Composition") -> Verdict:
    """Of the new music alone, which `request.length_seconds` counts: what was kept of a primer is not the model's."""
    from generator.engine.critic import judge as judge_notes
    from generator.engine.norms import parse_norms

    bundle = loaded.composer.bundle
    figures = bundle.manifest.card.figures
    notes = new_notes(composition)
    judgement = judge_notes(
        notes,
        composition.voices,
        request.length_seconds,
        qpm=composition.qpm,
        key=composition.key,
        norms=parse_norms(figures.get("norms")),
        originality=bundle.originality,
    )
    borrowed = judgement.originality
    baseline = baseline_of(loaded)
    sentence = borrowed and originality_sentence(borrowed, baseline, request.length_seconds)
    return Verdict(
        facts={
            "sentences": sentences_of(
                judgement.facts, is_known=bool(composition.key), is_all=len(notes) == len(composition.notes)
            ),
            "faults": list(judgement.faults),
            "originality": sentence,
            "figures": judgement.facts.as_dict(),
            "borrowed": borrowed and borrowed_data(borrowed, baseline, request.length_seconds),
        },
        faults=judgement.faults,
        score=judgement.score,
        originality=borrowed,
    )


def new_notes(composition: "Composition") -> list["Note"]:
    """Those that were composed, from the beginning of the new music."""
    from generator.engine.primers import shifted

    kept = composition.kept_seconds
    return shifted([note for note in composition.notes if note.start_seconds >= kept - 1e-6], -kept)


def baseline_of(loaded: "LoadedModel") -> HumanBaseline | None:
    """How much people's pieces borrow from the model's training music."""
    return parse_baseline(loaded.composer.bundle.manifest.card.figures.get("originality"))


def borrowed_data(borrowed: Borrowed, baseline: HumanBaseline | None, length_seconds: float) -> dict[str, Any]:
    """The longest run that stands in the training music, and beside it people's of about that length, if known."""
    human = baseline.at(length_seconds) if baseline and length_seconds > 0 else None
    return borrowed.as_dict() | {"human": human and asdict(human)}


def ranks_of(
    verdicts: Sequence[Verdict], *, baseline: HumanBaseline | None = None, length_seconds: float = 0.0
) -> list[int]:
    """The rank of each: 1 for the best. Broken ones come last; of equals the earlier one comes first."""
    best_first = rank_takes(verdicts, baseline=baseline, length_seconds=length_seconds)
    return [best_first.index(index) + 1 for index in range(len(verdicts))]


def claimed_key(facts: dict[str, Any], key: str | None) -> str:
    """The key that a piece was composed in, where its notes keep to it: a title claims no other."""
    agreement = facts.get("figures", {}).get("key_agreement")
    return key if key and (agreement is None or agreement >= CLEAR_KEY) else ""


def sentences_of(facts: "PieceFacts", *, is_known: bool, is_all: bool = True) -> list[str]:
    """What the figures say, for people; `is_known` says that it was composed in a key, not guessed to be, and `is_all`
    that the figures are those of the whole piece, not only of what comes after its beginning."""
    notes = f"{facts.notes} notes" if is_all else f"{facts.notes} new notes"
    sentences = [f"{notes}, {facts.notes_per_second:.1f} per second."]
    if facts.key_agreement is not None and not is_known and facts.key_agreement < CLEAR_KEY:
        sentences.append("No single key.")
    elif facts.key_agreement is not None:
        heard = "are in" if is_known else "fit"
        sentences.append(f"{facts.key_agreement:.0%} of the notes {heard} {accidentals(facts.key)}.")
    if facts.max_polyphony > 1:
        sentences.append(f"Up to {facts.max_polyphony} notes at once.")
    if facts.longest_silence_seconds >= NOTABLE_SILENCE_SECONDS:
        sentences.append(f"Longest silence: {facts.longest_silence_seconds:.1f} s.")
    if facts.loop_seconds >= NOTABLE_LOOP_SECONDS:
        sentences.append(f"Longest exact repeat: {facts.loop_seconds:.0f} s.")
    return sentences
