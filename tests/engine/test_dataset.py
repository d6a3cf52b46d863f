"""Training data: files read as note_seq reads them, damaged ones named, windows cut without seams."""

from pathlib import Path

import mido
import numpy as np
import pytest

from generator.engine import dataset
from generator.engine.encodings import performance
from generator.engine.errors import TrainingError


def write_performance(path: Path, rng: np.random.Generator, *, num_notes: int = 150, tempo_changes: int = 3) -> None:
    """A random performance with half-pedalled, overlapping and repeated notes, and a changing tempo."""
    file = mido.MidiFile(ticks_per_beat=384)
    tempo_track, track = mido.MidiTrack(), mido.MidiTrack()
    file.tracks += [tempo_track, track]
    for i in range(tempo_changes):
        microseconds = int(rng.integers(300_000, 900_000))
        tempo_track.append(mido.MetaMessage("set_tempo", tempo=microseconds, time=0 if i == 0 else 2000))
    messages: list[tuple[int, int, mido.Message]] = []
    free_at: dict[int, list[tuple[int, int]]] = {}
    for _ in range(num_notes):
        pitch, start = int(rng.integers(40, 60)), int(rng.integers(0, 12_000))
        end = start + int(rng.integers(10, 900))
        if any(start <= b and a <= end for a, b in free_at.get(pitch, [])):
            continue
        free_at.setdefault(pitch, []).append((start, end))
        velocity = int(rng.integers(1, 128))
        messages.append((start, 1, mido.Message("note_on", note=pitch, velocity=velocity)))
        messages.append((end, 0, mido.Message("note_off", note=pitch)))
    for _ in range(30):
        value = int(rng.choice([0, 30, 63, 64, 100, 127]))
        messages.append((int(rng.integers(0, 12_500)), 2, mido.Message("control_change", control=64, value=value)))
    now = 0
    for tick, _, message in sorted(messages, key=lambda m: m[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    file.save(path)


def note_seq_events(path: Path) -> list[int]:
    import note_seq
    from note_seq import performance_encoder_decoder, performance_lib, sequences_lib

    sequence = sequences_lib.apply_sustain_control_changes(note_seq.midi_file_to_note_sequence(str(path)))
    quantized = sequences_lib.quantize_note_sequence_absolute(sequence, performance.STEPS_PER_SECOND)
    events = performance_lib.Performance(quantized, num_velocity_bins=performance.NUM_VELOCITY_BINS)
    encoding = performance_encoder_decoder.PerformanceOneHotEncoding(num_velocity_bins=performance.NUM_VELOCITY_BINS)
    return [encoding.encode_event(event) for event in events]


@pytest.mark.parametrize("seed", range(8))
def test_the_fast_reader_gives_the_event_stream_of_note_seq(tmp_path: Path, seed: int) -> None:
    write_performance(tmp_path / "a.mid", np.random.default_rng(seed))
    notes = dataset.read_notes(tmp_path / "a.mid")
    assert len(notes) > 50
    assert performance.encode(notes).tolist() == note_seq_events(tmp_path / "a.mid")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "midi"
    folder.mkdir()
    rows = ["file\tsplit"]
    for i in range(5):
        write_performance(folder / f"{i}.mid", np.random.default_rng(i))
        rows.append(f"piano/{i}.mid\t{'validation' if i == 4 else 'train'}")
    (folder / "index.tsv").write_text("\n".join(rows))
    return folder


def test_the_index_decides_the_split_and_the_cache_gives_the_same_notes(data_dir: Path, tmp_path: Path) -> None:
    first = dataset.load_corpus(data_dir, "train", cache_dir=tmp_path / "cache", progress=False)
    again = dataset.load_corpus(data_dir, "train", cache_dir=tmp_path / "cache", progress=False)
    assert first.names == again.names == ["0.mid", "1.mid", "2.mid", "3.mid"]
    assert dataset.load_corpus(data_dir, "validation", cache_dir=tmp_path / "c", progress=False).names == ["4.mid"]
    assert np.array_equal(first.encoded(2), again.encoded(2))
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_unreadable_and_empty_files_are_named_and_skipped(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "0.mid").write_bytes((data_dir / "0.mid").read_bytes()[:40])
    (data_dir / "1.mid").write_bytes(b"this is a text")
    mido.MidiFile().save(data_dir / "2.mid")
    corpus = dataset.load_corpus(data_dir, "train", cache_dir=tmp_path / "cache", progress=False)
    assert corpus.names == ["3.mid"]
    assert [line.split(" ")[0] for line in corpus.skipped] == ["0.mid", "1.mid", "2.mid"]


def test_a_folder_without_music_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Expected MIDI files"):
        dataset.load_corpus(tmp_path, "train", cache_dir=tmp_path / "cache", progress=False)
    with pytest.raises(TrainingError, match="not a folder"):
        dataset.load_corpus(tmp_path / "none", "train", cache_dir=tmp_path / "cache", progress=False)
    (tmp_path / "a.mid").write_bytes(b"nothing")
    (tmp_path / "index.tsv").write_text("file\tsplit\na.mid\ttrain\n")
    with pytest.raises(TrainingError, match=r"None of the 1 train files could be read: a.mid"):
        dataset.load_corpus(tmp_path, "train", cache_dir=tmp_path / "cache", progress=False)


def test_without_an_index_about_a_twentieth_is_validation_and_it_stays_so(tmp_path: Path) -> None:
    for i in range(400):
        (tmp_path / f"{i}.mid").write_bytes(b"")
    splits = [f.split for f in dataset.list_files(tmp_path)]
    assert 5 <= splits.count("validation") <= 40
    (tmp_path / "new.mid").write_bytes(b"")
    assert [f.split for f in dataset.list_files(tmp_path) if f.path.name != "new.mid"] == splits


def one_file(tmp_path: Path, *, num_notes: int = 900) -> dataset.PerformanceCorpus:
    write_performance(tmp_path / "a.mid", np.random.default_rng(7), num_notes=num_notes)
    (tmp_path / "index.tsv").write_text("file\tsplit\na.mid\ttrain\n")
    return dataset.load_corpus(tmp_path, "train", cache_dir=tmp_path / "cache", progress=False)


def test_a_segment_at_the_start_is_the_encoded_file_after_start(tmp_path: Path) -> None:
    corpus = one_file(tmp_path)
    events = corpus.encoded(0)
    segment = dataset.make_segment(corpus.file(0), first_note=0, num_events=100)
    assert segment.targets.tolist() == events[:100].tolist()
    assert segment.inputs.tolist() == [performance.START, *events[:99].tolist()]
    keyboard = performance.PianoState(1)
    for i in range(100):
        keyboard.advance(segment.inputs[i : i + 1])
        assert np.allclose(segment.features[i, :256], keyboard.features()[0, :256], atol=1e-6)


def test_a_segment_in_the_middle_knows_what_sounds_and_never_begins_with_start(tmp_path: Path) -> None:
    corpus = one_file(tmp_path)
    segment = dataset.make_segment(corpus.file(0), first_note=60, num_events=64)
    assert performance.START not in segment.inputs
    assert segment.targets[0] == corpus.file(0).pitches[60]
    sounding = segment.features[:, :128] > 0
    on, off = segment.targets < 128, (segment.targets >= 128) & (segment.targets < 256)
    rows = np.arange(len(segment.targets))
    assert not sounding[rows[on], segment.targets[on]].any(), "a NOTE_ON of a sounding pitch"
    assert sounding[rows[off], segment.targets[off] - 128].all(), "a NOTE_OFF of a silent pitch"


def test_a_segment_until_the_end_counts_down_to_nothing(tmp_path: Path) -> None:
    corpus = one_file(tmp_path)
    events = corpus.encoded(0)
    segment = dataset.make_segment(corpus.file(0), first_note=0, num_events=80, until_end=True, countdown=True)
    assert segment.targets.tolist() == events[-80:].tolist()
    countdown = segment.features[:, performance.COUNTDOWN_FEATURE : performance.DENSITY_FEATURE]
    centre = countdown @ np.arange(performance.NUM_COUNTDOWN_FEATURES)
    assert (np.diff(centre) <= 1e-5).all() and centre[-1] < 0.2


def test_drawn_segments_are_transposed_stretched_and_reproducible(tmp_path: Path) -> None:
    corpus = one_file(tmp_path)

    def draw(seed: int) -> list[dataset.Segment]:
        sampler = dataset.SegmentSampler(corpus, num_events=64, rng=np.random.default_rng(seed))
        return [sampler.draw() for _ in range(40)]

    first, again, other = draw(1), draw(1), draw(2)
    assert all(np.array_equal(a.targets, b.targets) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a.targets, b.targets) for a, b in zip(first, other, strict=False))
    pitches = {int(e) for s in first for e in s.targets if e < 128}
    assert min(pitches) < 40 and max(pitches) >= 60, "the file itself stays within 40 to 59"
    assert any(s.inputs[0] == performance.START for s in first)
    shares = [bool(s.features[:, performance.COUNTDOWN_FEATURE : performance.DENSITY_FEATURE].any()) for s in first]
    assert any(shares) and not all(shares)
