"""Bands as training data: what is told of a piece, what a segment holds, what augmentation changes."""

import csv
from pathlib import Path

import mido
import numpy as np
import pytest

from generator.engine.band_dataset import BandCorpus, density_bins, notes_of, parts_of
from generator.engine.corpora import open_corpus, shape_of
from generator.engine.encodings.band import (
    DENSITY_BOUNDS,
    PARTS,
    STEPS_PER_BAR,
    BandControls,
    BandState,
    countdown_bin,
    decode,
    spec_of,
)
from generator.engine.errors import BundleError, TrainingError
from generator.engine.genres import PROFILES, genre_profile
from generator.engine.manifest import Encoding
from generator.engine.network import NetworkConfig

BARS = 24
ROCK = genre_profile("rock")


def band_file(path: Path, *, bars: int = BARS) -> None:
    """Drums, a bass and a guitar in A minor: one bar over and over, and a last one that rings."""
    file = mido.MidiFile(ticks_per_beat=120)
    tempo = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100))])
    tempo.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    file.tracks.append(tempo)
    lines = {
        9: (0, [(0, 36, 60), (120, 38, 60), (240, 36, 60), (360, 38, 60)] + [(60 * i, 42, 30) for i in range(8)]),
        0: (33, [(0, 33, 200), (240, 40, 200)]),
        1: (29, [(0, 57, 220), (0, 60, 220), (0, 64, 220), (240, 57, 220), (240, 60, 220), (240, 64, 220)]),
    }
    for channel, (program, bar) in lines.items():
        events: list[tuple[int, int, int]] = []
        for index in range(bars):
            for at, pitch, length in bar if index < bars - 1 else [row for row in bar if row[0] == 0]:
                events += [(index * 480 + at, pitch, 90), (index * 480 + at + length, pitch, 0)]
        track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
        now = 0
        for at, pitch, velocity in sorted(events, key=lambda row: (row[0], row[2])):
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=at - now))
            now = at
        file.tracks.append(track)
    file.save(path)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rock")
    for name in ("a", "b", "c"):
        band_file(folder / f"{name}.mid")
    with (folder / "index.tsv").open("w", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t")
        writer.writerow(["file", "split", "tag"])
        writer.writerows([["a.mid", "train", "artist Ramones"], ["b.mid", "train", ""], ["c.mid", "validation", ""]])
    return folder


@pytest.fixture(scope="module")
def corpus(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> BandCorpus:
    found = open_corpus(ROCK, data_dir, "train", cache_dir=tmp_path_factory.mktemp("cache"), progress=False)
    assert isinstance(found, BandCorpus)
    return found


def test_a_file_becomes_a_piece_with_its_facts(corpus: BandCorpus) -> None:
    assert corpus.files == ["a.mid", "b.mid"]
    facts = corpus.facts[0]
    assert facts.num_steps == BARS * STEPS_PER_BAR
    assert facts.qpm == pytest.approx(100, abs=0.01)
    assert (facts.mode, facts.style, corpus.facts[1].style) == (1, "punk", "")
    assert parts_of(corpus.piece(0), corpus.spec) == ("drums", "bass", "rhythm")
    assert corpus.num_notes == 2 * ((BARS - 1) * (12 + 2 + 6) + 2 + 1 + 3)


def test_the_cache_gives_what_the_files_gave(data_dir: Path, tmp_path: Path) -> None:
    first = open_corpus(ROCK, data_dir, "validation", cache_dir=tmp_path, progress=False)
    again = open_corpus(ROCK, data_dir, "validation", cache_dir=tmp_path, progress=False)
    assert first.encoded(0).tolist() == again.encoded(0).tolist()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_piece_is_a_band_piece_again(corpus: BandCorpus) -> None:
    again = notes_of(corpus.band_piece(0), corpus.spec)
    assert again.classes.tolist() == corpus.piece(0).classes.tolist()
    assert again.starts.tolist() == corpus.piece(0).starts.tolist()


def test_notes_in_seconds_have_the_key_of_the_file(corpus: BandCorpus) -> None:
    notes = corpus.piece_notes(0)
    bass = [note for note in notes if corpus.voices()[note.voice].part == "bass"]
    assert {note.pitch for note in bass} == {33, 40}
    assert bass[1].start_seconds == pytest.approx(1.2)
    assert {note.pitch for note in notes if corpus.voices()[note.voice].is_drum} == {36, 38, 42}


def test_chunks_of_a_file_are_the_file(corpus: BandCorpus) -> None:
    events = corpus.encoded(0)
    chunks = list(corpus.file_segments(0))
    assert np.concatenate([chunk.targets for chunk in chunks]).tolist() == events.tolist()
    inputs = np.concatenate([chunk.inputs for chunk in chunks])
    assert inputs.tolist() == [corpus.spec.start, *events[:-1].tolist()]
    state = BandState(corpus.spec, corpus.controls(0, corpus.piece(0)))
    for event, row in zip(inputs.tolist(), np.concatenate([chunk.features for chunk in chunks]), strict=True):
        state.advance(event)
        np.testing.assert_allclose(row, state.features, atol=1e-6)


@pytest.mark.parametrize("first_bar", [0, 3, 12, 17])
def test_a_segment_knows_its_place_in_the_phrase_and_what_was_eight_bars_ago(
    corpus: BandCorpus, first_bar: int
) -> None:
    notes = corpus.piece(0)
    segment = corpus.segment(0, notes, BandControls(), first_bar, 150, countdown=True, density=True)
    assert len(segment.inputs) == len(segment.targets) == len(segment.features)
    layout, spec = corpus.spec.layout, corpus.spec
    if first_bar == 0:
        assert segment.inputs[0] == spec.start
    else:
        # The whole piece read from its beginning says the same.
        events = corpus.encoded(0).tolist()
        where = next(i for i in range(len(events)) if events[i : i + 150] == segment.targets.tolist())
        assert where > 0
    row = segment.features[0]
    assert row[layout.bar + first_bar % 8] == 1.0
    assert row[layout.bar + 8] == (first_bar % 16 >= 8)
    assert row[layout.countdown + countdown_bin(BARS - 1 - first_bar)] == 1.0
    assert row[layout.density : layout.density + 8].sum() == 1.0
    seen_eight_bars_ago = row[layout.lookbacks[4] : layout.lookbacks[4] + spec.num_notes].any()
    assert bool(seen_eight_bars_ago) == (first_bar > 8)


def test_density_counts_notes_a_quarter() -> None:
    starts = np.arange(0, 10 * STEPS_PER_BAR, 12)
    (found,) = density_bins(np.array([0]), starts)
    assert DENSITY_BOUNDS[found - 1] <= 1.0 < DENSITY_BOUNDS[found]
    assert density_bins(np.array([10 * STEPS_PER_BAR]), starts).tolist() == [0]


def test_augmented_segments_lose_parts_and_controls_sometimes(corpus: BandCorpus) -> None:
    sampler = corpus.sampler(num_events=120, rng=np.random.default_rng(3), stretch=0.05, transpose=5)
    layout = corpus.spec.layout
    segments = [sampler.draw() for _ in range(80)]
    rows = np.stack([segment.features[0] for segment in segments])
    playing = rows[:, layout.parts : layout.parts + len(PARTS)].sum(axis=1)
    assert set(playing.tolist()) >= {2.0, 3.0}
    for first, count in ((layout.mode, 2), (layout.tempo, 8), (layout.countdown, 23), (layout.density, 8)):
        told = rows[:, first : first + count].any(axis=1)
        assert told.any() and not told.all()
    assert any(segment.inputs[0] == corpus.spec.start for segment in segments)
    for segment in segments[:5]:
        assert len(decode(segment.targets, corpus.spec))


def test_a_folder_without_bands_is_refused_by_name(tmp_path: Path) -> None:
    mido.MidiFile(ticks_per_beat=96).save(tmp_path / "empty.mid")
    (tmp_path / "index.tsv").write_text("file\tsplit\nempty.mid\ttrain\n")
    with pytest.raises(TrainingError, match=r"None of the 1 files could be read: empty\.mid"):
        open_corpus(ROCK, tmp_path, "train", cache_dir=tmp_path / "cache", progress=False)
    with pytest.raises(TrainingError, match="Expected validation files"):
        open_corpus(ROCK, tmp_path, "validation", cache_dir=tmp_path / "cache", progress=False)


@pytest.mark.parametrize("genre", PROFILES)
def test_a_profile_fits_its_network(genre: str) -> None:
    profile = genre_profile(genre)
    network = NetworkConfig(layers=1, units=16, **shape_of(profile.encoding))
    assert network.num_classes == profile.encoding.num_classes
    assert {profile.defaults.ensemble} <= {ensemble.key for ensemble in profile.ensembles}
    if profile.controls.style:
        indices = {choice.key: choice.value for choice in profile.controls.style.choices}
        assert all(profile.styles[index] == key for key, index in indices.items())


def test_an_encoding_whose_numbers_disagree_is_refused() -> None:
    wrong = Encoding("band", 0, 8, 100, 12, 0, PARTS)
    with pytest.raises(BundleError, match="Expected an encoding band of 357 classes"):
        spec_of(wrong)
    with pytest.raises(BundleError, match="performance or band"):
        shape_of(Encoding("melody", 0, 8, 100))


def test_a_new_genre_takes_after_a_shipped_one() -> None:
    profile = genre_profile("surf-rock", like="rock")
    assert (profile.genre, profile.genre_name) == ("surf-rock", "Surf rock")
    assert profile.ensembles == ROCK.ensembles
    assert genre_profile("surf", "rock", "Surf!").genre_name == "Surf!"
    with pytest.raises(TrainingError, match="say which of them it is like"):
        genre_profile("surf-rock")
    with pytest.raises(TrainingError, match="lower-case letters"):
        genre_profile("Surf Rock", like="rock")
